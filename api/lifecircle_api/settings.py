"""Read the service's settings from the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What the service is told, each by an environment variable with the prefix ``LIFECIRCLE_API_``.

    Attributes
    ----------
    run : Path
        The run directory that it serves.
    runfile : Path or None
        The run file of that run; its inputs are read again for what-if answers. None: they are looked for in the
        current folder and beside the run directory.
    allow : tuple of Path
        Further folders that the inputs may be read from; in the environment a list in JSON.
    live : bool
        Hold the district warm for what-if answers.
    """

    model_config = SettingsConfigDict(env_prefix="LIFECIRCLE_API_")

    run: Path = Path("out/bazhou")
    runfile: Path | None = None
    allow: tuple[Path, ...] = ()
    live: bool = True
