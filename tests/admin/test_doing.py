"""What people do in the admin: looking changes nothing, confirming does it, and a refusal is said in words."""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounting.admin import defaults
from accounting.models import AccountingPeriod, DefaultAccount, JournalEntry
from billing.admin import printed
from billing.models import (
    ApiKey,
    BusinessEntity,
    Contract,
    ContractItem,
    CreditNote,
    Customer,
    Invoice,
    Job,
    JobFile,
    JobStatus,
    Membership,
    Payment,
    Product,
    Role,
    Tenant,
)
from billing.printing import bundles
from billing.services import jobs
from billing.services.billing_run import run_billing
from billing.services.forgetting import forget
from billing.services.invoices import finalize_invoices
from billing.services.one_off import NewLine, draft_invoice
from billing.services.tenants import add_business_entity


def url(name: str, *args: object) -> str:
    return reverse(f"admin:{name}", args=args)


def test_confirmations_change_nothing_until_confirmed(finance: Client, draft: Invoice) -> None:
    for verb in ("finalize", "delete_draft"):
        assert finance.get(url(f"billing_invoice_{verb}", draft.pk)).status_code == 200
    draft.refresh_from_db()
    assert draft.status == "draft"
    answer = finance.post(url("billing_invoice_finalize", draft.pk), follow=True)
    assert "INV-000001" in answer.content.decode()
    draft.refresh_from_db()
    assert draft.status == "finalized"
    again = finance.post(url("billing_invoice_finalize", draft.pk), follow=True)
    assert "not possible" in again.content.decode()


def test_many_drafts_are_finalized_after_confirmation(finance: Client, draft: Invoice) -> None:
    chosen = {"action": "finalize_chosen", "_selected_action": [draft.pk]}
    asked = finance.post(url("billing_invoice_changelist"), chosen)
    assert "1 draft, together 100.00 USD." in asked.content.decode()
    draft.refresh_from_db()
    assert draft.status == "draft"
    finance.post(url("billing_invoice_changelist"), {**chosen, "confirmed": "1"})
    draft.refresh_from_db()
    assert draft.status == "finalized"
    for confirmed in ({}, {"confirmed": "1"}):
        refused = finance.post(url("billing_invoice_changelist"), {**chosen, **confirmed}, follow=True).content.decode()
        assert "1 of the 1 chosen are no drafts, such as invoice INV-000001." in refused
        assert "can no longer change" not in refused


def test_a_few_invoices_come_as_a_zip_of_pdfs_for_whoever_may_look(viewer: Client, draft: Invoice) -> None:
    finalize_invoices([draft.pk])
    run_billing(through=date(2026, 2, 1))
    page = viewer.get(url("billing_invoice_changelist")).content.decode()
    assert "Download as PDF" in page and "Finalize drafts" not in page
    chosen = {"action": "download_pdfs", "_selected_action": [each.pk for each in Invoice.objects.all()]}
    answer = viewer.post(url("billing_invoice_changelist"), chosen)
    assert answer["Content-Disposition"] == 'attachment; filename="invoices-1-to-2.zip"'
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert sorted(archive.namelist()) == ["INV-000001.pdf", "draft-1.pdf"]
    alone = viewer.get(url("billing_invoice_pdf", draft.pk)).content
    assert archive.read("INV-000001.pdf") == alone
    assert not Job.objects.exists()


def test_many_invoices_are_drawn_by_a_job_and_kept_for_a_week(
    viewer: Client, draft: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "async_task", lambda *args, **options: None)
    monkeypatch.setattr(printed, "AT_ONCE", 1)
    monkeypatch.setattr(bundles, "_IN_ONE_FILE", 2)
    run_billing(through=date(2026, 3, 1), finalize=True)
    chosen = {"action": "download_pdfs", "_selected_action": [each.pk for each in Invoice.objects.all()]}
    asked = viewer.post(url("billing_invoice_changelist"), chosen)
    job = Job.objects.get()
    assert asked.url == url("billing_job_change", job.pk)
    for _ in range(2):  # A second try, after a worker's death, replaces what the first one made.
        Job.objects.update(status="running")
        jobs.run_job(job_id=job.pk)
        assert [each.name for each in JobFile.objects.all()] == ["invoices-1-to-2.zip", "invoices-3-to-3.zip"]
    job.refresh_from_db()
    assert job.status == JobStatus.DONE
    seen: list[tuple[int, int]] = []
    list(bundles.bundles("invoice", job.parameters["ids"], lambda done, total: seen.append((done, total))))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    page = viewer.get(asked.url).content.decode()
    names = []
    for each in JobFile.objects.all():
        address = reverse("admin:job_file", args=[job.pk, each.pk])
        assert address in page
        names += zipfile.ZipFile(io.BytesIO(viewer.get(address).content)).namelist()
    assert sorted(names) == ["INV-000001.pdf", "INV-000002.pdf", "INV-000003.pdf"]
    JobFile.objects.update(made_at=timezone.now() - timedelta(days=8))
    forget(now=timezone.now())
    assert not JobFile.objects.exists()
    gone = viewer.get(address)
    assert gone.status_code == 404 and "kept for 7 days" in gone.content.decode()
    monkeypatch.setattr(printed, "MOST", 2)
    refused = viewer.post(url("billing_invoice_changelist"), chosen, follow=True).content.decode()
    assert "at most 2 at once" in refused


def test_void_asks_for_a_reason_and_a_day(finance: Client, draft: Invoice) -> None:
    finance.post(url("billing_invoice_finalize", draft.pk))
    page = url("billing_invoice_void", draft.pk)
    assert "This field is required" in finance.post(page, {"on": "2026-01-05", "reason": ""}).content.decode()
    early = finance.post(page, {"on": "2025-12-31", "reason": "wrong"})
    assert "cannot be voided before that day" in early.content.decode()
    finance.post(page, {"on": "2026-01-05", "reason": "wrong price", "bill_again": "on"})
    draft.refresh_from_db()
    assert (draft.status, draft.void_reason) == ("void", "wrong price")
    assert ContractItem.objects.get().billed_until == date(2026, 1, 1)


def test_credit_note_takes_lines_and_amounts(finance: Client, draft: Invoice) -> None:
    finance.post(url("billing_invoice_finalize", draft.pk))
    line = draft.lines.get()
    page = url("billing_invoice_credit", draft.pk)
    too_much = {"on": "2026-01-10", "reason": "one seat less", f"line_{line.pk}": "1,000.00"}
    assert "can be credited" in finance.post(page, too_much).content.decode()
    finance.post(page, {**too_much, f"line_{line.pk}": "30.00"})
    assert CreditNote.objects.get().total.amount == Decimal("30.00")


def test_a_payment_settles_the_oldest_or_what_is_said(finance: Client, story: Contract, customer: Customer) -> None:
    page = f"{url('billing_payment_add')}?customer={customer.pk}"
    february = Invoice.objects.get(number="INV-000002")
    given = {"received_on": "2026-03-01", "amount": "30", "method": "card", "reference": "A-1"}
    both = {**given, "automatic": "on", f"invoice_{february.pk}": "30"}
    assert "not both" in finance.post(page, both).content.decode()
    finance.post(page, {**given, f"invoice_{february.pk}": "10"})
    payment = Payment.objects.get(reference="A-1")
    assert payment.unapplied.amount == Decimal(20)
    finance.post(url("billing_payment_allocate", payment.pk), {"on": "2026-03-02", f"invoice_{february.pk}": "20"})
    payment.refresh_from_db()
    assert payment.unapplied.amount == 0
    assert "recorded already" in finance.post(page, {**given, "automatic": "on"}).content.decode()


def test_a_payment_begins_with_its_customer(finance: Client, customer: Customer) -> None:
    found = finance.get(url("billing_payment_add"), {"q": "glob"}).content.decode()
    assert f"add/?customer={customer.pk}" in found


CONTRACT = {
    "number": "K-9", "start": "2026-01-01", "term_months": "12", "end": "", "renewal": "none", "payment_terms_days": "30",
    "reference": "", "phases-TOTAL_FORMS": "0", "phases-INITIAL_FORMS": "0", "items-TOTAL_FORMS": "1",
    "items-INITIAL_FORMS": "0", "items-0-pricing_model": "per_unit", "items-0-price_text": "12.50", "items-0-quantity": "4",
    "items-0-interval_months": "1", "items-0-timing": "advance",
}  # fmt: skip


def test_a_contract_is_written_started_and_ended(finance: Client, customer: Customer, product: Product) -> None:
    given = {**CONTRACT, "customer": customer.pk, "items-0-product": product.pk}
    answer = finance.post(url("billing_contract_add"), given)
    assert answer.status_code == 302, answer.context["errors"]
    contract = Contract.objects.get(number="K-9")
    assert (contract.end, contract.currency) == (date(2027, 1, 1), "USD")
    item = contract.items.get()
    assert item.pricing == {"unit_amount": "12.50"}
    assert item.recognition_method == product.recognition_method
    assert finance.get(f"{url('billing_contract_change', contract.pk)}?edit=1").status_code == 200
    finance.get(url("billing_contract_start", contract.pk))
    contract.refresh_from_db()
    assert contract.status == "draft"
    finance.post(url("billing_contract_start", contract.pk))
    contract.refresh_from_db()
    assert contract.status == "active"
    assert "Save" not in finance.get(f"{url('billing_contract_change', contract.pk)}?edit=1").content.decode()
    finance.post(url("billing_contract_end", contract.pk), {"end": "2026-07-01"})
    contract.refresh_from_db()
    assert contract.end == date(2026, 7, 1)


@pytest.mark.parametrize(
    ("trial", "term", "words"),
    [
        (("2026-01-01", "2026-03-01"), ("2026-02-01", "2027-01-01"), "this one must end before 1 February 2026"),
        (("2026-01-01", ""), ("2026-02-01", "2027-01-01"), "The next phase begins on 1 February 2026"),
        (("2025-12-01", "2026-02-01"), ("2026-02-01", "2027-01-01"), "The contract begins on 1 January 2026 only."),
        (("2026-01-01", "2026-02-01"), ("2026-02-01", "2027-02-01"), "The contract ends before 1 January 2027."),
        (("2026-01-01", "2026-02-01"), ("2026-02-01", "2027-01-01"), ""),
    ],
)
def test_phases_follow_each_other_within_the_contract(
    trial: tuple[str, str], term: tuple[str, str], words: str, finance: Client, customer: Customer, product: Product
) -> None:
    """Two that overlap would bill the same days twice."""
    given = {**CONTRACT, "customer": customer.pk, "items-0-product": product.pk, "phases-TOTAL_FORMS": "2"}
    for place, (name, kind, (start, end)) in enumerate((("Trial", "trial", trial), ("Term", "active", term))):
        phase = {"name": name, "kind": kind, "start": start, "end": end}
        given |= {f"phases-{place}-{field}": value for field, value in phase.items()}
    answer = finance.post(url("billing_contract_add"), given)
    assert words in answer.content.decode()
    assert Contract.objects.exists() is not bool(words)


def test_a_price_that_is_none_is_refused_in_the_words_of_the_form(
    finance: Client, customer: Customer, product: Product
) -> None:
    given = {**CONTRACT, "customer": customer.pk, "items-0-product": product.pk}
    page = finance.post(url("billing_contract_add"), {**given, "items-0-price_text": "-3"}).content.decode()
    assert "The amount is -3, but a price must not be negative." in page
    page = finance.post(url("billing_contract_add"), {**given, "items-0-pricing_model": ""}).content.decode()
    assert "Choose a list price, or a pricing model with its amount." in page
    assert "There is no pricing model" not in page


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"items-0-price_text": "cheap"}, "not a number"),
        ({"items-0-pricing_model": "tiered", "items-0-price_text": "500 at 2"}, "not a tier"),
        ({"number": "K-1"}, "There is a contract with this number already"),
        ({"items-0-pricing_model": ""}, "Choose a list price"),
    ],
)
def test_a_bad_contract_is_refused_in_words(
    changed: dict[str, str], words: str, finance: Client, contract: Contract, product: Product
) -> None:
    given = {**CONTRACT, "customer": contract.customer_id, "items-0-product": product.pk, **changed}
    assert words in finance.post(url("billing_contract_add"), given).content.decode()
    assert Contract.objects.count() == 1


def test_a_tiered_price_is_typed_as_lines(finance: Client, product: Product) -> None:
    given = {
        "code": "pro", "name": "Pro plan", "recognition_method": "straight_line_days", "is_active": "on",
        "prices-TOTAL_FORMS": "1", "prices-INITIAL_FORMS": "0", "prices-0-name": "Usage", "prices-0-currency": "USD",
        "prices-0-pricing_model": "tiered", "prices-0-price_text": "500: 2.00\nabove: 1.50", "prices-0-is_active": "on",
    }  # fmt: skip
    answer = finance.post(url("billing_product_change", product.pk), given)
    assert answer.status_code == 302, answer.context["errors"]
    assert product.prices.get().pricing["tiers"][1] == {"up_to": None, "unit_amount": "1.50"}


def test_jobs_run_report_and_fail_in_words(
    finance: Client, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "async_task", lambda *args, **options: None)
    answer = finance.post(url("run_billing"), {"through": "2026-01-31", "finalize": "on"})
    job = Job.objects.get()
    assert answer.url == url("billing_job_change", job.pk)
    Job.objects.filter(pk=job.pk).update(created_at=job.created_at - timedelta(minutes=1))
    assert "manage.py work" in finance.get(url("job_state", job.pk)).json()["hint"]
    jobs.run_job(job_id=job.pk)
    shown = finance.get(url("billing_job_change", job.pk)).content.decode()
    assert "1 finalized, 100.00 USD" in shown
    assert f'<a class="cf-button cf-first" href="{url("billing_invoice_changelist")}">Invoices</a>' in shown
    failing = jobs.start_job(kind="run_billing", title="x", parameters={"through": "2026-02-30"}, user=None)
    jobs.run_job(job_id=failing.pk)
    failing.refresh_from_db()
    assert failing.status == JobStatus.FAILED
    assert "day is out of range" in failing.message
    assert "day is out of range" in finance.get(url("billing_job_change", failing.pk)).content.decode()


def test_an_import_asks_whose_customers_they_are_where_there_are_several(
    finance: Client, entity: BusinessEntity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "async_task", lambda *args, **options: None)
    columns = (settings.BASE_DIR / "docs/examples/telco_columns.toml").read_bytes()

    def post(**further: object) -> Any:
        files = {"file": ContentFile(b"x", "a.csv"), "columns": ContentFile(columns, "c.toml")}
        return finance.post(url("import_contracts"), {**files, **further})

    assert "Customers of" not in finance.get(url("import_contracts")).content.decode()
    assert post().status_code == 302
    other = add_business_entity(tenant=entity.tenant, code="south", name="South", currency="USD")
    assert "This field is required" in post().content.decode()
    assert post(business_entity=other.pk).status_code == 302
    assert [each.parameters["business_entity"] for each in Job.objects.order_by("id")] == ["", "south"]


def test_who_waits_for_a_job_does_not_read_its_file(finance: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "async_task", lambda *args, **options: None)
    job = jobs.start_job(kind="import_contracts", title="x", parameters={"file_base64": "QQ=="}, user=None)
    pages = (url("billing_job_changelist"), url("billing_job_change", job.pk), url("job_state", job.pk))
    with CaptureQueriesContext(connection) as seen:
        assert [finance.get(page).status_code for page in pages] == [200, 200, 200]
    asked = [each["sql"] for each in seen if '"billing_job"' in each["sql"]]
    assert len(asked) >= len(pages) and not [sql for sql in asked if '"parameters"' in sql]


def test_a_job_is_not_done_twice(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "async_task", lambda *args, **options: None)
    job = jobs.start_job(
        kind="run_billing", title="x", parameters={"through": "2026-01-31", "finalize": False}, user=None
    )
    jobs.run_job(job_id=job.pk)
    first = Job.objects.get(pk=job.pk).finished_at
    jobs.run_job(job_id=job.pk)
    assert Job.objects.get(pk=job.pk).finished_at == first


def test_periods_close_and_reopen_with_a_reason(
    accountant: Client, administrator: Client, finance: Client, story: Contract
) -> None:
    january = AccountingPeriod.objects.get(start=date(2026, 1, 1))
    february = AccountingPeriod.objects.get(start=date(2026, 2, 1))
    assert finance.post(url("accounting_accountingperiod_close", january.pk)).status_code == 403
    refused = accountant.post(url("accounting_accountingperiod_close", february.pk))
    assert "Close January 2026 first" in refused.content.decode()
    listed = accountant.get(url("accounting_accountingperiod_close", january.pk)).content.decode()
    assert "Suspense stands at zero." in listed and "Blocks closing" not in listed
    january.refresh_from_db()
    assert january.status == "open"
    accountant.post(url("accounting_accountingperiod_close", january.pk))
    january.refresh_from_db()
    assert january.status == "closed"
    again = url("accounting_accountingperiod_reopen", january.pk)
    assert accountant.post(again, {"reason": "late invoice"}).status_code == 403
    administrator.post(again, {"reason": "late invoice"})
    january.refresh_from_db()
    assert (january.status, january.reopen_reason) == ("open", "late invoice")


def test_which_account_shows_the_step_that_decides(
    accountant: Client, product: Product, entity: BusinessEntity
) -> None:
    question = {"role": "revenue", "entity": entity.pk, "product": product.pk}
    assert "4000" in accountant.get(url("which_account"), question).content.decode()
    given = {"role": "revenue", "level": "product", "product": product.pk, "currency": "", "account_code": "4100"}
    assert accountant.post(url("accounting_defaultaccount_add"), given).status_code == 302
    answer = accountant.get(url("which_account"), question).content.decode()
    assert "4100 Breakage Revenue" in answer
    assert "overruled" in answer


def test_a_default_account_of_an_older_contract_item_is_set_and_changed(
    accountant: Client, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(defaults, "_ITEMS_OFFERED", 0)
    item = contract.items.get()
    add = url("accounting_defaultaccount_add")
    given = {"role": "revenue", "level": "contract_item", "contract_item": item.pk, "currency": ""}
    assert f'<option value="{item.pk}"' not in accountant.get(add).content.decode()
    offered = accountant.get(add, {"contract_item": item.pk}).content.decode()
    assert f'<option value="{item.pk}" selected' in offered and '<option value="" selected>Choose one' in offered
    assert accountant.post(add, {**given, "account_code": "4100"}).status_code == 302
    made = DefaultAccount.objects.get(level="contract_item")
    change = url("accounting_defaultaccount_change", made.pk)
    assert f'<option value="{item.pk}" selected' in accountant.get(change).content.decode()
    assert accountant.post(change, {**given, "account_code": "4000"}).status_code == 302
    assert DefaultAccount.objects.get(pk=made.pk).account_code == "4000"


def test_an_entity_that_is_added_has_books_at_once(administrator: Client, tenant: Tenant) -> None:
    given = {
        "code": "eu",
        "name": "Acme Europe",
        "base_currency": "EUR",
        "time_zone": "UTC",
        "wallet_bonus": "paid_first",
    }
    assert administrator.post(url("billing_businessentity_add"), given).status_code == 302
    entity = BusinessEntity.objects.get(code="eu")
    customer = Customer.objects.create(business_entity=entity, external_id="E", name="Eis", currency="EUR")
    line = NewLine(product=Product.objects.create(code="ice", name="Ice"), unit_amount=Decimal(7))
    finalize_invoices([draft_invoice(customer_id=customer.pk, issued_on=date(2026, 1, 5), lines=[line]).pk])
    entry = JournalEntry.objects.get(business_entity=entity)
    assert sum(each.base_debit for each in entry.lines.all()) == 7


@pytest.mark.parametrize("zone", ["Europe/Berln", "Europe", "../etc/localtime"])
def test_a_time_zone_that_does_not_exist_is_refused(administrator: Client, entity: BusinessEntity, zone: str) -> None:
    given = {"name": "Acme", "time_zone": zone, "wallet_bonus": "paid_first"}
    page = administrator.post(url("billing_businessentity_change", entity.pk), given).content.decode()
    assert f"“{zone}” is not the name of a time zone" in page
    assert BusinessEntity.objects.get(pk=entity.pk).time_zone == "UTC"


def test_a_job_is_started_again_only_where_it_stands_still(finance: Client, tenant: Tenant) -> None:
    job = jobs.start_job(kind="run_billing", title="Run", parameters={}, user=None)

    def again() -> str:
        return re.findall('id="job-again"[^>]*>', finance.get(url("billing_job_change", job.pk)).content.decode())[0]

    assert "hidden" in again()
    Job.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    assert "hidden" not in again()
    Job.objects.update(status=JobStatus.FAILED, finished_at=timezone.now())
    assert "hidden" not in again()


def test_a_default_account_needs_its_target(accountant: Client, tenant: Tenant) -> None:
    given = {"role": "revenue", "level": "product", "currency": "", "account_code": "4100"}
    assert (
        "the level “Product” needs it" in accountant.post(url("accounting_defaultaccount_add"), given).content.decode()
    )
    assert not DefaultAccount.objects.filter(level="product").exists()


def test_people_are_added_changed_and_kept(administrator: Client, tenant: Tenant) -> None:
    person = {"username": "kim", "role": Role.FINANCE, "password": "quiet-harbour-9", "email": "kim@example.com"}
    administrator.post(url("billing_membership_add"), person)
    kim = Membership.objects.get(user__username="kim")
    assert (kim.tenant_id, kim.user.is_staff) == (tenant.pk, True)
    assert "is taken" in administrator.post(url("billing_membership_add"), person).content.decode()
    administrator.post(url("billing_membership_role", kim.pk), {"role": Role.VIEWER})
    kim.refresh_from_db()
    assert kim.role == Role.VIEWER
    me = Membership.objects.get(role=Role.ADMIN)
    kept = administrator.post(url("billing_membership_remove", me.pk))
    assert "last administrator" in kept.content.decode()
    administrator.post(url("billing_membership_remove", kim.pk))
    assert not Membership.objects.filter(pk=kim.pk).exists()


def test_an_api_key_is_shown_once(administrator: Client, tenant: Tenant) -> None:
    shown = administrator.post(url("billing_apikey_add"), {"name": "web shop", "may_write": "on"}).content.decode()
    key = ApiKey.objects.get()
    assert f"cf_{key.prefix}_" in shown
    page = administrator.get(url("billing_apikey_change", key.pk)).content.decode()
    assert f"cf_{key.prefix}_" not in page
    administrator.post(url("billing_apikey_revoke", key.pk))
    key.refresh_from_db()
    assert key.revoked_at is not None


@pytest.mark.parametrize("page", ["billing_invoice", "accounting_journalentry", "billing_contract", "billing_customer"])
def test_lists_cost_the_same_for_few_and_many_rows(
    page: str,
    viewer: Client,
    sell: Callable[..., Contract],
    django_assert_max_num_queries: Callable[[int], object],
) -> None:
    def sell_and_bill(count: int, since: int) -> None:
        for number in range(since, since + count):
            sell(amount="10.00", start=date(2026, 1, 1), number=f"K-{number}")
        run_billing(through=date(2026, 1, 31), finalize=True)

    sell_and_bill(3, 0)
    viewer.get(url(f"{page}_changelist"))
    with CaptureQueriesContext(connection) as few:
        viewer.get(url(f"{page}_changelist"))
    sell_and_bill(27, 3)
    with django_assert_max_num_queries(len(few)):
        assert viewer.get(url(f"{page}_changelist")).status_code == 200


def test_the_home_page_costs_the_same_for_few_and_many_rows(
    viewer: Client, story: Contract, sell: Callable[..., Contract], django_assert_num_queries: Callable[[int], object]
) -> None:
    home = reverse("admin:index")
    viewer.get(home)
    with CaptureQueriesContext(connection) as few:
        page = viewer.get(home).content.decode()
    assert "Invoices to finalize" in page
    for number in range(2, 12):
        sell(amount="10.00", start=date(2026, 1, 1), number=f"K-{number}")
    run_billing(through=date(2026, 2, 28), finalize=True)
    with django_assert_num_queries(len(few)):
        viewer.get(home)
