"""The connector by itself: what it sends, what it makes of every answer, and that a repeat is harmless."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from integrations.connectors.base import (
    BadCredentials,
    Company,
    Delivered,
    Parcel,
    PeriodLocked,
    Rejected,
    TryLater,
    UnknownOutcome,
    Wiring,
)
from integrations.connectors.zoho.connector import ZohoBooks
from integrations.documents import (
    AllocationDocument,
    CreditAllocationDocument,
    CreditNoteDocument,
    CustomerDocument,
    DimensionDocument,
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

DAY = date(2026, 11, 30)
Make = Callable[..., ZohoBooks]


class Access:
    """The caller's token, and a count of how often another one was asked for."""

    def __init__(self, zoho: Any) -> None:
        self._zoho, self.refreshed = zoho, 0

    def token(self) -> str:
        return self._zoho.tokens["access_token"]

    def refresh(self, *, stale: str) -> str:
        self.refreshed += 1
        form = {"grant_type": "refresh_token", "refresh_token": self._zoho.tokens["refresh_token"]}
        self._zoho.tokens |= self._zoho.token(**form).json()
        return self.token()

    def secrets(self) -> dict[str, Any]:
        return {}


@pytest.fixture
def make(zoho: Any) -> Make:
    currencies = {code: zoho.currency(code) for code in ("USD", "EUR", "JPY", "KWD")}

    def wire(**options: Any) -> ZohoBooks:
        return ZohoBooks(
            Wiring(
                base_url=zoho.url,
                realm_id=zoho.organization,
                company=Company("Sandbox", "US", "USD", True, "", True, time_zone="America/Los_Angeles"),
                access=options.pop("access", Access(zoho)),
                pace=lambda names: None,
                on_call=lambda call: None,
                connect_timeout=2.0,
                read_timeout=options.pop("read_timeout", 5.0),
                currencies=currencies,
                options=options,
            )
        )

    return wire


@pytest.fixture
def books(make: Make) -> ZohoBooks:
    return make()


def put(books: ZohoBooks, kind: Kind, *documents: Any) -> list[Any]:
    """Send documents and send them again as after a lost answer: the second time nothing may be sent."""
    parcels = [Parcel(each.reference, at, books.encode(kind, each)) for at, each in enumerate(documents)]
    outcomes = books.send(kind, "r1", parcels)
    found = books.find(kind, parcels)
    for parcel, outcome in zip(parcels, outcomes, strict=True):
        if isinstance(outcome, Delivered):
            again = found[parcel.reference]
            assert isinstance(again, Delivered) and again.external_id == outcome.external_id
    return outcomes


def one(books: ZohoBooks, kind: Kind, document: Any) -> str:
    (outcome,) = put(books, kind, document)
    assert isinstance(outcome, Delivered), outcome
    return outcome.external_id


def journal(zoho: Any, reference: str = "ABCDE-J1", amount: str = "100.50", **fields: Any) -> JournalDocument:
    value = Decimal(amount)
    lines = (
        JournalLineDocument(zoho.account("Deferred Revenue"), value, Decimal(0), "Release", None),
        JournalLineDocument(zoho.account("Sales"), Decimal(0), value, "Release", None),
    )
    given = {"date": DAY, "currency": "USD", "rate": Decimal(1), "description": "Release", "lines": lines}
    return JournalDocument(reference=reference, **{**given, **fields})


def sale(zoho: Any, net: str = "50.00", *, tax: str = "0", **fields: Any) -> SalesLineDocument:
    given = {"quantity": Decimal(1), "unit_amount": Decimal(net), "tax_code": None}
    given |= {"product": zoho.item(), "description": "Seats", "net": Decimal(net), "tax": Decimal(tax)}
    return SalesLineDocument(**{**given, **fields})


def invoice(zoho: Any, customer: str, number: int = 1, **fields: Any) -> InvoiceDocument:
    lines = fields.pop("lines", (sale(zoho),))
    net = sum((line.net for line in lines), Decimal(0))
    tax = sum((line.tax for line in lines), Decimal(0))
    given = {"date": DAY, "due": DAY + timedelta(30), "currency": "USD"}
    return InvoiceDocument(
        reference=f"ABCDE-I{number}",
        number=f"INV-{number}",
        customer=customer,
        net=net,
        tax=tax,
        total=net + tax,
        lines=lines,
        **{**given, **fields},
    )


def credit_note(zoho: Any, customer: str, net: str = "50.00") -> CreditNoteDocument:
    value = Decimal(net)
    return CreditNoteDocument(
        reference="ABCDE-C1",
        number="CN-1",
        date=DAY,
        customer=customer,
        currency="USD",
        net=value,
        tax=Decimal(0),
        total=value,
        reason="Late",
        lines=(sale(zoho, net),),
    )


def payment(zoho: Any, customer: str, amount: str, **parts: str) -> PaymentDocument:
    allocations = tuple(AllocationDocument(name.removeprefix("i"), Decimal(each)) for name, each in parts.items())
    return PaymentDocument(
        reference="ABCDE-P1",
        date=DAY,
        customer=customer,
        currency="USD",
        amount=Decimal(amount),
        note="card 4711",
        deposit_account=zoho.account("Checking Account"),
        allocations=allocations,
        method="card",
    )


@pytest.fixture
def customer(books: ZohoBooks) -> str:
    return one(books, Kind.CUSTOMER, CustomerDocument("ABCDE-U1", "Zoë Søn 株式会社", "ap@acme.example", "USD"))


def test_master_data_is_kept_with_our_reference(zoho: Any, books: ZohoBooks, customer: str) -> None:
    held = zoho.get(f"contacts/{customer}")["contact"]
    assert (held["contact_name"], held["email"], held["currency_code"]) == (
        "Zoë Søn 株式会社",
        "ap@acme.example",
        "USD",
    )
    assert held["custom_fields"][0]["value"] == "ABCDE-U1"
    item = one(books, Kind.PRODUCT, ProductDocument("ABCDE-S1", "Plan", "All of it", zoho.account("Sales")))
    held = zoho.get(f"items/{item}")["item"]
    assert (held["sku"], held["account_name"], held["custom_fields"][0]["value"]) == ("ABCDE-S1", "Sales", "ABCDE-S1")


def test_what_was_made_inactive_is_found_and_not_made_again(zoho: Any, books: ZohoBooks) -> None:
    person = CustomerDocument("ABCDE-U3", "Ann", "", "USD")
    goods = ProductDocument("ABCDE-S3", "Plan", "The plan", zoho.account("Sales"))
    for kind, document, path in ((Kind.CUSTOMER, person, "contacts"), (Kind.PRODUCT, goods, "items")):
        made = one(books, kind, document)
        zoho.post(f"{path}/{made}/inactive")
        found = books.find(kind, [Parcel(document.reference, 0, books.encode(kind, document))])
        assert found[document.reference].external_id == made


def test_a_contact_is_worth_more_than_its_address(zoho: Any, books: ZohoBooks) -> None:
    made = one(books, Kind.CUSTOMER, CustomerDocument("ABCDE-U2", "Ann", "not an address", "USD"))
    assert zoho.get(f"contacts/{made}")["contact"]["contact_persons"] == []


def test_a_name_that_is_anothers_asks_for_a_suffix(zoho: Any, books: ZohoBooks) -> None:
    zoho.customer("Acme")
    (outcome,) = put(books, Kind.CUSTOMER, CustomerDocument("ABCDE-U1", "Acme", "", "USD"))
    assert (type(outcome).__name__, outcome.code) == ("NameTaken", "name_taken")
    one(books, Kind.CUSTOMER, CustomerDocument("ABCDE-U1", "Acme", "", "USD", suffix="X-7"))
    assert zoho.get("contacts", contact_name="Acme (X-7)")["contacts"]


@pytest.mark.parametrize(("stored", "numbers"), [(True, True), (False, True), (False, False)])
def test_the_key_is_put_on_the_record_where_the_header_alone_does_not(
    zoho: Any, books: ZohoBooks, customer: str, stored: bool, numbers: bool
) -> None:
    """The contract has a field's id as a number here and as a text there: it goes back as it came."""
    zoho.control("preferences", {"StoresUpsertKey": stored, "FieldIdsAsNumbers": numbers})
    made = one(books, Kind.INVOICE, invoice(zoho, customer))
    assert zoho.get(f"invoices/{made}")["invoice"]["custom_fields"][0]["value"] == "ABCDE-I1"
    second = one(books, Kind.INVOICE, invoice(zoho, customer, 2))
    assert zoho.get(f"invoices/{second}")["invoice"]["custom_fields"][0]["value"] == "ABCDE-I2"


def test_a_journal_arrives_with_dimensions_and_is_published(zoho: Any, books: ZohoBooks) -> None:
    rows = {(row.kind, row.name): row for row in books.lists()}
    tag, place = rows["tracking", "Support"], rows["location", "Warehouse"]
    entry = journal(zoho)
    dimensions = (
        DimensionDocument("tracking", tag.external_id, "Support", "Department"),
        DimensionDocument("location", place.external_id, "Warehouse"),
    )
    first = JournalLineDocument(**{**vars(entry.lines[0]), "dimensions": dimensions})
    made = one(books, Kind.JOURNAL_ENTRY, journal(zoho, lines=(first, entry.lines[1])))
    held = zoho.get(f"journals/{made}")["journal"]
    assert (held["status"], held["reference_number"], held["journal_date"]) == ("published", "ABCDE-J1", "2026-11-30")
    line = held["line_items"][0]
    assert f"{line['tags'][0]['tag_id']}-{line['tags'][0]['tag_option_id']}" == tag.external_id
    assert line["location_id"] == place.external_id


def test_a_draft_stays_a_draft_where_that_is_wanted(zoho: Any, books: ZohoBooks, customer: str) -> None:
    entry = one(books, Kind.JOURNAL_ENTRY, journal(zoho, draft=True))
    bill = one(books, Kind.INVOICE, invoice(zoho, customer, draft=True))
    assert zoho.get(f"journals/{entry}")["journal"]["status"] == "draft"
    assert zoho.get(f"invoices/{bill}")["invoice"]["status"] == "draft"
    assert books.document(Kind.INVOICE, bill).status == "draft"


def test_a_journal_of_a_thousand_lines(zoho: Any, books: ZohoBooks) -> None:
    debit, credit = zoho.account("Deferred Revenue"), zoho.account("Sales")
    cent = Decimal("0.01")
    lines = tuple(
        line
        for number in range(500)
        for line in (
            JournalLineDocument(debit, cent * (number + 1), Decimal(0), f"Line {number}", None),
            JournalLineDocument(credit, Decimal(0), cent * (number + 1), f"Line {number}", None),
        )
    )
    made = one(books, Kind.JOURNAL_ENTRY, journal(zoho, lines=lines))
    held = books.document(Kind.JOURNAL_ENTRY, made)
    assert (len(held.postings), held.total) == (1000, Decimal("1252.50"))


@pytest.mark.parametrize(
    ("currency", "amount", "rate", "base"),
    [("EUR", "100.01", "1.0867", "108.68"), ("JPY", "15000", "0.0067", "100.50"), ("KWD", "1.234", "3.2511", "4.01")],
)
def test_currencies_with_two_no_and_three_decimals(
    zoho: Any, books: ZohoBooks, currency: str, amount: str, rate: str, base: str
) -> None:
    made = one(books, Kind.JOURNAL_ENTRY, journal(zoho, amount=amount, currency=currency, rate=Decimal(rate)))
    held = books.document(Kind.JOURNAL_ENTRY, made)
    assert (held.currency, held.total, held.rate) == (currency, Decimal(amount), Decimal(rate))
    assert {each.base for each in held.postings} == {Decimal(base), -Decimal(base)}


def test_what_zoho_would_refuse_anyway_is_not_sent(zoho: Any, books: ZohoBooks) -> None:
    for document, code in (
        (journal(zoho, currency="CHF"), "currency"),
        (journal(zoho, amount="1.005"), "amount"),
        (journal(zoho, amount="0"), "unbalanced"),
        (journal(zoho, reference="x" * 101), "number"),
    ):
        with pytest.raises(Rejected) as refused:
            books.encode(Kind.JOURNAL_ENTRY, document)
        assert refused.value.code == code


@pytest.mark.parametrize("sign", ["ü", "😀"])
def test_the_longest_texts_fit(zoho: Any, books: ZohoBooks, sign: str) -> None:
    """Lengths are counted in UTF-16 there: an emoji is two."""
    long = sign * 6000
    name = one(
        books, Kind.CUSTOMER, CustomerDocument("ABCDE-U9", long, f"{'x' * 200}@acme.example", "USD", suffix=long)
    )
    one(books, Kind.PRODUCT, ProductDocument("ABCDE-S9", long, long, zoho.account("Sales"), suffix=long))
    lines = journal(zoho).lines
    lines = tuple(JournalLineDocument(**{**vars(line), "description": long}) for line in lines)
    one(books, Kind.JOURNAL_ENTRY, journal(zoho, description=long, lines=lines))
    one(books, Kind.INVOICE, invoice(zoho, name, lines=(sale(zoho, description=long),)))


def test_quantities_are_sent_where_they_are_exact(zoho: Any, books: ZohoBooks, customer: str) -> None:
    lines = (
        sale(zoho, "37.50", quantity=Decimal(3), unit_amount=Decimal("12.50")),
        sale(zoho, "33.33", quantity=Decimal("0.3333"), unit_amount=Decimal("100.00")),
        sale(zoho, "0.00", quantity=Decimal(0), unit_amount=Decimal("9.00")),
    )
    made = one(books, Kind.INVOICE, invoice(zoho, customer, lines=lines))
    held = zoho.get(f"invoices/{made}")["invoice"]
    assert [(line["quantity"], line["rate"], line["item_total"]) for line in held["line_items"]] == [
        (3, Decimal("12.50"), Decimal("37.50")),
        (1, Decimal("33.33"), Decimal("33.33")),
        (1, 0, 0),
    ]
    free = one(books, Kind.INVOICE, invoice(zoho, customer, 2, lines=lines[2:]))
    assert zoho.get(f"invoices/{free}")["invoice"]["total"] == 0


@pytest.mark.parametrize("as_draft", [True, False])
def test_credits_are_applied_paid_back_and_void(zoho: Any, books: ZohoBooks, customer: str, as_draft: bool) -> None:
    zoho.control("preferences", {"CreditNotesStartAsDraft": as_draft})
    first, second = (one(books, Kind.INVOICE, invoice(zoho, customer, number)) for number in (1, 2))
    note = one(books, Kind.CREDIT_NOTE, credit_note(zoho, customer, "90.00"))
    assert zoho.get(f"creditnotes/{note}")["creditnote"]["status"] == "open"

    def allocate(**parts: str) -> None:
        allocations = tuple(AllocationDocument(name[1:], Decimal(each)) for name, each in parts.items())
        one(
            books, Kind.CREDIT_ALLOCATION, CreditAllocationDocument("ABCDE-A1", DAY, customer, "USD", note, allocations)
        )

    allocate(**{f"i{first}": "50.00"})
    allocate(**{f"i{first}": "20.00", f"i{second}": "30.00"})
    assert sorted(books.document(Kind.CREDIT_NOTE, note).linked) == sorted([(first, 20), (second, 30)])
    back = RefundDocument(
        "ABCDE-R1", DAY, customer, "USD", Decimal(40), "", zoho.account("Checking Account"), credit_note=note
    )
    one(books, Kind.REFUND, back)
    assert zoho.get(f"creditnotes/{note}/refunds")["creditnote_refunds"][0]["reference_number"] == "ABCDE-R1"
    one(books, Kind.INVOICE_VOID, VoidDocument("ABCDE-V1", first, "", DAY))
    assert books.document(Kind.INVOICE, first).total == 0
    assert zoho.balance("Accounts Receivable") == 0 + 50 - 90 + 40


def test_a_credit_note_in_use_is_freed_before_it_is_void(zoho: Any, books: ZohoBooks, customer: str) -> None:
    bill = one(books, Kind.INVOICE, invoice(zoho, customer))
    note = one(books, Kind.CREDIT_NOTE, credit_note(zoho, customer))
    part = (AllocationDocument(bill, Decimal(50)),)
    one(books, Kind.CREDIT_ALLOCATION, CreditAllocationDocument("ABCDE-A1", DAY, customer, "USD", note, part))
    one(books, Kind.CREDIT_NOTE_VOID, VoidDocument("ABCDE-W1", note, "", DAY))
    assert zoho.get(f"creditnotes/{note}")["creditnote"]["status"] == "void"
    assert zoho.get(f"invoices/{bill}")["invoice"]["balance"] == 50


def test_payments_settle_one_two_or_no_invoices(zoho: Any, books: ZohoBooks, customer: str) -> None:
    first, second = (one(books, Kind.INVOICE, invoice(zoho, customer, number)) for number in (1, 2))
    made = one(books, Kind.PAYMENT, payment(zoho, customer, "70.00"))
    for parts in ({f"i{first}": "50.00"}, {f"i{first}": "50.00", f"i{second}": "15.00"}):
        changed = PaymentDocument(**{**vars(payment(zoho, customer, "70.00", **parts)), "external_id": made})
        one(books, Kind.PAYMENT_UPDATE, changed)
    held = zoho.get(f"customerpayments/{made}")["payment"]
    assert (held["unused_amount"], held["payment_mode"], held["account_name"]) == (5, "creditcard", "Checking Account")
    back = RefundDocument(
        "ABCDE-R2", DAY, customer, "USD", Decimal(5), "", zoho.account("Checking Account"), payment=made
    )
    one(books, Kind.REFUND, back)
    assert zoho.balance("Accounts Receivable") == 100 - 70 + 5
    over = RefundDocument(
        "ABCDE-R3", DAY, customer, "USD", Decimal(5), "", zoho.account("Checking Account"), payment=made
    )
    with pytest.raises(Rejected, match="more than"):
        put(books, Kind.REFUND, over)


def test_a_payment_on_account_is_sent_as_the_contract_wants_it_or_as_zoho_does(
    zoho: Any, books: ZohoBooks, customer: str
) -> None:
    """The contract wants an invoice beside the list even where there is none; an empty one may be refused."""
    zoho.control("preferences", {"EmptyIdsRefused": True})
    bill = one(books, Kind.INVOICE, invoice(zoho, customer))
    made = one(books, Kind.PAYMENT, payment(zoho, customer, "50.00"))
    for parts, left in (({f"i{bill}": "50.00"}, 0), ({}, 50)):
        changed = PaymentDocument(**{**vars(payment(zoho, customer, "50.00", **parts)), "external_id": made})
        one(books, Kind.PAYMENT_UPDATE, changed)
        assert zoho.get(f"customerpayments/{made}")["payment"]["unused_amount"] == left


def test_payments_are_found_however_their_list_is_called(zoho: Any, books: ZohoBooks, customer: str) -> None:
    """By the contract the list is `customer_payments`, its rows have no reference, and it says nothing of further pages."""
    zoho.control("preferences", {"ListsByContract": True})
    made = one(books, Kind.PAYMENT, payment(zoho, customer, "50.00"))
    for number in range(200):
        sent = vars(payment(zoho, customer, "1.00")) | {"reference": f"ABCDE-P{number + 2}"}
        books.send(
            Kind.PAYMENT, "r", [Parcel(sent["reference"], 0, books.encode(Kind.PAYMENT, PaymentDocument(**sent)))]
        )
    held = list(books.documents(Kind.PAYMENT, through=DAY))
    assert (len(held), held[0].external_id, held[0].number) == (201, made, "ABCDE-P1")
    assert books.gone(Kind.PAYMENT, {DAY: [made, "1"]}) == {"1"}


def test_a_refund_beyond_the_first_page_is_not_paid_twice(zoho: Any, books: ZohoBooks, customer: str) -> None:
    """Refunds are listed ten at a time unless more are asked for."""
    made = one(books, Kind.PAYMENT, payment(zoho, customer, "50.00"))
    bank = zoho.account("Checking Account")
    for number in range(12):
        back = RefundDocument(f"ABCDE-R{number}", DAY, customer, "USD", Decimal(1), "", bank, payment=made)
        one(books, Kind.REFUND, back)
    assert zoho.get(f"customerpayments/{made}")["payment"]["amount_refunded"] == 12


def test_a_payment_void_is_deleted_and_a_void_twice_is_harmless(zoho: Any, books: ZohoBooks, customer: str) -> None:
    bill = one(books, Kind.INVOICE, invoice(zoho, customer))
    made = one(books, Kind.PAYMENT, payment(zoho, customer, "50.00", **{f"i{bill}": "50.00"}))
    for _ in range(2):
        one(books, Kind.PAYMENT_VOID, VoidDocument("ABCDE-X1", made, "", DAY))
    assert zoho.get(f"invoices/{bill}")["invoice"]["balance"] == 50
    assert books.document(Kind.PAYMENT, made) is None


def test_payments_are_read_up_to_a_day(zoho: Any, books: ZohoBooks, customer: str) -> None:
    made = one(books, Kind.PAYMENT, payment(zoho, customer, "50.00"))
    (held,) = books.documents(Kind.PAYMENT, through=DAY)
    assert (held.external_id, held.number, held.total, held.linked) == (made, "ABCDE-P1", 50, ())
    assert list(books.documents(Kind.PAYMENT, through=DAY - timedelta(1))) == []
    assert list(books.documents(Kind.PAYMENT, through=DAY, since=DAY + timedelta(1))) == []


def test_a_refused_second_call_leaves_no_draft_behind(zoho: Any, books: ZohoBooks) -> None:
    parcel = Parcel("ABCDE-J1", 0, books.encode(Kind.JOURNAL_ENTRY, journal(zoho)))
    zoho.control("faults", {"rate": 1, "kinds": ["drop"], "only": "/status/publish", "times": 1})
    (outcome,) = books.send(Kind.JOURNAL_ENTRY, "r1", [parcel])
    assert isinstance(outcome, UnknownOutcome)
    zoho.control("preferences", {"AccountantLockDate": "2026-11-30"})
    found = books.find(Kind.JOURNAL_ENTRY, [parcel])
    # Locked: neither published nor deleted; it is looked at again until somebody unlocks it.
    assert isinstance(found["ABCDE-J1"], UnknownOutcome)
    zoho.control("preferences", {"AccountantLockDate": ""})
    assert isinstance(books.find(Kind.JOURNAL_ENTRY, [parcel])["ABCDE-J1"], Delivered)


@pytest.mark.parametrize("in_part", [True, False])
def test_what_a_call_for_many_refuses_is_known_one_by_one(zoho: Any, books: ZohoBooks, in_part: bool) -> None:
    """Whether Zoho publishes all or none, or some and lists the errors beside code 0, is not published."""
    zoho.control("preferences", {"BulkInPart": in_part})
    many = [journal(zoho, f"ABCDE-J{at}", date=DAY - timedelta(2 * at)) for at in range(3)]
    parcels = [Parcel(each.reference, at, books.encode(Kind.JOURNAL_ENTRY, each)) for at, each in enumerate(many)]
    zoho.control("faults", {"rate": 1, "kinds": ["drop"], "only": "/status/publish", "times": 1})
    assert {type(each) for each in books.send(Kind.JOURNAL_ENTRY, "r1", parcels)} == {UnknownOutcome}
    zoho.control("preferences", {"AccountantLockDate": (DAY - timedelta(3)).isoformat()})
    found = books.find(Kind.JOURNAL_ENTRY, parcels)
    assert [type(found[each.reference]) for each in many] == [Delivered, Delivered, UnknownOutcome]
    assert sorted(each["status"] for each in zoho.state("?objects=1")["objects"]["journals"]) == [
        "draft",
        "published",
        "published",
    ]


def test_one_bad_document_does_not_hold_up_its_batch(zoho: Any, books: ZohoBooks) -> None:
    good, bad, last = (journal(zoho, reference=f"ABCDE-J{number}") for number in (1, 2, 3))
    lines = (JournalLineDocument(**{**vars(bad.lines[0]), "account": "999999999999999"}), bad.lines[1])
    bad = JournalDocument(**{**vars(bad), "lines": lines})
    outcomes = put(books, Kind.JOURNAL_ENTRY, good, bad, last)
    assert [type(each).__name__ for each in outcomes] == ["Delivered", "MissingMapping", "Delivered"]


@pytest.mark.parametrize(
    ("kind", "times", "expected"),
    [
        ("500", 1, [UnknownOutcome, Delivered, Delivered, Delivered, Delivered]),
        ("html_error", 1, [UnknownOutcome, Delivered, Delivered, Delivered, Delivered]),
        ("drop", 3, [UnknownOutcome, UnknownOutcome, UnknownOutcome, TryLater, TryLater]),
        ("429", 1, [TryLater] * 5),
    ],
)
def test_one_lost_answer_does_not_hold_up_a_batch_but_silence_does(
    zoho: Any, books: ZohoBooks, kind: str, times: int, expected: list[type]
) -> None:
    numbers = range(5)
    parcels = [
        Parcel(f"ABCDE-J{each}", each, books.encode(Kind.JOURNAL_ENTRY, journal(zoho, f"ABCDE-J{each}")))
        for each in numbers
    ]
    zoho.control("faults", {"rate": 1, "kinds": [kind], "only": "POST", "times": times})
    outcomes = books.send(Kind.JOURNAL_ENTRY, "r1", parcels)
    assert [type(each) for each in outcomes] == expected
    assert zoho.state()["counts"]["journals"] == expected.count(Delivered)


def test_looking_goes_on_where_one_answer_is_lost(zoho: Any, books: ZohoBooks) -> None:
    parcels = [
        Parcel(f"ABCDE-J{each}", each, books.encode(Kind.JOURNAL_ENTRY, journal(zoho, f"ABCDE-J{each}")))
        for each in range(3)
    ]
    books.send(Kind.JOURNAL_ENTRY, "r1", parcels)
    zoho.control("faults", {"rate": 1, "kinds": ["500"], "only": "GET", "times": 1})
    found = books.find(Kind.JOURNAL_ENTRY, parcels)
    assert [type(found[each.reference]) for each in parcels] == [UnknownOutcome, Delivered, Delivered]


@pytest.mark.parametrize(("seconds", "after"), [(7, 7.0), (0, 60.0)])
def test_after_too_many_calls_it_waits_as_long_as_it_is_told(
    zoho: Any, books: ZohoBooks, seconds: int, after: float
) -> None:
    zoho.control("preferences", {"RetryAfter": seconds})
    zoho.control("faults", {"rate": 1, "kinds": ["429"]})
    with pytest.raises(TryLater) as later:
        books.company()
    assert (later.value.after, later.value.whole_connection) == (after, True)


def test_a_days_limit_is_waited_for_until_tomorrow(zoho: Any, books: ZohoBooks) -> None:
    zoho.control("preferences", {"DailyLimit": 1})
    with pytest.raises(TryLater, match="tomorrow") as later:
        books.company()
    assert 0 < later.value.after <= 86_400 + 300


def test_a_token_is_renewed_once_and_then_a_person_is_asked(zoho: Any, make: Make) -> None:
    access = Access(zoho)
    books = make(access=access)
    zoho.control("expire_tokens")
    assert books.company().name == "Sandbox Organisation"
    assert access.refreshed == 1
    zoho.tokens = zoho.sign_in(scope="ZohoBooks.contacts.READ")
    with pytest.raises(BadCredentials):
        list(books.documents(Kind.JOURNAL_ENTRY, through=DAY))


def test_a_slow_answer_is_no_answer(zoho: Any, make: Make) -> None:
    books = make(read_timeout=0.3)
    parcel = Parcel("ABCDE-J1", 0, books.encode(Kind.JOURNAL_ENTRY, journal(zoho)))
    zoho.control(
        "faults", {"rate": 1, "kinds": ["timeout_after_commit"], "only": "POST", "times": 1, "hold_seconds": 1}
    )
    (outcome,) = books.send(Kind.JOURNAL_ENTRY, "r1", [parcel])
    assert isinstance(outcome, UnknownOutcome)
    assert isinstance(books.find(Kind.JOURNAL_ENTRY, [parcel])["ABCDE-J1"], Delivered)
    assert zoho.state()["counts"]["journals"] == 1


def test_locks_say_for_what_and_until_when(zoho: Any, books: ZohoBooks) -> None:
    zoho.control("preferences", {"SalesLockDate": "2026-10-31"})
    company = books.company()
    assert (company.time_zone, company.home_currency, company.country) == ("America/Los_Angeles", "USD", "US")
    assert company.lock_on(Kind.INVOICE, date(2026, 10, 31)) is not None
    assert company.lock_on(Kind.JOURNAL_ENTRY, date(2026, 10, 31)) is None
    assert company.first_open_day(Kind.PAYMENT, date(2026, 10, 1)) == date(2026, 11, 1)
    outcome = put(books, Kind.INVOICE, invoice(zoho, zoho.customer(), date=date(2026, 10, 31)))[0]
    assert isinstance(outcome, PeriodLocked)
    zoho.control("preferences", {"AccountantLockDate": "2026-10-31"})
    assert books.company().lock_on(Kind.JOURNAL_ENTRY, date(2026, 10, 31)) is not None


def test_a_missing_custom_field_is_said_in_words_and_can_be_done_without(zoho: Any, make: Make) -> None:
    document = CustomerDocument("ABCDE-U1", "Acme", "", "USD")
    with_other = make(zoho_unique_field="cf_other")
    (outcome,) = with_other.send(
        Kind.CUSTOMER, "r", [Parcel("ABCDE-U1", 0, with_other.encode(Kind.CUSTOMER, document))]
    )
    assert isinstance(outcome, Rejected) and outcome.code == "unique_field"
    one(make(zoho_unique_field=""), Kind.CUSTOMER, document)
    methods = {each["method"] for each in zoho.state("?requests=1")["requests"] if "/contacts?" in each["path"]}
    assert methods == {"PUT", "POST", "GET"}


def test_accounts_and_customers_are_made_once(zoho: Any, books: ZohoBooks) -> None:
    wish = {"request_id": "x", "name": "Breakage", "number": "4200", "account_type": "income", "subtype": ""}
    assert books.create_account(**wish).external_id == books.create_account(**wish).external_id
    with pytest.raises(Rejected):
        books.create_account(**{**wish, "account_type": "expense"})
    person = {"request_id": "y", "name": "Sub-ledger", "note": "one balance"}
    assert books.create_customer(**person).external_id == books.create_customer(**person).external_id


def test_lists_are_read_whole_and_accounts_by_what_changed(zoho: Any, books: ZohoBooks) -> None:
    for number in range(205):
        zoho.customer(f"C{number}")
    zoho.post(f"contacts/{zoho.get('contacts', contact_name='C7')['contacts'][0]['contact_id']}/inactive")
    zoho.control("preferences", {"IdsAsNumbersInLists": True})
    rows = list(books.lists())
    customers = [row for row in rows if row.kind == "customer"]
    assert len(customers) == 205
    assert [row.name for row in customers if not row.is_active] == ["C7"]
    assert all(isinstance(row.external_id, str) for row in rows)
    changed = list(books.lists(since=datetime.now(UTC) + timedelta(days=1)))
    assert [row for row in changed if row.kind == "account"] == []
    assert [row for row in rows if row.kind == "currency" and row.number == "KWD"]


def test_many_journals_are_read_by_account(zoho: Any, books: ZohoBooks) -> None:
    for number in range(25):
        zoho.post("journals", zoho.journal(1 + number, reference_number=f"R{number}", status="published"))
    before = zoho.state()["calls"]["total"]
    held = list(books.documents(Kind.JOURNAL_ENTRY, through=date(2026, 12, 31)))
    assert zoho.state()["calls"]["total"] - before < 12
    assert sum(each.total for each in held) == sum(range(1, 26))
    assert all(sum(posting.amount for posting in each.postings) == 0 and len(each.postings) == 2 for each in held)
    assert [each.reference for each in held] == [f"R{number}" for number in range(25)]
    assert list(books.documents(Kind.JOURNAL_ENTRY, through=date(2026, 1, 1))) == []


@pytest.mark.parametrize("registers", [True, False])
def test_journals_are_read_from_registers_where_an_account_only_counts_them(
    zoho: Any, books: ZohoBooks, registers: bool
) -> None:
    """Live organisations were seen to answer with numbers by type where the contract has the transactions."""
    for number in range(22):
        zoho.post("journals", zoho.journal(1 + number, reference_number=f"R{number}", status="published"))
    listed = list(books.documents(Kind.JOURNAL_ENTRY, through=date(2026, 12, 31)))
    zoho.control("preferences", {"AccountTransactionsAsCounts": True, "Registers": registers})
    before = zoho.state()["calls"]["by_kind"]
    held = list(books.documents(Kind.JOURNAL_ENTRY, through=date(2026, 12, 31)))
    after = zoho.state()["calls"]["by_kind"]
    assert after["list Account transaction"] - before["list Account transaction"] == 1
    assert after.get("read Journal", 0) - before.get("read Journal", 0) == (0 if registers else 22)
    assert [each.total for each in held] == list(range(1, 23))
    if registers:
        assert held == listed


@pytest.mark.parametrize("numbers", ["free", "flag", "own"])
def test_our_numbers_are_taken_however_upserts_treat_them(
    zoho: Any, books: ZohoBooks, customer: str, numbers: str
) -> None:
    """By the contract an upsert has no flag for them; an organisation that numbers by itself may want it all the same."""
    zoho.control("preferences", {"UpsertNumbers": numbers, "TaxRoundedPerLine": False})
    one(books, Kind.INVOICE, invoice(zoho, customer))
    one(books, Kind.INVOICE, invoice(zoho, customer, 2))
    one(books, Kind.CREDIT_NOTE, credit_note(zoho, customer))
    assert sorted(each["invoice_number"] for each in zoho.get("invoices")["invoices"]) == ["INV-1", "INV-2"]
    asked = [f"{each['method']} {each['path']}" for each in zoho.state("?requests=1")["requests"]]
    upserts = [each for each in asked if each.startswith(("PUT /books/v3/invoices?", "PUT /books/v3/creditnotes?"))]
    # Learnt once; a credit note says it in its body.
    assert ["ignore_auto" in each for each in upserts] == [
        False,
        *([] if numbers == "free" else [True]),
        numbers != "free",
        False,
    ]


def test_changes_are_told_since_a_moment(zoho: Any, books: ZohoBooks, customer: str) -> None:
    start = datetime.now(UTC) - timedelta(minutes=1)
    bill = one(books, Kind.INVOICE, invoice(zoho, customer))
    found = {(each.kind, each.external_id) for each in books.changes(since=start)}
    assert ("invoice", bill) in found
    assert list(books.changes(since=datetime.now(UTC) + timedelta(days=1))) == []


def test_every_request_is_what_the_contract_knows(zoho: Any, books: ZohoBooks, customer: str) -> None:
    """The sandbox refuses unknown names, kinds and lengths; here the headers and the addresses are looked at."""
    one(books, Kind.INVOICE, invoice(zoho, customer))
    one(books, Kind.JOURNAL_ENTRY, journal(zoho))
    calls = zoho.state("?requests=1")["requests"]
    puts = [each for each in calls if each["method"] == "PUT" and each["path"].startswith("/books/v3/invoices")]
    headers = {name.lower(): value for name, value in puts[0]["headers"].items()}
    assert headers["x-unique-identifier-key"] == "cf_counterfoil_id"
    assert (headers["x-unique-identifier-value"], headers["x-upsert"]) == ("ABCDE-I1", "true")
    api = [each for each in calls if each["path"].startswith("/books/v3/") and "/organizations" not in each["path"]]
    assert all(f"organization_id={zoho.organization}" in each["path"] for each in api)
    body = json.loads(
        next(each["body"] for each in calls if each["path"].startswith("/books/v3/journals?") and each["body"])
    )
    assert body["status"] == "draft"
    assert [(line["debit_or_credit"], line["amount"]) for line in body["line_items"]] == [
        ("debit", 100.5),
        ("credit", 100.5),
    ]


def test_invoices_are_taken_from_the_list(zoho: Any, books: ZohoBooks, customer: str) -> None:
    for number in range(5):
        one(books, Kind.INVOICE, invoice(zoho, customer, number))
    first = zoho.get("invoices", invoice_number="INV-0")["invoices"][0]["invoice_id"]
    one(books, Kind.INVOICE_VOID, VoidDocument("ABCDE-V1", first, "", DAY))
    before = zoho.state()["calls"]["total"]
    held = list(books.documents(Kind.INVOICE, through=DAY, since=DAY))
    assert zoho.state()["calls"]["total"] - before == 1
    assert [(each.number, each.total, each.status, each.tax) for each in held[:2]] == [
        ("INV-0", 0, "void", 0),
        ("INV-1", 50, "posted", None),
    ]
    assert {(each.customer, each.currency, each.date) for each in held} == {(customer, "USD", "2026-11-30")}
