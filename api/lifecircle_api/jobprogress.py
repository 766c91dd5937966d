"""Say in percent and in words how far a job is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lifecircle.progress import Progress
from lifecircle_api.jobtable import JobTable

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
    """Tell the table of jobs, instead of a terminal, which step is at work.

    Attributes
    ----------
    span : tuple
        Percent between which the steps lie that follow, where they run more than once.
    """

    def __init__(self, table: JobTable, job_id: str, attempt: int) -> None:
        super().__init__(show=False)
        self.table, self.job_id, self.attempt = table, job_id, attempt
        self.span = (0, 100)

    def say(self, step: str, share: float = 0.0) -> None:
        """Report a step, and how much of it is done."""
        begin, label = STEPS.get(step, (0, step))
        end = min((other for other, _ in STEPS.values() if other > begin), default=100)
        low, high = self.span
        percent = low + (high - low) * (begin + share * (end - begin)) / 100
        self.table.report(self.job_id, self.attempt, int(percent), f"{label} ({step})")

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
