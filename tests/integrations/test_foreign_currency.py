"""Entries in a foreign currency: sent so that the ERP's books come to ours in base currency, to the cent."""

import re
from datetime import date
from decimal import Decimal
from unittest.mock import patch

import pytest

from accounting.currency.revaluation import revalue
from accounting.models import JournalEntry
from accounting.recognition import recognize_revenue
from billing.bulk import reserve_ids
from billing.models import BusinessEntity, Customer, Invoice, Product
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.services.disputes import open_dispute, win_dispute
from billing.services.payments import receive_payment
from billing.services.wallets import apply_wallet, top_up_wallet
from billing.services.write_offs import recover_write_off, write_off_invoice
from integrations import builders, setup
from integrations.connectors.base import DeliveryError
from integrations.connectors.zoho import reading
from integrations.delivery import drain
from integrations.documents import JournalDocument, Kind
from integrations.models import Connection, OutboxItem, Reconciliation
from integrations.reconciliation import reconcile
from integrations.sandbox.server import start_in_thread
from tests.accounting.rates import rates
from tests.integrations.books import Books
from tests.integrations.business import deliver_all
from tests.integrations.conftest import QUICK

pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal
THROUGH = date(2026, 4, 30)


def sell_abroad(currency: str, amount: str, *, number: str = "X-1") -> Customer:
    """An annual contract in another currency than the books', billed on 1 March 2026."""
    product, _ = Product.objects.get_or_create(code="plan", defaults={"name": "Plan"})
    customer = Customer.objects.create(
        business_entity=BusinessEntity.objects.get(), external_id=number, name=f"Abroad {number}", currency=currency
    )
    item = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": amount}, "interval_months": 12}
    contract = draft_contract(customer=customer, number=number, start=date(2026, 3, 1), items=[item], term_months=12)
    start_contracts([contract.pk])
    run_billing(through=date(2026, 3, 1), finalize=True)
    return customer


def worked_cases() -> None:
    """C7 and C8, with a month of revenue."""
    rates("Date USD\n2026-03-01 1.10\n2026-03-20 1.15\n2026-03-31 1.08\n2026-04-10 1.05\n2026-04-30 1.05")
    customer = sell_abroad("EUR", "1000")
    for amount, day in (("400", date(2026, 3, 20)), ("600", date(2026, 4, 10))):
        receive_payment(customer_id=customer.pk, received_on=day, amount=D(amount), currency="EUR")
    recognize_revenue(through=date(2026, 3, 31))
    revalue(at=date(2026, 3, 31))


def build(connection: Connection, kind: str) -> JournalDocument | DeliveryError:
    entry = JournalEntry.objects.filter(event__kind=kind).order_by("id").first()
    assert entry is not None
    (item,) = OutboxItem.objects.filter(connection=connection, kind="journal_entry", subject_id=entry.pk)
    built = builders.build(connection=connection, kind=Kind.JOURNAL_ENTRY, items=[item])[item.pk]
    assert isinstance(built, JournalDocument | DeliveryError)
    return built


def sign_in(entity: BusinessEntity, erp: str, mode: str, url: str) -> Connection:
    if erp == "quickbooks":
        Books(url).prefer(MultiCurrencyEnabled=True)
    made, _ = setup.create_connection(business_entity=entity, erp=erp, mode=mode, send_payments=mode == "documents")
    made.options = QUICK | {"read_timeout": 2.0}
    return setup.connect_sandbox(made, url)


@pytest.mark.parametrize("mode", ["journal_entries", "documents"])
@pytest.mark.parametrize("erp", ["quickbooks", "xero", "netsuite", "zoho"])
def test_their_books_come_to_ours_in_base_currency(entity, erp, mode) -> None:
    with start_in_thread(erp, limits="off") as box:
        connection = sign_in(entity, erp, mode, box.url)
        worked_cases()
        drain(connection.pk, until_empty=True)
        assert not OutboxItem.objects.exclude(state="delivered").values_list("kind", "state", "reason")
        kept, findings = reconcile(connection, through=THROUGH)
    assert findings.differences == []
    in_base = [row for row in kept.accounts if row["currency"] == "USD"]
    assert all(row["ours"] == row["theirs"] for row in in_base)
    if mode == "journal_entries":
        received = next(row for row in in_base if "AR" in row["account"] or "Receivable" in row["account"])
        assert D(received["ours"]) == 0
    else:
        # 1,000.00 EUR at 1.10, less 400.00 at 1.15 and 600.00 at 1.05.
        documents = {"receivables": ("10.00", "10.00"), "payments": ("1090.00", "1090.00")}
        # By its ledger nothing is owed any more: 20.00 were gained, 30.00 lost.
        ledger = {"the": ("0.00", "0.00")} if erp in ("quickbooks", "netsuite") else {}
        assert in_base_of(kept) == documents | ledger


@pytest.mark.parametrize("erp", ["quickbooks", "xero", "netsuite", "zoho"])
def test_disputes_wallets_and_recovered_debt_abroad_agree_in_base_currency(entity, erp) -> None:
    """Each document goes at the rate of its own day: 1.10 invoiced, 1.15 paid, 1.05 disputed, won and recovered."""
    with start_in_thread(erp, limits="off") as box:
        connection = sign_in(entity, erp, "documents", box.url)
        rates("Date USD\n2026-03-01 1.10\n2026-03-20 1.15\n2026-04-10 1.05")
        march, april = date(2026, 3, 20), date(2026, 4, 10)
        disputed, prepaid, bankrupt = (
            sell_abroad("EUR", amount, number=number).pk
            for number, amount in (("X-1", "1000"), ("X-2", "300"), ("X-3", "200"))
        )
        payment = receive_payment(customer_id=disputed, received_on=march, amount=D(1000), currency="EUR")
        dispute = open_dispute(payment_id=payment.pk, on=april, amount=D(1000), reason="Fraud", fee=D(15))
        win_dispute(dispute_id=dispute.pk, on=april, fee_returned=D(15))
        top_up_wallet(customer_id=prepaid, amount=D(100), currency="EUR", on=march, bonus=D(10))
        invoice = {each.customer_id: each.pk for each in Invoice.objects.all()}
        apply_wallet(customer_id=prepaid, currency="EUR", on=april, allocations={invoice[prepaid]: D(110)})
        write_off_invoice(invoice_id=invoice[bankrupt], on=march, reason="Bankrupt")
        recover_write_off(invoice_id=invoice[bankrupt], amount=D(50), received_on=april)
        deliver_all(connection)
        kept, findings = reconcile(connection, through=THROUGH)
    assert findings.differences == []
    in_base = in_base_of(kept)
    assert all(ours == theirs for ours, theirs in in_base.values())
    # 1,500 invoiced at 1.10; 1,000 and 100 paid at 1.15; 10 of bonus and 200 given up at 1.10; 50 owed again and paid at 1.05.
    assert in_base["receivables"] == ("154.00", "154.00")
    if erp in ("quickbooks", "netsuite"):  # 190.00 EUR of the second invoice are open, at 1.10.
        assert in_base["the"] == ("209.00", "209.00")
    # 1,100 came at 1.15 and 50 at 1.05; what the dispute took at 1.05 came back at 1.05.
    paid = {
        row["erp_id"]: (row["ours"], row["theirs"])
        for row in kept.accounts
        if row["account"].startswith("payments") and row["account"].endswith("all in base currency")
    }
    # Xero spends and receives euros at its account in euros alone.
    at_the_euro_account = [("0.00", "0.00")] if erp == "xero" else []
    assert sorted(paid.values()) == [*at_the_euro_account, ("1317.50", "1317.50")]


def in_base_of(kept: Reconciliation) -> dict[str, tuple[str, str]]:
    """By the first word of what is summed up; "the" is the ERP's own ledger of receivables, where it tells it."""
    rows = [row for row in kept.accounts if row["account"].endswith("all in base currency")]
    return {re.split("[ ,]", row["account"])[0]: (row["ours"], row["theirs"]) for row in rows}


def test_one_rate_is_sent_as_the_foreign_amount_and_its_rate(connect, box) -> None:
    Books(box.url).prefer(MultiCurrencyEnabled=True)
    connection = connect()
    worked_cases()
    revenue = build(connection, "revenue_recognized")
    assert isinstance(revenue, JournalDocument)
    # 31 of 365 days of 1,000.00 EUR, at the rate of its invoice.
    assert (revenue.currency, revenue.rate, revenue.lines[0].debit) == ("EUR", D("1.1"), D("84.93"))


def test_an_exchange_difference_is_sent_in_base_currency_and_names_the_amounts(connect, box) -> None:
    Books(box.url).prefer(MultiCurrencyEnabled=True)
    connection = connect()
    worked_cases()
    paid = build(connection, "payment_received")
    assert isinstance(paid, JournalDocument)
    assert (paid.currency, paid.rate) == ("USD", D(1))
    assert [(line.debit, line.credit) for line in paid.lines] == [(460, 0), (0, 440), (0, 20)]
    assert "EUR 400.00" in paid.lines[0].description and "EUR" not in paid.lines[2].description


def test_what_comes_to_nothing_is_not_sent(connect, box) -> None:
    connection = connect()
    rates("Date USD IDR\n2026-03-01 1.00 16000")
    sell_abroad("IDR", "1")
    refused = build(connection, "invoice_finalized")
    assert isinstance(refused, DeliveryError) and "nothing to send" in str(refused)


def test_another_rate_of_a_document_is_told_apart(entity) -> None:
    """1,000.00 EUR at 1.10 here; somebody set 1.20 there: 1,100.00 against 1,200.00 USD."""
    with start_in_thread("quickbooks", limits="off") as box:
        connection = sign_in(entity, "quickbooks", "documents", box.url)
        worked_cases()
        drain(connection.pk, until_empty=True)
        (invoice,) = Books(box.url).objects("Invoice")
        Books(box.url).edit("Invoice", invoice["Id"], ExchangeRate=1.2)
        kept, findings = reconcile(connection, through=THROUGH)
    (found,) = findings.differences
    assert (found["cause"], found["ours"], found["theirs"]) == ("another exchange rate", "1100.00", "1200.00")
    assert found["detail"] == "In USD: our rate is 1.1, theirs 1.2."
    assert in_base_of(kept)["receivables"] == ("10.00", "110.00")
    # By the documents, and by the ledger of receivables: it is one difference.
    assert [(row["currency"], row["difference"]) for row in kept.customers] == [("USD", "100.00"), ("USD", "100.00")]


def test_the_rate_is_that_of_the_invoice_whoever_took_ids_ahead(connect, box) -> None:
    """A process that took its ids earlier records the loss of a dispute later: it stands at another rate."""
    Books(box.url).prefer(MultiCurrencyEnabled=True)
    connection = connect(mode="documents")
    early = reserve_ids(JournalEntry, 3)
    rates("Date USD\n2026-03-01 1.10\n2026-03-20 1.15")
    customer = sell_abroad("EUR", "1000")
    payment = receive_payment(
        customer_id=customer.pk, received_on=date(2026, 3, 20), amount=D(1000), currency="EUR"
    )  # fmt: skip
    with patch("accounting.posting.reserve_ids", side_effect=lambda model, count: [early.pop(0) for _ in range(count)]):
        open_dispute(payment_id=payment.pk, on=date(2026, 3, 20), amount=D(1000), reason="Fraud")
    drain(connection.pk, until_empty=True)
    (invoice,) = Books(box.url).objects("Invoice")
    assert invoice["ExchangeRate"] == D("1.1")


def test_many_journals_of_zoho_are_told_in_base_currency_too(entity, monkeypatch) -> None:
    """Beyond some twenty its journals are read account by account, where no base amount stands."""
    monkeypatch.setattr(reading, "_WHOLE_READS", 2)
    with start_in_thread("zoho", limits="off") as box:
        connection = sign_in(entity, "zoho", "journal_entries", box.url)
        worked_cases()
        drain(connection.pk, until_empty=True)
        kept, findings = reconcile(connection, through=THROUGH)
    assert findings.differences == []
    assert any(row["currency"] == "EUR" for row in kept.accounts)
