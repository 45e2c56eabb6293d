"""What workers are asked to do for billing: wake-ups that may come twice, and the clock."""

from django.contrib.sessions.models import Session
from django.utils import timezone

from billing.every_tenant import in_every_tenant
from billing.services import jobs
from billing.services.forgetting import forget
from billing.tenancy import tenant_scope


def run_job(tenant_id: int, job_id: int) -> str:
    """Do a job in its tenant's scope; answers how it ended."""
    with tenant_scope(tenant_id):
        return jobs.run_job(job_id=job_id).status


def forget_all() -> None:
    """Delete sign-ins that have ended and, in every company, what is no longer kept. Scheduled daily."""
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
    in_every_tenant(_forget)


def _forget() -> None:
    forget(now=timezone.now())
