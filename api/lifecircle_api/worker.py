"""Do one job in a process of its own: ``python -m lifecircle_api.worker``, as `lifecircle_api.jobs` starts it."""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lifecircle.errors import LifecircleError
from lifecircle.progress import Progress
from lifecircle_api.jobtable import JobTable
from lifecircle_api.settings import Settings

#: Step -> how far a job is when it begins, and its name in Chinese. Steps stand in the order in which they run.
STEPS: dict[str, tuple[int, str]] = {
    "start": (1, "启动"), "check inputs": (2, "核对输入"),
    "read boundaries": (4, "读取边界"), "read roads": (6, "读取道路"), "prove coordinates": (12, "核对坐标"),
    "read barriers": (14, "读取阻隔"), "read people": (16, "读取人口"), "read facilities": (20, "读取设施"),
    "read the plan's figures": (23, "读取规划指标"), "apply the scenario": (24, "应用情景"),
    "solve travel times": (25, "计算出行时间"), "lay out candidates": (45, "布设候选点"), "choose sites": (50, "选址"),
    "choose again in every draw": (70, "抽样复选"), "judge the roads": (45, "评价道路"),
    "compute indicators": (55, "计算指标"), "draw intervals": (60, "计算区间"), "describe": (70, "整理"),
    "compute gains": (75, "计算收益"), "draw service areas": (80, "绘制服务圈"), "compare": (90, "前后对比"),
    "write run directory": (92, "写出结果"), "write results": (98, "写出结果"),
}


class Reporter(Progress):
    """Tell the table of jobs, instead of a terminal, which step is at work."""

    def __init__(self, table: JobTable, job_id: str, attempt: int) -> None:
        super().__init__(show=False)
        self.table, self.job_id, self.attempt = table, job_id, attempt

    def say(self, step: str, share: float = 0.0) -> None:
        """Report a step, and how much of it is done."""
        begin, label = STEPS.get(step, (0, step))
        end = min((other for other, _ in STEPS.values() if other > begin), default=100)
        self.table.report(self.job_id, self.attempt, int(begin + share * (end - begin)), f"{label} ({step})")

    @contextmanager
    def step(self, name: str, total: int | None = None) -> Iterator[Callable[[], None]]:
        """Report one step, and how far it is where it says how many pieces it has."""
        done = 0

        def advance() -> None:
            nonlocal done
            done += 1
            if total and done * 10 // total > (done - 1) * 10 // total:
                self.say(name, done / total)

        self.say(name)
        with super().step(name, total):
            yield advance


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
