"""What the QuickBooks connector sends, held against the vendor's published names, types, lengths and values.

The sandbox refuses what they do not allow; here the connector is driven to the edges of each kind without a database.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from integrations.connectors.base import AccountWish, Call, Company, Delivered, NameTaken, Rejected, Use, Wiring
from integrations.connectors.quickbooks import SPEC
from integrations.connectors.quickbooks.connector import QuickBooks
from integrations.documents import (
    AllocationDocument,
    CreditAllocationDocument,
    CustomerDocument,
    DimensionDocument,
    Kind,
    MoneyDocument,
    PaymentDocument,
    ProductDocument,
    RefundDocument,
    SalesLineDocument,
    VoidDocument,
)
from tests.integrations.netsuite import samples
from tests.integrations.netsuite.samples import DAY, D, allocated, line, parcels

YEAR_END = date(2026, 12, 31)
KANJI = "株式会社" * 40  # Three bytes a letter in UTF-8, nine in an address.


class Access:
    """A token that is there already."""

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self) -> str:
        return self._token

    def refresh(self, *, stale: str) -> str:
        raise AssertionError("The token of this test does not end.")


class Driven:
    """A connector that is signed in, and the calls it made."""

    def __init__(self, qbo: Any) -> None:
        self.qbo = qbo
        self.calls: list[Call] = []
        self.erp = self.made()
        self.erp.company()

    def made(self) -> QuickBooks:
        return QuickBooks(
            Wiring(
                base_url=self.qbo.url,
                realm_id=self.qbo.realm,
                company=Company("", "US", "USD", False, "", True),
                access=Access(self.qbo.tokens["access_token"]),
                pace=lambda names: None,
                on_call=self.calls.append,
                connect_timeout=2.0,
                read_timeout=10.0,
            )
        )

    def prefer(self, **preferences: Any) -> None:
        self.qbo.control("preferences", preferences)
        self.erp.company()

    def send(self, kind: Kind, *documents: Any) -> list[Any]:
        return self.erp.send(kind, str(uuid4()), parcels(self.erp, kind, *documents))

    def done(self, kind: Kind, document: Any) -> str:
        """Send a document, find it again, and give its Id."""
        (outcome,) = self.send(kind, document)
        assert isinstance(outcome, Delivered), outcome
        found = self.erp.find(kind, parcels(self.erp, kind, document))
        assert found[document.reference].external_id == outcome.external_id
        return outcome.external_id

    def account(self, name: str) -> str:
        return str(self.qbo.account(name)["Id"])

    def ids(self, *names: str) -> tuple[str, ...]:
        return tuple(self.account(name) for name in names)


@pytest.fixture
def driven(qbo: Any) -> Driven:
    return Driven(qbo)


@pytest.fixture
def ann(driven: Driven) -> str:
    return driven.done(Kind.CUSTOMER, samples.customer(name="Ann Müller-Łukasiewicz"))


def test_a_batch_of_the_longest_names_in_another_script_is_found_again(driven: Driven) -> None:
    asked: list[Any] = [
        CustomerDocument(f"ABCDE-U{n}", f"{n} {KANJI}", f"{'x' * 90}@a.example", "USD", suffix=f"No. {n}")
        for n in range(30)
    ]
    outcomes = driven.send(Kind.CUSTOMER, *asked)
    assert {type(each) for each in outcomes} == {Delivered}
    before = len(driven.calls)
    found = driven.erp.find(Kind.CUSTOMER, parcels(driven.erp, Kind.CUSTOMER, *asked))
    assert {each.reference: found[each.reference].external_id for each in asked} == {
        each.reference: made.external_id for each, made in zip(asked, outcomes, strict=True)
    }
    assert 1 < len(driven.calls) - before < 10  # In one query the address would be too long for a gateway.
    held = driven.qbo.query("select * from Customer maxresults 1000")["Customer"]
    assert max(len(each["DisplayName"]) for each in held) == 100


def test_a_journal_of_a_thousand_lines_with_the_longest_texts(driven: Driven, ann: str) -> None:
    receivable, *accounts = driven.ids("Accounts Receivable (A/R)", "Deferred Revenue", "Services")
    document = samples.journal((accounts[0], accounts[1]), lines=1000, description="é" * 5000)
    both = (DimensionDocument("class", "1"), DimensionDocument("location", "1"))
    first = replace(document.lines[0], account=receivable, customer=ann, description="漢" * 5000, dimensions=both)
    driven.done(Kind.JOURNAL_ENTRY, replace(document, lines=(first, *document.lines[1:])))
    (read,) = driven.erp.documents(Kind.JOURNAL_ENTRY, through=YEAR_END)
    assert len(read.postings) == 1000 and sum(each.amount for each in read.postings) == 0


@pytest.mark.parametrize(
    ("currency", "amount", "rate"),
    [("JPY", "12001", "0.0067"), ("EUR", "0.01", "1.080000123"), ("EUR", "9999999999.99", "1.08")],
)
def test_amounts_of_any_size_and_currency(driven: Driven, currency: str, amount: str, rate: str) -> None:
    driven.prefer(MultiCurrencyEnabled=True)
    accounts = driven.ids("Deferred Revenue", "Services")
    document = samples.journal((accounts[0], accounts[1]), amount=amount, currency=currency, rate=D(rate))
    driven.done(Kind.JOURNAL_ENTRY, document)
    (read,) = driven.erp.documents(Kind.JOURNAL_ENTRY, through=YEAR_END)
    assert (read.currency, read.rate, read.postings[0].amount) == (currency, D(rate), D(amount))


def test_quickbooks_keeps_two_decimals_of_any_currency(driven: Driven) -> None:
    driven.prefer(MultiCurrencyEnabled=True)
    fine = samples.journal(("1", "2"), amount="1.230", currency="KWD", rate=D("3.25"))
    assert '"Amount":1.23,' in driven.erp.encode(Kind.JOURNAL_ENTRY, fine)
    with pytest.raises(Rejected, match="more digits"):
        driven.erp.encode(Kind.JOURNAL_ENTRY, samples.journal(("1", "2"), amount="1.234", currency="KWD"))


def test_ten_digits_before_the_point_are_the_most(driven: Driven) -> None:
    driven.prefer(MultiCurrencyEnabled=True)
    with pytest.raises(Rejected, match="too large"):
        driven.erp.encode(Kind.JOURNAL_ENTRY, samples.journal(("1", "2"), amount="10000000000", currency="JPY"))
    sent = driven.qbo.journal(10_000_000_000, CurrencyRef={"value": "USD"})
    assert driven.qbo.refused("journalentry", sent) == "2290"


def test_discounts_quantities_and_taxes_come_to_our_total(driven: Driven, ann: str) -> None:
    lines = (
        line("1", "100.00", tax=D("8.25"), quantity=D("0.125"), unit_amount=D("800")),
        line("2", "-10.00", quantity=D(1), unit_amount=D("-10"), description="10 % off"),
        line("2", "33.33", quantity=D(3), unit_amount=D("11.1111")),
        line("2", "0.00", quantity=D(0), unit_amount=D(5)),
    )
    driven.done(Kind.INVOICE, samples.invoice(ann, *lines))
    (read,) = driven.erp.documents(Kind.INVOICE, through=YEAR_END)
    assert (read.total, read.tax) == (D("131.58"), D("8.25"))


def test_money_is_moved_taken_back_and_undone(driven: Driven, ann: str) -> None:
    bank, receivable = driven.ids("Checking", "Accounts Receivable (A/R)")
    first = driven.done(Kind.INVOICE, samples.invoice(ann, line("1")))
    second = driven.done(Kind.INVOICE, samples.invoice(ann, line("1"), number=2))
    memo = driven.done(Kind.CREDIT_NOTE, samples.credit_note(ann, line("1", "30.00")))
    parts = (allocated(first, "10.00"),)
    applied = CreditAllocationDocument("ABCDE-A1", DAY, ann, "USD", memo, parts, added=parts)
    driven.done(Kind.CREDIT_ALLOCATION, applied)
    given = {
        "date": DAY,
        "customer": ann,
        "currency": "USD",
        "note": "zurück",
        "account": bank,
        "receivable": receivable,
    }
    driven.done(Kind.REFUND, RefundDocument("ABCDE-R1", amount=D("20.00"), credit_note=memo, **given))
    paid = PaymentDocument("ABCDE-P1", DAY, ann, "USD", D("120.00"), "wire", bank, (allocated(first, "90.00"),))
    number = driven.done(Kind.PAYMENT, paid)
    moves: list[tuple[AllocationDocument, ...]] = [(allocated(second, "100.00"),), ()]
    for moved in moves:
        driven.done(Kind.PAYMENT_UPDATE, replace(paid, external_id=number, allocations=moved))
        read = driven.erp.document(Kind.PAYMENT, number)
        assert read and read.linked == tuple((each.invoice, each.amount) for each in moved)
    driven.done(Kind.REFUND, RefundDocument("ABCDE-R2", amount=D("50.00"), payment=number, **given))
    driven.done(Kind.INVOICE_VOID, VoidDocument("ABCDE-V2", second, "", DAY, "Wrong"))
    voided = driven.erp.document(Kind.INVOICE, second)
    assert voided and voided.status == "void"


def test_a_refund_in_a_foreign_currency_is_taken_from_that_currencys_receivables(driven: Driven) -> None:
    driven.prefer(MultiCurrencyEnabled=True)
    abroad = driven.done(Kind.CUSTOMER, samples.customer(currency="EUR"))
    bank, receivable = driven.ids("Checking", "Accounts Receivable (A/R)")
    euro = {"currency": "EUR", "rate": D("1.1")}
    memo = driven.done(Kind.CREDIT_NOTE, samples.credit_note(abroad, line("1", "30.00"), **euro))
    refund = RefundDocument(
        "ABCDE-R1", DAY, abroad, amount=D("30"), note="", account=bank, credit_note=memo, receivable=receivable, **euro
    )
    driven.done(Kind.REFUND, refund)
    own = driven.qbo.account("Accounts Receivable (A/R) - EUR")
    assert (own["CurrencyRef"]["value"], own["CurrentBalance"]) == ("EUR", 0)
    rows = {row.external_id: row for row in driven.erp.lists() if row.kind == "account"}
    wish = AccountWish(Use.JOURNAL, "accounts_receivable.customers", "assets")
    assert "kept in EUR" in SPEC.why_not(rows[own["Id"]], wish)
    assert SPEC.why_not(rows[receivable], wish) == ""


@pytest.mark.parametrize("chosen", [True, False])
def test_a_refund_is_found_whoever_numbers_expenses(driven: Driven, ann: str, chosen: bool) -> None:
    driven.prefer(UseCustomTxnNumbers=chosen)
    bank, receivable = driven.ids("Checking", "Accounts Receivable (A/R)")
    memo = driven.done(Kind.CREDIT_NOTE, samples.credit_note(ann, line("1", "30.00")))
    refund = RefundDocument("ABCDE-R1", DAY, ann, "USD", D("30"), "", bank, credit_note=memo, receivable=receivable)
    driven.done(Kind.REFUND, refund)
    driven.qbo.control("forget_requestids")
    driven.done(Kind.REFUND, refund)
    (held,) = driven.qbo.query("select * from Purchase")["Purchase"]
    assert (held["DocNumber"] == "ABCDE-R1") is chosen


@pytest.mark.parametrize("chosen", [True, False])
def test_money_beside_invoices_is_found_whoever_numbers_it(driven: Driven, ann: str, chosen: bool) -> None:
    driven.prefer(UseCustomTxnNumbers=chosen)
    bank, fees = driven.ids("Checking", "Bank Charges and Fees")
    for kind, reference in ((Kind.MONEY_OUT, "ABCDE-D1"), (Kind.MONEY_IN, "ABCDE-D2")):
        moved = MoneyDocument(reference, DAY, ann, "USD", D("15.00"), f"Fee of a dispute: {KANJI}", bank, fees)
        made = driven.done(kind, moved)
        driven.done(kind, replace(moved, reference=f"{reference}0"))
        found = driven.erp.find(kind, parcels(driven.erp, kind, moved))[reference]
        assert isinstance(found, Delivered) and found.external_id == made


def test_what_is_sold_is_found_where_a_company_began_to_number_it_by_itself(driven: Driven, ann: str) -> None:
    driven.prefer(CustomTxnNumbers=False)
    for kind, document in (
        (Kind.INVOICE, samples.invoice(ann, line("1"))),
        (Kind.CREDIT_NOTE, samples.credit_note(ann, line("1"))),
    ):
        (outcome,) = driven.send(kind, document)
        found = driven.erp.find(kind, parcels(driven.erp, kind, document))
        assert isinstance(outcome, Rejected) and outcome.code == "number_differs"
        assert [str(each) for each in found.values()] == [str(outcome)]


def test_a_change_that_quickbooks_takes_but_does_not_make_is_noticed(
    driven: Driven, ann: str, monkeypatch: Any
) -> None:
    invoice = driven.done(Kind.INVOICE, samples.invoice(ann, line("1")))
    paid = PaymentDocument("ABCDE-P1", DAY, ann, "USD", D("5.00"), "", driven.account("Checking"), ())
    number = driven.done(Kind.PAYMENT, paid)
    write = driven.erp._client.write

    def without_lines(path: str, body: str, **how: Any) -> Any:
        """Answer as a QuickBooks would that keeps the lines of a payment as they were."""
        return write(path, body.partition(',"Line":')[0] + f',"Id":"{number}","SyncToken":"0","sparse":true}}', **how)

    monkeypatch.setattr(driven.erp._client, "write", without_lines)
    moved = replace(paid, external_id=number, allocations=(allocated(invoice, "5.00"),))
    (outcome,) = driven.send(Kind.PAYMENT_UPDATE, moved)
    assert isinstance(outcome, Rejected) and outcome.code == "unchanged"


def test_more_changes_than_one_answer_tells_and_older_ones_are_told_all_the_same(driven: Driven, ann: str) -> None:
    accounts = driven.ids("Deferred Revenue", "Services")
    for first in range(0, 1020, 30):
        driven.send(Kind.JOURNAL_ENTRY, *(samples.journal(accounts, first + n) for n in range(30)))  # type: ignore[arg-type]
    invoice = driven.done(Kind.INVOICE, samples.invoice(ann, line("1")))
    gone = driven.done(Kind.CREDIT_NOTE, samples.credit_note(ann, line("1", "30.00")))
    driven.send(Kind.CREDIT_NOTE_VOID, VoidDocument("ABCDE-W1", gone, "", DAY))
    now = datetime.now(UTC)
    found = {(each.kind, each.external_id): each.what for each in driven.erp.changes(since=now - timedelta(hours=1))}
    assert found.pop(("invoice", invoice)) == "changed" and found.pop(("credit_note", gone)) == "deleted"
    assert len(found) == 1020 and {kind for kind, _ in found} == {"journal_entry"}
    longer = driven.erp.changes(since=now - timedelta(days=90))
    assert {each.external_id for each in longer if each.kind == "invoice"} == {invoice}


def classed(number: str, *others: str) -> SalesLineDocument:
    dimensions = (DimensionDocument("class", number), *(DimensionDocument("location", each) for each in others))
    return line("1", dimensions=dimensions)


def test_a_class_stands_where_the_company_tracks_it(driven: Driven, ann: str) -> None:
    other = driven.qbo.query("select * from Class")["Class"][0]["Id"]
    driven.done(Kind.INVOICE, samples.invoice(ann, classed(other, "1"), line("2")))
    (held,) = driven.qbo.query("select * from Invoice")["Invoice"]
    assert held["Line"][0]["SalesItemLineDetail"]["ClassRef"]["value"] == other
    assert held["DepartmentRef"]["name"] == "Headquarters" and "ClassRef" not in held
    driven.prefer(ClassTrackingPerTxnLine=False, ClassTrackingPerTxn=True)
    driven.done(Kind.INVOICE, samples.invoice(ann, classed(other), classed(other), number=2))
    held = driven.qbo.query("select * from Invoice where DocNumber = 'INV-00002'")["Invoice"][0]
    assert held["ClassRef"]["value"] == other and "ClassRef" not in held["Line"][0]["SalesItemLineDetail"]
    with pytest.raises(Rejected, match="one to each row"):
        driven.send(Kind.INVOICE, samples.invoice(ann, classed(other), line("2"), number=3))


def test_what_the_company_does_not_track_is_told_before_it_is_sent(driven: Driven, ann: str) -> None:
    driven.prefer(ClassTrackingPerTxnLine=False, TrackDepartments=False)
    for dimension in (DimensionDocument("class", "1"), DimensionDocument("location", "1")):
        document = samples.journal(("1", "2"))
        lines = tuple(replace(each, dimensions=(dimension,)) for each in document.lines)
        with pytest.raises(Rejected, match="does not track"):
            driven.erp.encode(Kind.JOURNAL_ENTRY, replace(document, lines=lines))
        with pytest.raises(Rejected, match="does not track"):
            driven.erp.encode(Kind.INVOICE, samples.invoice(ann, line("1", dimensions=(dimension,))))
    named = {"ClassRef": {"value": "1"}}
    lines = [driven.qbo.line("Debit", "Services", 5, **named), driven.qbo.line("Credit", "Sales", 5)]
    assert driven.qbo.refused("journalentry", {"Line": lines}) == "6000"
    assert driven.qbo.refused("invoice", driven.qbo.sale(ann, DepartmentRef={"value": "1"})) == "6000"


def coded(code: str | None, tax: str = "0") -> SalesLineDocument:
    return line("1", tax=D(tax), tax_code=code)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((coded("2", "20.00"), coded("3")), "TaxExcluded"),
        ((coded("3"),), "TaxExcluded"),  # zero rated is taxed, at nothing
        ((coded(None),), "NotApplicable"),
    ],
)
def test_outside_the_united_states_a_document_says_how_it_is_taxed(driven: Driven, ann: str, lines, said) -> None:
    driven.prefer(Country="GB")
    driven.done(Kind.INVOICE, samples.invoice(ann, *lines))
    (held,) = driven.qbo.query("select * from Invoice")["Invoice"]
    assert held["GlobalTaxCalculation"] == said


def test_a_document_with_a_code_on_some_lines_only_is_not_sent(driven: Driven, ann: str) -> None:
    driven.prefer(Country="GB")
    with pytest.raises(Rejected, match="zero per cent"):
        driven.send(Kind.INVOICE, samples.invoice(ann, coded("2", "20.00"), coded(None)))


def taxed(code: str, percent: str, *taxes: str) -> list[SalesLineDocument]:
    return [line("1", "1.00", tax=D(tax), tax_code=code, tax_percent=D(percent)) for tax in taxes]


@pytest.mark.parametrize("alone", [False, True])
def test_our_tax_outside_the_united_states_is_told_for_each_rate(driven: Driven, ann: str, alone: bool) -> None:
    """QuickBooks rounds a rate's tax once for the document (0.25, and 0.15 + 0.30), our invoices round each line's."""
    driven.prefer(Country="CA", TotalTaxAlone=alone)
    lines = [
        *taxed("2", "8.25", "0.08", "0.08", "0.08"),
        *taxed("4", "14.975", "0.15", "0.15", "0.15"),
        *taxed("3", "0", "0"),
    ]
    driven.done(Kind.INVOICE, samples.invoice(ann, *lines))
    driven.done(Kind.CREDIT_NOTE, samples.credit_note(ann, *lines))
    (held,) = driven.qbo.query("select * from Invoice")["Invoice"]
    assert (held["TotalAmt"], held["TxnTaxDetail"]["TotalTax"]) == (7.69, 0.69)
    rates = [(each["TaxLineDetail"], each["Amount"]) for each in held["TxnTaxDetail"]["TaxLine"]]
    assert [
        (each["TaxRateRef"]["value"], each["TaxPercent"], each["NetAmountTaxable"], tax) for each, tax in rates
    ] == [
        ("1", 8.25, 3, 0.24),
        ("3", 5, 3, 0.15),
        ("4", 9.975, 3, 0.3),
        ("2", 0, 1, 0),
    ]


@pytest.mark.parametrize(("alone", "code"), [(False, "total_differs"), (True, "")])
def test_a_code_of_another_percentage_than_ours_is_left_to_quickbooks(
    driven: Driven, ann: str, alone: bool, code: str
) -> None:
    driven.prefer(Country="GB", TotalTaxAlone=alone)
    (outcome,) = driven.send(Kind.INVOICE, samples.invoice(ann, *taxed("2", "20", "0.20")))
    assert getattr(outcome, "code", "") == code


@pytest.mark.parametrize(("automated", "alone"), [(True, True), (True, False), (False, True), (False, False)])
def test_our_tax_in_the_united_states_is_told_beside_its_code(
    driven: Driven, ann: str, automated: bool, alone: bool
) -> None:
    driven.prefer(AutomatedSalesTax=automated, TotalTaxAlone=alone)
    assert SPEC.needs_tax_code(driven.erp.company()) is not automated
    lines = taxed("2", "8.25", "0.08", "0.08", "0.08") if not automated else taxed("", "8.25", "0.08", "0.08", "0.08")
    driven.done(Kind.INVOICE, samples.invoice(ann, *lines, line("1", "5.00")))
    (held,) = driven.qbo.query("select * from Invoice")["Invoice"]
    assert held["TxnTaxDetail"]["TotalTax"] == 0.24


def test_the_sandbox_works_out_tax_that_is_not_told_as_intuit_says(qbo: Any) -> None:
    ann = qbo.make("Customer", DisplayName="Ann")["Id"]
    sale = qbo.sale(ann, 10)
    sale["Line"][0]["SalesItemLineDetail"]["TaxCodeRef"] = {"value": "TAX"}

    def total(**detail: Any) -> float:
        return float(qbo.make("Invoice", **sale, TxnTaxDetail=detail)["TotalAmt"])

    assert (total(TotalTax=2), total(TotalTax=2, TxnTaxCodeRef={"value": "TAX"})) == (10.83, 12)
    assert qbo.refused("invoice", {**sale, "TxnTaxDetail": {"TotalTax": 2, "TxnTaxCodeRef": {"value": "2"}}}) == "6100"
    qbo.control("preferences", {"AutomatedSalesTax": False})
    assert (total(TotalTax=2), total(TxnTaxCodeRef={"value": "2"})) == (10, 10.83)
    qbo.control("preferences", {"Country": "GB"})
    sale = {**sale, "GlobalTaxCalculation": "TaxExcluded"}
    sale["Line"][0]["SalesItemLineDetail"]["TaxCodeRef"] = {"value": "2"}
    assert total(TotalTax=2) == 10.83
    rate: dict[str, Any] = {"Amount": 2, "DetailType": "TaxLineDetail", "TaxLineDetail": {"TaxRateRef": {"value": "1"}}}
    assert total(TotalTax=2, TaxLine=[rate]) == 12
    rate["TaxLineDetail"]["NetAmountTaxable"] = 9
    assert qbo.refused("invoice", {**sale, "TxnTaxDetail": {"TotalTax": 2, "TaxLine": [rate]}}) == "6170"
    rate["TaxLineDetail"] = {"TaxRateRef": {"value": "3"}}
    assert qbo.refused("invoice", {**sale, "TxnTaxDetail": {"TotalTax": 2, "TaxLine": [rate]}}) == "6170"
    assert qbo.refused("invoice", {**sale, "TxnTaxDetail": {"TotalTax": 2, "TxnTaxCodeRef": {"value": "2"}}}) == "6160"


def test_a_payment_is_taken_off_all_invoices_whatever_no_lines_mean(driven: Driven, ann: str) -> None:
    bank = driven.account("Checking")
    invoice = driven.done(Kind.INVOICE, samples.invoice(ann, line("1")))
    for number, ignored in enumerate((False, True), 1):
        driven.prefer(EmptyLinesIgnored=ignored)
        paid = samples.payment(ann, bank, "20.00", number=number, allocations=(allocated(invoice, "15.00"),))
        held = driven.done(Kind.PAYMENT, paid)
        driven.done(Kind.PAYMENT_UPDATE, replace(paid, external_id=held, allocations=()))
        (row,) = driven.qbo.query(f"select * from Payment where Id = '{held}'")["Payment"]
        assert (row["UnappliedAmt"], row["Line"], row["PaymentRefNum"]) == (20, [], f"ABCDE-P{number}")
        assert (row["DepositToAccountRef"]["value"], row["PrivateNote"]) == (bank, f"wire 4711 [cf:ABCDE-P{number}]")


def test_what_is_too_much_for_one_page_is_read_in_smaller_ones(driven: Driven, ann: str) -> None:
    whole = [row.external_id for row in driven.erp.lists()]
    driven.prefer(LargestPage=7)
    assert [row.external_id for row in driven.erp.lists()] == whole
    driven.prefer(LargestPage=1)
    assert len(list(driven.erp.documents(Kind.INVOICE, through=YEAR_END))) == 0


def test_journals_and_refunds_outside_the_united_states(driven: Driven, ann: str) -> None:
    driven.prefer(Country="AU")
    bank, receivable, deferred, sales = driven.ids(
        "Checking", "Accounts Receivable (A/R)", "Deferred Revenue", "Services"
    )
    driven.done(Kind.JOURNAL_ENTRY, samples.journal((deferred, sales)))
    memo = driven.done(Kind.CREDIT_NOTE, samples.credit_note(ann, coded("2", "20.00")))
    refund = RefundDocument("ABCDE-R1", DAY, ann, "USD", D("5"), "", bank, credit_note=memo, receivable=receivable)
    driven.done(Kind.REFUND, refund)


def test_what_is_created_while_mapping_has_names_and_numbers_that_quickbooks_takes(driven: Driven) -> None:
    def made(name: str, number: str) -> Any:
        found = driven.erp.create_account(
            request_id=str(uuid4()), name=name, number=number, account_type="Equity", subtype="OwnersEquity"
        )
        return driven.qbo.query(f"select * from Account where Id = '{found.external_id}'")["Account"][0]

    long = made('Owner: "capital"\t' + "x" * 200, "3000-100")
    assert (long["Name"][:17], len(long["Name"]), long.get("AcctNum")) == ("Owner  'capital' ", 100, None)
    assert made("Other", "3000.10").get("AcctNum") == "3000.10"
    assert made("Other", "3000.10")["Name"] == "Other"  # the one that is there
    row = driven.erp.create_customer(request_id=str(uuid4()), name="Acme: East\n" + "漢" * 200, note="n")
    assert row.name.startswith("Acme  East 漢") and len(row.name) == 100


def test_a_name_that_is_another_s_is_told_and_a_suffix_helps(driven: Driven, ann: str) -> None:
    taken = samples.customer(2, name="ann müller-łukasiewicz")
    (outcome,) = driven.send(Kind.CUSTOMER, taken)
    assert isinstance(outcome, NameTaken)
    driven.done(Kind.CUSTOMER, replace(taken, suffix="C-2"))


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("journalentry", {"Line.DetailType": "journalEntryLineDetail"}),
        ("journalentry", {"Line.JournalEntryLineDetail.PostingType": "debit"}),
        ("journalentry", {"Line.JournalEntryLineDetail.BillableStatus": "Yes"}),
        ("journalentry", {"Line.Amount": "100.5"}),
        ("journalentry", {"ExchangeRate": "1"}),
        ("journalentry", {"Adjustment": "false"}),
        ("journalentry", {"Line.JournalEntryLineDetail.AccountRef": "79"}),
        ("journalentry", {"GlobalTaxCalculation": "None"}),
        ("invoice", {"EmailStatus": "Sent"}),
        ("invoice", {"Line.SalesItemLineDetail.Quantity": 1}),
        ("invoice", {"CustomerRef": {"id": "1"}}),
        ("invoice", {"Line.SalesItemLineDetail.UnitPrice": 148.500001}),
        ("invoice", {"TxnTaxDetail": {"TaxLine": [{"Rate": 1}]}}),
        ("invoice", {"BillAddr": {"Street": "1 Main St"}}),
        ("invoice", {"CustomField": [{"Value": "PO-1"}]}),
        ("journalentry", {"TxnTaxDetail": {"Tax": 1}}),
    ],
)
def test_the_sandbox_refuses_a_wrong_name_type_or_value(qbo: Any, path: str, change: dict[str, Any]) -> None:
    customer = qbo.make("Customer", DisplayName="Ann")["Id"]
    body = qbo.journal() if path == "journalentry" else qbo.sale(customer)
    for where, value in change.items():
        *above, name = where.split(".")
        target = body
        for step in above:
            target = target[step][0] if step == "Line" else target[step]
        target[name] = value
    assert qbo.refused(path, body) in ("2010", "2260", "2290")


def test_the_sandbox_keeps_the_currencies_of_accounts_apart(qbo: Any) -> None:
    qbo.control("preferences", {"MultiCurrencyEnabled": True})
    euro = {"CurrencyRef": {"value": "EUR"}}
    abroad = qbo.make("Customer", DisplayName="Ann", **euro)["Id"]
    qbo.make("Account", Name="Euro bank", AccountType="Bank", **euro)
    qbo.make("Invoice", **qbo.sale(abroad, ExchangeRate=1.1, **euro))
    name = {"Entity": {"Type": "Customer", "EntityRef": {"value": abroad}}}
    lines = [qbo.line("Debit", "Services", 5), qbo.line("Credit", "Accounts Receivable (A/R)", 5, **name)]
    assert qbo.refused("journalentry", {"Line": lines, "ExchangeRate": 1.1, **euro}) == "6000"
    lines[1] = qbo.line("Credit", "Accounts Receivable (A/R) - EUR", 5, **name)
    qbo.make("JournalEntry", Line=lines, ExchangeRate=1.1, **euro)
    other = [qbo.line("Debit", "Services", 5), qbo.line("Credit", "Euro bank", 5)]
    assert qbo.refused("journalentry", {"Line": other, "CurrencyRef": {"value": "USD"}}) == "6000"


def test_the_sandbox_refuses_sub_types_of_another_type_and_addresses_that_are_too_long(qbo: Any) -> None:
    wrong = {"Name": "Later", "AccountType": "Other Current Liability", "AccountSubType": "Checking"}
    assert qbo.refused("account", wrong) == "6000"
    assert (
        qbo.call("GET", "query", query=f"select * from Customer where DisplayName = '{KANJI * 10}'").status_code == 414
    )


def test_the_sandbox_wants_to_know_the_tax_outside_the_united_states(qbo: Any) -> None:
    customer = qbo.make("Customer", DisplayName="Ann")["Id"]
    assert qbo.refused("journalentry", qbo.journal(GlobalTaxCalculation="TaxExcluded")) == "6000"
    qbo.control("preferences", {"Country": "GB"})
    assert qbo.refused("journalentry", qbo.journal()) == "2020"
    assert qbo.refused("journalentry", qbo.journal(GlobalTaxCalculation="NotApplicable")) == "2010"
    qbo.make("JournalEntry", **qbo.journal(GlobalTaxCalculation="TaxExcluded"))
    assert qbo.refused("invoice", qbo.sale(customer)) == "2020"
    assert qbo.refused("invoice", qbo.sale(customer, GlobalTaxCalculation="TaxExcluded")) == "6000"
    coded = qbo.sale(customer, GlobalTaxCalculation="NotApplicable")
    coded["Line"][0]["SalesItemLineDetail"]["TaxCodeRef"] = {"value": "2"}
    assert qbo.refused("invoice", coded) == "6100"
    coded["Line"][0]["SalesItemLineDetail"]["TaxCodeRef"] = {"value": "TAX"}
    assert qbo.refused("invoice", coded | {"GlobalTaxCalculation": "TaxExcluded"}) == "6100"


@pytest.mark.parametrize("told", [False, True])
def test_an_item_is_known_by_its_sku_whether_queries_tell_it_or_not(driven: Driven, told: bool) -> None:
    driven.prefer(QueriesTellSku=told)
    erp, account = driven.erp, driven.qbo.account("Services")["Id"]
    (parcel,) = parcels(erp, Kind.PRODUCT, ProductDocument("P-7", "Gold", "Gold plan", account))
    (made,) = erp.send(Kind.PRODUCT, str(uuid4()), [parcel])
    assert ("Sku" in driven.qbo.query("select * from Item where Name = 'Gold'")["Item"][0]) is told
    (found,) = erp.find(Kind.PRODUCT, [parcel]).values()
    assert isinstance(made, Delivered) and isinstance(found, Delivered)
    assert found.external_id == made.external_id


def test_the_sandbox_takes_only_the_methods_and_addresses_that_are_published(qbo: Any) -> None:
    customer = qbo.make("Customer", DisplayName="Ann")["Id"]
    assert qbo.call("PUT", "customer", body={"DisplayName": "Bob"}).status_code == 405
    assert qbo.call("POST", "cdc", body={}, entities="Invoice", changedSince="2026-10-01").status_code == 405
    assert qbo.call("POST", f"customer/{customer}", body={"DisplayName": "Bob"}).status_code == 404
    assert qbo.call("GET", "companyinfo/1").json()["Fault"]["Error"][0]["code"] == "610"
    assert qbo.call("GET", f"companyinfo/{qbo.realm}").status_code == 200
    assert qbo.query("select * from Customer")["maxResults"] == 1


def test_the_sandbox_checks_the_accounts_and_the_sums_of_money_that_moves(qbo: Any) -> None:
    customer = qbo.make("Customer", DisplayName="Ann")["Id"]
    qbo.control("preferences", {"MultiCurrencyEnabled": True})
    dollars, euro = {"CurrencyRef": {"value": "USD"}}, {"CurrencyRef": {"value": "EUR"}}
    abroad = {"value": qbo.make("Account", Name="Euro bank", AccountType="Bank", **euro)["Id"]}
    line = {
        "Amount": 5,
        "DetailType": "DepositLineDetail",
        "DepositLineDetail": {"AccountRef": qbo.ref("Services"), "Entity": {"value": customer, "type": "Customer"}},
    }
    deposit = {"DepositToAccountRef": qbo.ref("Checking"), "Line": [line], **dollars}
    assert qbo.refused("deposit", deposit | {"DepositToAccountRef": abroad}) == "6000"
    assert qbo.refused("deposit", deposit | {"Line": [line | {"Amount": -5}]}) == "6000"
    qbo.make("Deposit", **deposit)
    paid = {"CustomerRef": {"value": customer}, "TotalAmt": 5, **dollars}
    assert qbo.refused("payment", paid | {"ARAccountRef": qbo.ref("Services")}) == "6000"
    qbo.make("Payment", **paid, ARAccountRef=qbo.ref("Accounts Receivable (A/R)"))
    spent = line | {
        "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": {"AccountRef": qbo.ref("Services")},
    }
    spent.pop("DepositLineDetail")
    purchase = {"PaymentType": "Cash", "AccountRef": qbo.ref("Checking"), "Line": [spent], **dollars}
    party = {"EntityRef": {"value": customer, "type": "Client"}}
    assert qbo.refused("purchase", purchase | party) == "2010"
    assert qbo.refused("purchase", purchase | {"Line": [spent | {"Amount": -5}]}) == "6000"
