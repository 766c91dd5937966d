"""Run jobs one after the other, each in a process of its own, and end those that take too long or are dismissed."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

from lifecircle.errors import InputError
from lifecircle.outputs.atomic import hold
from lifecircle_api.jobtable import JobTable
from lifecircle_api.settings import Settings

_log = logging.getLogger("uvicorn.error")
#: How often the service looks after its workers, and after jobs that another process took in.
_LOOK_S, _IDLE_S = 0.1, 1.0
#: As `JobTable.add` gives it.
_JOB_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Worker:
    """A job at work: its process, and the moment by which it must be done."""

    process: subprocess.Popen[bytes]
    attempt: int
    deadline_s: float


class Jobs:
    """The queue of a service, and the thread that works it off.

    Parameters
    ----------
    settings : Settings

    Notes
    -----
    All that is known of jobs is in the table on disk. Of several services with one state folder, the one that holds
    its lock does the work. A worker ends with its service, even one that is killed: its standard input then closes.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.table = JobTable(settings.state_folder)
        self._at_work: dict[str, Worker] = {}
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def start(self) -> None:
        """Go on with the jobs that an earlier service left; without any, nothing is begun."""
        if self.table.there():
            self._begin()

    def submit(self, process: str, inputs: str, stamp: dict[str, Any]) -> dict[str, Any]:
        """Take a job in and give its status; parameters and errors as for `JobTable.add`."""
        job_id = self.table.add(process, inputs, stamp, most_waiting=self.settings.jobs_waiting)
        self._begin()
        self._wake.set()
        return self.table.get(job_id)

    def dismiss(self, job_id: str) -> dict[str, Any]:
        """End or forget a job; see `JobTable.dismiss`."""
        job = self.table.dismiss(job_id)
        self._wake.set()
        return job

    def stop(self) -> None:
        """End the workers; their jobs wait for the next service."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _begin(self) -> None:
        with self._starting:
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        """Work the queue off, as soon as no other service does."""
        while not self._stop.is_set():
            try:
                with hold(self.table.folder):
                    self._work()
            except InputError:
                self._stop.wait(_IDLE_S)
            except (OSError, sqlite3.Error):
                _log.exception("the jobs cannot be worked off")
                self._stop.wait(10 * _IDLE_S)

    def _work(self) -> None:
        self.table.requeue()
        self._tidy()
        try:
            while not self._stop.is_set():
                self._look_after()
                while len(self._at_work) < self.settings.jobs_at_once and (job := self.table.take()) is not None:
                    self._at_work[job["job_id"]] = self._employ(job)
                if self._wake.wait(_LOOK_S if self._at_work else _IDLE_S):
                    self._wake.clear()
                    self._tidy()
        finally:
            for worker in self._at_work.values():
                _kill(worker.process)
            self._at_work.clear()
            self.table.requeue()

    def _employ(self, job: dict[str, Any]) -> Worker:
        """Start the process of a job; what it is to do it reads from its standard input."""
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS}
        process = subprocess.Popen([sys.executable, "-P", "-m", "lifecircle_api.worker"], stdin=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, **apart)
        order = {"job_id": job["job_id"], "attempt": job["attempt"], "process": job["process"], "inputs": job["inputs"],
                 "stamp": job["stamp"], "settings": self.settings.model_dump(mode="json")}
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(order).encode() + b"\n")
            process.stdin.flush()
        except OSError:  # It ended at once; `_look_after` says so.
            pass
        return Worker(process, job["attempt"], time.monotonic() + 60.0 * self.settings.job_minutes)

    def _look_after(self) -> None:
        for job_id, worker in list(self._at_work.items()):
            reason = self._reason(job_id, worker)
            if reason is None:
                continue
            _kill(worker.process)
            if reason and self.table.fail(job_id, worker.attempt, reason):
                _log.warning("job %s failed: %s", job_id, reason)
            del self._at_work[job_id]
            self._tidy()

    def _tidy(self) -> None:
        """Forget old jobs, and delete what no job has any more: its folder to work in, and runs that were forgotten.

        Only what has the id of a job for its name: the state folder may be one in which people keep runs of their own.
        """
        self.table.forget(days=self.settings.jobs_kept_days, most=self.settings.jobs_kept)
        kept = {job["job_id"] for job in self.table.listing(limit=-1)}
        kept |= set(self.settings.run.resolve().parts)  # a run that was made here, and is served now
        for folder, of in (("work", set(self._at_work)), ("runs", kept)):
            for path in (self.table.folder / folder).glob("*"):
                job_id = path.name.lstrip(".").partition(".")[0]  # .ID.new and .ID.lock belong to it too
                if job_id in of or not _JOB_ID.fullmatch(job_id):
                    continue
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)

    def _reason(self, job_id: str, worker: Worker) -> str | None:
        """Say why a worker is to end: "" where all is well, None where it is not to."""
        code = worker.process.poll()
        if code is not None:
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            return f"计算进程中断 (the worker was stopped: {how}); ask again, for less if the memory ran out"
        if time.monotonic() > worker.deadline_s:
            return (f"超过时限 (it took longer than {self.settings.job_minutes:g} minutes); ask for less, or raise "
                    "LIFECIRCLE_API_JOB_MINUTES")
        return None if self.table.running(job_id, worker.attempt) else ""


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    if process.poll() is None:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
