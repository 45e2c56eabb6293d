"""The connector alone against the sandbox: every kind of document, made, made again, found, changed and taken back."""

from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from integrations.connectors.base import (
    Call,
    Company,
    Delivered,
    ErpRow,
    MissingMapping,
    Parcel,
    Rejected,
    UnknownOutcome,
    Wiring,
)
from integrations.connectors.xero import objects
from integrations.connectors.xero.connector import Xero
from integrations.connectors.xero.reader import Reader
from integrations.documents import (
    AllocationDocument,
    CreditAllocationDocument,
    CreditNoteDocument,
    CustomerDocument,
    Document,
    InvoiceDocument,
    JournalDocument,
    JournalLineDocument,
    Kind,
    PaymentDocument,
    ProductDocument,
    RefundDocument,
    SalesLineDocument,
    VoidDocument,
)
from integrations.sandbox.xero import app
from tests.integrations.books import Books
from tests.integrations.xero.caller import Caller

JANUARY, ZERO = date(2026, 1, 31), Decimal(0)


@dataclass
class Signed:
    """Tokens of a caller who has signed in."""

    caller: Caller

    def token(self) -> str:
        return self.caller.tokens["access_token"]

    def refresh(self, *, stale: str) -> str:
        form = {"grant_type": "refresh_token", "refresh_token": self.caller.tokens["refresh_token"]}
        self.caller.tokens = self.caller.token(**form).json()
        return self.token()

    def secrets(self) -> Mapping[str, Any]:
        return {}


@dataclass
class Desk:
    """A connector with what it was told and asked."""

    caller: Caller
    paced: list[str] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    at_once: int = 0
    number: int = 0

    def __post_init__(self) -> None:
        empty = Company("", "", "", True, "", True)
        self.wiring = Wiring(
            base_url=self.caller.url,
            realm_id=self.caller.tenant,
            company=empty,
            access=Signed(self.caller),
            pace=self.paced.extend,
            on_call=self.calls.append,
            connect_timeout=5,
            read_timeout=5,
            slot=self.slot,
            on_limits=self.left.update,
        )
        self.wiring = replace(self.wiring, company=Xero(self.wiring).company())
        self.xero = Xero(self.wiring)
        rows = list(self.xero.lists())
        self.accounts: dict[str, ErpRow] = {each.name: each for each in rows if each.kind == "account"}
        self.rows = rows

    @contextmanager
    def slot(self) -> Any:
        self.at_once += 1
        yield

    def put(self, kind: Kind, *documents: Document, request: str = "") -> list[Any]:
        self.number += 1
        bodies = [self.xero.encode(kind, each) for each in documents]
        self.parcels = [
            Parcel(each.reference, at + 1, body) for at, (each, body) in enumerate(zip(documents, bodies, strict=True))
        ]
        return self.xero.send(kind, request or f"request-{self.number}", self.parcels)

    def made(self, kind: Kind, document: Document) -> str:
        (outcome,) = self.put(kind, document)
        assert isinstance(outcome, Delivered), outcome
        found = self.xero.find(kind, self.parcels)[document.reference]
        assert isinstance(found, Delivered)
        assert found.external_id == outcome.external_id
        return outcome.external_id

    def customer(self, name: str = "Globex") -> str:
        self.number += 1
        return self.made(Kind.CUSTOMER, CustomerDocument(f"ABCDE-U{self.number}", name, "", "USD"))

    def invoice(self, customer: str, net: str = "100", **changes: Any) -> InvoiceDocument:
        self.number += 1
        line = self.line(net)
        document = InvoiceDocument(
            f"ABCDE-I{self.number}", f"INV-{self.number}", JANUARY, JANUARY, customer, "USD",
            line.net, ZERO, line.net, (line,),
        )  # fmt: skip
        return replace(document, **changes)

    def line(self, net: str) -> SalesLineDocument:
        account = self.accounts["Subscription Revenue"].external_id
        return SalesLineDocument("", "Plan", Decimal(1), Decimal(net), Decimal(net), ZERO, None, account)

    def note(self, customer: str, net: str = "30") -> CreditNoteDocument:
        self.number += 1
        line = self.line(net)
        return CreditNoteDocument(
            f"ABCDE-C{self.number}",
            f"CN-{self.number}",
            JANUARY,
            customer,
            "USD",
            line.net,
            ZERO,
            line.net,
            "Late",
            (line,),
        )

    def payment(self, customer: str, amount: str, **parts: str) -> PaymentDocument:
        self.number += 1
        allocations = tuple(AllocationDocument(invoice, Decimal(part)) for invoice, part in parts.items())
        bank = self.accounts["Checking Account"].external_id
        return PaymentDocument(
            f"ABCDE-P{self.number}", JANUARY, customer, "USD", Decimal(amount), "wire 7", bank, allocations
        )


@pytest.fixture
def desk(box: Any) -> Desk:
    return Desk(Caller(box.url))


@pytest.fixture
def books(box: Any) -> Books:
    return Books(box.url)


def due(books: Books) -> list[Decimal]:
    return [each["AmountDue"] for each in books.objects("Invoice")]


def test_lists_hold_everything_and_say_what_changed(desk: Desk) -> None:
    kinds = {each.kind for each in desk.rows}
    assert kinds == {"account", "product", "tax_code", "currency", "tracking"}
    receivable = desk.accounts["Accounts Receivable"]
    assert (receivable.number, receivable.type, receivable.data["system_account"]) == ("610", "CURRENT", "DEBTORS")
    emea = next(each for each in desk.rows if each.name == "EMEA")
    assert (emea.kind, emea.number) == ("tracking", "Region")
    assert next(each for each in desk.rows if each.external_id == "TAX001").data["rate"] == "8.25"
    customer = desk.customer("Ünïcode 日本")
    soon = datetime.now(UTC) + timedelta(seconds=2)
    assert [
        each.external_id for each in desk.xero.lists(since=soon - timedelta(minutes=1)) if each.kind == "customer"
    ] == [customer]
    assert [each for each in desk.xero.lists(since=soon) if each.kind in ("customer", "account", "product")] == []


def test_more_customers_than_a_page_holds_are_all_read(desk: Desk) -> None:
    for start in range(0, 600, 50):
        rows = [{"Name": f"Customer {number}"} for number in range(start, start + 50)]
        assert desk.caller.put("Contacts", *rows).status_code == 200
    assert len([each for each in desk.xero.lists() if each.kind == "customer"]) == 600


def test_the_company_tells_its_locks(desk: Desk) -> None:
    desk.caller.control("preferences", {"PeriodLockDate": "2026-03-31", "EndOfYearLockDate": "2025-12-31"})
    company = desk.xero.company()
    assert (company.home_currency, company.country, company.books_closed_through) == ("USD", "US", "2026-03-31")
    assert [(lock.name, lock.end) for lock in company.locks] == [
        ("period lock date", "2026-03-31"),
        ("end of year lock date", "2025-12-31"),
    ]


def test_every_request_waits_its_turn_takes_a_slot_and_tells_what_is_left(desk: Desk) -> None:
    assert len(desk.paced) == desk.at_once == len(desk.calls)
    assert set(desk.paced) == {"minute"}
    assert desk.left.keys() == {"minute", "day"}


def test_a_journal_of_a_thousand_lines_with_any_words(desk: Desk, books: Books) -> None:
    ours = [desk.accounts[name].external_id for name in ("Deferred Revenue", "Sales")]
    rows = tuple(
        JournalLineDocument(
            ours[at % 2],
            Decimal("0.01") if at % 2 else ZERO,
            ZERO if at % 2 else Decimal("0.01"),
            "日本 " + "x" * 4000,
            None,
        )
        for at in range(1000)
    )
    document = JournalDocument("ABCDE-J1", JANUARY, "USD", Decimal(1), 'Äpfel & "Birnen" 日本 \\ ' * 50, rows)
    outcomes = desk.put(
        Kind.JOURNAL_ENTRY, replace(document, lines=rows[:2], reference="ABCDE-J2"), replace(document, lines=rows[:600])
    )
    assert [type(each) for each in outcomes] == [Delivered, Delivered]
    found = desk.xero.find(Kind.JOURNAL_ENTRY, desk.parcels)
    assert {each.external_id for each in found.values()} == {each.external_id for each in outcomes}
    short = tuple(replace(each, description=each.description[:200]) for each in rows)
    assert desk.made(Kind.JOURNAL_ENTRY, replace(document, reference="ABCDE-J3", lines=short))
    assert len(books.objects("ManualJournal")[-1]["JournalLines"]) == 1000
    read = {each.reference: each for each in desk.xero.documents(Kind.JOURNAL_ENTRY, through=JANUARY)}
    assert {name: len(each.postings) for name, each in read.items()} == {
        "ABCDE-J1": 600,
        "ABCDE-J2": 2,
        "ABCDE-J3": 1000,
    }
    assert list(desk.xero.documents(Kind.JOURNAL_ENTRY, through=date(2026, 1, 30))) == []


@pytest.mark.parametrize("sign", ["x", "日", "😀"])
def test_the_longest_texts_fit(desk: Desk, books: Books, sign: str) -> None:
    """Lengths are counted in UTF-16 there: an emoji is two."""
    long = sign * 5000
    customer = desk.made(Kind.CUSTOMER, CustomerDocument("ABCDE-U1", long, "", "USD", suffix=long))
    income = desk.accounts["Subscription Revenue"].external_id
    desk.made(Kind.PRODUCT, ProductDocument("ABCDE-S1", long, long, income))
    line = replace(desk.line("100"), description=long)
    desk.made(Kind.INVOICE, desk.invoice(customer, lines=(line,), number="N" * 255))
    desk.made(Kind.PAYMENT, replace(desk.payment(customer, "5"), note=long))
    rows = (
        JournalLineDocument(income, Decimal(1), ZERO, long, None),
        JournalLineDocument(income, ZERO, Decimal(1), long, None),
    )
    desk.made(Kind.JOURNAL_ENTRY, JournalDocument("ABCDE-J1", JANUARY, "USD", Decimal(1), long, rows))


def test_a_reference_that_somebody_wrote_is_not_taken_for_ours(desk: Desk) -> None:
    ours = [desk.accounts[name].external_id for name in ("Deferred Revenue", "Sales")]
    rows = (
        JournalLineDocument(ours[0], Decimal(1), ZERO, "", None),
        JournalLineDocument(ours[1], ZERO, Decimal(1), "", None),
    )
    desk.made(Kind.JOURNAL_ENTRY, JournalDocument("ABCDE-J2", JANUARY, "USD", Decimal(1), "As [cf:OTHER-J1]", rows))


def test_a_batch_too_large_for_one_request_is_cut(desk: Desk, books: Books) -> None:
    ours = [desk.accounts[name].external_id for name in ("Deferred Revenue", "Sales")]
    row = JournalLineDocument(ours[0], Decimal("0.01"), ZERO, "x" * 3900, None)
    lines = (row, replace(row, account=ours[1], debit=ZERO, credit=Decimal("0.01"))) * 150
    many = [JournalDocument(f"ABCDE-J{at}", JANUARY, "USD", Decimal(1), "Long", lines) for at in range(6)]
    before = len(desk.calls)
    assert {type(each) for each in desk.put(Kind.JOURNAL_ENTRY, *many)} == {Delivered}
    assert len(desk.calls) - before == 3
    assert books.count("ManualJournal") == 6


def test_a_product_and_an_invoice_that_names_it(desk: Desk, books: Books) -> None:
    income = desk.accounts["Subscription Revenue"].external_id
    code = desk.made(Kind.PRODUCT, ProductDocument("ABCDE-S1", "Plan", "The plan", income))
    assert code == "ABCDE-S1"
    line = replace(desk.line("100"), product=code, account="")
    assert desk.made(Kind.INVOICE, desk.invoice(desk.customer(), lines=(line,)))
    assert books.objects("Invoice")[0]["LineItems"][0]["AccountCode"] == "210"


@pytest.mark.parametrize(
    ("currency", "net", "rate"), [("JPY", "1200", "0.0067"), ("KWD", "12.340", "3.25"), ("EUR", "9.99", "1.09")]
)
def test_foreign_documents(desk: Desk, currency: str, net: str, rate: str) -> None:
    line = desk.line(net)
    plain = desk.invoice(desk.customer())
    document = replace(plain, currency=currency, rate=Decimal(rate), net=line.net, total=line.net, lines=(line,))
    desk.made(Kind.INVOICE, document)
    (found,) = desk.xero.documents(Kind.INVOICE, through=JANUARY)
    assert (found.currency, found.total) == (currency, Decimal(net))
    assert abs(found.rate - Decimal(rate)) < Decimal("0.001")


def test_a_currency_that_is_not_subscribed_is_refused_in_words(desk: Desk) -> None:
    (refused,) = desk.put(Kind.INVOICE, desk.invoice(desk.customer(), currency="NOK", rate=Decimal("0.1")))
    assert (refused.code, "Add the currency in Xero" in refused.words) == ("currency", True)
    known = Xero(replace(desk.wiring, currencies={"USD": "USD"}))
    with pytest.raises(Rejected, match="not subscribed"):
        known.encode(Kind.INVOICE, desk.invoice(desk.customer("B"), currency="NOK"))


def test_a_repeat_under_another_key_adopts_what_is_there(desk: Desk, books: Books) -> None:
    document = desk.invoice(desk.customer())
    first = desk.made(Kind.INVOICE, document)
    (again,) = desk.put(Kind.INVOICE, document)
    assert again.external_id == first
    contact = CustomerDocument("ABCDE-U77", "Initech", "", "USD")
    assert desk.made(Kind.CUSTOMER, contact) == desk.put(Kind.CUSTOMER, contact)[0].external_id
    assert (books.count("Invoice"), books.count("Contact")) == (1, 2)


def test_a_credit_note_settles_is_refunded_and_voided(desk: Desk, books: Books) -> None:
    customer = desk.customer()
    first, second = (desk.made(Kind.INVOICE, desk.invoice(customer)) for _ in range(2))
    note = desk.made(Kind.CREDIT_NOTE, desk.note(customer, "30"))

    def settle(**parts: str) -> None:
        rows = tuple(AllocationDocument(invoice, Decimal(part)) for invoice, part in parts.items())
        desk.made(Kind.CREDIT_ALLOCATION, CreditAllocationDocument("ABCDE-A1", JANUARY, customer, "USD", note, rows))

    settle(**{first: "10"})
    settle(**{first: "10", second: "5"})
    settle(**{first: "10", second: "5"})
    assert due(books) == [90, 95]
    settle(**{second: "20"})
    assert due(books) == [100, 80]
    bank = desk.accounts["Checking Account"].external_id
    refund = RefundDocument("ABCDE-R1", JANUARY, customer, "USD", Decimal(10), "wire", bank, credit_note=note)
    made = desk.made(Kind.REFUND, refund)
    assert desk.made(Kind.REFUND, refund) == made
    assert books.objects("CreditNote")[0]["RemainingCredit"] == 0
    (read,) = desk.xero.documents(Kind.REFUND, through=JANUARY)
    assert (read.reference, read.total, read.account) == ("ABCDE-R1", 10, bank)
    other = desk.made(Kind.CREDIT_NOTE, desk.note(customer, "7"))
    void = VoidDocument("ABCDE-W1", other, "", JANUARY)
    assert desk.made(Kind.CREDIT_NOTE_VOID, void) == other
    linked = {
        each.number: (each.total, each.linked, each.status)
        for each in desk.xero.documents(Kind.CREDIT_NOTE, through=JANUARY)
    }
    assert sorted(linked.values(), key=str) == [(0, (), "void"), (30, ((second, Decimal(20)),), "posted")]


def test_a_payment_settles_several_invoices_and_leaves_the_rest_on_account(desk: Desk, books: Books) -> None:
    customer = desk.customer()
    first, second = (desk.made(Kind.INVOICE, desk.invoice(customer)) for _ in range(2))
    paid = desk.payment(customer, "120", **{first: "60", second: "40"})
    number = desk.made(Kind.PAYMENT, paid)
    desk.made(Kind.PAYMENT, paid)
    assert (due(books), books.count("Payment"), books.count("Overpayment")) == ([40, 60], 2, 1)
    rows = tuple(AllocationDocument(invoice, Decimal(part)) for invoice, part in ((first, "75"), (second, "45")))
    moved = replace(paid, reference=paid.reference, allocations=rows, external_id=number)
    desk.made(Kind.PAYMENT_UPDATE, moved)
    assert (due(books), books.objects("Overpayment")[0]["RemainingCredit"]) == ([25, 55], 0)
    less = replace(moved, allocations=(AllocationDocument(second, Decimal(45)),))
    desk.made(Kind.PAYMENT_UPDATE, less)
    assert due(books) == [100, 55]
    (read,) = desk.xero.documents(Kind.PAYMENT, through=JANUARY)
    assert (read.reference, read.total, read.linked) == (paid.reference, 120, ((second, Decimal(45)),))
    left = RefundDocument(
        "ABCDE-R2", JANUARY, customer, "USD", Decimal(60), "wire", paid.deposit_account, payment=read.external_id
    )
    assert desk.made(Kind.REFUND, left)


@pytest.mark.parametrize("told", [True, False])
def test_a_payment_taken_back_is_gone_with_all_its_parts(desk: Desk, books: Books, told: bool) -> None:
    books.prefer(OverpaymentsCanBeDeleted=True, OverpaymentLinesInLists=told, PaymentsNameIdsOnly=not told)
    customer = desk.customer()
    invoice = desk.made(Kind.INVOICE, desk.invoice(customer))
    number = desk.made(Kind.PAYMENT, desk.payment(customer, "50", **{invoice: "30"}))
    void = VoidDocument("ABCDE-X1", number, "", JANUARY)
    desk.put(Kind.PAYMENT_VOID, void)
    assert due(books) == [100]
    assert [each["Status"] for each in books.objects("Overpayment")] == ["VOIDED"]
    assert list(desk.xero.documents(Kind.PAYMENT, through=JANUARY)) == []
    (again,) = desk.put(Kind.PAYMENT_VOID, void)
    assert isinstance(again, Delivered)


def test_a_payment_is_taken_back_after_a_500_that_xero_keeps_under_its_key(desk: Desk, books: Books) -> None:
    customer = desk.customer()
    invoice = desk.made(Kind.INVOICE, desk.invoice(customer))
    void = VoidDocument(
        "ABCDE-X1", desk.made(Kind.PAYMENT, desk.payment(customer, "30", **{invoice: "30"})), "", JANUARY
    )
    books.fail(rate=1, kinds=["500"], times=1, only="POST /api.xro/2.0/Payments/")
    (first,) = desk.put(Kind.PAYMENT_VOID, void)
    assert isinstance(first, UnknownOutcome)
    assert first.fresh_key
    (second,) = desk.put(Kind.PAYMENT_VOID, void)
    assert isinstance(second, Delivered)
    assert due(books) == [100]


def test_payments_that_name_ids_only_are_read_whole(desk: Desk, books: Books) -> None:
    """It is not published what an answer tells of the documents that payments settle."""
    books.prefer(PaymentsNameIdsOnly=True)
    customer = desk.customer()
    invoice = desk.made(Kind.INVOICE, desk.invoice(customer, currency="EUR", rate=Decimal("1.25")))
    paid = replace(desk.payment(customer, "80", **{invoice: "60"}), currency="EUR", rate=Decimal("1.25"))
    number = desk.made(Kind.PAYMENT, paid)
    refund = RefundDocument(
        *("ABCDE-R2", JANUARY, customer, "EUR", Decimal(15), "wire", paid.deposit_account),
        payment=number,
        rate=Decimal("1.25"),
    )
    desk.made(Kind.REFUND, refund)
    read = [each for kind in (Kind.PAYMENT, Kind.REFUND) for each in desk.xero.documents(kind, through=JANUARY)]
    assert [(each.customer, each.currency, each.total) for each in read] == [
        (customer, "EUR", 80),
        (customer, "EUR", 15),
    ]


def test_an_overpayment_that_xero_keeps_is_void_once_a_person_did_it_there(desk: Desk, books: Books) -> None:
    customer = desk.customer()
    invoice = desk.made(Kind.INVOICE, desk.invoice(customer))
    number = desk.made(Kind.PAYMENT, desk.payment(customer, "50", **{invoice: "30"}))
    void = VoidDocument("ABCDE-X1", number, "", JANUARY)
    (kept,) = desk.put(Kind.PAYMENT_VOID, void)
    assert isinstance(kept, Rejected)
    assert "overpayment of 20.00 USD" in kept.words
    assert "Deletes are not supported" in kept.words
    (transaction,) = books.objects("BankTransaction")
    books.delete("BankTransaction", transaction["BankTransactionID"])
    (done,) = desk.put(Kind.PAYMENT_VOID, void)
    assert isinstance(done, Delivered)
    assert due(books) == [100]


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("as_invoice", [True, False])
def test_a_refund_is_known_whatever_xero_calls_what_it_pays_back(
    desk: Desk, books: Books, as_invoice: bool, told: bool
) -> None:
    """Xero was seen to name a refunded credit note as the "Invoice" of the payment."""
    books.prefer(RefundsNameInvoices=as_invoice, PaymentsNameIdsOnly=not told)
    customer = desk.customer()
    note = desk.made(Kind.CREDIT_NOTE, desk.note(customer, "30"))
    bank = desk.payment(customer, "1").deposit_account
    number = desk.made(
        Kind.REFUND, RefundDocument("ABCDE-R9", JANUARY, customer, "USD", Decimal(30), "wire", bank, credit_note=note)
    )
    assert list(desk.xero.documents(Kind.PAYMENT, through=JANUARY)) == []
    (read,) = desk.xero.documents(Kind.REFUND, through=JANUARY)
    assert (read.external_id, read.customer, read.total, read.currency) == (number, customer, 30, "USD")
    assert desk.xero.document(Kind.REFUND, number) == read
    before = datetime.now(UTC) - timedelta(minutes=1)
    assert ("refund", number) in [(each.kind, each.external_id) for each in desk.xero.changes(since=before)]
    desk.put(Kind.REFUND_VOID, VoidDocument("ABCDE-X2", number, "", JANUARY))
    assert books.objects("CreditNote")[0]["RemainingCredit"] == 30


@pytest.mark.parametrize("text", ["/Date(1793404800000+0000)/", "/Date(1793404800000-0500)/", "2026-10-31T00:00:00"])
def test_days_are_read_in_each_form(text: str) -> None:
    assert objects.day(text) == "2026-10-31"


def test_yes_and_no_may_be_words(desk: Desk) -> None:
    account = {
        "AccountID": "a",
        "Code": "1",
        "Name": "Clearing",
        "Status": "ACTIVE",
        "EnablePaymentsToAccount": "false",
    }
    assert objects.account_row(account).data["payments"] is False
    assert objects.account_row(account | {"EnablePaymentsToAccount": "true"}).data["payments"] is True


def test_many_plain_payments_go_in_one_request_each_with_its_own_result(desk: Desk, books: Books) -> None:
    customer = desk.customer()
    invoices = [desk.made(Kind.INVOICE, desk.invoice(customer)) for _ in range(3)]
    payments = [
        desk.payment(customer, amount, **{invoice: amount})
        for invoice, amount in zip(invoices, ("100", "101", "30"), strict=True)
    ]
    before = len(desk.calls)
    good, over, part = desk.put(Kind.PAYMENT, *payments)
    assert len(desk.calls) - before == 1
    assert [type(each) for each in (good, over, part)] == [Delivered, Rejected, Delivered]
    assert "exceeds the amount outstanding" in over.words
    assert due(books) == [0, 100, 70]


def test_voids_are_made_once_and_what_is_gone_is_said(desk: Desk, books: Books) -> None:
    invoice = desk.made(Kind.INVOICE, desk.invoice(desk.customer()))
    void = VoidDocument("ABCDE-V1", invoice, "", JANUARY)
    assert desk.made(Kind.INVOICE_VOID, void) == invoice
    calls = len(desk.calls)
    desk.put(Kind.INVOICE_VOID, void)
    assert len(desk.calls) - calls == 1
    assert desk.xero.document(Kind.INVOICE, invoice).status == "void"
    gone = "0" * 8 + "-0000-4000-8000-" + "0" * 12
    (missing,) = desk.put(Kind.INVOICE_VOID, replace(void, external_id=gone))
    assert isinstance(missing, MissingMapping)


def test_changes_made_by_hand_are_noticed(desk: Desk, books: Books) -> None:
    invoice = desk.made(Kind.INVOICE, desk.invoice(desk.customer()))
    before = datetime.now(UTC) - timedelta(seconds=2)
    books.delete("Invoice", invoice)
    assert [(each.kind, each.external_id, each.what) for each in desk.xero.changes(since=before)] == [
        ("invoice", invoice, "deleted")
    ]
    assert list(desk.xero.changes(since=datetime.now(UTC) + timedelta(minutes=1))) == []


def test_what_is_bought_is_nobodys_business_here(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    """Payments and credits of suppliers come in the same lists, and are not ours to reconcile."""
    rows = {
        "Payments": [
            {"PaymentID": f"p-{kind}", "PaymentType": kind, "Status": "AUTHORISED", "Amount": 5, "Date": "2026-01-05"}
            | (
                {"Invoice": {"InvoiceID": "i", "CurrencyCode": "USD"}}
                if kind.endswith(("RECPAYMENT", "PAYPAYMENT"))
                else {}
            )
            for kind in ("ACCRECPAYMENT", "ACCPAYPAYMENT", "ARCREDITPAYMENT", "APCREDITPAYMENT", "APOVERPAYMENTPAYMENT")
        ],
        "Overpayments": [
            {"OverpaymentID": kind, "Type": kind, "Status": "AUTHORISED", "Total": 7, "Date": "2026-01-05"}
            for kind in ("RECEIVE-OVERPAYMENT", "SPEND-OVERPAYMENT")
        ],
    }
    monkeypatch.setattr(Reader, "pages", lambda self, path, **asked: iter(rows.get(path, [])))

    def ids(kind: Kind) -> list[str]:
        return [each.external_id for each in desk.xero.documents(kind, through=JANUARY)]

    assert ids(Kind.PAYMENT) == ["p-ACCRECPAYMENT", "RECEIVE-OVERPAYMENT"]
    assert ids(Kind.REFUND) == ["p-ARCREDITPAYMENT"]
    told = [each.external_id for each in desk.xero.changes(since=datetime.now(UTC))]
    assert told == ["p-ACCRECPAYMENT", "p-ARCREDITPAYMENT"]


def test_what_is_not_for_sales_is_not_offered_as_a_tax(desk: Desk) -> None:
    """Xero tells for which classes of accounts a rate may be used; one for expenses alone would be refused on every line."""
    plain = {"TaxType": "TAX003", "Name": "Purchases only", "Status": "ACTIVE", "EffectiveRate": Decimal(10)}
    assert objects.tax_row(plain).is_active
    assert objects.tax_row(plain | {"CanApplyToRevenue": False, "CanApplyToLiabilities": True}).is_active
    assert not objects.tax_row(plain | {"CanApplyToRevenue": False, "CanApplyToLiabilities": False}).is_active
    assert all(each.is_active for each in desk.rows if each.kind == "tax_code")


@pytest.mark.parametrize("changed", [{}, {"NoOr": True}, {"NoFilterBy": ["ContactNumber", "Code"], "NoOr": True}])
def test_many_are_looked_up_whatever_xero_filters_by(desk: Desk, changed: dict[str, Any]) -> None:
    """Filters by several values, and by contact number or item code, are not documented: what is refused is asked otherwise."""
    desk.caller.control("preferences", changed)
    people = [CustomerDocument(f"ABCDE-U{at}", f"Søn {at}", "", "USD") for at in range(3)]
    income = desk.accounts["Subscription Revenue"].external_id
    goods = [ProductDocument(f"ABCDE-S{at}", f"Plan {at}", "The plan", income) for at in range(3)]
    for kind, documents in ((Kind.CUSTOMER, people), (Kind.PRODUCT, goods)):
        made = [each.external_id for each in desk.put(kind, *documents)]
        found = desk.xero.find(kind, desk.parcels)
        assert [found[each.reference].external_id for each in documents] == made


def test_a_request_that_is_refused_in_plain_text_is_refused_for_good(desk: Desk, monkeypatch: Any) -> None:
    monkeypatch.setattr(app, "_LARGEST", 100)
    with pytest.raises(Rejected, match="413"):
        desk.put(Kind.CUSTOMER, CustomerDocument("ABCDE-U1", "x" * 100, "", "USD"))


def test_accounts_are_made_once_with_a_free_code_and_name(desk: Desk) -> None:
    made = {"request_id": "r", "account_type": "CURRENT", "subtype": ""}
    first = desk.xero.create_account(name="Receivables", number="610", **made)
    again = Xero(desk.wiring).create_account(name="Receivables", number="610", **made)
    assert first.external_id == again.external_id
    assert (first.number, first.type) == ("6102", "CURRENT")
    other = desk.xero.create_account(name="Accounts Receivable", number="", **made)
    assert (other.name, other.number) == ("Accounts Receivable (clearing)", "CF")
