"""Ask where to build, from a run file to the sites: the one path through candidates, models and draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd

from lifecircle.errors import UsageError
from lifecircle.inputs.findings import Findings
from lifecircle.live import Live
from lifecircle.progress import Progress
from lifecircle.runfile import RunFile
from lifecircle.scenario import Scenario, read_scenario
from lifecircle.siting.asking import check_question
from lifecircle.siting.candidates import choose_candidates
from lifecircle.siting.district import Wishes
from lifecircle.siting.links import choose_links
from lifecircle.siting.problem import Effort
from lifecircle.siting.programme import programme
from lifecircle.siting.robust import with_shares
from lifecircle.siting.sites import Siting, choose_sites
from lifecircle.sources import Datum
from lifecircle.study import Study, read_study
from lifecircle.traveltimes import solve_times, used_modes


def site(source: Live | Study | RunFile | str | Path, layer: str | Sequence[str], *, new: int | None = None,
         model: str = "mclp", candidates: str | gpd.GeoDataFrame = "places", datum: Datum | None = None,
         budget: float | None = None, share: float = 1.0, years: Mapping[int, float] | None = None,
         links: Scenario | str | Path | None = None, wishes: Wishes | None = None, others: int = 0, draws: int = 0,
         effort: Effort | None = None, progress: Progress | None = None, allow: Sequence[str | Path] = ()) -> Siting:
    """Say where to build next.

    Parameters
    ----------
    source : Live, Study, RunFile or path
        The district; one held warm (`Live`) is asked again in no time.
    layer : str or sequence of str
        Services; several may share buildings.
    new : int, optional
        Sites at most.
    model : str
        ``mclp``, ``lscp``, ``p-median`` or ``p-center``; see `lifecircle.siting.sites.choose_sites`.
    candidates : str or GeoDataFrame
        ``places``, ``roads:500`` (a grid of 500 m along roads), ``in:clinics,shelters`` (buildings that stand), a file,
        or a table as `lifecircle.siting.candidates` lays it out.
    datum : str, optional
        Of a file of candidates.
    budget : float, optional
    share : float
        For lscp: of all people, who is to be in time.
    years : mapping, optional
        Year -> budget: a programme, see `lifecircle.siting.programme.programme`.
    links : Scenario or path, optional
        Roads weighed against sites, see `lifecircle.siting.links.choose_links`.
    wishes : Wishes, optional
    others : int
        For mclp: list up to so many other choices within 1 % of the best.
    draws : int
        Choose again in so many draws of uncertainty.
    effort : Effort, optional
    progress : Progress, optional
    allow : sequence of str or Path
        Folders that files may be read from, besides that of the run file.

    Returns
    -------
    Siting

    Raises
    ------
    UsageError
        If what is asked for does not go together or is not known.
    InputError
        If an input cannot be used.
    """
    layers = (layer,) if isinstance(layer, str) else tuple(layer)
    check_question(new=new, model=model, budget=budget, share=share, years=years, links=links, others=others,
                   draws=draws)
    progress, live = progress or Progress(), _live(source, progress or Progress(), allow)
    with progress.step("lay out candidates"):
        table = candidates
        if isinstance(candidates, str):
            table = choose_candidates(live.times, candidates, live.times.modes[_mode(live, layers)], datum=datum)
    with progress.step("choose sites"):
        found = _choose(live, layers, table, years, links, allow, new=new, budget=budget, wishes=wishes, effort=effort,
                        model=model, share=share, others=others)
    if draws and len(found.answer.chosen):
        with progress.step("choose again in every draw", draws) as done:
            found = with_shares(found, draws, done=done)
    return found


def _live(source: Any, progress: Progress, allow: Sequence[str | Path]) -> Live:
    if isinstance(source, Live):
        return source
    study = source if isinstance(source, Study) else read_study(source, progress=progress, allow=allow)
    with progress.step("solve travel times"):
        return Live(solve_times(study, Findings()))


def _mode(live: Live, layers: tuple[str, ...]) -> str:
    """Give the mode whose roads candidates stand along: the headline mode of the first layer."""
    study = live.times.study
    known = [name for name in study.layers if used_modes(study.policy.layer(name))]
    if not layers or layers[0] not in known:
        raise UsageError(f"no layer {', '.join(layers) or 'named'} that is judged by reach; there are "
                         f"{', '.join(known)}")
    return used_modes(study.policy.layer(layers[0]))[0]


def _choose(live: Live, layers: tuple[str, ...], table: Any, years: Mapping[int, float] | None,
            links: Scenario | str | Path | None, allow: Sequence[str | Path], *, new: int | None, budget: float | None,
            wishes: Wishes | None, effort: Effort | None, model: str, share: float, others: int) -> Siting:
    if years:
        return programme(live, layers, table, years, wishes=wishes, effort=effort)
    if links is not None:
        scenario = links if isinstance(links, Scenario) else read_scenario(links, allow=allow)
        return choose_links(live, layers, table, scenario, budget=budget, new=new, wishes=wishes, effort=effort)
    return choose_sites(live, layers, table, model=model, new=new, budget=budget, share=share, wishes=wishes,
                        others=others, effort=effort)
