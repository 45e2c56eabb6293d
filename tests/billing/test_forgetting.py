"""What has served is kept for as long as the settings say, and no longer."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.utils import timezone

from billing.models import ApiKey, IdempotencyRecord, Job, JobFile, JobStatus, Tenant
from billing.services.api_keys import issue_key
from billing.services.jobs import restart_job, run_job
from billing.services.tenants import create_tenant
from billing.tasks import forget_all
from billing.tenancy import tenant_scope

NOW = timezone.now()


@pytest.fixture
def keeping(settings) -> None:
    settings.COUNTERFOIL_KEEP_ANSWERS_DAYS, settings.COUNTERFOIL_KEEP_FILES_DAYS = 10, 5


def days_ago(days: float):
    return NOW - timedelta(days=days)


def test_answers_are_kept_their_time_in_every_company(tenant: Tenant, keeping: None) -> None:
    other = create_tenant(slug="other", name="Other", currency="EUR")
    for company in (tenant, other):
        with tenant_scope(company.pk):
            issue_key(tenant_id=company.pk, name="web shop", may_write=True)
            for key, age in (("old", 10.1), ("young", 9.9)):
                IdempotencyRecord.objects.create(
                    api_key=ApiKey.objects.get(tenant=company), key=key, request_digest="0", status=201, body={}
                )
                IdempotencyRecord.objects.filter(key=key).update(created_at=days_ago(age))
    forget_all()
    for company in (tenant, other):
        with tenant_scope(company.pk):
            assert list(IdempotencyRecord.objects.values_list("key", flat=True)) == ["young"]


def test_files_that_jobs_made_are_kept_their_time(tenant: Tenant, keeping: None) -> None:
    job = Job.objects.create(tenant=tenant, kind="print_documents", title="Invoices", parameters={})
    for name, age in (("old.zip", 5.1), ("young.zip", 4.9)):
        JobFile.objects.create(tenant=tenant, job=job, name=name, size=1, content=b"x")
        JobFile.objects.filter(name=name).update(made_at=days_ago(age))
    forget_all()
    assert list(JobFile.objects.values_list("name", flat=True)) == ["young.zip"]


def test_a_failed_import_can_be_started_again_only_while_its_file_is_kept(tenant: Tenant, keeping: None) -> None:
    given = {"file_base64": "QQ==", "columns_base64": "QQ==", "skip_bad_rows": False}
    ages = {"old": 5.1, "young": 4.9}
    for title, age in ages.items():
        Job.objects.create(
            tenant=tenant, kind="import_contracts", title=title, parameters=given, status=JobStatus.FAILED,
            finished_at=days_ago(age), created_by=get_user_model().objects.create_user(username=title),
        )  # fmt: skip
    forget_all()
    assert {each.title: set(each.parameters) for each in Job.objects.all()} == {
        "old": {"skip_bad_rows"},
        "young": set(given),
    }
    old = Job.objects.get(title="old")
    restart_job(job_id=old.pk)
    run_job(job_id=old.pk)
    old.refresh_from_db()
    assert (old.status, old.message) == (
        JobStatus.FAILED,
        "The file is no longer kept. Import it anew, as a new import.",
    )


def test_sign_ins_that_ended_are_forgotten(tenant: Tenant) -> None:
    for key, ends in (("over", days_ago(1)), ("going", NOW + timedelta(days=1))):
        Session.objects.create(session_key=key, session_data="", expire_date=ends)
    forget_all()
    assert list(Session.objects.values_list("session_key", flat=True)) == ["going"]
