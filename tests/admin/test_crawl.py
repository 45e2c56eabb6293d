"""All pages of a company with something of everything, walked as each role: no dead link, nothing of another company; and every
figure of every report leads down to lines, the entry, its event and its document."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from accounting.admin.report_view import address
from accounting.manual_entries import NewLine as Side
from accounting.manual_entries import save_draft, submit
from accounting.models import Account, AccountingRule, JournalEntry, ManualEntry, RuleVersion
from accounting.recognition import recognize_revenue
from accounting.reports.asked import read
from accounting.reports.catalog import REPORTS, ReportKind
from accounting.reports.structure import Further, Kind, Record, Report, Row, Style, Table, Target
from accounting.rule_versions import draft_version
from billing.models import (
    BusinessEntity,
    BusinessEvent,
    Change,
    Contract,
    Customer,
    Invoice,
    InvoiceStatus,
    Job,
    Membership,
    Payment,
    Role,
    Tenant,
)
from billing.services.api_keys import issue_key
from billing.services.disputes import open_dispute
from billing.services.invoices import finalize_invoices
from billing.services.modifications import Modification, modify_contract
from billing.services.one_off import NewLine, draft_invoice
from billing.services.payments import receive_payment
from billing.services.refunds import refund_payment
from billing.services.wallets import top_up_wallet
from billing.services.write_offs import write_off_invoice
from billing.tenancy import tenant_scope
from integrations import outbox
from integrations.demo import erp
from integrations.demo.companies import COMPANIES
from integrations.demo.story import tell
from integrations.sandbox.server import start_in_thread
from tests.admin.crawling import crawl, links_of
from tests.cleaning import empty_what_was_written
from tests.company import make_company

TODAY = date(2026, 11, 23)
CUSTOMERS = 12
STRANGER = "Zyzzyva"

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def company(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Tenant]:
    """The demo's first company, delivered to its ERP, and what the demo leaves out; beside it a company of strangers."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbox, "wake", lambda **ids: None)
        try:
            tenant = tell(COMPANIES[0], today=TODAY, now=timezone.now(), customers=CUSTOMERS)
            with tenant_scope(tenant.pk), start_in_thread("quickbooks") as box:
                erp.sync(url=box.url)
                _what_the_demo_leaves_out(tenant)
            _strangers()
            yield tenant
        finally:
            empty_what_was_written()


def _what_the_demo_leaves_out(tenant: Tenant) -> None:
    entity = BusinessEntity.objects.get()
    ann = get_user_model().objects.create_user(username="ann", is_staff=True)
    Membership.objects.create(tenant=tenant, user=ann, role=Role.ACCOUNTANT)
    issue_key(tenant_id=tenant.pk, name="web shop", may_write=True)
    paid = Payment.objects.filter(unapplied=0, gateway=None, currency="USD").order_by("id")
    refund_payment(payment_id=paid[0].pk, amount=Decimal(5), on=TODAY, reason="Kindness")
    open_dispute(payment_id=paid[1].pk, on=TODAY, amount=Decimal(7), fee=Decimal(1), reason="Not known")
    overdue = Invoice.objects.filter(status=InvoiceStatus.FINALIZED, due_on__lt=TODAY, currency="USD").order_by("id")
    write_off_invoice(invoice_id=overdue[0].pk, on=TODAY, reason="Gone")
    top_up_wallet(customer_id=overdue[0].customer_id, amount=Decimal(50), bonus=Decimal(5), currency="USD", on=TODAY)
    contract = Contract.objects.filter(
        items__is_metered=False, status="active", currency="USD", term_months=12
    ).order_by("id")[0]
    item = contract.items.filter(is_metered=False).order_by("id")[0]
    terms = {"quantity": 2, "pricing_model": item.pricing_model, "pricing": item.pricing}
    change = Modification(effective_on=TODAY, signed_on=TODAY, reason="More seats", replace={item.pk: terms})
    modify_contract(contract_id=contract.pk, change=change)
    entry = ManualEntry(business_entity=entity, date=TODAY, description="Accrual", note="Rent")
    sides = [
        Side(account=Account.objects.get(code="5400"), debit=Decimal(9)),
        Side(account=Account.objects.get(code="1000"), credit=Decimal(9)),
    ]
    submit(entry_id=save_draft(entry=entry, lines=sides, by=ann).pk, by=ann, at=timezone.now())
    rule = AccountingRule.objects.get(code="payment-received")
    lines = RuleVersion.objects.get(rule=rule, is_active=True).lines
    draft_version(rule=rule, effective_from=TODAY, description="Draft", lines=lines)
    RuleVersion.objects.filter(rule__event_kind="payment_received", is_draft=False).update(is_active=False)
    receive_payment(customer_id=overdue[1].customer_id, received_on=TODAY, amount=Decimal(3), currency="USD")


def _strangers() -> None:
    other = make_company("zz", name=f"{STRANGER} Holding")
    with tenant_scope(other.pk):
        entity = BusinessEntity.objects.get()
        customer = Customer.objects.create(
            business_entity=entity, external_id="Z", name=f"{STRANGER} Ltd", currency="USD"
        )
        from billing.models import Product  # noqa: PLC0415

        product = Product.objects.create(code="z", name=f"{STRANGER} plan")
        made = draft_invoice(
            customer_id=customer.pk, issued_on=TODAY, lines=[NewLine(product=product, unit_amount=Decimal(1))]
        )
        finalize_invoices([made.pk])
        recognize_revenue(through=TODAY)


@pytest.fixture
def as_role(company: Tenant) -> Callable[[str], Client]:
    def sign_in(role: str) -> Client:
        user = get_user_model().objects.create_user(username=f"{role}-person", password="x", is_staff=True)
        Membership.objects.create(tenant=company, user=user, role=role)
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.mark.parametrize("role", [Role.ADMIN, Role.ACCOUNTANT, Role.FINANCE, Role.VIEWER])
def test_all_links_lead_to_pages_of_the_company(role: str, company: Tenant, as_role: Callable[[str], Client]) -> None:
    with tenant_scope(company.pk):
        client = as_role(role)
    met = crawl(client, forbidden=STRANGER, with_parameters=role == Role.ADMIN)
    assert met.wrong == []
    assert met.pages > 80
    with tenant_scope(company.pk):
        assert met.missing() == []
    lists = set(met.objects)
    assert {"billing.invoice", "billing.refund", "billing.dispute", "billing.wallet", "accounting.journalentry",
            "accounting.manualentry", "integrations.outboxitem", "integrations.reconciliation"} <= lists  # fmt: skip


# A running balance is the sum of the rows above it; what changed between two years' earnings is their difference.
RUNNING = {("general-ledger", "balance"), ("customer-statement", "balance"), ("deferred-revenue", "left")}


def _settings(kind: ReportKind) -> Iterator[dict[str, str]]:
    first = {each.name: each.first(TODAY) for each in kind.parameters}
    plain = {name: str(value) for name, value in first.items() if value not in ("", None)}
    if kind.code == "customer-statement":
        plain["customer"] = "C-EUR"
    yield plain
    for parameter in kind.parameters:
        yield from (plain | {parameter.name: choice} for choice in parameter.choices)
        if parameter.name == "currency":
            yield plain | {"currency": "EUR"}


def _figures(report: Report) -> Iterator[tuple[Table, Row, str]]:
    """Give the figures of lines that are not zero; a sum is that of the lines above it."""
    for table in report.tables:
        for row in table.rows:
            for column, value in zip(table.columns, row.cells, strict=False):
                if row.style is Style.LINE and column.kind is Kind.MONEY and value:
                    yield table, row, column.key


@pytest.mark.parametrize("code", [code for code, kind in REPORTS.items() if kind.is_listed])
def test_every_figure_leads_down_to_its_document(code: str, company: Tenant, as_role: Callable[[str], Client]) -> None:
    followed: set[tuple[str, str]] = set()
    with tenant_scope(company.pk):
        viewer = as_role(Role.VIEWER)
        for asked in _settings(REPORTS[code]):
            report = REPORTS[code].build(read(REPORTS[code].parameters, asked))
            for table, row, key in _figures(report):
                if (code, key) in RUNNING or (code == "balance-sheet" and key == "change" and "earned" in row.about):
                    continue
                target = table.leads(row, key)
                assert target is not None, f"{code} {asked}: {key} of {row.cells[0]} leads nowhere"
                if (str(asked), key) not in followed:
                    followed.add((str(asked), key))
                    _follow(viewer, target, f"{code} {asked}: {key} of {row.cells[0]}")
    assert followed, f"{code} shows no figure"


def _follow(viewer: Client, target: Target, figure: str) -> None:
    """Go from report to report until a record; an entry leads on to its event, and the event to its document."""
    for _ in range(5):
        page = viewer.get(address(target))
        assert page.status_code == 200, f"{figure}: {address(target)}"
        if isinstance(target, Record):
            _has_its_documents(page.content.decode(), target, figure)
            return
        assert isinstance(target, Further)
        kind = REPORTS[target.report]
        asked = {name: str(value) for name, value in target.asked.items()}
        report = kind.build(read(kind.parameters, asked))
        found = next(
            (found for table, row, key in _figures(report) if (found := table.leads(row, key)) and found != target),
            None,
        )
        assert found is not None, f"{figure}: nothing behind {address(target)}"
        target = found
    pytest.fail(f"{figure} leads from report to report without end")


def _has_its_documents(page: str, target: Record, figure: str) -> None:
    links = " ".join(links_of(page, "/admin/"))
    if target.kind == "entry":
        entry = JournalEntry.objects.get(pk=target.id)
        assert reverse("admin:billing_businessevent_change", args=[entry.event_id]) in links, figure
        kinds = (
            "invoice",
            "creditnote",
            "payment",
            "contract",
            "refund",
            "gatewaypayout",
            "dispute",
            "writeoff",
            "customer",
        )
        assert any(f"/admin/billing/{kind}/" in links for kind in kinds) or entry.event.kind.startswith("foreign"), (
            figure
        )
    elif target.kind in ("invoice", "payment", "credit_note", "event"):
        assert "/admin/accounting/journalentry/" in links.replace("/admin/accounting/journalentry/ ", ""), figure


def test_signed_out_nobody_sees_anything(company: Tenant) -> None:
    page = Client().get(reverse("admin:billing_invoice_changelist"))
    assert page.status_code == 302
    assert page["Location"].startswith(settings.LOGIN_URL if "admin" in settings.LOGIN_URL else reverse("admin:login"))


# What everybody of the company may ask for; every other address of the admin does something.
READS = {
    "index", "app_list", "search", "autocomplete", "jsi18n", "view_on_site", "login", "logout", "password_change",
    "password_change_done", "job_state", "job_file", "reports", "report_file", "which_account",
    "accounting_attachment_download",
} | {code.replace("-", "_") for code in REPORTS}  # fmt: skip
READING = ("_changelist", "_history", "_change", "_pdf")


def _doing(patterns: Iterable[Any]) -> Iterator[Any]:
    """Give the addresses of the admin that change something."""
    for each in patterns:
        if hasattr(each, "url_patterns"):
            yield from _doing(each.url_patterns)
        elif each.name and each.name not in READS and not each.name.endswith(READING):
            yield each


def _address(pattern: Any) -> str:
    """Fill in an object of the address's model, where the company has one."""
    models = {f"{each._meta.app_label}_{each._meta.model_name}_": each for each in apps.get_models()}
    model = next((each for name, each in models.items() if pattern.name.startswith(name)), None)
    found = model._base_manager.first() if model else None
    return reverse(f"admin:{pattern.name}", kwargs=dict.fromkeys(pattern.pattern.converters, found.pk if found else 1))


def test_who_may_only_look_does_nothing(company: Tenant, as_role: Callable[[str], Client]) -> None:
    with tenant_scope(company.pk):
        viewer = as_role(Role.VIEWER)
        addresses = [_address(each) for each in _doing(admin.site.get_urls())]
        before = Change.objects.count(), Job.objects.count(), BusinessEvent.objects.count()
        answers = {address: viewer.post(address).status_code for address in addresses}
        assert (Change.objects.count(), Job.objects.count(), BusinessEvent.objects.count()) == before
    # Some say that there is no such thing for this person.
    assert {address: status for address, status in answers.items() if status not in (403, 404)} == {}
    assert list(answers.values()).count(403) > 100
