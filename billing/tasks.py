"""What workers are asked to do for billing: wake-ups that may come twice."""

from billing.services import jobs
from billing.tenancy import tenant_scope


def run_job(tenant_id: int, job_id: int) -> str:
    """Do a job in its tenant's scope; answers how it ended."""
    with tenant_scope(tenant_id):
        return jobs.run_job(job_id=job_id).status
