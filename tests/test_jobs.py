"""Jobs over HTTP: real servers and workers, stopped and killed at the worst moments; nothing is lost or halved."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

import lifecircle
from command import digest
from lifecircle.outputs.comparison import comparison_record
from lifecircle.outputs.disclosure import published_sites, published_siting
from lifecircle.outputs.estimate import with_estimated_groups
from lifecircle.outputs.rundir import read_run
from lifecircle.outputs.sitetext import sites_record
from lifecircle.siting.district import Wishes
from lifecircle.study import read_study
from lifecircle_api import jobmodels
from lifecircle_api.errors import NoSuchJobError, QueueFullError, ResultNotReadyError
from lifecircle_api.jobtable import MOST_ATTEMPTS, JobTable
from lifecircle_api.main import create_app
from lifecircle_api.models import Problem
from lifecircle_api.settings import Settings
from tinytown import DISTRICT, lonlat, write_town

OGC = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
QUESTION = {"layer": "clinics", "new": 2}
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="looks at processes as Linux shows them")
#: Longer than any of this takes; who waits so long waits in vain.
PATIENCE_S = 90.0


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the tiny town and assess it; its run stands in ``out``."""
    folder = tmp_path_factory.mktemp("town")
    lifecircle.write_run(lifecircle.assess(write_town(folder)), folder / "out")
    return folder


@contextmanager
def service(town: Path, state: Path, **settings: Any) -> Iterator[TestClient]:
    told = Settings(run=town / "out", state=state, live=False, **settings)
    with TestClient(create_app(told), raise_server_exceptions=False) as started:
        yield started


@pytest.fixture
def client(town: Path, tmp_path: Path) -> Iterator[TestClient]:
    with service(town, tmp_path / "state") as started:
        yield started


def start(client: TestClient, **inputs: Any) -> str:
    """Start a siting job and give its address."""
    answer = client.post("/processes/site/execution", json={"inputs": {**QUESTION, **inputs}})
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def wait(look: Callable[[], Any]) -> Any:
    """Look again and again until there is something to see, and give it."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with suppress(OSError):
            if seen := look():
                return seen
        time.sleep(0.02)
    raise AssertionError("waited in vain")


def ended(client: TestClient, address: str) -> dict[str, Any]:
    return wait(lambda: (job := client.get(address).json())["status"] not in ("accepted", "running") and job)


def running(client: TestClient, address: str) -> dict[str, Any]:
    return wait(lambda: (job := client.get(address).json())["status"] == "running" and job)


def is_problem(answer: Any, status: int, kind: str = "about:blank") -> bool:
    body = Problem.model_validate_json(answer.content)
    return (answer.status_code, body.status, body.type, answer.headers["content-type"]) == (
        status, status, kind, "application/problem+json")


def workers_of(service: int) -> list[int]:
    """List the workers that a service has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((folder / "stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[1])
            if parent == service and b"lifecircle_api.worker" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def gone(pid: int) -> bool:
    """Tell whether a process is gone, or dead and only waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


# --- The life of a job ----------------------------------------------------------------------------------------------

def test_a_job_is_started_watched_fetched_and_forgotten(client: TestClient, town: Path) -> None:
    answer = client.post("/processes/site/execution", json={"inputs": QUESTION})
    job = jobmodels.Job.model_validate_json(answer.content, strict=True)
    address = f"/jobs/{job.jobID}"
    assert (answer.status_code, answer.headers["location"], job.processID) == (201, address, "site")
    seen = []
    while (job := jobmodels.Job.model_validate_json(client.get(address).content)).status in ("accepted", "running"):
        seen.append((job.status, job.progress, job.message))
        if job.status == "accepted":
            assert is_problem(client.get(f"{address}/results"), 404, f"{OGC}result-not-ready")
        time.sleep(0.01)
    assert (job.status, job.progress, job.message) == ("successful", 100, "完成 (done)")
    assert [progress for _, progress, _ in seen] == sorted(progress for _, progress, _ in seen)
    assert "计算出行时间 (solve travel times)" in [message for _, _, message in seen]
    assert job.started is not None
    assert job.finished is not None
    assert job.created <= job.started <= job.finished
    results = next(link for link in job.links if link.rel == "http://www.opengis.net/def/rel/ogc/1.0/results")
    body = client.get(results.href).json()
    assert [site["place"] for site in body["sites"]] == ["丙村"]  # by hand: 450 people of 丙村 and 丁村 lack a clinic
    assert client.get("/jobs").json()["jobs"][0]["jobID"] == job.jobID
    assert client.delete(address).json()["status"] == "dismissed"
    assert is_problem(client.get(address), 404, f"{OGC}no-such-job")
    assert is_problem(client.get(f"{address}/results"), 404, f"{OGC}no-such-job")
    assert client.get("/jobs").json()["jobs"] == []


@pytest.mark.parametrize("inputs", [
    {"layer": "clinics", "new": 1}, {"layer": "clinics", "new": 2, "model": "p-median", "candidates": "roads:500"},
    {"layer": "clinics", "new": None, "model": "lscp", "share": 0.9, "quota": {"乙镇": [1, 2]}},
    {"layer": ["clinics", "shelters"], "new": 2, "building_cost": 1.0, "never": ["place-990101002201"]},
], ids=["mclp", "p-median", "lscp", "two layers"])
def test_results_are_those_of_the_library(client: TestClient, town: Path, inputs: dict[str, Any]) -> None:
    address = start(client, **inputs)
    job = ended(client, address)
    assert job["status"] == "successful", job
    body = client.get(f"{address}/results").json()
    told = {name: inputs[name] for name in ("model", "candidates", "share") if name in inputs}
    wishes = Wishes(quota={name: tuple(limits) for name, limits in inputs.get("quota", {}).items()},
                    building_cost=inputs.get("building_cost", 0.0), never=inputs.get("never", ()))
    found = lifecircle.site(town / "town.toml", inputs["layer"], new=inputs["new"], wishes=wishes, **told)
    expected = sites_record(published_siting(found.record), published_sites(found.sites))
    places = found.sites.geometry.to_crs("EPSG:4326")
    for site, point in zip(body["sites"], places, strict=True):
        assert (site.pop("lon"), site.pop("lat")) == (pytest.approx(point.x, abs=1e-7),
                                                        pytest.approx(point.y, abs=1e-7))
    run = json.loads((town / "out" / "run.json").read_text(encoding="utf-8"))
    assert (body.pop("run_id"), body.pop("notice")) == (run["run_id"], "模型数据，非现状")
    scenario = tomllib.loads(body.pop("scenario"))
    assert [item["facility_id"] for item in scenario["open"]] == [
        f"site-{row.layer}-{row.candidate_id}" for row in found.sites.itertuples()]
    assert body == expected


EDITS = """name = "乙镇新诊所"

[[open]]
layer = "clinics"
name = "丁诊所"
lon = {lon}
lat = {lat}
year = 2027

[[close]]
facility = "E1"
"""


def execute(client: TestClient, process: str, **inputs: Any) -> str:
    answer = client.post(f"/processes/{process}/execution", json={"inputs": inputs})
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


@pytest.mark.parametrize(("year", "won"), [(None, 450.0), (2026, 0.0)])
def test_a_scenario_is_compared_as_the_library_does(client: TestClient, town: Path, tmp_path: Path, year: int | None,
                                                    won: float) -> None:
    """By hand: a clinic in the middle of 丁村 has all of 丙村 and 丁村 within 30 minutes; one point of them had one."""
    lon, lat = lonlat(3500, 1000)
    text = EDITS.format(lon=lon, lat=lat)
    address = execute(client, "scenario", scenario=text, year=year)
    assert ended(client, address)["status"] == "successful"
    body = client.get(f"{address}/results").json()
    (tmp_path / "scenario.toml").write_text(text, encoding="utf-8")
    study = with_estimated_groups(read_study(town / "town.toml"), read_run(town / "out"))
    edits = lifecircle.read_scenario(tmp_path / "scenario.toml", year=year)
    expected = comparison_record(lifecircle.compare(lifecircle.assess(study),
                                                    lifecircle.assess(study, scenario=edits)))
    assert {name: body[name] for name in expected} == expected
    rows = [row for row in body["table"] if (row["layer"], row["class"], row["township_code"]) == (
        "clinics", "all", DISTRICT)]
    assert [(row["won"], row["lost"]) for row in rows] == [(won, 0.0)]
    assert (body["quality"], body["notice"], body["after"]["scenario"]["name"]) == (
        "model", "模型数据，非现状", "乙镇新诊所")
    assert list((tmp_path / "state" / "work").glob("*")) == []


def test_an_edit_that_hits_nothing_fails_and_says_which(client: TestClient, tmp_path: Path) -> None:
    job = ended(client, execute(client, "scenario", scenario='[[close]]\nfacility = "nosuch"\n'))
    assert job["status"] == "failed"
    assert job["message"].startswith("scenario.toml: close 1")
    assert str(tmp_path) not in job["message"]


def test_a_run_is_made_again_and_goes_with_its_job(client: TestClient, town: Path, tmp_path: Path) -> None:
    address = execute(client, "run")
    assert ended(client, address)["status"] == "successful"
    body = client.get(f"{address}/results").json()
    again = tmp_path / "state" / body["summary"]["directory"]
    assert body["same"] is True
    assert str(tmp_path) not in json.dumps(body)
    files = digest(town / "out")
    assert {name: files[name] for name in ("results.csv", "gaps.csv", "run.json", "map.html")} == {
        name: digest(again)[name] for name in ("results.csv", "gaps.csv", "run.json", "map.html")}
    client.delete(address)
    wait(lambda: not again.exists())
    assert list((tmp_path / "state" / "runs").glob("*")) == []


def test_what_is_not_of_a_job_stays_in_the_state_folder(town: Path, tmp_path: Path) -> None:
    mine = [tmp_path / "runs" / "bazhou" / "run.json", tmp_path / "work" / "notes.txt", tmp_path / "work" / ".keep"]
    left = [tmp_path / "runs" / f"{uuid4()}", tmp_path / "work" / f".{uuid4()}.new"]
    for path in (*mine, *(folder / "run.json" for folder in left)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}", encoding="utf-8")
    with service(town, tmp_path) as client:
        client.delete(start(client))
        wait(lambda: not any(path.exists() for path in left))
    assert [path for path in mine if not path.is_file()] == []


def test_no_choice_is_an_answer_with_reasons(client: TestClient) -> None:
    address = start(client, new=1, quota={"each": [1, 3]})
    assert ended(client, address)["status"] == "successful"
    body = client.get(f"{address}/results").json()
    assert (body["status"], body["sites"], body["objective"]) == ("infeasible", [], None)
    assert body["reasons"]


def test_counts_of_groups_are_estimates(client: TestClient, town: Path) -> None:
    """Whoever may ask often must not count the elders of a place by asking twice; see `outputs.estimate`."""
    address = start(client, layer="elderly_care", new=1)
    assert ended(client, address)["status"] == "successful"
    study = with_estimated_groups(read_study(town / "town.toml"), read_run(town / "out"))
    found = lifecircle.site(study, "elderly_care", new=1)
    assert client.get(f"{address}/results").json()["sites"][0]["people_won"] == pytest.approx(
        published_sites(found.sites)["people_won"].iloc[0])


def test_a_job_that_cannot_be_done_says_why_and_names_no_folder(town: Path, tmp_path: Path) -> None:
    lifecircle.write_run(lifecircle.assess(write_town(tmp_path / "town")), tmp_path / "town" / "out")
    register = tmp_path / "town" / "clinics.csv"
    register.write_text(register.read_text(encoding="utf-8").replace("甲诊所", "乙诊所"), encoding="utf-8")
    with service(tmp_path / "town", tmp_path / "state") as client:
        moved, unknown = start(client), start(client, must=["place-1"])
        job = ended(client, moved)
        assert job["status"] == "failed"
        assert job["message"].startswith("clinics.csv: is not the file that run ")
        assert str(tmp_path) not in job["message"]
        assert is_problem(client.get(f"{moved}/results"), 410)
        assert client.get(f"{moved}/results").json()["detail"].endswith(job["message"])
        assert ended(client, unknown)["status"] == "failed"


def test_a_run_that_was_replaced_is_not_asked(town: Path, tmp_path: Path) -> None:
    folder = tmp_path / "town"
    lifecircle.write_run(lifecircle.assess(write_town(folder)), folder / "out")
    with service(folder, tmp_path / "state") as client:
        lifecircle.write_run(lifecircle.assess(write_town(folder, surface={"cell_m": 100})), folder / "out")
        job = ended(client, start(client))
        assert job["status"] == "failed"
        assert "ask again" in job["message"]


# --- Dismissed, too many, too long ----------------------------------------------------------------------------------

@POSIX
def test_dismissal_ends_the_process(client: TestClient) -> None:
    address = start(client, draws=200)
    running(client, address)
    worker, = wait(lambda: workers_of(os.getpid()))
    assert os.getpgid(worker) == worker
    os.kill(worker, signal.SIGSTOP)  # so that it cannot end by itself
    answer = client.delete(address)
    assert (answer.status_code, answer.json()["status"]) == (200, "dismissed")
    wait(lambda: gone(worker))
    assert client.get(address).json()["status"] == "dismissed"
    assert is_problem(client.get(f"{address}/results"), 410)
    assert ended(client, start(client))["status"] == "successful"  # the next one is not held up


def test_one_that_waits_can_be_dismissed(client: TestClient) -> None:
    first, second = start(client), start(client)
    assert client.delete(second).json()["status"] == "dismissed"
    assert ended(client, first)["status"] == "successful"
    job = client.get(second).json()
    assert (job["status"], job["started"]) == ("dismissed", None)
    assert [item["status"] for item in client.get("/jobs?status=dismissed").json()["jobs"]] == ["dismissed"]


def test_queue_is_bounded(town: Path, tmp_path: Path) -> None:
    with service(town, tmp_path / "state", jobs_waiting=2) as client:
        running(client, start(client, draws=200))
        waiting = [start(client), start(client)]
        answer = client.post("/processes/site/execution", json={"inputs": QUESTION})
        assert is_problem(answer, 429)
        assert int(answer.headers["retry-after"]) > 0
        client.delete(waiting[0])
        start(client)
        assert len(client.get("/jobs").json()["jobs"]) == 4


def test_jobs_run_one_after_the_other_in_their_order(client: TestClient) -> None:
    addresses = [start(client, new=number) for number in (1, 2)]
    jobs = [ended(client, address) for address in addresses]
    assert [job["status"] for job in jobs] == ["successful"] * 2
    assert jobs[0]["finished"] <= jobs[1]["started"]
    assert [f"/jobs/{job['jobID']}" for job in client.get("/jobs").json()["jobs"]] == addresses[::-1]
    assert len(client.get("/jobs?limit=1").json()["jobs"]) == 1


def test_a_job_that_takes_too_long_fails(town: Path, tmp_path: Path) -> None:
    with service(town, tmp_path / "state", job_minutes=0.005) as client:
        job = ended(client, start(client))
        assert job["status"] == "failed"
        assert "longer than 0.005 minutes" in job["message"]
        assert workers_of(os.getpid()) == []


def test_old_jobs_are_forgotten(town: Path, tmp_path: Path) -> None:
    with service(town, tmp_path / "state", jobs_kept=1) as client:
        first, second = start(client), start(client)
        ended(client, second)
        wait(lambda: client.get(first).status_code == 404)
        assert client.get(f"{second}/results").status_code == 200


# --- Killed ---------------------------------------------------------------------------------------------------------

@pytest.fixture
def served(town: Path, tmp_path: Path) -> Iterator[Callable[[], tuple[subprocess.Popen[str], str]]]:
    """Give a function that starts a real server of the town and waits until it answers."""
    started = []

    def serve() -> tuple[subprocess.Popen[str], str]:
        environment = {**os.environ, "LIFECIRCLE_API_STATE": str(tmp_path / "state"), "LIFECIRCLE_API_LIVE": "false"}
        log = (tmp_path / "log").open("a", encoding="utf-8")
        process = subprocess.Popen([sys.executable, "-m", "lifecircle", "serve", town / "out", "--port", "0"],
                                   stdout=subprocess.PIPE, stderr=log, encoding="utf-8", env=environment)
        started.append((process, log))
        assert process.stdout is not None
        address = process.stdout.readline().strip().rstrip("/")
        wait(lambda: get(f"{address}/healthz")["status"] == "ok")
        return process, address

    yield serve
    for process, log in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        log.close()


def get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=30) as answer:
        body: dict[str, Any] = json.load(answer)
    return body


def post(url: str, content: Any) -> str:
    """Start a job and give its address on whatever server answers next."""
    asked = urllib.request.Request(url, json.dumps(content).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return str(answer.headers["location"])


@POSIX
@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "SIGTERM"])
def test_jobs_outlive_their_server(served: Any, tmp_path: Path, way: signal.Signals) -> None:
    server, address = served()
    first = post(f"{address}/processes/site/execution", {"inputs": {**QUESTION, "draws": 200}})
    second = post(f"{address}/processes/site/execution", {"inputs": QUESTION})
    wait(lambda: get(address + first)["progress"] >= 25)
    worker, = workers_of(server.pid)
    server.send_signal(way)
    server.wait(timeout=10)
    wait(lambda: gone(worker))
    _, address = served()
    for job in (first, second):
        assert wait(lambda job=job: (told := get(address + job))["status"] not in ("accepted", "running") and told
                    )["status"] == "successful"
        assert [site["place"] for site in get(f"{address}{job}/results")["sites"]] == ["丙村"]
    assert [row["attempt"] for row in rows(tmp_path / "state")] == [2, 1]  # the first worker did not go on alone


@POSIX
def test_a_worker_that_is_killed_is_a_job_that_failed(served: Any) -> None:
    server, address = served()
    job = post(f"{address}/processes/site/execution", {"inputs": {**QUESTION, "draws": 200}})
    wait(lambda: get(address + job)["progress"] >= 1)
    worker, = workers_of(server.pid)
    os.kill(worker, signal.SIGKILL)
    told = wait(lambda: (told := get(address + job))["status"] != "running" and told)
    assert told["status"] == "failed"
    assert "signal 9" in told["message"]
    again = post(f"{address}/processes/site/execution", {"inputs": QUESTION})
    assert wait(lambda: (told := get(address + again))["status"] not in ("accepted", "running") and told
                )["status"] == "successful"


@POSIX
def test_of_two_services_one_works(town: Path, tmp_path: Path) -> None:
    """The second neither begins the first one's job again nor works beside it; what it takes in is done."""
    with service(town, tmp_path / "state") as first:
        begun = start(first, draws=200)
        running(first, begun)
        with service(town, tmp_path / "state") as second:
            added = start(second)
            assert ended(second, added)["status"] == "successful"
            attempts = [row["attempt"] for row in rows(tmp_path / "state")]
            assert attempts == [1, 1]
        assert ended(first, begun)["status"] == "successful"


def rows(state: Path) -> list[sqlite3.Row]:
    with closing(sqlite3.connect(state / "jobs.sqlite")) as base:
        base.row_factory = sqlite3.Row
        return base.execute("SELECT * FROM jobs ORDER BY number").fetchall()


# --- The table ------------------------------------------------------------------------------------------------------

STAMP = {"run_id": "r", "quality": "osm", "notice": None}


def test_a_worker_that_nobody_waits_for_ends_nothing(tmp_path: Path) -> None:
    table = JobTable(tmp_path / "state")
    job_id = table.add("site", "{}", STAMP, most_waiting=1)
    first = table.take()
    assert table.requeue() == 1
    second = table.take()
    assert first is not None
    assert second is not None
    assert (first["attempt"], second["attempt"]) == (1, 2)
    assert table.succeed(job_id, 1, b"late") is False
    assert table.fail(job_id, 1, "late") is False
    table.report(job_id, 1, 99, "late")
    assert table.get(job_id)["progress"] == 0
    with pytest.raises(ResultNotReadyError):
        table.results(job_id)
    assert table.succeed(job_id, 2, b"{}") is True
    assert table.fail(job_id, 2, "too late") is False
    assert (table.get(job_id)["status"], table.results(job_id)) == ("successful", b"{}")


def test_a_job_that_takes_its_service_down_each_time_is_given_up(tmp_path: Path) -> None:
    table = JobTable(tmp_path / "state")
    job_id = table.add("site", "{}", STAMP, most_waiting=1)
    begun = 0
    while begun < 20 and table.take() is not None:
        begun += 1
        table.requeue()  # as the next service does
    assert begun == MOST_ATTEMPTS
    job = table.get(job_id)
    assert (job["status"], job["finished"] is not None) == ("failed", True)
    assert "given up" in job["message"]


def test_what_was_dismissed_stays_dismissed(tmp_path: Path) -> None:
    table = JobTable(tmp_path / "state")
    job_id = table.add("site", "{}", STAMP, most_waiting=1)
    assert table.take() is not None
    table.dismiss(job_id)
    assert table.succeed(job_id, 1, b"{}") is False
    assert table.requeue() == 0
    assert table.take() is None
    assert table.get(job_id)["status"] == "dismissed"
    table.dismiss(job_id)
    with pytest.raises(NoSuchJobError):
        table.get(job_id)


def test_nothing_is_written_before_the_first_job(tmp_path: Path) -> None:
    table = JobTable(tmp_path / "state")
    assert table.listing(limit=9) == []
    with pytest.raises(NoSuchJobError):
        table.dismiss("f0b1c2d3-0000-4000-8000-000000000000")
    assert not (tmp_path / "state").exists()
    table.add("site", "{}", STAMP, most_waiting=1)
    with pytest.raises(QueueFullError):
        table.add("site", "{}", STAMP, most_waiting=1)
    assert len(table.listing(limit=9)) == 1


def test_state_that_cannot_be_kept_is_said(town: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with service(town, tmp_path / "file" / "state") as client:
        assert is_problem(client.post("/processes/site/execution", json={"inputs": QUESTION}), 503)
        assert client.get("/jobs").json()["jobs"] == []
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "jobs.sqlite").write_bytes(b"no table of jobs at all" * 100)
    with service(town, tmp_path / "broken") as client:
        assert is_problem(client.get("/jobs"), 503)
        assert client.get("/healthz").status_code == 200


# --- Bad input ------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def plain(town: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with service(town, tmp_path_factory.mktemp("plain") / "state") as started:
        yield started


def inputs(**changes: Any) -> bytes:
    return json.dumps({"inputs": {**QUESTION, **changes}}).encode()


BODIES: list[tuple[int, bytes]] = [
    (422, b""), (422, b"{"), (422, b"[]"), (422, b"null"), (422, b"{}"), (422, b'{"inputs": null}'),
    (422, b'{"inputs": {}}'), (422, b'{"inputs": {"layer": "clinics"}}'), (422, b"\xff\xfe"),
    (422, inputs(new=0)), (422, inputs(new=51)), (422, inputs(new="2")), (422, inputs(new=True)),
    (422, inputs(new=1.5)), (422, inputs(new=10**30)), (422, inputs(nosuch=1)), (422, inputs(model="best")),
    (422, inputs(model="lscp")), (422, inputs(new=None)), (422, inputs(share=0.5)), (422, inputs(layer="")),
    (422, inputs(layer="..%2f")), (422, inputs(layer="../clinics")), (422, inputs(layer="clinics\x00")),
    (422, inputs(layer=[])), (422, inputs(layer=["clinics"] * 11)), (422, inputs(layer=7)),
    (400, inputs(layer="nosuch")), (400, inputs(layer=["clinics", "nosuch"])),
    (422, inputs(candidates="/etc/passwd")), (422, inputs(candidates="land.csv")),
    (422, inputs(candidates="roads:1e9")),
    (422, inputs(candidates="roads:0")), (422, inputs(candidates="places\n")), (422, inputs(candidates="in:../x")),
    (422, inputs(links="x.toml")), (422, inputs(datum="gcj02")), (422, inputs(budget=-1)), (422, inputs(budget="all")),
    (422, inputs(quota={"each": [1]})), (422, inputs(quota={"each": [1, -2]})), (422, inputs(quota={"": [1, 2]})),
    (422, inputs(quota={"a\nb": [1, 2]})), (422, inputs(must=["x" * 101])), (422, inputs(weight={"60plus": "2"})),
    (422, inputs(year={"1": 2})), (422, inputs(year={"2026": 1})), (422, inputs(others=21)), (422, inputs(draws=10**9)),
    (422, inputs(seconds=301)), (422, inputs(gap=2)), (422, inputs(equity=-0.1)), (422, inputs(apart_m=-1)),
    (422, b'{"inputs": {"layer": "clinics", "new": 1, "budget": NaN}}'),
    (422, b'{"inputs": {"layer": "clinics", "new": 1, "budget": 1e400}}'),
    (422, b'{"inputs": {"layer": "clinics", "new": 1}, "response": "raw"}'),
    (422, b'{"inputs": {"layer": "clinics", "new": 1}, "subscriber": {"successUri": "http://localhost/"}}'),
    (400, b'{"inputs":' * 5000), (400, b"[" * 60_000), (400, b'{"inputs": {"new": ' + b"9" * 5000 + b"}}"),
    (422, b'{"inputs": {"\\ud800": 1}}'), (422, b'{"\\udfff": 1, "inputs": {}}'),
    (422, b'{"inputs": {"layer": "clinics", "new": 1, "must": ["\\ud800"]}}'),
    (422, b'{"inputs": {"layer": "clinics", "new": 1, "quota": {"\\ud800": [1, 2]}}}'),
    (413, b'{"inputs": "' + b"x" * 70_000 + b'"}'),
]


@pytest.mark.parametrize(("status", "body"), BODIES, ids=[f"{status} {body[:60]!r}" for status, body in BODIES])
def test_bad_questions_are_refused_at_once(plain: TestClient, status: int, body: bytes) -> None:
    answer = plain.post("/processes/site/execution", content=body, headers={"content-type": "application/json"})
    assert is_problem(answer, status)
    assert plain.get("/jobs").json()["jobs"] == []


@pytest.mark.parametrize(("process", "asked", "word"), [
    ("scenario", {}, "Field required"), ("scenario", {"scenario": ""}, "at least 1"),
    ("scenario", {"scenario": "[[open]"}, "is not valid TOML"), ("scenario", {"scenario": "a = [" * 5000}, "TOML"),
    ("scenario", {"scenario": "nosuch = 1"}, "unknown key nosuch"), ("scenario", {"scenario": "x" * 60_001}, "60000"),
    ("scenario", {"scenario": '[[cut]]\nkind = "flood"\nfile = "/etc/passwd"'}, "names the file /etc/passwd"),
    ("scenario", {"scenario": '[[open]]\nlayer = "clinics"\nname = "a"\nlon = nan\nlat = 0'}, "nan"),
    ("scenario", {"scenario": "name = '\ud800'"}, "unicode"), ("scenario", {"scenario": "a = '\\ud800'"}, "key a"),
    ("scenario", {"scenario": 'name = "a"', "year": 1}, "1900"),
    ("scenario", {"scenario": 'name = "a"', "file": "a.toml"}, "Extra inputs"),
    ("run", {"runfile": "/etc/passwd"}, "Extra inputs"), ("run", {"out": "/tmp/x"}, "Extra inputs")])
def test_bad_scenarios_and_runs_are_refused_at_once(plain: TestClient, process: str, asked: Any, word: str) -> None:
    answer = plain.post(f"/processes/{process}/execution", content=json.dumps({"inputs": asked}),
                        headers={"content-type": "application/json"})
    assert is_problem(answer, 422)
    assert word in answer.json()["detail"]
    assert plain.get("/jobs").json()["jobs"] == []


@pytest.mark.parametrize(("status", "method", "url", "kind"), [
    (404, "GET", "/processes/nosuch", "no-such-process"), (404, "GET", "/processes/..%2f..%2fetc", ""),
    (404, "POST", "/processes/nosuch/execution", "no-such-process"), (404, "GET", "/processes/%00", "no-such-process"),
    (404, "GET", "/jobs/nosuch", "no-such-job"), (404, "GET", "/jobs/%00", "no-such-job"),
    (404, "GET", "/jobs/f0b1c2d3-0000-4000-8000-000000000000", "no-such-job"),
    (404, "GET", "/jobs/f0b1c2d3-0000-4000-8000-000000000000/results", "no-such-job"),
    (404, "DELETE", "/jobs/f0b1c2d3-0000-4000-8000-000000000000", "no-such-job"),
    (404, "DELETE", "/jobs/..%2fjobs.sqlite", ""), (404, "GET", "/jobs/%ff%fe", "no-such-job"),
    (404, "GET", "/jobs/jobs.sqlite/results", "no-such-job"), (422, "GET", f"/jobs/{'9' * 300}", "about:blank"),
    (422, "GET", "/jobs?limit=0", "about:blank"), (422, "GET", "/jobs?limit=1001", "about:blank"),
    (422, "GET", "/jobs?status=done", "about:blank"), (422, "GET", "/jobs?processID=%00", "about:blank"),
    (400, "GET", "/jobs?nosuch=1", "about:blank"), (400, "GET", "/processes?limit=1", "about:blank"),
    (405, "PUT", "/jobs", "about:blank"), (405, "GET", "/processes/site/execution", "about:blank"),
    (405, "POST", "/jobs", "about:blank")])
def test_bad_addresses_get_a_problem(plain: TestClient, status: int, method: str, url: str, kind: str) -> None:
    answer = plain.request(method, url, headers={"content-type": "application/json"})
    named = kind if kind in ("", "about:blank") else OGC + kind
    assert is_problem(answer, status, named or Problem.model_validate_json(answer.content).type)


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_page_of_another_site_cannot_start_jobs(plain: TestClient, kind: str) -> None:
    answer = plain.post("/processes/site/execution", content=inputs(), headers={"content-type": kind} if kind else {})
    assert is_problem(answer, 415)


# --- Description ----------------------------------------------------------------------------------------------------

def test_processes_describe_themselves(plain: TestClient) -> None:
    body = jobmodels.Processes.model_validate_json(plain.get("/processes").content, strict=True)
    for summary in body.processes:
        told = jobmodels.Process.model_validate_json(plain.get(f"/processes/{summary.id}").content, strict=True)
        execute = next(link.href for link in told.links if link.rel.endswith("/execute"))
        assert execute == f"/processes/{summary.id}/execution"
        assert execute in plain.get("/openapi.json").json()["paths"]
        assert all(part["description"] and part["schema"] for part in told.inputs.values())
        assert told.outputs
    site = plain.get("/processes/site").json()
    assert {told.id for told in body.processes} == {"site", "scenario", "run"}
    assert [name for name, part in site["inputs"].items() if part["minOccurs"]] == ["layer"]
    assert (site["inputs"]["new"]["schema"]["anyOf"][0]["maximum"], site["outputs"]["objective"]["schema"]) == (
        50, {"type": ["number", "null"]})


# --- Documents ------------------------------------------------------------------------------------------------------

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "jobs.md").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_examples_of_the_page_work(served: Any, tmp_path: Path) -> None:
    _, address = served()
    script, = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    script = "set -euo pipefail\n" + script.replace("http://127.0.0.1:8000", address).replace("curl -sS", "curl -sSf")
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False,
                          timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    assert '"status":"dismissed"' in done.stdout
    assert [item["name"] for item in tomllib.loads((tmp_path / "sites.toml").read_text(encoding="utf-8"))["open"]] == [
        "丙村"]
    waiting, = get(f"{address}/jobs")["jobs"]
    assert waiting["processID"] == "scenario"


def test_settings_of_the_page_are_those_there_are() -> None:
    told = dict(re.findall(r"(?m)^\| `([A-Z_]+)` \| ([^|]+) \|", PAGE))
    known = {name.upper(): field.default for name, field in Settings.model_fields.items()
             if name not in ("run", "live")}
    assert set(told) == set(known)
    assert {name: float(value) for name, value in told.items() if value.isdecimal()} == {
        name: value for name, value in known.items() if isinstance(value, int | float)}
