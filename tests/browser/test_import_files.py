"""An accountant feeds an ERP without an API by files: set-up, files out, marked, the ERP's export in, signed off."""

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page

from billing.models import Job, Role, Tenant
from billing.services import jobs
from billing.tenancy import tenant_scope
from integrations.delivery import drain
from integrations.models import Connection, ExportFile, Reconciliation
from tests.browser.company import billed_company

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def company() -> Tenant:
    """A company with one invoice, and its administrator."""
    return billed_company(Role.ADMIN)


def test_from_the_first_step_to_the_sign_off(
    page: Page, live_server: object, company: Tenant, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(jobs, "async_task", lambda *args, **options: None)

    def work() -> None:
        with tenant_scope(company.pk):
            jobs.run_job(job_id=Job.objects.order_by("-id")[0].pk)

    def press(label: str) -> None:
        with page.expect_navigation():
            page.get_by_role("button", name=label, exact=True).click()

    page.goto(f"{live_server}/admin/integrations/connection/add/")
    page.fill("#id_username", "ann")
    page.fill("#id_password", "quiet-harbour-9")
    page.click("button[type=submit]")
    page.select_option("#id_erp", "csv_export")
    page.select_option("#id_mode", "documents")
    press("Add connection")
    steps = page.url
    page.get_by_role("link", name="Connect", exact=True).click()
    press("Connect")
    page.get_by_text("upload the ERP's chart of accounts, or use our account numbers there").wait_for()
    assert page.get_by_text("more than one company").count() == 0

    page.get_by_role("link", name="Create what is missing").click()
    press("Create what is missing")
    work()
    page.goto(steps)
    page.get_by_role("link", name="Go live").click()
    page.fill("#id_start", "2026-01-01")
    press("Go live")
    with tenant_scope(company.pk):
        assert drain(Connection.objects.get().pk, until_empty=True).delivered == 3

    page.goto(steps)
    page.get_by_role("link", name="Make import files").click()
    press("Make import files")
    page.get_by_text("3 documents are in the new files.").wait_for()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download", exact=True).click()
    with zipfile.ZipFile(download.value.path()) as zipped:
        export = tmp_path / "invoices.csv"
        export.write_bytes(next(zipped.read(name) for name in zipped.namelist() if name.endswith("_invoice.csv")))
    page.get_by_role("link", name="Mark as imported").click()
    press("Mark as imported")
    with tenant_scope(company.pk):
        assert ExportFile.objects.get().imported_by.username == "ann"

    page.get_by_role("link", name="Upload the ERP's export").click()
    page.select_option("#id_kind", "invoice")
    page.set_input_files("#id_file", export)
    press("Upload the ERP's export")
    page.get_by_text("1 document was read.").wait_for()
    page.get_by_role("link", name="Reconcile", exact=True).click()
    page.fill("#id_through", "2026-01-31")
    press("Reconcile")
    work()
    with tenant_scope(company.pk):
        made = Reconciliation.objects.get()
        assert (made.compared, made.difference_count) == (1, 0)
    page.goto(f"{live_server}/admin/integrations/reconciliation/{made.pk}/change/")
    page.get_by_role("link", name="Sign off").click()
    press("Sign off")
    page.get_by_text("You signed it off.").wait_for()
