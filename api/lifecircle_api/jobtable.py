"""Keep jobs on disk: one SQLite table, each change one transaction, so that a crash loses and halves nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from lifecircle_api.errors import FailedJobError, NoSuchJobError, NotReadyError, QueueFullError, ResultNotReadyError

#: What a job may be; the last three are the end of it.
STATES: tuple[str, ...] = ("accepted", "running", "successful", "failed", "dismissed")
_TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, job_id TEXT NOT NULL UNIQUE, process TEXT NOT NULL, inputs TEXT NOT NULL,
    stamp TEXT NOT NULL, status TEXT NOT NULL, progress INTEGER NOT NULL, message TEXT NOT NULL, created TEXT NOT NULL,
    started TEXT, finished TEXT, updated TEXT NOT NULL, attempt INTEGER NOT NULL, results BLOB)
"""
_SHOWN = "job_id, process, stamp, status, progress, message, created, started, finished, updated"
#: A job is begun so many times at most.
MOST_ATTEMPTS = 5
_GIVEN_UP = (f"服务在运算中停止 {MOST_ATTEMPTS} 次，不再重试 (given up: the service was stopped {MOST_ATTEMPTS} times "
             "while the job ran); ask again, for less if the memory ran out")
#: Seconds to wait for another process that writes.
_BUSY_S = 10.0


class JobTable:
    """The jobs of a state folder; every process opens its own.

    Parameters
    ----------
    folder : Path
        Made with the first job.

    Notes
    -----
    A job has a number of attempts. A worker may write only while its job runs in its own attempt, so that a job that
    was dismissed, ran out of time, or was begun again is never ended by a worker that nobody waits for.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "jobs.sqlite"

    def there(self) -> bool:
        """Tell whether any job was ever asked for."""
        return self.path.is_file()

    def add(self, process: str, inputs: str, stamp: dict[str, Any], *, most_waiting: int) -> str:
        """Put a job into the queue and give its id.

        Parameters
        ----------
        process : str
        inputs : str
            JSON, as the process has checked it.
        stamp : dict
            Of the run that it is asked of.
        most_waiting : int

        Raises
        ------
        QueueFullError
            If so many wait already.
        NotReadyError
            If the state folder cannot be written.
        """
        job_id, now = str(uuid4()), _now()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NotReadyError(f"jobs cannot be kept: {error.strerror}; set LIFECIRCLE_API_STATE to a folder that "
                                "can be written") from error
        with self._change() as base:
            waiting = base.execute("SELECT count(*) AS number FROM jobs WHERE status = 'accepted'").fetchone()["number"]
            if waiting >= most_waiting:
                raise QueueFullError(f"{waiting} jobs wait already; ask again later, or dismiss one")
            base.execute("INSERT INTO jobs (job_id, process, inputs, stamp, status, progress, message, created, "
                         "updated, attempt) VALUES (?, ?, ?, ?, 'accepted', 0, '排队中 (waiting)', ?, ?, 0)",
                         (job_id, process, inputs, json.dumps(stamp, ensure_ascii=False), now, now))
        return job_id

    def get(self, job_id: str) -> dict[str, Any]:
        """Give a job without its results.

        Raises
        ------
        NoSuchJobError
        """
        row = self._row(f"SELECT {_SHOWN} FROM jobs WHERE job_id = ?", job_id)
        if row is None:
            raise NoSuchJobError(f"there is no job {job_id[:80]}; see /jobs")
        return _shown(row)

    def listing(self, *, limit: int, status: str | None = None, process: str | None = None) -> list[dict[str, Any]]:
        """List jobs, the newest first."""
        return [_shown(row) for row in self._rows(
            f"SELECT {_SHOWN} FROM jobs WHERE (?1 IS NULL OR status = ?1) AND (?2 IS NULL OR process = ?2) "
            "ORDER BY number DESC LIMIT ?3", status, process, limit)]

    def results(self, job_id: str) -> bytes:
        """Give what a job found, as JSON.

        Raises
        ------
        NoSuchJobError
        ResultNotReadyError
            While it waits or runs.
        FailedJobError
            If it failed or was dismissed.
        """
        job = self.get(job_id)
        if job["status"] in ("accepted", "running"):
            raise ResultNotReadyError(f"job {job_id} is {job['status']}, {job['progress']} %; ask again later")
        if job["status"] != "successful":
            raise FailedJobError(f"job {job_id} is {job['status']}: {job['message']}")
        found = self._row("SELECT results FROM jobs WHERE job_id = ?", job_id)
        return b"" if found is None else bytes(found["results"])

    def dismiss(self, job_id: str) -> dict[str, Any]:
        """End a job that waits or runs, or forget one that is done; give it as it is then.

        Raises
        ------
        NoSuchJobError
        """
        self.get(job_id)
        with self._change() as base:
            base.execute("UPDATE jobs SET status = 'dismissed', message = '已取消 (dismissed)', finished = ?1, "
                         "updated = ?1 WHERE job_id = ?2 AND status IN ('accepted', 'running')", (_now(), job_id))
            row = base.execute(f"SELECT changes() AS ended, {_SHOWN} FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
            if row is None:
                raise NoSuchJobError(f"there is no job {job_id[:80]}; see /jobs")
            if not row.pop("ended"):
                base.execute("DELETE FROM jobs WHERE job_id = ?", (job_id,))
        return {**_shown(row), "status": "dismissed"}

    # --- For those who do the work ----------------------------------------------------------------------------------

    def take(self) -> dict[str, Any] | None:
        """Begin the job that has waited longest; None where none waits."""
        with self._change() as base:
            row = base.execute("UPDATE jobs SET status = 'running', attempt = attempt + 1, progress = 0, "
                               "message = '启动中 (starting)', started = ?1, updated = ?1 WHERE number = "
                               "(SELECT min(number) FROM jobs WHERE status = 'accepted') RETURNING *",
                               (_now(),)).fetchone()
        return None if row is None else {**row, "stamp": json.loads(row["stamp"]), "inputs": json.loads(row["inputs"])}

    def requeue(self) -> int:
        """Let jobs wait again that ran when their service was stopped; say how many.

        One that has been begun `MOST_ATTEMPTS` times fails: it may be what takes the service down each time.
        """
        with self._change() as base:
            base.execute("UPDATE jobs SET status = 'failed', finished = ?1, updated = ?1, message = ?2 "
                         "WHERE status = 'running' AND attempt >= ?3", (_now(), _GIVEN_UP, MOST_ATTEMPTS))
            return base.execute("UPDATE jobs SET status = 'accepted', progress = 0, started = NULL, updated = ?, "
                                "message = '服务重启，重新排队 (waiting again: the service was stopped)' "
                                "WHERE status = 'running'", (_now(),)).rowcount

    def running(self, job_id: str, attempt: int) -> bool:
        """Tell whether a job still runs, in this attempt."""
        return self._row("SELECT 1 FROM jobs WHERE job_id = ? AND attempt = ? AND status = 'running'", job_id,
                         attempt) is not None

    def report(self, job_id: str, attempt: int, progress: int, message: str) -> None:
        """Say how far a job is; progress never falls."""
        self._told(job_id, attempt, "progress = max(progress, ?), message = ?", progress, message)

    def succeed(self, job_id: str, attempt: int, results: bytes) -> bool:
        """End a job with what it found, in one step; False if nobody waits for it any more."""
        return self._told(job_id, attempt, "status = 'successful', progress = 100, message = '完成 (done)', "
                          "results = ?, finished = ?", results, _now())

    def fail(self, job_id: str, attempt: int, reason: str) -> bool:
        """End a job with the reason why it found nothing; False if it had ended before."""
        return self._told(job_id, attempt, "status = 'failed', message = ?, finished = ?", reason[:2000], _now())

    def forget(self, *, days: float, most: int) -> None:
        """Delete jobs that ended more than so many days ago, and all but so many of the newest that have ended."""
        old = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
        with self._change() as base:
            base.execute("DELETE FROM jobs WHERE finished < ? OR number IN (SELECT number FROM jobs WHERE finished IS "
                         "NOT NULL ORDER BY number DESC LIMIT -1 OFFSET ?)", (old, most))

    def _told(self, job_id: str, attempt: int, setting: str, *values: Any) -> bool:
        with self._change() as base:
            return bool(base.execute(f"UPDATE jobs SET {setting}, updated = ? WHERE job_id = ? AND attempt = ? AND "
                                     "status = 'running'", (*values, _now(), job_id, attempt)).rowcount)

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """Change the table in one transaction; others wait."""
        with closing(self._open()) as base:
            base.execute("BEGIN IMMEDIATE")
            try:
                yield base
            except BaseException:
                base.execute("ROLLBACK")
                raise
            base.execute("COMMIT")

    def _open(self) -> sqlite3.Connection:
        base = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)
        base.row_factory = lambda cursor, row: dict(zip((name for name, *_ in cursor.description), row, strict=True))
        base.execute("PRAGMA journal_mode = WAL")
        base.execute(_TABLE)
        return base

    def _rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        if not self.there():
            return []
        with closing(self._open()) as base:
            return [dict(row) for row in base.execute(query, values)]

    def _row(self, query: str, *values: Any) -> dict[str, Any] | None:
        return next(iter(self._rows(query, *values)), None)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "stamp": json.loads(row["stamp"])}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
