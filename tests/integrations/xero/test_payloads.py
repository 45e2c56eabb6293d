"""What Xero is sent, to the cent and to the character."""

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from integrations.connectors import xero
from integrations.connectors.base import (
    AccountWish,
    Company,
    ErpRow,
    MissingMapping,
    NameTaken,
    PeriodLocked,
    Rejected,
    UnknownOutcome,
    Use,
)
from integrations.connectors.jsontext import loads
from integrations.connectors.xero import payloads, webhooks
from integrations.connectors.xero.accounts import Accounts
from integrations.connectors.xero.errors import error_of
from integrations.documents import (
    CreditNoteDocument,
    CustomerDocument,
    DimensionDocument,
    InvoiceDocument,
    JournalDocument,
    JournalLineDocument,
    MoneyDocument,
    ProductDocument,
    SalesLineDocument,
)

HOME = Company("Acme", "US", "USD", True, "", True)
ZERO = Decimal(0)
CODES = {"a-1": "835", "a-2": "210", "a-3": ""}
BANKS = {"b-usd": "USD", "b-eur": "EUR", "b-gbp": "GBP", "b-gbp-2": "GBP"}
RATES = {"OUTPUT": "10", "TAX001": "8.25", "ZERORATEDOUTPUT": "0"}


def accounts() -> Accounts:
    return Accounts({"codes": CODES}, read=lambda: {"codes": CODES, "banks": BANKS}, read_rates=lambda: RATES)


def journal(**changes: Any) -> JournalDocument:
    lines = (
        JournalLineDocument("a-1", Decimal("1250.5000"), ZERO, "Release", None),
        JournalLineDocument("a-2", ZERO, Decimal("1250.5000"), "Release", None),
    )
    document = JournalDocument("ABCDE-J7", date(2026, 1, 31), "USD", Decimal(1), "JE-7 Invoice", lines)
    return replace(document, **changes)


def line(quantity: str, unit: str, net: str, tax: str = "0", **changes: Any) -> SalesLineDocument:
    code = "TAX001" if Decimal(tax) else None
    made = SalesLineDocument(
        "PLAN", "Pro plan", Decimal(quantity), Decimal(unit), Decimal(net), Decimal(tax), code, "a-2"
    )
    return replace(made, **changes)


def invoice(*lines: SalesLineDocument, **changes: Any) -> InvoiceDocument:
    net, tax = sum((each.net for each in lines), ZERO), sum((each.tax for each in lines), ZERO)
    document = InvoiceDocument(
        "ABCDE-I1", "INV-1", date(2026, 1, 1), date(2026, 1, 31), "c-58", "USD", net, tax, net + tax, lines
    )
    return replace(document, **changes)


def sent(document: InvoiceDocument) -> dict[str, Any]:
    return loads(payloads.invoice(document, HOME, accounts()))


def test_a_journal_is_posted_with_debits_above_and_credits_below_zero_and_no_currency() -> None:
    assert loads(payloads.journal(journal(), HOME, accounts())) == {
        "Narration": "JE-7 Invoice [cf:ABCDE-J7]",
        "Date": "2026-01-31",
        "Status": "POSTED",
        "LineAmountTypes": "NoTax",
        "ShowOnCashBasisReports": False,
        "JournalLines": [
            {"LineAmount": Decimal("1250.50"), "AccountCode": "835", "Description": "Release", "TaxType": "NONE"},
            {"LineAmount": Decimal("-1250.50"), "AccountCode": "210", "Description": "Release", "TaxType": "NONE"},
        ],
    }
    assert loads(payloads.journal(journal(draft=True), HOME, accounts()))["Status"] == "DRAFT"
    page = "https://books.example.com/admin/integrations/outboxitem/?q=ABCDE-J7"
    assert loads(payloads.journal(journal(), HOME, accounts(), page))["Url"] == page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lines": journal().lines[:1]}, "fewer than two lines"),
        ({"lines": ()}, "fewer than two lines"),
        ({"currency": "EUR"}, "base currency USD"),
        ({"lines": (replace(journal().lines[0], debit=Decimal("1250.505")), *journal().lines[1:])}, "three decimals"),
        (
            {"lines": (replace(journal().lines[0], credit=Decimal(1)), *journal().lines[1:])},
            "either a debit or a credit",
        ),
    ],
)
def test_what_xero_would_refuse_is_not_sent(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Rejected, match=words):
        payloads.journal(journal(**changes), HOME, accounts())


def test_a_narration_can_be_looked_for_whatever_was_written() -> None:
    words = 'He said "yes"\\no\n\tto Müller & 日本 ' + "x" * 9000
    narration = loads(payloads.journal(journal(description=words), HOME, accounts()))["Narration"]
    assert narration.startswith("He said 'yes'/no to Müller & 日本 xxx")
    assert narration.endswith(" [cf:ABCDE-J7]")
    assert len(narration) == 300
    assert payloads.tagged(narration) == "ABCDE-J7"


def test_a_journal_of_a_thousand_lines_fits_and_one_of_a_hundred_thousand_does_not() -> None:
    one = journal().lines[0]
    half = (replace(one, debit=Decimal("0.01"), description="d" * 200),)
    other = (replace(one, debit=ZERO, credit=Decimal("0.01"), description="c" * 200),)
    body = payloads.journal(journal(lines=(half + other) * 500), HOME, accounts())
    assert len(loads(body)["JournalLines"]) == 1000
    with pytest.raises(Rejected, match="more than Xero takes"):
        payloads.journal(journal(lines=(half + other) * 50_000), HOME, accounts())


def test_an_account_that_is_gone_or_has_no_code_asks_for_a_mapping() -> None:
    for missing in ("a-9", "a-3"):
        with pytest.raises((MissingMapping, Rejected)):
            gone = replace(journal().lines[0], account=missing)
            known = Accounts({}, read=lambda: {"codes": {"a-2": "210"}}, read_rates=dict)
            payloads.journal(journal(lines=(gone, journal().lines[1])), HOME, known)


def test_tracking_names_category_and_option_at_most_two() -> None:
    rows = tuple(DimensionDocument("tracking", f"o-{at}", f"Option {at}", f"Category {at}") for at in range(3))
    lines = (replace(journal().lines[0], dimensions=rows[:2]), journal().lines[1])
    first = loads(payloads.journal(journal(lines=lines), HOME, accounts()))["JournalLines"][0]
    assert first["Tracking"] == [
        {"Name": "Category 0", "Option": "Option 0"},
        {"Name": "Category 1", "Option": "Option 1"},
    ]
    with pytest.raises(Rejected, match="two tracking categories"):
        payloads.journal(journal(lines=(replace(lines[0], dimensions=rows), lines[1])), HOME, accounts())


def test_an_invoice_names_the_contact_by_id_alone_and_leaves_the_tax_to_xero() -> None:
    assert sent(invoice(line("3", "49.50", "148.50", "12.25"))) == {
        "Type": "ACCREC",
        "InvoiceNumber": "INV-1",
        "Reference": "ABCDE-I1",
        "DueDate": "2026-01-31",
        "Contact": {"ContactID": "c-58"},
        "Date": "2026-01-01",
        "Status": "AUTHORISED",
        "LineAmountTypes": "Exclusive",
        "CurrencyCode": "USD",
        "LineItems": [
            {
                "Description": "Pro plan",
                "Quantity": 3,
                "UnitAmount": Decimal("49.5"),
                "TaxType": "TAX001",
                "ItemCode": "PLAN",
                "AccountCode": "210",
            }
        ],
    }


def test_tax_is_given_only_where_xero_would_work_out_another() -> None:
    ours = line("1", "100", "100", "8.24")
    assert sent(invoice(ours))["LineItems"][0]["TaxAmount"] == Decimal("8.24")
    free, taxed = sent(invoice(line("1", "5", "5"), line("1", "100", "100", "8.25")))["LineItems"]
    assert (free["TaxType"], taxed["TaxType"]) == ("NONE", "TAX001")
    assert "TaxAmount" not in taxed
    assert sent(invoice(line("1", "5", "5")))["LineAmountTypes"] == "NoTax"
    with pytest.raises(Rejected, match="Map the tax rate"):
        sent(invoice(line("1", "100", "100", "8.25", tax_code=None)))


def test_a_rate_of_zero_is_named_for_it_belongs_into_the_tax_return() -> None:
    body = sent(invoice(line("1", "5", "5", tax_code="ZERORATEDOUTPUT"), line("1", "5", "5")))
    assert body["LineAmountTypes"] == "Exclusive"
    assert [each["TaxType"] for each in body["LineItems"]] == ["ZERORATEDOUTPUT", "NONE"]
    assert not any("TaxAmount" in each for each in body["LineItems"])


def test_a_line_that_does_not_multiply_out_is_sent_as_one_unit() -> None:
    exact, rounded, tiny = sent(
        invoice(line("3", "33.3333", "100.00"), line("7", "0.33333", "2.33"), line("0.00001", "5", "0"))
    )["LineItems"]
    assert (exact["Quantity"], exact["UnitAmount"]) == (3, Decimal("33.3333"))
    assert (rounded["Quantity"], rounded["UnitAmount"]) == (1, Decimal("2.33"))
    assert (tiny["Quantity"], tiny["UnitAmount"]) == (1, 0)


@pytest.mark.parametrize(
    ("currency", "rate", "net", "quoted"),
    [
        ("EUR", "1.0869565217", "10.01", "0.920000"),
        ("JPY", "0.0066666667", "1200", "150.000000"),
        ("KWD", "3.2573289902", "1.250", "0.307000"),
    ],
)
def test_rates_are_quoted_as_xero_quotes_them(currency: str, rate: str, net: str, quoted: str) -> None:
    body = sent(invoice(line("1", net, net), currency=currency, rate=Decimal(rate)))
    assert (body["CurrencyCode"], abs(body["CurrencyRate"] - Decimal(quoted)) < Decimal("0.0001")) == (currency, True)
    assert body["LineItems"][0]["UnitAmount"] == Decimal(net)


def money(currency: str, account: str) -> dict[str, Any]:
    rate = Decimal(1) if currency == "USD" else Decimal("1.25")
    document = MoneyDocument("ABCDE-D1", date(2026, 1, 31), "c-58", currency, Decimal(15), "Fee", account, "a-2", rate)
    return loads(payloads.bank_transaction(document, HOME, accounts(), spent=True))


def test_money_spent_names_no_currency_but_an_account_that_is_kept_in_it() -> None:
    """Xero's BankTransactions: "Setting currency is only supported on overpayments"; the rate is for all but the base."""
    body = money("USD", "b-usd")
    assert (body["BankAccount"], {"CurrencyCode", "CurrencyRate"} & set(body)) == ({"AccountID": "b-usd"}, set())
    for named in ("b-usd", "b-eur"):  # The only one in euros, where the mapped one is not.
        body = money("EUR", named)
        assert (body["BankAccount"], body["CurrencyRate"], "CurrencyCode" in body) == (
            {"AccountID": "b-eur"},
            Decimal("0.8"),
            False,
        )
    assert money("USD", "b-eur")["BankAccount"] == {"AccountID": "b-usd"}
    assert money("GBP", "b-gbp-2")["BankAccount"] == {"AccountID": "b-gbp-2"}
    with pytest.raises(Rejected, match=r"kept in USD.*in GBP 2 accounts are"):
        money("GBP", "b-usd")
    with pytest.raises(Rejected, match=r"in JPY no account is\. Have exactly one bank account in JPY"):
        money("JPY", "b-usd")


def test_a_third_decimal_is_refused_in_words_for_xero_keeps_two() -> None:
    with pytest.raises(Rejected, match="three decimals; Xero keeps two"):
        sent(invoice(line("1", "1.255", "1.255"), currency="KWD", rate=Decimal(3)))


def test_a_credit_note_is_positive_and_has_no_due_date() -> None:
    row = line("1", "10", "10")
    note = CreditNoteDocument(
        "ABCDE-C1", "CN-1", date(2026, 1, 1), "c-58", "USD", row.net, ZERO, row.net, "Late", (row,)
    )
    body = loads(payloads.credit_note(note, HOME, accounts()))
    assert (body["Type"], body["CreditNoteNumber"], body["Reference"]) == ("ACCRECCREDIT", "CN-1", "ABCDE-C1")
    assert "DueDate" not in body


def test_contacts_and_items_keep_to_the_lengths() -> None:
    document = CustomerDocument("ABCDE-U1", "Ünïcode\t日本\n" + "x" * 300, "müller@example.test", "USD", suffix="C-1")
    body = loads(payloads.customer(document))
    assert body["Name"].startswith("Ünïcode 日本 xxx")
    assert (body["Name"][-6:], len(body["Name"]), body["ContactNumber"]) == (" (C-1)", 255, "ABCDE-U1")
    assert "EmailAddress" not in body  # no umlauts there
    item = loads(payloads.product(ProductDocument("ABCDE-S1", "n" * 99, "d" * 5000, "a-2"), accounts()))
    assert (len(item["Name"]), len(item["Description"]), item["Code"]) == (50, 4000, "ABCDE-S1")
    assert item["SalesDetails"] == {"AccountCode": "210"}


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        ("The document date cannot be before the period lock date, currently set at 31 January 2026", PeriodLocked),
        ("The document date cannot be before the end of year lock date, currently set at 1 May 2026", PeriodLocked),
        ("Account code '999' is not a valid code for this document.", MissingMapping),
        ("Account code '400' has been archived, or has been deleted", MissingMapping),
        ("The TaxType code 'X' cannot be used with account code '200'.", MissingMapping),
        ("The contact name A is already assigned to another contact. The contact name must be unique", NameTaken),
        ("Invoice # must be unique.", Rejected),
        ("Organisation is not subscribed to currency EUR", Rejected),
        ("The idempotency key 'k' is used with a different request", UnknownOutcome),
        ("Something new", Rejected),
    ],
)
def test_messages_mean_what_they_say(message: str, meaning: type[Exception]) -> None:
    error = error_of([message])
    assert type(error) is meaning
    assert message in error.words or meaning is UnknownOutcome


def account(kind: str, *, system: str = "", code: str = "1", payments: bool = False) -> ErpRow:
    data = {"system_account": system, "payments": payments}
    return ErpRow("account", "a", "Account", code, kind, data=data)


@pytest.mark.parametrize(
    ("row", "wish", "allowed"),
    [
        (account("CURRENT"), AccountWish(Use.JOURNAL, "accounts_receivable.customers", "assets"), True),
        (
            account("CURRENT", system="DEBTORS"),
            AccountWish(Use.JOURNAL, "accounts_receivable.customers", "assets"),
            False,
        ),
        (account("BANK"), AccountWish(Use.JOURNAL, "cash", "assets"), False),
        (account("CURRENT"), AccountWish(Use.JOURNAL, "cash", "assets"), True),
        (account("INVENTORY"), AccountWish(Use.JOURNAL, "", "assets"), False),
        (account("EQUITY", system="RETAINEDEARNINGS"), AccountWish(Use.JOURNAL, "", "equity"), False),
        (account("CURRLIAB", system="GST"), AccountWish(Use.JOURNAL, "sales_tax", "liabilities"), False),
        (account("REVENUE", code=""), AccountWish(Use.JOURNAL, "", "income"), False),
        (account("CURRENT", system="DEBTORS"), AccountWish(Use.SALE, "accounts_receivable.customers", "assets"), True),
        (account("BANK"), AccountWish(Use.DEPOSIT, "cash", "assets"), True),
        (account("CURRENT", payments=True), AccountWish(Use.DEPOSIT, "cash", "assets"), True),
        (account("CURRENT"), AccountWish(Use.DEPOSIT, "cash", "assets"), False),
    ],
)
def test_only_what_xero_takes_is_offered(row: ErpRow, wish: AccountWish, allowed: bool) -> None:
    reason = xero.SPEC.why_not(row, wish)
    assert (reason == "") is allowed
    assert allowed or len(reason) > 20


def test_the_mapping_page_explains_the_clearing_accounts() -> None:
    assert "clearing account" in xero.SPEC.role_notes["accounts_receivable.customers"]
    assert "clearing account" in xero.SPEC.role_notes["cash"]


def test_a_notice_is_believed_only_with_its_signature() -> None:
    raw = (
        b'{"events":[{"resourceId":"i-1","eventCategory":"INVOICE","eventType":"UPDATE","tenantId":"t-1",'
        b'"eventDateUtc":"2026-11-01T10:00:00.000","data":{"Type":"ACCREC","Status":"VOIDED"}},'
        b'{"resourceId":"b-1","eventCategory":"INVOICE","tenantId":"t-1","data":{"Type":"ACCPAY"}}],'
        b'"firstEventSequence":1,"lastEventSequence":2,"entropy":"x"}'
    )
    good = base64.b64encode(hmac.new(b"key", raw, hashlib.sha256).digest()).decode()
    assert webhooks.verify(raw, {"x-xero-signature": good}, "key")
    for headers, key in (({"x-xero-signature": good}, "other"), ({"x-xero-signature": "x"}, "key"), ({}, "key")):
        assert not webhooks.verify(raw, headers, key)
    assert not webhooks.verify(raw + b" ", {"x-xero-signature": good}, "key")
    assert not webhooks.verify(raw, {"x-xero-signature": ""}, "")
    ((tenant, change),) = webhooks.read(raw).changes
    assert (tenant, change.kind, change.external_id, change.what) == ("t-1", "invoice", "i-1", "deleted")
