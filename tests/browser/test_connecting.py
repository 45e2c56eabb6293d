"""An administrator who has never seen it connects an ERP, step by step, and goes live."""

import pytest
from playwright.sync_api import Page

from billing.models import Job, Role, Tenant
from billing.services import jobs
from billing.tenancy import tenant_scope
from integrations.delivery import drain
from integrations.models import Connection
from integrations.sandbox.server import start_in_thread
from tests.browser.company import billed_company
from tests.integrations.books import Books

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def company() -> Tenant:
    """A company with one invoice, and its administrator."""
    return billed_company(Role.ADMIN)


def work(tenant: Tenant) -> None:
    """Do what a worker would: the newest job."""
    with tenant_scope(tenant.pk):
        jobs.run_job(job_id=Job.objects.order_by("-id")[0].pk)


def test_connecting_an_erp_from_the_first_step_to_the_first_document(
    page: Page, live_server: object, company: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "async_task", lambda *args, **options: None)
    with start_in_thread("quickbooks", port=0, limits="off") as box:
        fields = Books(box.url).state()["sign_in"]["fields"]
        page.goto(f"{live_server}/admin/integrations/connection/add/")
        page.fill("#id_username", "ann")
        page.fill("#id_password", "quiet-harbour-9")
        page.click("button[type=submit]")
        page.select_option("#id_erp", "quickbooks")
        page.select_option("#id_mode", "documents")
        page.fill("#id_address", box.url)
        page.get_by_role("button", name="Add connection").click()
        page.get_by_role("heading", name="Set-up, step by step").wait_for()
        steps = page.url

        page.get_by_role("link", name="Enter credentials").click()
        for name, value in fields.items():
            page.fill(f"#id_{name}", value)
        page.get_by_role("button", name="Enter credentials").click()
        page.get_by_role("link", name="Connect", exact=True).click()
        page.get_by_role("button", name="Sign in to QuickBooks Online").click()
        page.locator("button").first.click()  # The vendor's page: agree.
        page.get_by_text("is connected").first.wait_for()

        page.get_by_role("link", name="Import lists").click()
        page.get_by_role("button", name="Import lists").click()
        page.get_by_role("link", name="See how far it is").first.wait_for()
        with page.expect_navigation():  # The steps show themselves anew when the lists are read.
            work(company)
        page.get_by_role("link", name="Suggest mapping").click()
        page.check("#id_confirm")
        with page.expect_navigation():
            page.get_by_role("button", name="Suggest mapping").click()
        if page.get_by_role("link", name="Create what is missing").count():
            page.get_by_role("link", name="Create what is missing").click()
            with page.expect_navigation():
                page.get_by_role("button", name="Create what is missing").click()
            with page.expect_navigation():
                work(company)

        page.get_by_role("link", name="Dry run").click()
        page.fill("#id_since", "2026-01-01")
        page.get_by_role("button", name="Show").click()
        page.get_by_role("cell", name="Pro plan").first.wait_for()  # As a bookkeeper reads it, and as it is sent.
        for folded in page.get_by_text("Exactly as sent").all():
            folded.click()
        page.get_by_text('"DocNumber": "INV-000001"').wait_for()
        page.goto(steps)
        page.get_by_role("link", name="Go live").click()
        page.fill("#id_start", "2026-01-01")
        page.get_by_role("button", name="Go live").click()
        page.get_by_text("is live. 3 items are in line.").wait_for()
        with tenant_scope(company.pk):
            assert drain(Connection.objects.get().pk, until_empty=True).delivered == 3
        assert Books(box.url).state()["counts"]["Invoice"] == 1
