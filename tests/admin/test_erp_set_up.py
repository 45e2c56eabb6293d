"""Setting a connection up in the admin: the steps, the dry run, the dimensions, and going live."""

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client

from accounting.models import Account, JournalLine
from billing.models import BusinessEntity, CreditNote, Invoice, Payment, TaxRate
from billing.services.credit_notes import issue_credit_note
from billing.services.invoices import void_invoice
from billing.services.payments import receive_payment
from billing.services.write_offs import write_off_invoice
from integrations import builders, dry_run, mapping
from integrations.backfill import backfill
from integrations.documents import JournalDocument, Kind
from integrations.going_live import History, go_live
from integrations.models import (
    Connection,
    DimensionMapping,
    ErpRecord,
    JournalSummary,
    Mapping,
    MappingKind,
    MappingStatus,
    OutboxItem,
    SummarizedEntry,
)
from integrations.policy import Target, targets
from integrations.readiness import our_accounts, readiness
from integrations.setup import SetupError
from integrations.upkeep import switch_off, switch_on
from tests.admin.erp import url
from tests.integrations.world import a_month

pytestmark = pytest.mark.django_db


def map_all(connection: Connection) -> None:
    for account in Account.objects.filter(is_group=False):
        Mapping.objects.create(
            connection=connection, kind=MappingKind.ACCOUNT, internal_id=account.pk, external_id=f"A{account.code}",
            status=MappingStatus.CONFIRMED,
        )  # fmt: skip
    for kind in (MappingKind.DEFAULT_CUSTOMER, MappingKind.DEPOSIT_ACCOUNT):
        Mapping.objects.create(
            connection=connection, kind=kind, internal_id=None, external_id="9", status=MappingStatus.CONFIRMED
        )


@pytest.fixture
def set_up(connection: Connection) -> Connection:
    connection.options = {**connection.options, "setting_up": True}
    connection.company = {"home_currency": "USD", "country": "US"}
    connection.save()
    return connection


def test_a_new_connection_shows_what_comes_next_and_collects_nothing(
    administrator: Client, entity: BusinessEntity
) -> None:
    given = {"erp": "xero", "business_entity": entity.pk, "mode": "journal_entries", "address": "http://erp.test"}
    shown = administrator.post(url("integrations_connection_add"), given, follow=True).content.decode()
    made = Connection.objects.get()
    assert (made.base_url, made.auth_url) == ("http://erp.test", "http://erp.test")
    for words in ("Being set up", "2. Enter the credentials", "Go live", "Missing: the steps above."):
        assert words in shown, words
    a_month(customers=1)
    assert not OutboxItem.objects.exists()


def test_going_live_is_refused_before_all_is_mapped(set_up: Connection, accountant: Client) -> None:
    a_month(customers=1)
    with pytest.raises(SetupError, match="Map the account"):
        go_live(set_up, start=date(2026, 1, 1), history=History.NOTHING)
    page = accountant.get(url("integrations_connection_change", set_up.pk)).content.decode()
    assert "Map the account" in page
    refused = accountant.get(url("integrations_connection_go_live", set_up.pk), follow=True).content.decode()
    assert "is not possible" in refused
    assert not OutboxItem.objects.exists()


def test_opening_balances_are_one_balanced_sum_and_nothing_goes_twice(set_up: Connection, accountant: Client) -> None:
    map_all(set_up)
    a_month(customers=2)
    entries = set(JournalLine.objects.values_list("entry_id", flat=True))
    given = {"start": "2026-06-01", "history": "opening", "since": ""}
    done = accountant.post(url("integrations_connection_go_live", set_up.pk), given, follow=True).content.decode()
    assert "is live. 1 item is in line." in done
    summary = JournalSummary.objects.get()
    assert (summary.start, summary.end, summary.entry_count) == (date(2026, 1, 1), date(2026, 5, 31), len(entries))
    items = list(OutboxItem.objects.select_related("connection"))
    assert [item.kind for item in items] == [Kind.JOURNAL_SUMMARY]
    document = builders.build(connection=items[0].connection, kind=Kind.JOURNAL_SUMMARY, items=items)[items[0].pk]
    assert isinstance(document, JournalDocument)
    assert document.date == date(2026, 5, 31)
    accounts = [line.account for line in document.lines]
    assert len(accounts) == len(set(accounts))  # A balance has one side.
    assert sum(line.debit - line.credit for line in document.lines) == 0
    for line in document.lines:
        held = JournalLine.objects.filter(account__code=line.account[1:])
        assert line.debit - line.credit == sum((each.debit - each.credit for each in held), Decimal(0))
    # A back-fill afterwards does not send what is in the sum a second time.
    assert backfill(items[0].connection, since=date(2026, 1, 1)) == 0
    later = Connection.objects.get()
    assert later.options["start"] == "2026-06-01"
    assert "reconcile_from" not in later.options  # The sums hold everything from before.
    assert "setting_up" not in later.options


def test_a_back_fill_keeps_to_the_sums_of_the_policy(set_up: Connection) -> None:
    map_all(set_up)
    a_month(customers=2)
    set_up.options = {**set_up.options, "summarize_payments": "month", "summarize_others": "month"}
    set_up.save()
    added = go_live(set_up, start=date(2026, 1, 1), history=History.BACKFILL, since=date(2026, 1, 1))
    assert added == SummarizedEntry.objects.filter(unit="month", summary=None).count() > 0
    assert not OutboxItem.objects.exists()


def test_open_items_bring_their_payments_and_no_settled_invoice(set_up: Connection) -> None:
    set_up.sync_mode, set_up.send_payments = "documents", True
    set_up.save()
    map_all(set_up)
    a_month(customers=3)
    whole, part, open_ = Invoice.objects.order_by("id")
    for invoice, amount in ((whole, whole.total.amount), (part, Decimal("5.00"))):
        receive_payment(
            customer_id=invoice.customer_id, amount=amount, currency="USD", received_on=date(2026, 1, 20),
            allocations={invoice.pk: amount},
        )  # fmt: skip
    go_live(set_up, start=date(2026, 6, 1), history=History.OPENING)
    sent = {kind: set(found) for kind, found in ((kind, subjects(kind)) for kind in ("invoice", "payment"))}
    assert sent["invoice"] == {part.pk, open_.pk}
    assert len(sent["payment"]) == 1


def test_open_items_are_those_of_the_day_and_what_settled_them_since_goes_along(set_up: Connection) -> None:
    """Going live on a day that has passed: paid, credited, given up since; a credit note before; a payment on account."""
    set_up.sync_mode, set_up.send_payments = "documents", True
    set_up.save()
    map_all(set_up)
    a_month(customers=6)
    paid, credited, given_up, void, before, stranger = Invoice.objects.order_by("id")
    early, late = date(2026, 1, 20), date(2026, 2, 10)
    pay(before, on=early, amount=before.total.amount)
    pay(stranger, on=early, amount=stranger.total.amount)
    net = credited.lines.get(position=1).net.amount
    first = credit(credited, on=early, amount=Decimal("1.00"))
    second = credit(credited, on=late, amount=net - 1)
    payment = pay(paid, on=late, amount=paid.total.amount)
    given = write_off_invoice(invoice_id=given_up.pk, on=late, reason="insolvent")
    void_invoice(invoice_id=void.pk, on=late, reason="wrong", bill_again=False)
    on_account = receive_payment(
        customer_id=stranger.customer_id, amount=Decimal(7), currency="USD", received_on=late, allocations={}
    )
    go_live(set_up, start=date(2026, 2, 1), history=History.OPENING)
    assert set(subjects("invoice")) == {paid.pk, credited.pk, given_up.pk, void.pk}
    assert set(subjects("payment")) == {payment.pk, on_account.pk}
    assert set(subjects("customer")) >= {stranger.customer_id, paid.customer_id}
    assert set(subjects("credit_note")) == {first.pk, second.pk}
    assert subjects("write_off") == [given.pk]
    assert subjects("invoice_void") == [void.pk]


def test_a_back_fill_brings_what_became_of_older_invoices_that_were_sent(
    set_up: Connection, accountant: Client
) -> None:
    """As after a while in which the connection was switched off."""
    set_up.sync_mode, set_up.send_payments = "documents", True
    set_up.save()
    map_all(set_up)
    a_month(customers=3)
    go_live(set_up, start=date(2026, 1, 15), history=History.OPENING)
    sent = set(subjects("invoice"))
    switch_off(set_up.pk, reason="")
    paid, credited, void = Invoice.objects.order_by("id")
    payment = pay(paid, on=date(2026, 2, 3), amount=paid.total.amount)
    note = credit(credited, on=date(2026, 2, 4), amount=Decimal("1.00"))
    void_invoice(invoice_id=void.pk, on=date(2026, 2, 5), reason="wrong", bill_again=False)
    assert not subjects("payment")
    switch_on(set_up.pk)
    address = url("integrations_connection_backfill", set_up.pk)
    done = accountant.post(address, {"since": "2026-02-01"}, follow=True).content.decode()
    assert "items were added to the outbox" in done
    assert Connection.objects.get().options["reconcile_from"] == "2026-01-15"
    accountant.post(address, {"since": "2026-01-02"})
    assert Connection.objects.get().options["reconcile_from"] == "2026-01-02"
    assert sent == set(subjects("invoice")) == {paid.pk, credited.pk, void.pk}
    assert (subjects("payment"), subjects("credit_note"), subjects("invoice_void")) == (
        [payment.pk],
        [note.pk],
        [void.pk],
    )


def pay(invoice: Invoice, *, on: date, amount: Decimal) -> Payment:
    return receive_payment(
        customer_id=invoice.customer_id, amount=amount, currency="USD", received_on=on, allocations={invoice.pk: amount}
    )


def credit(invoice: Invoice, *, on: date, amount: Decimal) -> CreditNote:
    line = invoice.lines.get(position=1)
    return issue_credit_note(invoice_id=invoice.pk, lines={line.pk: amount}, on=on, reason="outage")


def subjects(kind: str) -> list[int]:
    return list(OutboxItem.objects.filter(kind=kind).values_list("subject_id", flat=True))


def test_after_going_live_what_happens_is_collected(set_up: Connection, entity: BusinessEntity) -> None:
    map_all(set_up)
    go_live(set_up, start=date(2026, 1, 1), history=History.NOTHING)
    assert Connection.objects.get().options["reconcile_from"] == "2026-01-01"
    found: dict[int, Target] = targets([entity.pk], stamp=-1)
    assert found[entity.pk].policy.start == date(2026, 1, 1)
    a_month(customers=1)
    assert OutboxItem.objects.filter(kind=Kind.JOURNAL_ENTRY.value).exists()


@pytest.mark.parametrize("mode", ["journal_entries", "documents"])
def test_a_dry_run_shows_the_documents_and_keeps_nothing(mode: str, set_up: Connection, accountant: Client) -> None:
    set_up.sync_mode, set_up.send_payments = mode, mode == "documents"
    set_up.save()
    map_all(set_up)
    a_month(customers=1)
    before = Mapping.objects.count()
    counts, tried = dry_run.try_out(set_up, since=date(2026, 1, 1))
    assert counts
    assert not [each.trouble for each in tried if each.trouble]
    assert (Mapping.objects.count(), OutboxItem.objects.count()) == (before, 0)
    shown = accountant.get(f"{url('erp_dry_run', set_up.pk)}?since=2026-01-01").content.decode()
    assert ("PostingType" if mode == "journal_entries" else "&lt;new customer") in shown
    for words in ("Debit", "Credit", "10.01") if mode == "journal_entries" else ("Net and tax", "O&#x27;Neil", "10.01"):
        assert words in shown.split("Exactly as sent", 1)[0], words
    assert "Nothing is dated" in accountant.get(f"{url('erp_dry_run', set_up.pk)}?since=2030-01-01").content.decode()


def test_dimensions_are_chosen_and_taken_away(
    connection: Connection,
    accountant: Client,
    viewer: Client,
    stranger: Client,
    customer: object,
) -> None:
    for number, option in enumerate(("EMEA", "APAC")):
        ErpRecord.objects.create(
            connection=connection, kind="tracking", external_id=f"o{number}", name=option, number="Region"
        )
    page = f"{url('map_dimensions')}?connection={connection.pk}&ours=customer"
    shown = accountant.get(page).content.decode()
    assert "Region" in shown
    cell = f"d_{customer.pk}_0"  # type: ignore[attr-defined]
    accountant.post(page, {cell: "o1", f"before_{cell}": ""})
    row = DimensionMapping.objects.get()
    assert (row.group, row.external_name, row.internal_id) == ("Region", "APAC", customer.pk)  # type: ignore[attr-defined]
    gone = accountant.post(page, {cell: "o9", f"before_{cell}": "o1"}, follow=True).content.decode()
    assert "no such value" in gone
    assert viewer.post(page, {cell: ""}).status_code == 403
    assert stranger.get(page).status_code == 404
    accountant.post(page, {cell: "", f"before_{cell}": "o1"})
    assert not DimensionMapping.objects.exists()


def test_an_account_that_may_wait_is_not_counted_as_open(accountant: Client, connection: Connection) -> None:
    """Documents with payments name disputes, fees, refunds and withheld tax when the first of them happens, and sales at once."""
    connection.sync_mode, connection.send_payments = "documents", True
    connection.save()
    page = f"{url('integrations_mapping_changelist')}?connection={connection.pk}"
    shown = accountant.get(page).content.decode()
    assert shown.count("it may stay open until then") == 4
    assert f"{len(our_accounts(connection))} open" in shown
    for account in our_accounts(connection):
        Mapping.objects.create(
            connection=connection, kind=MappingKind.ACCOUNT, internal_id=account.pk, external_id=f"A{account.code}",
            status=MappingStatus.CONFIRMED,
        )  # fmt: skip
    shown = accountant.get(page).content.decode()
    assert " open</" not in shown.split("Defaults")[0]


def test_the_mapping_says_why_an_account_is_refused(accountant: Client, entity: BusinessEntity) -> None:
    xero = Connection.objects.create(
        business_entity=entity, erp="xero", name="X", sync_mode="journal_entries", status="connected", realm_id="1"
    )
    ErpRecord.objects.create(
        connection=xero, kind="account", external_id="b", name="Checking", number="090", type="BANK"
    )
    shown = accountant.get(f"{url('integrations_mapping_changelist')}?connection={xero.pk}").content.decode()
    assert "Not 090 Checking" in shown
    assert "clearing account" in shown
    cash = Account.objects.get(role="cash")
    choose = f"{url('choose_counterpart')}?connection={xero.pk}&kind=account&ours={cash.pk}"
    assert "May not be used here" in accountant.get(choose).content.decode()


def test_accounts_are_suggested_by_what_erps_call_them(connection: Connection) -> None:
    connection.erp = "xero"
    connection.save()
    ErpRecord.objects.create(
        connection=connection, kind="account", external_id="b", name="Bad Debts", number="410", type="EXPENSE"
    )
    mapping.suggest(connection)
    ours = Account.objects.get(pk=Mapping.objects.get(kind="account").internal_id)
    assert ours.role == "bad_debt_expense"


def test_a_tax_rate_is_suggested_by_its_percentage_and_missed_before_going_live(connection: Connection) -> None:
    connection.erp, connection.sync_mode = "xero", "documents"
    connection.save()
    rate = TaxRate.objects.create(code="vat", name="Value added", percent=Decimal("19.0000"))
    assert f"Map the tax rate {rate}." in readiness(connection)
    for number, percent in (("a", "19"), ("b", "7"), ("c", "")):
        ErpRecord.objects.create(
            connection=connection, kind="tax_code", external_id=number, name=number, data={"rate": percent}
        )
    mapping.suggest(connection)
    mapping.confirm(connection)
    assert Mapping.objects.get(kind="tax_code").external_id == "a"
    assert f"Map the tax rate {rate}." not in readiness(connection)
