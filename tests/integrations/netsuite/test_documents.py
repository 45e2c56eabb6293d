"""Invoices, credits, payments, refunds and what undoes them: sent, read back, and read for reconciliation."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest

from integrations.connectors.base import Delivered, MissingMapping, Rejected
from integrations.documents import CreditAllocationDocument, DimensionDocument, Kind, RefundDocument
from tests.integrations.netsuite import samples
from tests.integrations.netsuite.samples import DAY, D, allocated, parcels

YEAR_END = date(2026, 12, 31)


@pytest.fixture
def ns(erp):
    return erp.connector()


@pytest.fixture
def customer(ns) -> str:
    return done(ns, Kind.CUSTOMER, samples.customer())


@pytest.fixture
def bank(erp) -> str:
    return erp.account("Checking")


def done(ns, kind, document) -> str:
    outcome = ns.send(kind, str(uuid4()), parcels(ns, kind, document))[0]
    assert isinstance(outcome, Delivered), outcome
    again = ns.send(kind, str(uuid4()), parcels(ns, kind, document))[0]
    assert (type(again), again.external_id) == (Delivered, outcome.external_id)
    assert ns.find(kind, parcels(ns, kind, document))[document.reference].external_id == outcome.external_id
    return outcome.external_id


def read(ns, kind):
    return {each.reference: each for each in ns.documents(kind, through=YEAR_END)}


def invoiced(ns, customer, net: str = "100.00", number: int = 1) -> str:
    return done(ns, Kind.INVOICE, samples.invoice(customer, samples.line("1", net), number=number))


def test_an_invoice_with_stated_taxes_has_our_total_to_the_cent(ns, erp, customer) -> None:
    taxed = samples.line("1", "33.33", tax=D("2.76"), tax_code="1", tax_percent=D("8.25"))
    number = done(ns, Kind.INVOICE, samples.invoice(customer, taxed, samples.line("2", "10.00")))
    (document,) = ns.documents(Kind.INVOICE, through=YEAR_END)
    assert (document.external_id, document.number, document.date) == (number, "INV-00001", "2026-10-31")
    assert (document.total, document.tax, document.customer) == (D("46.09"), D("2.76"), customer)
    assert (document.currency, document.reference, document.status) == ("USD", "ABCDE-I1", "posted")
    assert sum(each.amount for each in document.postings) == 0


def test_a_tax_type_is_told_by_its_name_where_its_id_is_refused(ns, erp, customer) -> None:
    erp.prefer(TaxTypesByName=True)
    taxed = samples.line("1", "33.33", tax=D("2.76"), tax_code="1", tax_percent=D("8.25"))
    done(ns, Kind.INVOICE, samples.invoice(customer, taxed))
    done(ns, Kind.CREDIT_NOTE, samples.credit_note(customer, taxed))
    many = [samples.invoice(customer, taxed, number=number) for number in (2, 3)]
    made = ns.send(Kind.INVOICE, str(uuid4()), parcels(ns, Kind.INVOICE, *many))
    assert [type(each) for each in made] == [Delivered] * 2
    assert {each.tax for each in ns.documents(Kind.INVOICE, through=YEAR_END)} == {D("2.76")}


def test_taxes_that_netsuite_computes_otherwise_are_noticed(erp, customer) -> None:
    erp.prefer(SuiteTax=False)
    legacy = erp.connector(taxes="legacy")
    line = samples.line("1", "33.33", tax=D("2.76"), tax_code="1", tax_percent=D("8.25"))
    (parcel,) = parcels(legacy, Kind.INVOICE, samples.invoice(customer, line, number=7))
    assert '"taxCode":{"id":"1"}' in parcel.body and "taxDetails" not in parcel.body
    refused = legacy.send(Kind.INVOICE, str(uuid4()), [parcel])[0]
    assert refused.code == "total_differs" and "made 36.08 of 36.09" in refused.words
    agreed = replace(line, tax=D("2.75"))
    assert done(legacy, Kind.INVOICE, samples.invoice(customer, agreed, number=8))


def test_an_account_without_suitetax_that_has_tax_types_gets_its_taxes_on_the_lines(ns, erp, customer) -> None:
    erp.prefer(SuiteTax=False)
    taxed = samples.line("1", "33.33", tax=D("2.75"), tax_code="1", tax_percent=D("8.25"))
    assert '"taxDetailsOverride":true' in ns.encode(Kind.INVOICE, samples.invoice(customer, taxed))
    made = done(ns, Kind.INVOICE, samples.invoice(customer, taxed))
    done(ns, Kind.CREDIT_NOTE, samples.credit_note(customer, taxed))
    many = [samples.invoice(customer, taxed, number=number) for number in (2, 3)]
    assert [type(each) for each in ns.send(Kind.INVOICE, str(uuid4()), parcels(ns, Kind.INVOICE, *many))] == [
        Delivered,
        Delivered,
    ]
    assert {each.tax for each in ns.documents(Kind.INVOICE, through=YEAR_END)} == {D("2.75")}
    (parcel,) = parcels(ns, Kind.INVOICE, samples.invoice(customer, taxed))
    assert isinstance(ns.correct(Kind.INVOICE, made, parcel), Delivered)


def test_a_tax_without_a_code_is_refused_before_sending(ns, customer) -> None:
    line = samples.line("1", tax=D("8.25"))
    with pytest.raises(Rejected, match="Map the tax rate"):
        ns.encode(Kind.INVOICE, samples.invoice(customer, line))


def test_many_invoices_go_out_as_a_batch_and_are_compared(ns, erp, customer) -> None:
    invoices = [samples.invoice(customer, samples.line("1", f"{n}.10"), number=n) for n in range(1, 21)]
    outcomes = ns.send(Kind.INVOICE, str(uuid4()), parcels(ns, Kind.INVOICE, *invoices))
    assert [type(each) for each in outcomes] == [Delivered] * 20
    assert erp.state()["calls"]["by_kind"].get("create invoice", 0) == 0
    erp.edit("invoice", outcomes[0].external_id, item={"items": [{"item": {"id": "1"}, "amount": 5}]})
    found = ns.find(Kind.INVOICE, parcels(ns, Kind.INVOICE, *invoices))
    assert found["ABCDE-I1"].code == "total_differs"
    assert sum(isinstance(each, Delivered) for each in found.values()) == 19


def test_a_credit_memo_is_applied_while_it_is_made_and_again_later(ns, erp, customer) -> None:
    first, second = invoiced(ns, customer), invoiced(ns, customer, number=2)
    note = samples.credit_note(customer, samples.line("1", "30.00"), allocations=(allocated(first, "30.00"),))
    memo = done(ns, Kind.CREDIT_NOTE, note)
    assert read(ns, Kind.CREDIT_NOTE)["ABCDE-C1"].linked == ((first, D("30.00")),)
    moved = CreditAllocationDocument(
        "ABCDE-A1", DAY, customer, "USD", memo, (allocated(first, "10.00"), allocated(second, "20.00"))
    )
    done(ns, Kind.CREDIT_ALLOCATION, moved)
    done(ns, Kind.CREDIT_ALLOCATION, replace(moved, allocations=(allocated(second, "20.00"),)))
    assert read(ns, Kind.CREDIT_NOTE)["ABCDE-C1"].linked == ((second, D("20.00")),)
    assert erp.count("creditMemo") == 1


def test_a_payment_settles_and_is_reallocated(ns, erp, customer, bank) -> None:
    first, second = invoiced(ns, customer), invoiced(ns, customer, number=2)
    paid = samples.payment(customer, bank, "120.00", allocations=(allocated(first, "100.00"),))
    number = done(ns, Kind.PAYMENT, paid)
    moved = (allocated(first, "40.00"), allocated(second, "80.00"))
    done(ns, Kind.PAYMENT_UPDATE, replace(paid, external_id=number, allocations=moved))
    document = read(ns, Kind.PAYMENT)["ABCDE-P1"]
    assert (document.total, document.account, document.number) == (D("120.00"), bank, "ABCDE-P1")
    assert sorted(document.linked) == [(first, D("40.00")), (second, D("80.00"))]
    done(ns, Kind.PAYMENT_UPDATE, replace(paid, external_id=number, allocations=()))
    assert read(ns, Kind.PAYMENT)["ABCDE-P1"].linked == ()


def test_a_payment_on_account_that_was_applied_there_is_taken_off_again(ns, erp, customer, bank) -> None:
    """Setting it right states all that it settles, nothing included."""
    bill = invoiced(ns, customer)
    paid = samples.payment(customer, bank, "20.00")
    number = done(ns, Kind.PAYMENT, paid)
    done(ns, Kind.PAYMENT_UPDATE, replace(paid, external_id=number, allocations=(allocated(bill, "20.00"),)))
    assert read(ns, Kind.PAYMENT)["ABCDE-P1"].linked == ((bill, D("20.00")),)
    corrected = ns.correct(Kind.PAYMENT, number, parcels(ns, Kind.PAYMENT, paid)[0])
    assert (type(corrected), corrected.external_id) == (Delivered, number)
    assert read(ns, Kind.PAYMENT)["ABCDE-P1"].linked == ()


def test_refunds_of_a_credit_and_of_what_a_payment_left(ns, erp, customer, bank) -> None:
    memo = done(ns, Kind.CREDIT_NOTE, samples.credit_note(customer, samples.line("1", "30.00")))
    number = done(ns, Kind.PAYMENT, samples.payment(customer, bank, "50.00"))
    given = {"date": DAY, "customer": customer, "currency": "USD", "note": "back", "account": bank}
    done(ns, Kind.REFUND, RefundDocument("ABCDE-R1", amount=D("30.00"), credit_note=memo, **given))
    done(ns, Kind.REFUND, RefundDocument("ABCDE-R2", amount=D("20.00"), payment=number, **given))
    refunds = read(ns, Kind.REFUND)
    assert [(each.total, each.account) for each in refunds.values()] == [(D("30.00"), bank), (D("20.00"), bank)]
    assert erp.api("GET", f"/record/v1/customerPayment/{number}").json()["unapplied"] == 30


def test_a_void_invoice_is_offset_by_a_credit_memo_and_reads_as_void(ns, erp, customer) -> None:
    number = invoiced(ns, customer)
    done(ns, Kind.INVOICE_VOID, samples.void("V", number))
    memo = erp.objects("creditMemo")[0]
    assert (memo["externalId"], memo["tranDate"], memo["memo"], memo["total"]) == (
        "ABCDE-V1",
        "2026-11-05",
        "Wrong",
        100,
    )
    assert erp.api("GET", f"/record/v1/invoice/{number}").json()["amountRemaining"] == 0
    assert (read(ns, Kind.INVOICE)["ABCDE-I1"].status, read(ns, Kind.INVOICE)["ABCDE-I1"].total) == ("void", 0)
    assert [each.status for each in ns.documents(Kind.CREDIT_NOTE, through=YEAR_END)] == ["void"]


def test_a_void_credit_note_is_offset_by_an_invoice(ns, erp, customer) -> None:
    invoice = invoiced(ns, customer)
    taxed = samples.line("1", "30.00", tax=D("2.48"), tax_code="1", tax_percent=D("8.25"))
    note = samples.credit_note(customer, taxed, allocations=(allocated(invoice, "30.00"),))
    memo = done(ns, Kind.CREDIT_NOTE, note)
    done(ns, Kind.CREDIT_NOTE_VOID, samples.void("W", memo))
    assert erp.api("GET", f"/record/v1/invoice/{invoice}").json()["amountRemaining"] == 100
    assert erp.api("GET", f"/record/v1/creditMemo/{memo}").json()["amountRemaining"] == 0
    assert read(ns, Kind.CREDIT_NOTE)["ABCDE-C1"].status == "void"
    assert {each.reference: each.status for each in ns.documents(Kind.INVOICE, through=YEAR_END)} == {
        "ABCDE-I1": "posted",
        "ABCDE-W1": "void",
    }


def test_a_void_payment_is_taken_off_and_paid_back(ns, erp, customer, bank) -> None:
    invoice = invoiced(ns, customer)
    paid = samples.payment(customer, bank, allocations=(allocated(invoice, "100.00"),))
    number = done(ns, Kind.PAYMENT, paid)
    done(ns, Kind.PAYMENT_VOID, samples.void("X", number))
    assert erp.api("GET", f"/record/v1/invoice/{invoice}").json()["amountRemaining"] == 100
    assert read(ns, Kind.PAYMENT)["ABCDE-P1"].status == "void"
    assert [each.status for each in ns.documents(Kind.REFUND, through=YEAR_END)] == ["void"]
    balance = erp.query(f"SELECT SUM(amount) AS amount FROM transactionaccountingline WHERE account = {bank}")
    assert Decimal(balance[0]["amount"]) == 0


def test_a_void_of_taxed_credit_states_the_same_taxes(ns, erp, customer) -> None:
    taxed = samples.line("1", "30.00", tax=D("2.48"), tax_code="1", tax_percent=D("8.25"))
    memo = done(ns, Kind.CREDIT_NOTE, samples.credit_note(customer, taxed))
    done(ns, Kind.CREDIT_NOTE_VOID, samples.void("W", memo))
    (sent,) = [each for each in erp.calls if '"ABCDE-W1"' in each.request and each.status == 204]
    assert '"taxDetailsReference":{"id":"1"},"taxType":"1"' in sent.request
    assert erp.objects("invoice")[0]["total"] == D("32.48")


def test_an_account_that_applies_by_itself_and_one_that_demands_a_payment_option(erp, customer, bank) -> None:
    erp.prefer(AutoApply=True, PaymentOptionMandatory=True)
    ns = erp.connector(payment_option="6")
    invoiced(ns, customer)
    done(ns, Kind.CREDIT_NOTE, samples.credit_note(customer, samples.line("1", "30.00")))
    number = done(ns, Kind.PAYMENT, samples.payment(customer, bank, "50.00"))
    assert read(ns, Kind.CREDIT_NOTE)["ABCDE-C1"].linked == read(ns, Kind.PAYMENT)["ABCDE-P1"].linked == ()
    done(ns, Kind.PAYMENT_VOID, samples.void("X", number))
    (refund,) = erp.objects("customerRefund")
    assert refund["paymentOption"]["id"] == "6" and refund["arAcct"]["refName"]


@pytest.mark.parametrize(
    ("kind", "letter"), [(Kind.INVOICE_VOID, "V"), (Kind.CREDIT_NOTE_VOID, "W"), (Kind.PAYMENT_VOID, "X")]
)
def test_what_is_gone_there_cannot_be_undone(ns, kind, letter) -> None:
    outcome = ns.send(kind, str(uuid4()), parcels(ns, kind, samples.void(letter, "4711")))[0]
    assert isinstance(outcome, MissingMapping) and "skip this item" in outcome.words


def test_a_void_whose_answer_was_lost_is_done_once(ns, erp, customer) -> None:
    number = invoiced(ns, customer)
    ours = parcels(ns, Kind.INVOICE_VOID, samples.void("V", number))
    erp.fail(faults={"drop_after_commit": 1}, times=1, only="transform")
    with pytest.raises(Exception, match="dropped the connection"):
        ns.send(Kind.INVOICE_VOID, str(uuid4()), ours)
    assert isinstance(ns.find(Kind.INVOICE_VOID, ours)["ABCDE-V1"], Delivered)
    assert isinstance(ns.send(Kind.INVOICE_VOID, str(uuid4()), ours)[0], Delivered)
    assert erp.count("creditMemo") == 1


@pytest.mark.parametrize("first", [False, True])
def test_what_a_credit_memo_settles_is_read_whichever_comes_first(ns, erp, customer, first) -> None:
    erp.prefer(CreditsBeforeInvoices=first)
    one, two = invoiced(ns, customer), done(ns, Kind.INVOICE, samples.invoice(customer, samples.line("1"), number=2))
    parts = (allocated(one, "10.00"), allocated(two, "15.00"))
    done(ns, Kind.CREDIT_NOTE, samples.credit_note(customer, samples.line("1", "30.00"), allocations=parts))
    (link, *_) = erp.query("SELECT previoustype, nexttype FROM nexttransactionlinelink ORDER BY nextdoc")
    assert (link["previoustype"] == "CustCred") is first
    assert read(ns, Kind.CREDIT_NOTE)["ABCDE-C1"].linked == ((one, D("10.00")), (two, D("15.00")))


def test_links_are_read_from_the_records_where_suiteql_has_none(ns, erp, customer, bank, monkeypatch) -> None:
    invoice = invoiced(ns, customer)
    done(ns, Kind.PAYMENT, samples.payment(customer, bank, allocations=(allocated(invoice, "70.00"),)))
    page = ns._queries.page

    def without_links(text: str, **how):
        return page(text.replace("nexttransactionlinelink", "nosuchtable"), **how)

    monkeypatch.setattr(ns._queries, "page", without_links)
    assert read(ns, Kind.PAYMENT)["ABCDE-P1"].linked == ((invoice, D("70.00")),)


def test_documents_come_in_pages_by_date_and_subsidiary(erp, ns, monkeypatch) -> None:
    monkeypatch.setattr("integrations.connectors.netsuite.suiteql.PAGE", 7)
    monkeypatch.setattr("integrations.connectors.netsuite.objects._CHUNK", 3)
    accounts = erp.account("Deferred Revenue"), erp.account("Services")
    days = [date(2026, 10, day) for day in range(1, 21)]
    for number, day in enumerate(days, 1):
        ns._create(Kind.JOURNAL_ENTRY, parcels(ns, Kind.JOURNAL_ENTRY, samples.journal(accounts, number, date=day))[0])
    some = list(ns.documents(Kind.JOURNAL_ENTRY, through=date(2026, 10, 19), since=date(2026, 10, 2)))
    assert [each.reference for each in some] == [f"ABCDE-J{number}" for number in range(2, 20)]
    assert {len(each.postings) for each in some} == {2}
    erp.prefer(Subsidiaries=2)
    assert list(erp.connector(subsidiary="2").documents(Kind.JOURNAL_ENTRY, through=YEAR_END)) == []
    assert len(list(erp.connector(subsidiary="1").documents(Kind.JOURNAL_ENTRY, through=YEAR_END))) == 20


def test_dimensions_go_on_the_lines_and_into_the_header_where_all_agree(ns, erp) -> None:
    accounts = erp.account("Deferred Revenue"), erp.account("Services")
    both = (DimensionDocument("department", "2"), DimensionDocument("class", "1"))
    document = samples.journal(accounts)
    lines = (
        replace(document.lines[0], dimensions=both),
        replace(document.lines[1], dimensions=(*both[:1], DimensionDocument("class", "2"))),
    )
    number = done(ns, Kind.JOURNAL_ENTRY, replace(document, lines=lines))
    held = erp.api("GET", f"/record/v1/journalEntry/{number}?expandSubResources=true").json()
    assert held["department"]["refName"] == "Sales" and "class" not in held
    assert [line["class"]["refName"] for line in held["line"]["items"]] == ["Main", "Enterprise"]
    assert [line["department"]["id"] for line in held["line"]["items"]] == ["2", "2"]


def test_another_subsidiary_keeps_its_own_currency(erp) -> None:
    erp.prefer(Subsidiaries=2)
    europe = erp.connector(subsidiary="2")
    accounts = erp.account("Deferred Revenue"), erp.account("Services")
    (own,) = parcels(europe, Kind.JOURNAL_ENTRY, samples.journal(accounts, currency="EUR"))
    assert "exchangeRate" not in own.body and '"subsidiary":{"id":"2"}' in own.body
    foreign = samples.journal(accounts, 2, currency="USD", rate=D("0.92"))
    number = done(europe, Kind.JOURNAL_ENTRY, foreign)
    assert {abs(each.base) for each in europe.document(Kind.JOURNAL_ENTRY, number).postings} == {D("110.40")}


def test_our_own_field_tells_our_documents_where_another_application_took_their_external_ids(
    erp, customer, bank
) -> None:
    """A record has one external id; the connection may name a field that carries our reference beside it."""
    ns = erp.connector(reference_field="custbody_counterfoil")
    invoice = invoiced(ns, customer)
    done(ns, Kind.PAYMENT, samples.payment(customer, bank, allocations=(allocated(invoice, "70.00"),)))
    ours = parcels(ns, Kind.INVOICE, samples.invoice(customer, samples.line("1")))
    erp.control("edit", entity="invoice", id=invoice, changes={"externalId": "theirs"})
    assert ns.find(Kind.INVOICE, ours)["ABCDE-I1"].external_id == invoice
    assert (
        ns.find(Kind.INVOICE, parcels(ns, Kind.INVOICE, samples.invoice(customer, samples.line("1"), number=9))) == {}
    )
    many = [samples.invoice(customer, samples.line("1"), number=number) for number in (1, 2, 3, 4)]
    assert set(ns.find(Kind.INVOICE, parcels(ns, Kind.INVOICE, *many))) == {"ABCDE-I1"}
    assert read(ns, Kind.INVOICE)["ABCDE-I1"].external_id == invoice
    undone = done(ns, Kind.INVOICE_VOID, samples.void("V", invoice))
    erp.control("edit", entity="creditMemo", id=undone, changes={"externalId": "theirs-too"})
    again = ns.find(Kind.INVOICE_VOID, parcels(ns, Kind.INVOICE_VOID, samples.void("V", invoice)))
    assert again["ABCDE-V1"].external_id == undone
    assert {each.status for each in ns.documents(Kind.INVOICE, through=DAY)} == {"void"}
    without = erp.connector()
    assert without.find(Kind.INVOICE, ours) == {}


def test_a_field_that_is_no_script_id_is_not_sent(erp, customer) -> None:
    ns = erp.connector(reference_field="externalId; drop")
    invoiced(ns, customer)
    assert "custbody_counterfoil" not in erp.objects("invoice")[0]
