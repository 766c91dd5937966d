"""Offer the verbs of the command line; the analysis is elsewhere."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lifecircle.errors import InputError, LifecircleError, UsageError

if TYPE_CHECKING:
    pass

app = typer.Typer(help="Plan service coverage 生活圈: who reaches which public service in time, who does not, and why.",
                  no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  context_settings={"help_option_names": ["-h", "--help"]})

RunFileArgument = Annotated[Path, typer.Argument(help="Run file (district.toml).", show_default=False)]
DirectoryArgument = Annotated[Path, typer.Argument(help="Run directory.", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Format(StrEnum):
    """How a list is printed."""

    table = "table"
    csv = "csv"
    json = "json"


def _version(value: bool) -> None:
    if value:
        from lifecircle.version import __version__

        typer.echo(f"lifecircle {__version__}")
        raise typer.Exit


@app.callback()
def _options(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True,
                                                    help="Print the version.")] = False) -> None:
    """Hold the options before the verb."""


@app.command()
def init(directory: Annotated[Path, typer.Argument(help="New folder.", show_default=False)]) -> None:
    """Copy the model district into a folder, to start from."""
    import shutil

    source = model_directory()
    if directory.exists() and any(directory.iterdir()):
        raise UsageError(f"{directory}: the folder is not empty; name a new one")
    shutil.copytree(source, directory, dirs_exist_ok=True, ignore=shutil.ignore_patterns("generator", "__pycache__"))
    typer.echo(str(directory / "bazhou.toml"))


def model_directory() -> Path:
    """Find the model district: beside the checkout, else inside the installed package."""
    package = Path(__file__).parent
    for place in (package.parents[1] / "data", package / "model"):
        if (place / "bazhou.toml").is_file():
            return place
    raise InputError(package, "the model district is not installed", "reinstall lifecircle")


@app.command()
def check(runfile: RunFileArgument, as_json: JsonOption = False) -> None:
    """Read every input and report its quality, before any result."""
    from lifecircle.inputs.findings import Findings
    from lifecircle.progress import Progress
    from lifecircle.study import read_study
    from lifecircle.traveltimes import solve_times

    progress = Progress()
    study = read_study(runfile, progress=progress)
    findings = Findings(list(study.findings))
    with progress.step("join places to the roads"):
        solve_times(study, findings)
    if as_json:
        typer.echo(json.dumps([item.as_dict() for item in findings.sorted()], ensure_ascii=False, indent=1))
        return
    people = study.demand.loc[study.demand["inside"], "population"].sum()
    typer.echo(f"{study.runfile.district.name}: {len(study.townships)} townships, {len(study.places)} places, "
               f"{people:,.0f} people, {len(study.roads):,} road segments, {len(study.facilities):,} facilities")
    for item in findings.sorted():
        where = " ".join(part for part in (item.file, item.id) if part)
        remedy = f"; {item.remedy}" if item.remedy else ""
        typer.echo(f"{item.severity:4} {item.code}: {where}: {item.message}{remedy}")


@app.command()
def run(runfile: RunFileArgument,
        out: Annotated[Path, typer.Option("--out", help="Run directory to write.", show_default=False)],
        as_json: JsonOption = False) -> None:
    """Assess a district and write the run directory: tables, GeoPackage, surfaces, map."""
    from lifecircle.assess import assess
    from lifecircle.outputs.rundir import check_target, write_run
    from lifecircle.outputs.summary import summary_record, summary_text
    from lifecircle.progress import Progress

    progress = Progress()
    check_target(out)
    assessment = assess(runfile, progress=progress)
    with progress.step("write run directory"):
        write_run(assessment, out)
    typer.echo(json.dumps(summary_record(assessment, out), ensure_ascii=False, indent=1) if as_json
               else summary_text(assessment, out))


@app.command()
def gaps(directory: DirectoryArgument,
         township: Annotated[str, typer.Option(help="Township code or name.")] = "",
         layer: Annotated[str, typer.Option(help="Facility layer.")] = "",
         form: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.table,
         as_json: JsonOption = False) -> None:
    """List the gaps of a finished run."""
    from lifecircle.outputs.rundir import read_gaps
    from lifecircle.outputs.tables import csv_text, records

    table = read_gaps(directory)
    if township:
        known = (table["township_code"] == township) | (table["township"] == township)
        table = _some(table, known, township, "township", directory)
    if layer:
        table = _some(table, table["layer"] == layer, layer, "layer", directory)
    if as_json or form is Format.json:
        typer.echo(json.dumps(records(table), ensure_ascii=False, indent=1))
    elif form is Format.csv:
        typer.echo(csv_text(table), nl=False)
    else:
        typer.echo(_gap_lines(table))


def _some(table: Any, known: Any, value: str, what: str, directory: Path) -> Any:
    """Filter a gap list; a name that the run does not know is an error, one without gaps is not."""
    from lifecircle.outputs.tables import read_csv

    if not known.any():
        results = read_csv(directory / "results.csv")
        names = set(results[what]) | (set(results["township_code"]) if what == "township" else set())
        if value not in names:
            raise UsageError(f"{directory}: no {what} {value}; there are {', '.join(sorted(set(results[what]))[:12])}")
    return table[known]


def _gap_lines(table: Any) -> str:
    if table.empty:
        return "no gaps"
    shown = ["township", "place", "class", "layer", "kind", "people", "people_out", "people_undetermined",
             "minutes_median", "minutes_over", "nearest_facility", "cause", "quality"]
    return str(table.sort_values(["people_out", "people"], ascending=False)[shown].to_string(
        index=False, float_format=lambda number: f"{number:,.1f}", na_rep="–"))


@app.command("map")
def draw(directory: DirectoryArgument) -> None:
    """Draw map.html again."""
    from lifecircle.outputs.maps import save_map
    from lifecircle.outputs.rundir import read_run

    save_map(read_run(directory), directory / "map.html")
    typer.echo(str(directory / "map.html"))


@app.command()
def serve(directory: DirectoryArgument,
          host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
          port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 8000) -> None:
    """Serve a finished run: API and map."""
    import os

    import uvicorn

    from lifecircle.outputs.rundir import read_run

    read_run(directory)
    os.environ["LIFECIRCLE_API_RUN"] = str(directory.resolve())
    uvicorn.run("lifecircle_api.main:create_app", factory=True, host=host, port=port, log_level="info")


@app.command()
def roads(out: Annotated[Path, typer.Option("--out", help="GraphML file to write.", show_default=False)],
          place: Annotated[str, typer.Option(help="Place name for Nominatim.")] = "",
          bbox: Annotated[str, typer.Option(help="west,south,east,north in degrees.")] = "",
          pbf: Annotated[Path | None, typer.Option(help="Local OSM extract.")] = None,
          overpass_url: Annotated[str, typer.Option(help="Address of an Overpass service.")] = "") -> None:
    """Bring roads in, from Overpass through OSMnx or from a local extract, as GraphML."""
    from lifecircle.inputs.overpass import save_roads

    if sum(map(bool, (place, bbox, pbf))) != 1:
        raise UsageError("give one of --place, --bbox and --pbf")
    typer.echo(save_roads(out, place=place, bbox=bbox, pbf=pbf, overpass_url=overpass_url))


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Print versions, fonts and drivers."""
    from lifecircle.describe import versions

    record: dict[str, Any] = {"python": sys.version.split()[0], **versions(), "rasterio GDAL": _rasterio_gdal(),
                              "drivers": _drivers(), "cjk fonts": _cjk_fonts()}
    if as_json:
        typer.echo(json.dumps(record, ensure_ascii=False, indent=1))
        return
    for name, value in record.items():
        typer.echo(f"{name:14} {', '.join(value) if isinstance(value, list) else value}")


def _rasterio_gdal() -> str:
    import rasterio

    return str(rasterio.__gdal_version__)


def _drivers() -> list[str]:
    import pyogrio

    wanted = ("GPKG", "GeoJSON", "ESRI Shapefile", "Parquet", "FlatGeobuf", "KML")
    return [name for name in wanted if name in pyogrio.list_drivers()]


def _cjk_fonts() -> list[str]:
    roots = [Path("/usr/share/fonts"), Path.home() / ".fonts", Path("/System/Library/Fonts"), Path("C:/Windows/Fonts")]
    marks = ("cjk", "wqy", "msyh", "simhei", "simsun", "pingfang", "sourcehan")
    found = {file.name for root in roots if root.is_dir() for file in root.rglob("*.tt*")
             if any(mark in file.name.lower() for mark in marks)}
    return sorted(found)[:5] or ["none found"]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; every error is one line on stderr and an exit code.

    Exit codes: 0 fine, 2 usage, 3 bad input, 4 done in part, 5 internal.
    """
    try:
        app(args=arguments)
    except LifecircleError as error:
        typer.echo(f"lifecircle: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        spot = f"{Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}" if where is not None else "?"
        typer.echo(f"lifecircle: internal error at {spot}: {type(error).__name__}: {str(error)[:200]}", err=True)
        sys.exit(5)


if __name__ == "__main__":
    main()
