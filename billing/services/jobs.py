"""Long work: started by a person, run by a worker, its progress visible to everybody while it runs.

An app says what kinds of work it has in its module `jobs`, found by name when a kind is first asked for. The job's row is
the record; the task of django-q2 is only a wake-up, which may be lost or doubled. Whether a job is really being worked on
is told by an advisory lock that its worker holds: it goes when the worker dies, however it dies.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any

from django.conf import settings
from django.db import connection, connections, transaction
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules
from django_q.tasks import async_task

from billing.errors import BillingError
from billing.models import Job, JobFile, JobStatus
from billing.refusals import database_refusal, refusals
from billing.tenancy import Actor, current_tenant_id, tenant_scope

Progress = Callable[[int, int], None]
_LOCK_SPACE = 0x636F756E  # Tells our advisory locks from others in the same database.
_EVERY_SECONDS = 1.0
_LONGEST_SECONDS = 6 * 3600
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobResult:
    """What a job did: one sentence, lines of detail such as rejected rows, and what it made or was about, as model and id.

    `onward` is what the link to that says. `files` are names and contents to be downloaded, each made when it is asked for, so
    that one at a time is in memory.
    """

    words: str
    details: tuple[str, ...] = ()
    about: tuple[str, int] | None = None
    onward: str = "Look at the result"
    files: Iterable[tuple[str, bytes]] = ()


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of long work. `run` gets the job's parameters; its text of a ValueError is shown to the person."""

    code: str
    label: str
    run: Callable[[Mapping[str, Any], Progress], JobResult]


_kinds: dict[str, JobKind] = {}


def register(kind: JobKind) -> None:
    """Make a kind of work startable. Called by the apps' modules `jobs`."""
    _kinds[kind.code] = kind


def job_kind(code: str) -> JobKind:
    """Find a kind of work. Raises BillingError."""
    if code not in _kinds:
        autodiscover_modules("jobs")
    if code not in _kinds:
        raise BillingError(f"There is no kind of work “{code}”.")
    return _kinds[code]


@transaction.atomic
def start_job(*, kind: str, title: str, parameters: Mapping[str, Any], user: Any) -> Job:
    """Record a job and wake a worker after the commit. Raises BillingError for an unknown kind."""
    job_kind(kind)
    job = Job.objects.create(
        tenant_id=current_tenant_id(), kind=kind, title=title, parameters=dict(parameters), created_by=user
    )
    _wake(job)
    return job


@transaction.atomic
def restart_job(*, job_id: int) -> Job:
    """Put a failed or abandoned job back in line; what it did before is kept, and it goes on from there."""
    job = Job.objects.select_for_update(no_key=True).get(pk=job_id)
    if job.status == JobStatus.DONE or is_at_work(job):
        raise BillingError(f"“{job}” is {job.get_status_display().lower()}; it need not be started again.")
    job.status, job.message, job.finished_at = JobStatus.QUEUED, "", None
    job.save(update_fields=["status", "message", "finished_at"])
    _wake(job)
    return job


def _wake(job: Job) -> None:
    tenant_id, job_id = job.tenant_id, job.pk
    # The broker may hand the task out again while it still runs; the second worker finds the lock taken and stops.
    transaction.on_commit(
        lambda: async_task("billing.tasks.run_job", tenant_id, job_id, group="jobs", timeout=_LONGEST_SECONDS)
    )


def is_at_work(job: Job) -> bool:
    """Tell whether some worker is at work on the job right now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2 "
            "AND classid = %s AND objid = %s AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
            [_LOCK_SPACE, job.pk % 2**31],
        )
        return bool(cursor.fetchone()[0])


class _Reporter:
    """A database connection of its own: it holds the job's lock and writes progress that others see at once."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._database = connections.create_connection("default")
        self._last = 0.0
        self.got_lock = False

    def __enter__(self) -> "_Reporter":
        with self._database.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK_SPACE, self._job.pk % 2**31])
            self.got_lock = bool(cursor.fetchone()[0])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def progress(self, done: int, total: int) -> None:
        """Write how far the work is, about once a second."""
        now = time.monotonic()
        if now - self._last < _EVERY_SECONDS and done < total:
            return
        self._last = now
        with self._database.cursor() as cursor:
            cursor.execute("UPDATE billing_job SET done = %s, total = %s WHERE id = %s", [done, total, self._job.pk])


def run_job(*, job_id: int) -> Job:
    """Do a queued job, or take over one whose worker died. Run twice, the second run finds nothing to do.

    Whatever goes wrong ends as a failed job with the reason in words.
    """
    job = Job.objects.get(pk=job_id)
    with _Reporter(job) as reporter:
        if not reporter.got_lock or not _claim(job):
            return job
        try:
            with tenant_scope(job.tenant_id, actor=Actor(job.created_by_id, "job")):
                result = job_kind(job.kind).run(job.parameters, reporter.progress)
                _keep(job, result.files)
        except refusals() as error:
            _finish(job, JobStatus.FAILED, message=str(error))
        except Exception as error:  # noqa: BLE001 - the person who waits must be told of every failure
            _log.exception("Job %s failed", job.pk)
            refused = database_refusal(error) or f"The work stopped on an unexpected error ({type(error).__name__})."
            _finish(
                job,
                JobStatus.FAILED,
                message=f"{refused} What was finished before is kept. Start it again; if it stops again, give whoever runs "
                "Counterfoil the number of this job.",
            )
        else:
            _finish(
                job,
                JobStatus.DONE,
                result={
                    "words": result.words,
                    "details": list(result.details),
                    "about": result.about,
                    "onward": result.onward,
                },
            )
    return job


def files_kept_for() -> timedelta:
    """Say how long files are kept, those that a job made and those it was given."""
    return timedelta(days=settings.COUNTERFOIL_KEEP_FILES_DAYS)


def _keep(job: Job, files: Iterable[tuple[str, bytes]]) -> None:
    """Keep what a job made; what an earlier try made goes."""
    JobFile.objects.filter(job=job).delete()
    for name, content in files:
        JobFile.objects.create(tenant_id=job.tenant_id, job=job, name=name, size=len(content), content=content)


def _claim(job: Job) -> bool:
    claimed = Job.objects.filter(pk=job.pk, status__in=(JobStatus.QUEUED, JobStatus.RUNNING)).update(
        status=JobStatus.RUNNING, started_at=timezone.now(), done=0, total=0
    )
    return bool(claimed)


def _finish(job: Job, status: JobStatus, *, message: str = "", result: dict[str, Any] | None = None) -> None:
    # An uploaded file has served once the work is done; a failed job keeps it, to be started again.
    if status == JobStatus.DONE:
        job.parameters = {name: value for name, value in job.parameters.items() if not name.endswith("_base64")}
    job.status, job.message, job.result, job.finished_at = status, message, result, timezone.now()
    job.save(update_fields=["status", "message", "result", "finished_at", "parameters"])
