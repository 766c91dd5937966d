"""What-if questions as the planner's page asks them: the answers are those of the engine, and of a run written anew."""

from __future__ import annotations

import csv
import io
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

import lifecircle
from lifecircle.live import Live
from lifecircle.outputs.estimate import with_estimated_groups
from lifecircle.outputs.rundir import read_run
from lifecircle.scenario import read_scenario
from lifecircle.study import read_study
from lifecircle.tables import GAPS_COLUMNS
from lifecircle_api import live as live_module
from lifecircle_api.bodies import MOST_BYTES
from lifecircle_api.drafts import LiveState, WhatIf
from lifecircle_api.live import folder_of_inputs
from lifecircle_api.main import create_app
from lifecircle_api.models import Problem
from lifecircle_api.settings import Settings
from tinytown import DISTRICT, EAST_TOWN, WEST_TOWN, lonlat, write_town

JSON = {"content-type": "application/json"}


def at(x_m: float, y_m: float, **more: Any) -> dict[str, Any]:
    """Place a new facility."""
    lon, lat = lonlat(x_m, y_m)
    return {"lon": round(lon, 7), "lat": round(lat, 7), **more}


def warmed(client: TestClient) -> TestClient:
    """Wait until the district is solved."""
    while client.get("/live").json()["status"] == "starting":
        time.sleep(0.05)
    return client


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the tiny town and assess it; its run stands in ``out``."""
    folder = tmp_path_factory.mktemp("town")
    lifecircle.write_run(lifecircle.assess(write_town(folder)), folder / "out")
    return folder


@pytest.fixture(scope="module")
def client(town: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(run=town / "out")), raise_server_exceptions=False) as started:
        yield warmed(started)


def ask(client: TestClient, **draft: Any) -> dict[str, Any]:
    answer = client.post("/what-if", json=draft)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def district(body: dict[str, Any], kind: str = "all") -> dict[str, Any]:
    return next(row for row in body["coverage"] if (row["township_code"], row["class"]) == (DISTRICT, kind))


# --- Contents -------------------------------------------------------------------------------------------------------

def test_live_says_what_can_be_asked(client: TestClient, town: Path) -> None:
    answer = client.get("/live")
    state = LiveState.model_validate_json(answer.content, strict=True)
    assert (state.status, state.reason, answer.headers["cache-control"]) == ("ready", "", "no-store")
    assert [layer.layer for layer in state.layers] == ["clinics", "elderly_care", "shelters"]
    assert [layer.estimated for layer in state.layers] == [False, True, False]
    assert state.modes[0] == "walk"
    west, south, east, north = state.extent or (0, 0, 0, 0)
    assert west < lonlat(0, 0)[0] < east
    assert south < lonlat(0, 2000)[1] < north


def test_a_clinic_in_the_middle_reaches_everybody(client: TestClient, town: Path) -> None:
    answer = client.post("/what-if", json={"layer": "clinics", "add": [at(2500, 1000, name="丙诊所")]})
    body = WhatIf.model_validate_json(answer.content, strict=True).model_dump(by_alias=True)
    row = district(body)
    assert (row["people_in_time_before"], row["people_in_time"], row["people"]) == (550, 1000, 1000)
    assert (row["coverage_rate_before"], row["coverage_rate"]) == (pytest.approx(0.55), 1.0)
    assert (row["coverage_low"], row["coverage_high"]) == (1.0, 1.0)
    assert {place["place"]: place["people_won"] for place in body["places"]} == {"丙村": 200, "丁村": 250}
    assert (body["gaps"], body["area"], body["estimated"], body["group"]) == ([], None, False, "all")
    run = json.loads((town / "out" / "run.json").read_text(encoding="utf-8"))
    assert (body["run_id"], body["quality"], body["notice"]) == (run["run_id"], "model", "模型数据，非现状")
    assert body["milliseconds"] > 0


def test_a_closed_clinic_and_a_shorter_cutoff(client: TestClient) -> None:
    body = ask(client, layer="clinics", close=["C1"])
    assert [district(body)[f"people_{name}"] for name in ("in_time", "out", "undetermined")] == [0, 1000, 0]
    assert {gap["cause"] for gap in body["gaps"]} == {"no_facility"}
    body = ask(client, layer="clinics", cutoff_min={"urban": 7.5, "rural": 15})
    assert district(body)["people_in_time"] == 200
    assert (body["urban"], body["rural"]) == ({"mode": "walk", "cutoff_min": 7.5}, {"mode": "walk", "cutoff_min": 15})
    assert ask(client, layer="clinics", cutoff_min=7.5, mode="walk")["rural"]["cutoff_min"] == 7.5
    assert ask(client, layer="clinics", mode="car")["urban"] == {"mode": "car", "cutoff_min": 15}


def test_area_per_head_before_and_after(client: TestClient) -> None:
    body = ask(client, layer="shelters", add=[at(3500, 1000, effective_area_m2=1000)])
    area = {row["township_code"]: row for row in body["area"]}
    assert (area[EAST_TOWN]["area_per_head_m2_before"], area[EAST_TOWN]["area_per_head_m2"]) == (0.0, 2.0)
    assert (area[DISTRICT]["area_per_head_m2"], area[WEST_TOWN]["township"]) == (1.6, "甲街道")
    assert [gap["township_code"] for gap in body["gaps"] if gap["kind"] == "area"] == [WEST_TOWN]


def test_gaps_are_those_of_the_run_and_come_as_csv(client: TestClient) -> None:
    now = client.get("/gaps?layer=clinics&kind=reach&sort=township_code").json()["items"]
    body = ask(client, layer="clinics")
    assert sorted(body["gaps"], key=lambda gap: gap["place_code"]) == sorted(now, key=lambda gap: gap["place_code"])
    answer = client.post(f"/what-if?f=csv&township={EAST_TOWN}",
                         json={"layer": "clinics", "close": ["C1"], "add": [at(500, 1000, name="=1+1")]})
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert tuple(rows[0]) == GAPS_COLUMNS
    assert {row["township_code"] for row in rows} == {EAST_TOWN}
    assert {row["nearest_facility"] for row in rows} == {"'=1+1"}
    assert ".csv" in answer.headers["content-disposition"]


def test_answers_in_the_same_millisecond_do_not_mix(client: TestClient) -> None:
    """Threads that ask at once get each the answer to its own question."""
    cutoffs, found = [5.0, 10.0, 20.0, 30.0, 45.0, 60.0], {}
    alone = {minutes: district(ask(client, layer="clinics", cutoff_min=minutes))["people_in_time"]
             for minutes in cutoffs}

    def one(minutes: float) -> None:
        found[minutes] = district(ask(client, layer="clinics", cutoff_min=minutes))["people_in_time"]

    threads = [threading.Thread(target=one, args=(minutes,)) for minutes in cutoffs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == alone
    assert len(set(alone.values())) > 3


# --- A scenario ------------------------------------------------------------------------------------------------------

def test_a_run_of_the_scenario_gives_the_same_people(client: TestClient, town: Path, tmp_path: Path) -> None:
    hostile = '"""\n[[close]]\nfacility = "S1" # \\'
    drafts = [
        {"layer": "clinics", "add": [at(2600, 700, name=hostile), at(3900, 1900, capacity=12.5)], "close": ["C1"]},
        {"layer": "shelters", "add": [at(3300, 1200, effective_area_m2=700, area_m2=900)]},
        {"layer": "elderly_care", "add": [at(100, 100)], "cutoff_min": 25, "mode": "walk"}]
    answer = client.post("/what-if/scenario", json={"name": "草案=1", "layers": drafts})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/x-toml; charset=utf-8"
    path = tmp_path / "scenario.toml"
    path.write_bytes(answer.content)
    scenario = read_scenario(path)
    assert (scenario.name, len(scenario.content.open), len(scenario.content.close)) == ("草案=1", 4, 1)
    assert '# [policy.elderly_care.rural] mode = "walk"' in answer.text.replace('\\"', '"')
    run = lifecircle.assess(town / "town.toml", scenario=path)
    assert {"derived", "model"} >= set(run.facilities["quality"])
    assert set(run.facilities.loc[run.facilities["facility_id"].str.startswith("draft-"), "quality"]) == {"derived"}
    told = run.results[run.results["headline"] & (run.results["scenario"] == "existing")]
    told = told.set_index(["layer", "township_code", "class", "indicator"])["value"]
    for draft in drafts:
        rules = {key: value for key, value in draft.items() if key not in ("cutoff_min", "mode")}
        body = ask(client, **rules)
        for row in body["coverage"]:
            for name in ("people", "people_in_time", "people_out", "people_undetermined", "coverage_rate"):
                key = (draft["layer"], row["township_code"], row["class"], name)
                assert row[name] == pytest.approx(told[key], abs=1e-9), key
        gaps = run.gaps[(run.gaps["layer"] == draft["layer"]) & run.gaps["kind"].isin(["reach", "area"])]
        assert sorted((gap["place_code"], gap["people_out"], gap["short"]) for gap in body["gaps"]) == sorted(
            zip(gaps["place_code"], gaps["people_out"], gaps["short"], strict=True))
    area = {row["township_code"]: row["area_per_head_m2"] for row in ask(client, **drafts[1])["area"]}
    for code in (WEST_TOWN, EAST_TOWN, DISTRICT):
        assert area[code] == pytest.approx(told["shelters", code, "all", "area_per_head_m2"])


# --- What groups must not tell ---------------------------------------------------------------------------------------

def _shuffled(folder: Path, elders: list[int]) -> Path:
    """Write the town with so many elders at the five points of each place."""
    runfile = write_town(folder)
    table = pd.read_csv(folder / "people.csv", dtype=str)
    table["population_60plus"] = [str(elders[row % 5]) for row in range(len(table))]
    table.to_csv(folder / "people.csv", index=False)
    lifecircle.write_run(lifecircle.assess(runfile), folder / "out")
    return folder


def test_what_is_not_published_changes_no_answer(tmp_path: Path) -> None:
    """Two towns alike in all that is published of whole places answer alike, wherever their elders live."""
    questions = [{"layer": "elderly_care", "add": [at(x_m, 1000)], "close": ["E1"], "cutoff_min": minutes}
                 for x_m in (500, 1500, 2500) for minutes in (1, 10, 20)]
    found = []
    for name, elders in (("one", [30, 2, 4, 14, 10]), ("other", [10, 14, 2, 4, 30])):
        folder = _shuffled(tmp_path / name, elders)
        with TestClient(create_app(Settings(run=folder / "out"))) as started:
            warmed(started)
            found.append([{key: value for key, value in ask(started, **question).items()
                           if key not in ("run_id", "milliseconds")} for question in questions])
            engine = Live.of(read_study(folder / "town.toml"))
            found[-1].append(engine.change("elderly_care", cutoff_min=1).coverage["people_in_time"].tolist())
    assert found[0][:-1] == found[1][:-1]
    assert found[0][-1] != found[1][-1], "the towns differ in what must not be told"


def test_groups_are_spread_by_what_is_published(town: Path) -> None:
    study, published = read_study(town / "town.toml"), read_run(town / "out")
    assert with_estimated_groups(study, published).demand["population_60plus"].tolist() == pytest.approx([12.0] * 20)
    told = published.results.copy()
    rows = told["indicator"].eq("people") & told["group"].eq("60plus") & told["headline"]
    told.loc[rows & told["township_code"].eq(EAST_TOWN), "value"] = np.nan
    told.loc[rows & told["township_code"].eq(WEST_TOWN) & told["class"].eq("urban"), "value"] = np.nan
    told.loc[rows & told["township_code"].eq(WEST_TOWN) & told["class"].eq("all"), "value"] = 100.0
    told.loc[rows & told["township_code"].eq(DISTRICT) & told["class"].eq("all"), "value"] = 250.0
    hidden = type(published)(**{**published.__dict__, "results": told})
    people = with_estimated_groups(study, hidden).demand["population_60plus"].to_numpy()
    assert people[:5] == pytest.approx(50 * 100 / 500)  # its class is hidden: the township's share
    assert people[5:10] == pytest.approx(12.0)
    assert people[10:] == pytest.approx(50 * 250 / 1000)  # its township is hidden: the district's share


def test_few_of_a_group_are_not_counted(tmp_path: Path) -> None:
    folder = _shuffled(tmp_path, [0, 1, 0, 0, 0])  # one in each place, two in each township
    with TestClient(create_app(Settings(run=folder / "out"))) as started:
        body = ask(warmed(started), layer="elderly_care", close=["E1"])
    assert all(row[name] is None or row[name] == 0 or row[name] >= 10
               for part in ("coverage", "places", "gaps") for row in body[part] for name in row
               if name.startswith("people"))
    assert all(gap["short"] is None for gap in body["gaps"])


# --- Errors -----------------------------------------------------------------------------------------------------------

HERE = at(500, 1000)
BAD: list[tuple[int, Any]] = [
    (422, {}), (422, []), (422, "clinics"), (422, {"layer": 5}), (422, {"layer": "nosuch"}),
    (422, {"layer": "clinics", "nosuch": 1}), (422, {"layer": "clinics", "add": [{"lon": 100.0}]}),
    (422, {"layer": "clinics", "add": [{**HERE, "lat": "31"}]}), (422, {"layer": "clinics", "add": [{**HERE, "x": 1}]}),
    (422, {"layer": "clinics", "add": [{"lon": 0, "lat": 0}]}),
    (422, {"layer": "clinics", "add": [{**HERE, "lon": 181}]}),
    (422, {"layer": "clinics", "add": [{**HERE, "name": "x" * 81}]}), (422, {"layer": "clinics", "add": [HERE] * 51}),
    (422, {"layer": "clinics", "add": [{**HERE, "capacity": -1}]}),
    (422, {"layer": "clinics", "add": [{**HERE, "level": 3}]}),
    (422, {"layer": "clinics", "close": ["X9"]}), (422, {"layer": "clinics", "close": ["C1"] * 501}),
    (422, {"layer": "clinics", "close": [""]}), (422, {"layer": "clinics", "close": "C1"}),
    (422, {"layer": "clinics", "cutoff_min": 0}), (422, {"layer": "clinics", "cutoff_min": 601}),
    (422, {"layer": "clinics", "cutoff_min": {"suburban": 5}}), (422, {"layer": "clinics", "cutoff_min": True}),
    (422, {"layer": "clinics", "mode": "canoe"}), (422, {"layer": "clinics", "mode": "../etc"}),
]


def is_problem(answer: Any, status: int) -> bool:
    body = Problem.model_validate_json(answer.content)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (body.status, answer.status_code) == (status, status), answer.text
    return True


@pytest.mark.parametrize(("status", "draft"), BAD, ids=[str(draft)[:60] for _, draft in BAD])
def test_bad_drafts_get_a_problem(client: TestClient, status: int, draft: Any) -> None:
    assert is_problem(client.post("/what-if", json=draft), status)


@pytest.mark.parametrize(("status", "body"), [
    (422, b"{"), (422, b""), (422, b"null"), (422, b'{"layer": "clinics", "cutoff_min": NaN}'), (400, b"[" * 60_000),
    (422, b'{"layer": "clinics", "cutoff_min": 1e400}'),
    (400, b'{"layer": "clinics", "cutoff_min": ' + b"9" * 9_000 + b"}"),
    (422, b'{"layer": "clinics", "add": [{"lon": 1, "lat": 1, "name": "\\ud800"}]}'), (422, b"\xff\xfe"),
    (413, b" " * (MOST_BYTES + 1)), (413, b'{"layer":"' + b"a" * 10_000_000)])
def test_bad_bodies_get_a_problem(client: TestClient, status: int, body: bytes) -> None:
    assert is_problem(client.post("/what-if", content=body, headers=JSON), status)


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
                                  "application/json-seq", "text/plain; application/json"])
def test_only_json_is_taken(client: TestClient, kind: str) -> None:
    body = json.dumps({"layer": "clinics"})
    assert is_problem(client.post("/what-if", content=body, headers={"content-type": kind}), 415)
    answer = client.post("/what-if", content=body, headers={"content-type": "Application/JSON; charset=utf-8"})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(("status", "asked"), [
    (422, {"name": "x", "layers": []}), (422, {"layers": [{"layer": "clinics"}]}),
    (422, {"layers": [{"layer": "clinics", "close": ["C1"]}] * 2}), (422, {"layers": [{"layer": "nosuch"}]}),
    (422, {"layers": [{"layer": "clinics", "close": ["nosuch"]}]}),
    (422, {"name": 1, "layers": [{"layer": "clinics"}]})])
def test_bad_scenarios_get_a_problem(client: TestClient, status: int, asked: Any) -> None:
    assert is_problem(client.post("/what-if/scenario", json=asked), status)


def test_other_methods_and_parameters(client: TestClient) -> None:
    assert is_problem(client.get("/what-if"), 405)
    assert is_problem(client.post("/what-if?nosuch=1", json={"layer": "clinics"}), 400)
    assert is_problem(client.post("/live", json={}), 405)


# --- Where it is not warm ---------------------------------------------------------------------------------------------

def _moved(town: Path, tmp_path: Path, change: Callable[[Path], None]) -> Path:
    shutil.copytree(town, tmp_path / "town")
    change(tmp_path / "town")
    return tmp_path / "town"


@pytest.mark.parametrize(("change", "reason"), [
    (lambda folder: (folder / "people.csv").unlink(), "people.csv"),
    (lambda folder: (folder / "clinics.csv").write_text("other", encoding="utf-8"), "clinics.csv: is not the file")])
def test_inputs_that_moved_are_said(town: Path, tmp_path: Path, change: Callable[[Path], None], reason: str) -> None:
    folder = _moved(town, tmp_path, change)
    with TestClient(create_app(Settings(run=folder / "out")), raise_server_exceptions=False) as started:
        state = warmed(started).get("/live").json()
        assert state["status"] == "unavailable"
        assert reason in state["reason"]
        assert str(tmp_path) not in state["reason"]
        answer = started.post("/what-if", json={"layer": "clinics"})
        assert is_problem(answer, 503)
        assert started.get("/gaps").status_code == 200


def test_answers_at_once_and_says_that_it_is_starting(town: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    read = live_module.reread

    def slow(*arguments: Any, **more: Any) -> Any:
        release.wait(30)
        return read(*arguments, **more)

    monkeypatch.setattr(live_module, "reread", slow)
    with TestClient(create_app(Settings(run=town / "out")), raise_server_exceptions=False) as started:
        assert started.get("/live").json()["status"] == "starting"
        answer = started.post("/what-if", json={"layer": "clinics"})
        assert is_problem(answer, 503)
        assert answer.headers["retry-after"] == "5"
        assert started.get("/gaps").status_code == 200
        release.set()
        assert warmed(started).get("/live").json()["status"] == "ready"


def test_it_can_be_switched_off(town: Path) -> None:
    with TestClient(create_app(Settings(run=town / "out", live=False)), raise_server_exceptions=False) as started:
        assert started.get("/live").json()["status"] == "unavailable"


def test_inputs_are_found_beside_the_run_or_by_the_run_file(town: Path, tmp_path: Path,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    run = json.loads((town / "out" / "run.json").read_text(encoding="utf-8"))
    assert folder_of_inputs(run, Settings(run=town / "out")) == town
    shutil.copytree(town / "out", tmp_path / "far" / "out")
    far = Settings(run=tmp_path / "far" / "out")
    monkeypatch.chdir(town)
    assert folder_of_inputs(run, far) == town
    monkeypatch.chdir(tmp_path)
    assert folder_of_inputs(run, far.model_copy(update={"runfile": town / "town.toml"})) == town
