"""Describe what processes and jobs answer, for OpenAPI and for clients that check."""

from __future__ import annotations

from typing import Any, Literal

from lifecircle_api.models import Link, Model, Stamp

State = Literal["accepted", "running", "successful", "failed", "dismissed"]


class ProcessSummary(Model):
    """A kind of job, in a few words."""

    id: str
    version: str
    title: str
    description: str
    jobControlOptions: list[Literal["async-execute", "dismiss"]]  # noqa: N815 - the names of OGC API - Processes
    outputTransmission: list[Literal["value"]]  # noqa: N815
    links: list[Link]


class Processes(Stamp):
    """All kinds of jobs."""

    processes: list[ProcessSummary]
    links: list[Link]


class Process(ProcessSummary):
    """A kind of job, with what it is asked and what it answers."""

    inputs: dict[str, Any]
    outputs: dict[str, Any]


class Job(Stamp):
    """How far a job is; run_id, quality and notice are those of the run that it was asked of."""

    jobID: str  # noqa: N815
    processID: str  # noqa: N815
    type: Literal["process"]
    status: State
    progress: int
    message: str
    created: str
    started: str | None
    finished: str | None
    updated: str
    links: list[Link]


class JobList(Stamp):
    """Jobs, the newest first."""

    jobs: list[Job]
    links: list[Link]


class Results(Stamp):
    """What a job found; the other keys are the outputs of its process."""

    model_config = {"extra": "allow"}
