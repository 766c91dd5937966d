"""Offer the verb that says where to build next."""

from __future__ import annotations

import json
import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lifecircle.errors import UsageError

#: What a township may have at most where nobody says it.
_NO_LIMIT = 1_000_000


class Model(StrEnum):
    """What the sites are chosen for."""

    MCLP = "mclp"
    LSCP = "lscp"
    P_MEDIAN = "p-median"
    P_CENTER = "p-center"


def site(runfile: Annotated[Path, typer.Argument(help="Run file (district.toml). 运行文件", show_default=False)],
         layer: Annotated[list[str], typer.Option("--layer", help="Facility layer, by its key or label; several share "
                                                  "buildings. 服务", show_default=False)],
         allow: Annotated[list[Path], typer.Option("--allow", help="A further folder that files may be read from.",
                                                   show_default=False, default_factory=list)],
         new: Annotated[int | None, typer.Option(min=1, max=10_000, show_default=False,
                                                 help="How many new sites at most. 新建数量")] = None,
         model: Annotated[Model, typer.Option(help="mclp: most people in time; lscp: cheapest for a share of all; "
                                                   "p-median: least person-minutes; p-center: least worst minutes. "
                                                   "模型")] = Model.MCLP,
         candidates: Annotated[str, typer.Option(help="Where one may build: places; roads:500 (a grid of 500 m along "
                                                      "roads); in:LAYER,LAYER (buildings that stand); or a file. "
                                                      "候选点")] = "places",
         datum: Annotated[str, typer.Option(help="Datum of a file of candidates: wgs84, cgcs2000, gcj02, bd09; by its "
                                                 "heads where it is not given. 坐标系")] = "",
         budget: Annotated[float | None, typer.Option(min=0, show_default=False,
                                                      help="Costs at most, as in the column cost. 预算")] = None,
         building_cost: Annotated[float, typer.Option(min=0, help="Paid once per building. 建筑造价")] = 0.0,
         share: Annotated[float, typer.Option(min=0, max=1, help="For lscp: share of all people. 目标覆盖率")] = 1.0,
         quota: Annotated[list[str] | None, typer.Option(help="TOWNSHIP=LEAST..MOST sites; each=1 for all. 乡镇配额",
                                                         show_default=False)] = None,
         apart_m: Annotated[float, typer.Option(min=0, help="Least distance between new sites, m. 最小间距")] = 0.0,
         must: Annotated[list[str] | None, typer.Option(help="Id of a candidate that is built in any case. 必建",
                                                        show_default=False)] = None,
         never: Annotated[list[str] | None, typer.Option(help="Id of a candidate that is not built. 不建",
                                                         show_default=False)] = None,
         weight: Annotated[list[str] | None, typer.Option(help="GROUP=FACTOR, as 60plus=2; without it the layer's own "
                                                               "people. 人群权重", show_default=False)] = None,
         equity: Annotated[float, typer.Option(min=0, max=1, help="0: every person counts alike; 1: every place. "
                                                                  "均衡系数")] = 0.0,
         year: Annotated[list[str] | None, typer.Option(help="YEAR=BUDGET, once per year: a programme. 年度预算",
                                                        show_default=False)] = None,
         links: Annotated[Path | None, typer.Option(help="Scenario file of roads with costs, weighed against sites. "
                                                         "备选道路", show_default=False)] = None,
         others: Annotated[int, typer.Option(min=0, max=100, help="For mclp: list so many other choices within 1 %. "
                                                                  "备选方案")] = 0,
         draws: Annotated[int, typer.Option(min=0, max=10_000, help="Draws of uncertainty: in which share of them each "
                                                                    "site stays. 抽样次数")] = 0,
         seconds: Annotated[float, typer.Option(min=0.1, max=86_400, help="Time for the solver. 求解时限")] = 60.0,
         gap: Annotated[float, typer.Option(min=0, max=1, help="Stop this near to the bound; 0 proves the best. "
                                                               "允许误差")] = 0.0,
         out: Annotated[Path | None, typer.Option(help="Run directory to write: all of a run, and the sites. "
                                                       "结果文件夹", show_default=False)] = None,
         as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Choose where to build next, with the proof of it: objective, bound and gap (下一处建在哪里)."""
    from lifecircle.assess import assess
    from lifecircle.assessment import find_layer
    from lifecircle.describe import run_record
    from lifecircle.outputs.disclosure import published_sites, published_siting
    from lifecircle.outputs.rundir import check_target, write_run
    from lifecircle.outputs.sitetext import sites_record, sites_text
    from lifecircle.progress import Progress
    from lifecircle.siting import ask
    from lifecircle.siting.district import Wishes
    from lifecircle.siting.problem import Effort
    from lifecircle.siting.sites import with_sites
    from lifecircle.study import read_study

    if datum not in ("", "wgs84", "cgcs2000", "gcj02", "bd09"):
        raise UsageError(f"--datum {datum} is not known; give wgs84, cgcs2000, gcj02 or bd09")
    wishes = Wishes(weights={name: _number("--weight", name, text) for name, text in _parts("--weight", weight)},
                    equity=equity, quota={name: _limits(name, text) for name, text in _parts("--quota", quota)},
                    apart_m=apart_m, must=must or (), never=never or (), building_cost=building_cost)
    years = {_whole("--year", name): _number("--year", name, text) for name, text in _parts("--year", year)}
    progress = Progress()
    if out is not None:
        check_target(out)
    study = read_study(runfile, progress=progress, allow=allow)
    layers = [find_layer(name, run_record(study)["layers"], runfile) for name in layer]
    found = ask.site(study, layers, new=new, model=model.value, candidates=candidates,
                     datum=datum or None,  # type: ignore[arg-type]
                     budget=budget, share=share, years=years, links=links, wishes=wishes, others=others, draws=draws,
                     effort=Effort(seconds, gap), progress=progress, allow=allow)
    if out is not None:
        assessment = with_sites(assess(study, progress=progress), found)
        with progress.step("write run directory"):
            write_run(assessment, out)
    record, table = published_siting(found.record), published_sites(found.sites)
    typer.echo(json.dumps(sites_record(record, table), ensure_ascii=False, indent=1) if as_json
               else sites_text(record, table, out))
    if found.answer.status in ("infeasible", "unknown"):
        raise typer.Exit(4)


def _parts(option: str, said: list[str] | None) -> list[tuple[str, str]]:
    pairs = [text.partition("=") for text in said or ()]
    wrong = [text for text, (name, equals, value) in zip(said or (), pairs, strict=True)
             if not (name.strip() and equals and value.strip())]
    if wrong:
        raise UsageError(f"{option} {wrong[0]}: write NAME=VALUE")
    said_of = [(name.strip(), value.strip()) for name, _, value in pairs]
    twice = [name for at, (name, _) in enumerate(said_of) if name in dict(said_of[:at])]
    if twice:
        raise UsageError(f"{option} {twice[0]} is given twice; give it once")
    return said_of


def _number(option: str, name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"{option} {name}={text}: {text} is no number")
    return number


def _whole(option: str, text: str) -> int:
    if not (text.isdecimal() and 1900 <= int(text) <= 2200):
        raise UsageError(f"{option} {text}: no year; write YEAR=BUDGET, as 2025=3")
    return int(text)


def _limits(name: str, text: str) -> tuple[int, int]:
    """Read 1 (at least one), 1..2, or ..2."""
    least, dots, most = text.partition("..")
    if not all(part.isdecimal() or (part == "" and dots) for part in (least, most if dots else "0")):
        raise UsageError(f"--quota {name}={text}: write LEAST or LEAST..MOST, as 1..2")
    limits = int(least or 0), int(most) if most else _NO_LIMIT
    if limits[0] > limits[1]:
        raise UsageError(f"--quota {name}={text}: at least {limits[0]} is more than at most {limits[1]}")
    return limits
