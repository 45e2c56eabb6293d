"""An accountant signs in and follows a figure down to its invoice."""

import pytest
from playwright.sync_api import Page, Request

from billing.models import Role
from tests.browser.company import billed_company

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def company() -> None:
    """A company with one finalized invoice over 250.00, and its accountant."""
    billed_company(Role.ACCOUNTANT)


def test_from_the_home_page_down_to_the_invoice(page: Page, live_server: object, company: None) -> None:
    address = str(live_server)
    outside: list[str] = []
    broken: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            outside.append(request.url)

    page.on("request", note)
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(f"{address}/admin/")
    page.fill("#id_username", "ann")
    page.fill("#id_password", "quiet-harbour-9")
    page.click("button[type=submit]")
    page.get_by_role("heading", name="Acme Inc").wait_for()
    page.locator("canvas.chart").wait_for()

    page.get_by_role("link", name="Reports").first.click()
    page.get_by_role("link", name="Deferred revenue waterfall").click()
    page.get_by_text("Proved", exact=True).first.wait_for()
    page.locator("canvas.chart").wait_for()
    page.get_by_role("link", name="All reports").click()
    page.get_by_role("link", name="Trial balance").click()
    page.get_by_text("Proved", exact=True).first.wait_for()
    page.fill("#id_at", "2026-01-31")
    page.get_by_role("button", name="Show").click()
    page.locator("tr", has_text="AR - Customers").get_by_role("link", name="250.00").click()
    page.get_by_role("heading", name="General ledger: 1110 AR - Customers", level=2).wait_for()

    page.get_by_role("link", name="JE-").first.click()
    page.get_by_text("This entry is there because of a business event").wait_for()
    page.locator("dl.cf-facts").get_by_role("link", name="INV-000001").click()
    page.get_by_role("heading", name="Invoice INV-000001").wait_for()
    page.get_by_text("250.00 USD").first.wait_for()
    assert outside == []
    assert broken == []
