"""What has served and is not kept for ever: answers to API writes, files of jobs. Settings say how long."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from billing.models import IdempotencyRecord, JobFile, JobStatus
from billing.services.jobs import files_kept_for
from billing.tenancy import current_tenant_id


def forget(*, now: datetime) -> None:
    """Delete the tenant's answers and files that are older than they are kept.

    A request repeated after that is a new one. A job that failed can be started again only as long as the file it was given
    is kept.
    """
    answers = now - timedelta(days=settings.COUNTERFOIL_KEEP_ANSWERS_DAYS)
    IdempotencyRecord.objects.filter(created_at__lt=answers).delete()
    files = now - files_kept_for()
    JobFile.objects.filter(made_at__lt=files).delete()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE billing_job SET parameters = (SELECT coalesce(jsonb_object_agg(key, value), '{}') "
            "FROM jsonb_each(parameters) WHERE right(key, 7) <> '_base64') "
            "WHERE tenant_id = %s AND status = %s AND finished_at < %s AND parameters::text LIKE %s",
            [current_tenant_id(), JobStatus.FAILED, files, '%\\_base64":%'],
        )
