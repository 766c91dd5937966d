"""Start jobs, say how far they are, give what they found and dismiss them: OGC API - Processes, Part 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from lifecircle_api import jobmodels
from lifecircle_api.bodies import JsonRoute
from lifecircle_api.errors import NoSuchJobError, NoSuchProcessError
from lifecircle_api.jobs import Jobs
from lifecircle_api.models import problem_responses
from lifecircle_api.processes import PROCESSES, Execution, describe, summary
from lifecircle_api.routes.planner import only_known_parameters, store_of
from lifecircle_api.store import encode

router = APIRouter(dependencies=[Depends(only_known_parameters)], route_class=JsonRoute,
                   responses=problem_responses(400))

ProcessId = Annotated[str, Path(max_length=200, description="Name of the process, as /processes lists it.")]
JobId = Annotated[str, Path(max_length=200, description="Id of the job: a UUID, as the answer to its start gives it.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="Most jobs to give.")]
Status = Annotated[jobmodels.State | None, Query(description="How the job is.")]
Kind = Annotated[str | None, Query(pattern=r"^[a-z]{1,40}$", description="Name of the process.")]
_RESULTS = "http://www.opengis.net/def/rel/ogc/1.0/results"


def jobs_of(request: Request) -> Jobs:
    """Give the queue of the service."""
    jobs: Jobs = request.app.state.jobs
    return jobs


@router.get("/processes", summary="Kinds of jobs", response_model=jobmodels.Processes)
async def processes(request: Request) -> Response:
    """List what can be asked for that takes longer than an answer may."""
    links = [_link("self", "/processes", "Kinds of jobs"), _link("up", "/", "The service"),
             _link("http://www.opengis.net/def/rel/ogc/1.0/job-list", "/jobs", "Jobs")]
    return _json({**store_of(request).stamp, "processes": [summary(name) for name in PROCESSES], "links": links})


@router.get("/processes/{process_id}", summary="A kind of job", response_model=jobmodels.Process,
            responses=problem_responses(404, 422))
async def process(process_id: ProcessId) -> Response:
    """Describe what a process is asked and what it answers."""
    if process_id not in PROCESSES:
        raise _no_process(process_id)
    return _json(describe(process_id))


def _start(name: str) -> Callable[..., Response]:
    """Give the route that starts a job of a process; its body is described and checked by the process's own model."""
    inputs = PROCESSES[name].inputs

    def start(request: Request, body: Any) -> Response:
        store = store_of(request)
        body.inputs.check_run(store)
        asked = body.inputs.model_dump_json(exclude_unset=True)
        job = jobs_of(request).submit(name, asked, store.stamp)
        return _json(_status(job), 201, {"Location": f"/jobs/{job['job_id']}", "Preference-Applied": "respond-async"})

    start.__annotations__["body"] = Execution[inputs]  # type: ignore[valid-type]
    start.__annotations__["request"], start.__annotations__["return"] = Request, Response
    start.__doc__ = f"{PROCESSES[name].description} The answer comes at once, with the address of the job."
    return start


for _name in PROCESSES:
    router.post(f"/processes/{_name}/execution", name=f"start_{_name}", status_code=201,
                summary=f"Start a job: {PROCESSES[_name].title}", response_model=jobmodels.Job,
                responses=problem_responses(413, 415, 422, 429, 503))(_start(_name))


@router.post("/processes/{process_id}/execution", include_in_schema=False)
async def start_unknown(process_id: ProcessId) -> Response:
    """Say that there is no such process."""
    raise _no_process(process_id)


@router.get("/jobs", summary="Jobs, the newest first", response_model=jobmodels.JobList,
            responses=problem_responses(422, 503))
def job_list(request: Request, limit: Limit = 100, status: Status = None, processID: Kind = None,  # noqa: N803
             ) -> Response:
    """List jobs that wait, run or have ended; those that ended long ago are forgotten."""
    found = jobs_of(request).table.listing(limit=limit, status=status, process=processID)
    return _json({**store_of(request).stamp, "jobs": [_status(job) for job in found],
                  "links": [_link("self", "/jobs", "Jobs"), _link("up", "/processes", "Kinds of jobs")]})


@router.get("/jobs/{job_id}", summary="How far a job is", response_model=jobmodels.Job,
            responses=problem_responses(404, 422, 503))
def job(request: Request, job_id: JobId) -> Response:
    """Give status, progress in percent, and a message: the step at work, or why the job failed."""
    return _json(_status(jobs_of(request).table.get(_uuid(job_id))), headers={"Cache-Control": "no-store"})


@router.get("/jobs/{job_id}/results", summary="What a job found", response_model=jobmodels.Results,
            responses=problem_responses(404, 410, 422, 503))
def results(request: Request, job_id: JobId) -> Response:
    """Give the outputs of a job that is successful."""
    return Response(jobs_of(request).table.results(_uuid(job_id)), media_type="application/json")


@router.delete("/jobs/{job_id}", summary="Dismiss a job", response_model=jobmodels.Job,
               responses=problem_responses(404, 422, 503))
def dismiss(request: Request, job_id: JobId) -> Response:
    """Stop a job that waits or runs; forget one that has ended, with its results."""
    return _json(_status(jobs_of(request).dismiss(_uuid(job_id))))


def _status(job: dict[str, Any]) -> dict[str, Any]:
    """Give the status of a job as OGC API - Processes has it."""
    here = f"/jobs/{job['job_id']}"
    links = [_link("self", here, "This job"), _link("up", "/jobs", "Jobs")]
    if job["status"] == "successful":
        links.append(_link(_RESULTS, f"{here}/results", "What it found"))
    times = {name: job[name] for name in ("created", "started", "finished", "updated")}
    return {**job["stamp"], "jobID": job["job_id"], "processID": job["process"], "type": "process",
            "status": job["status"], "progress": job["progress"], "message": job["message"], **times, "links": links}


def _uuid(job_id: str) -> str:
    try:
        return str(UUID(job_id))
    except ValueError:
        raise NoSuchJobError(f"{job_id[:80]}: no id of a job; see /jobs") from None


def _no_process(process_id: str) -> NoSuchProcessError:
    return NoSuchProcessError(f"there is no process {process_id[:80]}; there are {', '.join(PROCESSES)}")


def _link(rel: str, href: str, title: str) -> dict[str, str]:
    return {"rel": rel, "href": href, "type": "application/json", "title": title}


def _json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(encode(content), status, headers, media_type="application/json")
