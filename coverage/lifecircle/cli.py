"""Offer the verbs of the command line; the analysis is elsewhere."""

from __future__ import annotations

import gc
import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from lifecircle.climap import draw
from lifecircle.clireport import report
from lifecircle.clisite import site
from lifecircle.errors import InputError, LifecircleError, UsageError

app = typer.Typer(help="Plan service coverage 生活圈: who reaches which public service in time, who does not, and why.",
                  add_completion=False, pretty_exceptions_enable=False, invoke_without_command=True,
                  context_settings={"help_option_names": ["-h", "--help"]})
#: Objects made before Python looks for rings of garbage; looking as often as it would costs a tenth of a run.
_COLLECT_EVERY = 200_000
#: Rows of a table of gaps, where nobody says how many.
_TABLE_ROWS = 20
#: What Typer raises when the command was called wrongly; the class itself is not part of its public names.
_WRONG_CALL: Any = typer.BadParameter.__base__

RunFileArgument = Annotated[Path, typer.Argument(help="Run file (district.toml). 运行文件", show_default=False)]
DirectoryArgument = Annotated[Path, typer.Argument(help="Run directory. 结果文件夹", show_default=False)]
AllowOption = Annotated[list[Path], typer.Option("--allow", help="A further folder that files may be read from.",
                                                 show_default=False, default_factory=list)]
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
def _options(context: typer.Context,
             version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True,
                                                   help="Print the version.")] = False) -> None:
    """Hold the options before the verb; without a verb, print the help."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(UsageError.exit_code)


@app.command()
def init(directory: Annotated[Path, typer.Argument(help="New folder.", show_default=False)]) -> None:
    """Copy the model district into a folder, to start from (建一份可改的样例)."""
    import shutil

    source = model_directory()
    if directory.exists() and not (directory.is_dir() and not any(directory.iterdir())):
        raise UsageError(f"{directory} is no empty folder; name a new one")
    try:
        shutil.copytree(source, directory, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("generator", "__pycache__"))
    except OSError as error:
        raise InputError(directory, f"cannot be written: {error}", "choose another folder") from error
    typer.echo(str(directory / "bazhou.toml"))


def model_directory() -> Path:
    """Find the model district: beside the checkout, else inside the installed package."""
    package = Path(__file__).parent
    for place in (package.parents[1] / "data", package / "model"):
        if (place / "bazhou.toml").is_file():
            return place
    raise InputError(package, "the model district is not installed", "reinstall lifecircle")


@app.command()
def check(runfile: RunFileArgument, allow: AllowOption, as_json: JsonOption = False) -> None:
    """Read every input and report its quality, before any result (检查数据)."""
    from lifecircle.inputs.findings import Findings
    from lifecircle.inputs.titles import titled
    from lifecircle.outputs.quality import findings_text
    from lifecircle.progress import Progress
    from lifecircle.roadstate import judge_roads
    from lifecircle.runfile import read_runfile
    from lifecircle.study import read_study
    from lifecircle.traveltimes import solve_times

    progress, findings = Progress(), Findings(collecting=True)
    stated = read_runfile(runfile, allow=allow)
    try:
        study = read_study(stated, progress=progress, findings=findings)
    except InputError:
        if not findings.errors:
            raise
    else:
        with progress.step("join places to the roads"):
            judge_roads(solve_times(study, findings), findings)
        if not as_json:
            people = study.demand.loc[study.demand["inside"], "population"].sum()
            typer.echo(f"{stated.district.name}: {len(study.townships)} townships, {len(study.places)} places, "
                       f"{people:,.0f} people, {len(study.roads):,} road segments, {len(study.facilities):,} "
                       "facilities")
    if as_json:
        typer.echo(json.dumps([titled(item) for item in findings.sorted()], ensure_ascii=False, indent=1))
    elif len(findings):
        typer.echo(findings_text(findings.sorted(), language=stated.district.language))
    if findings.errors:
        raise typer.Exit(InputError.exit_code)


@app.command()
def run(runfile: RunFileArgument,
        out: Annotated[Path, typer.Option("--out", help="Run directory to write. 结果文件夹", show_default=False)],
        allow: AllowOption,
        scenario: Annotated[Path | None, typer.Option(help="Edits to make first (.toml, .geojson). 情景文件",
                                                      show_default=False)] = None,
        year: Annotated[int | None, typer.Option(min=1900, max=2200, show_default=False,
                                                 help="Year of the scenario, in place of its own. 情景年份")] = None,
        as_json: JsonOption = False) -> None:
    """Assess a district and write the run directory: tables, GeoPackage, surfaces, map (出数、出图)."""
    from lifecircle.assess import assess
    from lifecircle.outputs.rundir import check_target, write_run
    from lifecircle.outputs.summary import summary_record, summary_text
    from lifecircle.progress import Progress
    from lifecircle.scenario import read_scenario

    if year is not None and scenario is None:
        raise UsageError("--year is the year of a scenario; name its file with --scenario")
    progress = Progress()
    check_target(out)
    edits = None if scenario is None else read_scenario(scenario, year=year, allow=allow)
    assessment = assess(runfile, progress=progress, allow=allow, scenario=edits)
    with progress.step("write run directory"):
        write_run(assessment, out)
    typer.echo(json.dumps(summary_record(assessment, out), ensure_ascii=False, indent=1) if as_json
               else summary_text(assessment, out))


@app.command()
def gaps(directory: DirectoryArgument,
         township: Annotated[str, typer.Option(help="Township code or name. 乡镇")] = "",
         layer: Annotated[str, typer.Option(help="Facility layer, by its key or label. 服务")] = "",
         limit: Annotated[int | None, typer.Option(min=0, show_default=False,
                                                   help="Only so many, those with most people out; 0: all. Where it is "
                                                        "not given, a table shows 20, CSV and JSON all.")] = None,
         form: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.table,
         as_json: JsonOption = False) -> None:
    """List the gaps of a finished run (缺口清单)."""
    from lifecircle.outputs.rundir import layer_of, read_gaps, read_marks
    from lifecircle.outputs.summary import gaps_text
    from lifecircle.outputs.tables import csv_text, records

    form = Format.json if as_json else form
    table = read_gaps(directory)
    if township:
        table = _of_township(table, township, directory)
    if layer:
        table = table[table["layer"] == layer_of(directory, layer)]
    most = (_TABLE_ROWS if form is Format.table else 0) if limit is None else limit
    shown = table
    if most or form is Format.table:
        shown = table.sort_values(["people_out", "people"], ascending=False, kind="stable").head(most or len(table))
    if form is Format.json:
        typer.echo(json.dumps(records(shown), ensure_ascii=False, indent=1))
    elif form is Format.csv:
        typer.echo(csv_text(shown), nl=False)
    else:
        typer.echo(gaps_text(shown, read_marks(directory)))
    if len(shown) < len(table):
        typer.echo(f"{len(table) - len(shown)} more gaps; --limit 0 shows all {len(table)}", err=True)


@app.command()
def scorecard(directory: DirectoryArgument,
              township: Annotated[str, typer.Option(help="Township code or name; the district without it.")] = "",
              form: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.table,
              as_json: JsonOption = False) -> None:
    """Hold a finished run against the plan: target, actual, gap, verdict of every measure (对照方案逐项评分)."""
    from lifecircle.outputs.rundir import read_scorecard
    from lifecircle.outputs.summary import scorecard_text
    from lifecircle.outputs.tables import csv_text, records

    table = read_scorecard(directory, township)
    if as_json or form is Format.json:
        typer.echo(json.dumps(records(table), ensure_ascii=False, indent=1))
    elif form is Format.csv:
        typer.echo(csv_text(table), nl=False)
    else:
        typer.echo(scorecard_text(table))


def _of_township(table: Any, township: str, directory: Path) -> Any:
    """Filter a gap list; a township that the run does not know is an error, one without gaps is not."""
    from lifecircle.outputs.tables import read_csv

    known = (table["township_code"] == township) | (table["township"] == township)
    if not known.any():
        results = read_csv(directory / "results.csv")
        if township not in {*results["township"], *results["township_code"]}:
            raise UsageError(f"{directory}: no township {township}; there are "
                             f"{', '.join(sorted(set(results['township'])))}")
    return table[known]


@app.command()
def compare(before: Annotated[Path, typer.Argument(help="Run directory of before. 前", show_default=False)],
            after: Annotated[Path, typer.Argument(help="Run directory of after. 后", show_default=False)],
            out: Annotated[Path | None, typer.Option("--out", help="Folder for tables and map.", show_default=False,
                                                     )] = None,
            form: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.table,
            as_json: JsonOption = False) -> None:
    """Compare two finished runs: people won and lost, what was opened, closed, built and cut (前后对比)."""
    from lifecircle.compare import compare as compared
    from lifecircle.outputs.comparison import comparison_csv, comparison_record, comparison_text, save_comparison
    from lifecircle.outputs.rundir import read_run

    found = compared(read_run(before), read_run(after))
    if out is not None:
        save_comparison(found, out)
    if as_json or form is Format.json:
        typer.echo(json.dumps(comparison_record(found), ensure_ascii=False, indent=1))
    elif form is Format.csv:
        typer.echo(comparison_csv(found), nl=False)
    else:
        typer.echo(comparison_text(found) + (f"\nmap: {out / 'compare.html'}" if out else ""))


@app.command()
def verify(directory: DirectoryArgument,
           allow: AllowOption,
           sample: Annotated[int, typer.Option(min=1, help="How many times to derive again.")] = 200,
           seed: Annotated[int, typer.Option(min=0, help="Seed of the choice.")] = 1,
           runfile: Annotated[Path | None, typer.Option(help="Run file of the run, if its inputs do not lie under the "
                                                             "current folder.", show_default=False)] = None,
           as_json: JsonOption = False) -> None:
    """Derive minutes of a finished run again, by OSMnx and networkx, and list the differences; exit code 4 if any."""
    from lifecircle import verify as second
    from lifecircle.outputs.atomic import hold
    from lifecircle.outputs.rundir import mark_again, read_run
    from lifecircle.progress import Progress
    from lifecircle.verification import note_findings

    progress = Progress()
    assessment = read_run(directory)
    folder = Path.cwd() if runfile is None else runfile.resolve().parent
    study = second.reread(assessment.run, folder, progress=progress, allow=allow)
    found = second.verify(assessment, study, sample=sample, seed=seed, progress=progress)
    with hold(directory):
        note_findings(directory, found.finding)
        mark_again(directory)
    typer.echo(json.dumps(found.record, ensure_ascii=False, indent=1) if as_json else found.text)
    if not found.verified:
        raise typer.Exit(4)


@app.command()
def serve(directory: DirectoryArgument,
          allow: AllowOption,
          runfile: Annotated[Path | None, typer.Option(help="Run file of the run, if its inputs lie neither under the "
                                                            "current folder nor beside the run.",
                                                       show_default=False)] = None,
          host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
          port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000) -> None:
    """Serve a finished run: API, map and planner's page (本机网页服务)."""
    from contextlib import suppress
    from copy import deepcopy

    import uvicorn
    from uvicorn.config import LOGGING_CONFIG

    from lifecircle.outputs.rundir import read_run

    read_run(directory)
    os.environ["LIFECIRCLE_API_RUN"] = str(directory.resolve())
    os.environ["LIFECIRCLE_API_ALLOW"] = json.dumps([str(folder.resolve()) for folder in allow])
    if runfile is not None:
        os.environ["LIFECIRCLE_API_RUNFILE"] = str(runfile.resolve())
    listener = _listen(host, port)
    log = deepcopy(LOGGING_CONFIG)
    log["handlers"]["access"]["stream"] = "ext://sys.stderr"
    server = uvicorn.Server(uvicorn.Config("lifecircle_api.main:create_app", factory=True, log_config=log))
    shown = f"[{host}]" if ":" in host else host
    typer.echo(f"http://{shown}:{listener.getsockname()[1]}/")
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


def _listen(host: str, port: int) -> Any:
    import socket

    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise UsageError(f"cannot listen on {host} port {port}: {error.strerror}; choose another --host or --port"
                         ) from error


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


app.command("map")(draw)
app.command()(site)
app.command()(report)


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Print versions, fonts and drivers."""
    from lifecircle.machine import machine_record

    record = machine_record()
    if as_json:
        typer.echo(json.dumps(record, ensure_ascii=False, indent=1))
        return
    for name, value in record.items():
        typer.echo(f"{name:14} {', '.join(value) if isinstance(value, list) else value}")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; every error is one line on stderr and an exit code.

    Exit codes: 0 fine, 2 usage, 3 bad input, 4 done in part, 5 internal. With the environment variable
    LIFECIRCLE_DEBUG set, an internal error shows where it came from.
    """
    gc.set_threshold(_COLLECT_EVERY)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(_exit_code(sys.argv[1:] if arguments is None else arguments))


def _exit_code(arguments: list[str]) -> int:
    try:
        with typer.main.get_command(app).make_context("lifecircle", list(arguments)) as context:
            context.command.invoke(context)
        sys.stdout.flush()
        return 0
    except typer.Exit as done:
        return int(done.exit_code)
    except LifecircleError as error:
        return _complain(str(error), error.exit_code)
    except _WRONG_CALL as error:
        where = error.ctx.command_path if error.ctx else "lifecircle"
        return _complain(f"{error.format_message().rstrip('.')}; see {where} --help", UsageError.exit_code)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read our output has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("LIFECIRCLE_DEBUG"):
            raise
        if isinstance(error, OSError):
            return _complain(f"{error.filename or 'a file'}: {error.strerror or error}; make sure that it may be read "
                             "and written", InputError.exit_code)
        return _complain(f"internal error at {_spot(error)}: {type(error).__name__}: {str(error)[:200]}; "
                         "LIFECIRCLE_DEBUG=1 shows more", LifecircleError.exit_code)


def _complain(text: str, exit_code: int) -> int:
    typer.echo(f"lifecircle: {' '.join(text.split())}", err=True)
    return exit_code


def _spot(error: Exception) -> str:
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    return "?" if where is None else f"{Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}"


if __name__ == "__main__":
    main()
