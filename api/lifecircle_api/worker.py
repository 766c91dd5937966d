"""Do one job in a process of its own: ``python -m lifecircle_api.worker``, as `lifecircle_api.jobs` starts it."""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback

from lifecircle.errors import LifecircleError
from lifecircle_api.jobprogress import Reporter
from lifecircle_api.jobtable import JobTable
from lifecircle_api.settings import Settings


def main() -> None:
    """Read the order from standard input, do it, and end with the service that gave it."""
    order = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_service, daemon=True).start()
    if sys.platform != "win32":
        os.nice(10)
    settings = Settings.model_validate(order["settings"])
    table, job_id, attempt = JobTable(settings.state_folder), order["job_id"], order["attempt"]
    report = Reporter(table, job_id, attempt)
    report.say("start")
    from lifecircle_api.work import do

    try:
        results = do(order["process"], order["inputs"], order["stamp"], settings, report)
    except LifecircleError as error:
        table.fail(job_id, attempt, str(error))
    except MemoryError:
        table.fail(job_id, attempt, "内存不足 (the memory ran out); ask for less")
    except Exception:
        traceback.print_exc()
        table.fail(job_id, attempt, "内部错误 (the job failed on a fault of ours; see the service's log)")
    else:
        report.say("write results")
        table.succeed(job_id, attempt, results)


def _end_with_service() -> None:
    """Wait until the service closes our standard input, which it does only by ending."""
    while os.read(0, 4096):  # not through sys.stdin, whose lock would be held when Python ends
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
