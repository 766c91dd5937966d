"""Read the service's settings from the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What the service is told, each by an environment variable with the prefix ``LIFECIRCLE_API_``.

    Attributes
    ----------
    run : Path
        The run directory that it serves.
    runfile : Path or None
        The run file of that run; its inputs are read again for what-if answers and jobs. None: they are looked for in
        the current folder and beside the run directory.
    allow : tuple of Path
        Further folders that the inputs may be read from; in the environment a list in JSON.
    live : bool
        Hold the district warm for what-if answers.
    state : Path or None
        Folder in which jobs are kept. None: beside the run directory, with ``.jobs`` behind its name.
    jobs_waiting : int
        Jobs that may wait; more are refused.
    jobs_at_once : int
        Jobs at work at the same time, each in a process of its own.
    job_minutes : float
        A job that takes longer fails.
    jobs_kept : int
        Jobs that have ended are kept, the newest so many …
    jobs_kept_days : float
        … and so many days.
    """

    model_config = SettingsConfigDict(env_prefix="LIFECIRCLE_API_")

    run: Path = Path("out/bazhou")
    runfile: Path | None = None
    allow: tuple[Path, ...] = ()
    live: bool = True
    state: Path | None = None
    jobs_waiting: int = Field(default=8, ge=1)
    jobs_at_once: int = Field(default=1, ge=1)
    job_minutes: float = Field(default=10.0, gt=0)
    jobs_kept: int = Field(default=100, ge=1)
    jobs_kept_days: float = Field(default=30.0, gt=0)

    @property
    def state_folder(self) -> Path:
        """Give the folder in which jobs are kept."""
        run = self.run.resolve()
        return run.parent / f"{run.name}.jobs" if self.state is None else self.state.resolve()
