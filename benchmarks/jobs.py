"""Kill the service at random moments while jobs wait and run, and time its answers beside a siting job; JSON out.

    python benchmarks/jobs.py DIR --runfile FILE [--kills 20] [--seconds 20]

DIR is a finished run, FILE its run file. Jobs are kept in a folder that is deleted afterwards.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ENDED = ("successful", "failed", "dismissed")


class Service:
    """A real server of a run, to be started and killed."""

    def __init__(self, run: Path, runfile: Path, state: Path) -> None:
        self.command = [sys.executable, "-m", "lifecircle", "serve", str(run), "--runfile", str(runfile), "--port", "0"]
        self.environment = {**os.environ, "LIFECIRCLE_API_STATE": str(state), "LIFECIRCLE_API_LIVE": "false",
                            "LIFECIRCLE_API_JOBS_WAITING": "1000"}

    def start(self) -> float:
        """Start it and give the seconds until it answers."""
        begin = time.perf_counter()
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                        env=self.environment)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().strip().rstrip("/").rsplit(":", 1)[1])
        while True:
            try:
                self.ask("GET", "/healthz")
                return time.perf_counter() - begin
            except OSError:
                time.sleep(0.01)

    def ask(self, method: str, path: str, content: Any = None) -> tuple[dict[str, str], Any]:
        """Ask one question; an error of the service ends the benchmark."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            body = None if content is None else json.dumps(content)
            line.request(method, path, body, {"content-type": "application/json"})
            answer = line.getresponse()
            read = answer.read()
            if answer.status >= 400:
                raise SystemExit(f"{method} {path}: {answer.status} {read.decode()}")
            return dict(answer.getheaders()), json.loads(read)
        finally:
            line.close()

    def site(self, layer: str, new: int, **more: Any) -> str:
        """Start a siting job and give its address."""
        asked = {"inputs": {"layer": layer, "new": new, **more}}
        return self.ask("POST", "/processes/site/execution", asked)[0]["location"]

    def end(self, how: signal.Signals = signal.SIGTERM) -> float:
        """Stop or kill it and give the seconds that takes."""
        begin = time.perf_counter()
        self.process.send_signal(how)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return time.perf_counter() - begin


def kills(service: Service, layer: str, count: int, seed: int) -> dict[str, Any]:
    """Kill the service at random moments of jobs; afterwards every job must have ended well, each with one answer."""
    moments, ready, asked, at_work = random.Random(seed), [], [], 0
    for number in range(count):
        ready.append(service.start())
        asked.append((service.site(layer, 1 + number % 5), 1 + number % 5))
        time.sleep(moments.uniform(0.0, 6.0))
        at_work += any(job["status"] == "running" for job in service.ask("GET", "/jobs")[1]["jobs"])
        service.end(signal.SIGKILL)
    ready.append(service.start())
    answers: dict[int, set[str]] = {}
    states = []
    for address, new in asked:
        while (job := service.ask("GET", address)[1])["status"] not in ENDED:
            time.sleep(0.1)
        states.append(job["status"])
        if job["status"] == "successful":
            answers.setdefault(new, set()).add(json.dumps(service.ask("GET", f"{address}/results")[1], sort_keys=True))
    return {"kills": count, "kills_with_a_job_at_work": at_work, "jobs": len(asked),
            "successful": states.count("successful"), "different_answers_to_one_question":
            sum(len(found) - 1 for found in answers.values()), "ready_s_worst": round(max(ready), 2),
            "sigterm_s": round(service.end(), 2)}


def beside(service: Service, layer: str, seconds: float) -> dict[str, Any]:
    """Time the gap list, 16 callers at once, while siting jobs run, and alone."""
    service.start()
    rows = {"alone": _timed(service, seconds)}
    with _busy(service, layer):
        rows["during_a_siting_job"] = _timed(service, seconds)
    service.end()
    return rows


@contextmanager
def _busy(service: Service, layer: str) -> Iterator[None]:
    """Keep siting jobs at work."""
    jobs = [service.site(layer, 20, candidates="roads:500", draws=50) for _ in range(4)]
    while service.ask("GET", jobs[0])[1]["status"] != "running":
        time.sleep(0.05)
    yield
    states = [service.ask("GET", job)[1]["status"] for job in jobs]
    assert states[-1] not in ENDED, "the jobs ended before the callers"
    for job in jobs:
        service.ask("DELETE", job)


def _timed(service: Service, seconds: float) -> dict[str, float]:
    took: list[float] = []
    until = time.perf_counter() + seconds

    def call() -> None:
        line = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        while (begin := time.perf_counter()) < until:
            line.request("GET", "/gaps?limit=50")
            answer = line.getresponse()
            answer.read()
            assert answer.status == 200
            took.append(1000 * (time.perf_counter() - begin))
        line.close()

    callers = [threading.Thread(target=call) for _ in range(16)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    cuts = statistics.quantiles(took, n=100)
    return {"requests_per_s": round(len(took) / seconds), "p50_ms": round(cuts[49], 1), "p99_ms": round(cuts[98], 1)}


def main() -> None:
    """Read the options, measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--runfile", type=Path, required=True)
    parser.add_argument("--layer", default="clinics")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found: dict[str, Any] = {}
        if told.kills:
            found["killed"] = kills(Service(told.run, told.runfile, Path(folder) / "killed"), told.layer, told.kills,
                                    told.seed)
        if told.seconds:
            found["beside"] = beside(Service(told.run, told.runfile, Path(folder) / "beside"), told.layer, told.seconds)
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
