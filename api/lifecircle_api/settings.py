"""Read the service's settings from the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What the service is told: ``LIFECIRCLE_API_RUN`` names the run directory that it serves."""

    model_config = SettingsConfigDict(env_prefix="LIFECIRCLE_API_")

    run: Path = Path("out/bazhou")
