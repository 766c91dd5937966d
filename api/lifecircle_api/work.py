"""Do what jobs ask for: the inputs of the served run read again, the library asked, the answer as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lifecircle.assess import assess
from lifecircle.errors import BadValueError, ConfigError, LifecircleError
from lifecircle.outputs.estimate import with_estimated_groups
from lifecircle.outputs.map_text import MODEL_MARK
from lifecircle.outputs.rundir import read_run
from lifecircle.study import Study, read_study
from lifecircle.tables import worst_quality
from lifecircle.verify import reread, runfile_of
from lifecircle_api.jobprogress import Reporter
from lifecircle_api.live import folder_of_inputs
from lifecircle_api.processes import PROCESSES, RunInputs, ScenarioInputs, SiteInputs
from lifecircle_api.settings import Settings
from lifecircle_api.store import encode


@dataclass(frozen=True)
class Desk:
    """What a job works with.

    Attributes
    ----------
    run : dict
        ``run.json`` of the served run.
    folder : Path
        Of its run file.
    settings : Settings
    progress : Progress
    """

    run: dict[str, Any]
    folder: Path
    settings: Settings
    progress: Reporter

    @property
    def scratch(self) -> Path:
        """Give a folder for this job alone, which is deleted when it ends."""
        folder = self.settings.state_folder / "work" / self.progress.job_id
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def study(self) -> Study:
        """Read the inputs of the run again, if they are the same; groups as estimated, as for all who may ask often."""
        with self.progress.step("check inputs"):
            published = read_run(self.settings.run)
        study = reread(self.run, self.folder, progress=self.progress, allow=self.settings.allow)
        return with_estimated_groups(study, published)


def do(process: str, inputs: dict[str, Any], stamp: dict[str, Any], settings: Settings, progress: Reporter) -> bytes:
    """Do a job and give its results as JSON.

    Raises
    ------
    LifecircleError
        If it cannot be done; the text names no folder of this machine.
    """
    run = json.loads((settings.run / "run.json").read_text(encoding="utf-8"))
    if run["run_id"] != stamp["run_id"]:
        raise BadValueError("run", f"is {run['run_id']} now, and the job was of {stamp['run_id']}", "ask again")
    desk = Desk(run, folder_of_inputs(run, settings), settings, progress)
    asked = PROCESSES[process].inputs.model_validate(inputs)
    try:
        found = _WORK[process](desk, asked)
    except LifecircleError as error:
        raise LifecircleError(_without(str(error), (desk.scratch, desk.folder, settings.state_folder))) from error
    quality = worst_quality([stamp["quality"], found.get("quality", stamp["quality"])])
    return encode({"run_id": stamp["run_id"], **found, "quality": quality,
                   "notice": MODEL_MARK if quality == "model" else None})


def _without(text: str, folders: Sequence[Path]) -> str:
    """Take the names of folders out of a message; the caller knows files by their own names."""
    for folder in folders:
        text = text.replace(f"{folder}{os.sep}", "").replace(str(folder), ".")
    return text


def site(desk: Desk, asked: SiteInputs) -> dict[str, Any]:
    """Choose sites, as ``lifecircle site`` does, and give what its files hold."""
    from lifecircle.outputs.disclosure import published_sites, published_siting
    from lifecircle.outputs.sitescenario import scenario_toml
    from lifecircle.outputs.sitetext import sites_record
    from lifecircle.siting import ask
    from lifecircle.siting.district import Wishes
    from lifecircle.siting.problem import Effort

    wishes = Wishes(weights=asked.weight, equity=asked.equity,
                    quota={name: (least, most) for name, (least, most) in asked.quota.items()}, apart_m=asked.apart_m,
                    must=asked.must, never=asked.never, building_cost=asked.building_cost)
    found = ask.site(desk.study(), asked.layers, new=asked.new, model=asked.model, candidates=asked.candidates,
                     budget=asked.budget, share=asked.share,
                     years={int(year): budget for year, budget in asked.year.items()}, wishes=wishes,
                     others=asked.others, draws=asked.draws, effort=Effort(asked.seconds, asked.gap),
                     progress=desk.progress)
    table = published_sites(found.sites)
    points = table.geometry.to_crs("EPSG:4326")
    placed = table.assign(lon=points.x.round(7), lat=points.y.round(7))
    title = f"{len(table)} new: {', '.join(asked.layers)}"
    return {**sites_record(published_siting(found.record), pd.DataFrame(placed)),
            "scenario": scenario_toml(table, title, desk.run["policy"]["policy"])}


def scenario(desk: Desk, asked: ScenarioInputs) -> dict[str, Any]:
    """Run the district with the edits and without, as ``lifecircle compare`` sets them side by side."""
    from lifecircle.compare import compare
    from lifecircle.outputs.comparison import comparison_record
    from lifecircle.scenario import read_scenario

    path = desk.scratch / "scenario.toml"
    path.write_text(asked.scenario, encoding="utf-8")
    edits = read_scenario(path, year=asked.year)
    study = desk.study()
    edited = edits.apply(study)
    desk.progress.span = (10, 50)
    before = assess(study, progress=desk.progress)
    desk.progress.span = (50, 95)
    after = assess(edited, progress=desk.progress)
    with desk.progress.step("compare"):
        return {**comparison_record(compare(before, after)), "quality": after.run["quality"]}


def run(desk: Desk, asked: RunInputs) -> dict[str, Any]:
    """Run the district again from its files as they are now, into a run directory of its own."""
    from lifecircle.outputs.rundir import write_run
    from lifecircle.outputs.summary import summary_record

    if "scenario" in desk.run:
        raise ConfigError("run", "the run is of a scenario", "serve the run of today, and post the scenario as a job")
    study = read_study(runfile_of(desk.run, desk.folder, allow=desk.settings.allow), progress=desk.progress)
    found = assess(study, progress=desk.progress)
    name = f"runs/{desk.progress.job_id}"
    with desk.progress.step("write run directory"):
        write_run(found, desk.settings.state_folder / name)
    summary = {**summary_record(found, name), "map": f"{name}/map.html"}
    return {"same": found.run["run_id"] == desk.run["run_id"], "summary": summary, "quality": found.run["quality"]}


_WORK: dict[str, Callable[[Desk, Any], dict[str, Any]]] = {"site": site, "scenario": scenario, "run": run}
