"""Asynchronous requests and batches: a job of tasks, each an ordinary request that is done later, one after the other."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from integrations.sandbox.messages import Json, Request, Response
from integrations.sandbox.netsuite.faults import VendorFault, not_found

ROOT = "/services/rest/async/v1/job"
Task = Callable[[], Response]


@dataclass
class Job:
    """One accepted request. Its tasks are done when its time has come."""

    id: str
    tasks: list[Task]
    ready_at: float
    results: list[Response] = field(default_factory=list)
    started: str = ""
    ended: str = ""

    @property
    def is_done(self) -> bool:
        return bool(self.ended)


class Jobs:
    """The queue, in order; whatever request comes next does what is due."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._waiting: list[Job] = []
        self._keys: dict[str, Job] = {}

    def submit(self, request: Request, tasks: list[Task], *, seconds: float) -> Response:
        """Accept a request; refuse a repeated idempotency key with the address of the first job. Raises VendorFault."""
        key = request.headers.get("x-netsuite-idempotency-key", "")
        applied = ("Preference-Applied", "respond-async")
        if key:
            try:
                UUID(key)
            except ValueError as error:
                raise VendorFault("INVALID_HEADER", "Invalid value of header 'X-NetSuite-Idempotency-Key'.") from error
            if key in self._keys:
                raise VendorFault(
                    "IDEMPOTENCY_ERROR",
                    'A request with the same idempotency key is already submitted. See the "Location" header for a link '
                    "to the previously submitted job",
                    headers=(applied, ("Location", f"{ROOT}/{self._keys[key].id}")),
                )
        job = Job(str(len(self._jobs) + 1), tasks, time.monotonic() + seconds)
        self._jobs[job.id] = job
        self._waiting.append(job)
        if key:
            self._keys[key] = job
        return Response(202, headers=(applied, ("Location", f"{ROOT}/{job.id}")))

    def forget_keys(self) -> int:
        """Forget the idempotency keys; give how many."""
        count = len(self._keys)
        self._keys.clear()
        return count

    def run_due(self) -> None:
        """Do the jobs whose time has come."""
        while self._waiting and self._waiting[0].ready_at <= time.monotonic():
            job = self._waiting.pop(0)
            job.started = _now()
            job.results = [task() for task in job.tasks]
            job.ended = _now()

    def answer(self, request: Request) -> Response:
        """Answer a question about a job, its tasks or a task's result. Raises VendorFault."""
        parts = request.path.removeprefix(ROOT).strip("/").split("/")
        job = self._jobs.get(parts[0])
        if job is None or request.method != "GET":
            raise not_found()
        here = f"{request.base_url}{ROOT}/{job.id}"
        if len(parts) == 1:
            return Response.json(
                {
                    "links": [{"rel": "self", "href": here}],
                    "completed": job.is_done,
                    "id": job.id,
                    "progress": "succeeded" if job.is_done else "pending",
                    "task": {"links": [{"rel": "self", "href": f"{here}/task"}]},
                }
            )
        if parts[1] != "task":
            raise not_found()
        if len(parts) == 2:
            items = [_task(job, here, number) for number in range(1, len(job.tasks) + 1)]
            page: Json = {"links": [{"rel": "self", "href": f"{here}/task"}], "items": items, "offset": 0}
            return Response.json(page | {"count": len(items), "hasMore": False, "totalResults": len(items)})
        number = int(parts[2]) if parts[2].isdigit() else 0
        if not 1 <= number <= len(job.tasks):
            raise not_found()
        if len(parts) == 3:
            return Response.json(_task(job, here, number))
        if parts[3] != "result" or not job.is_done:
            raise not_found()
        return job.results[number - 1]


def _task(job: Job, here: str, number: int) -> Json:
    task: Json = {
        "links": [
            {"rel": "related", "href": f"{here}/task/{number}/result"},
            {"rel": "self", "href": f"{here}/task/{number}"},
        ],
        "completed": job.is_done,
        "id": str(number),
        "progress": "pending",
    }
    if job.is_done:
        failed = job.results[number - 1].status >= 400
        task |= {"progress": "failed" if failed else "succeeded", "startTime": job.started, "endTime": job.ended}
    return task


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
