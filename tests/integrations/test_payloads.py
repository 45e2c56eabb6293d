"""What QuickBooks is sent, to the cent and to the character."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from integrations.connectors.base import BadCredentials, Company, MissingMapping, NameTaken, Rejected, UnknownOutcome
from integrations.connectors.jsontext import dumps, loads
from integrations.connectors.quickbooks import payloads
from integrations.connectors.quickbooks.faults import read_faults
from integrations.documents import (
    CustomerDocument,
    InvoiceDocument,
    JournalDocument,
    JournalLineDocument,
    SalesLineDocument,
)

HOME = Company("Acme", "US", "USD", False, "", True)
ABROAD = replace(HOME, multi_currency=True)
ZERO = Decimal(0)


def journal(**changes) -> JournalDocument:
    lines = (
        JournalLineDocument("84", Decimal("1250.5000"), ZERO, "Invoice", "58"),
        JournalLineDocument("79", ZERO, Decimal("1250.5000"), "Invoice", None),
    )
    document = JournalDocument("ABCDE-J7", date(2026, 1, 31), "USD", Decimal(1), "JE-7 Invoice", lines)
    return replace(document, **changes)


def invoice(*lines: SalesLineDocument, tax: str = "0") -> InvoiceDocument:
    net = sum((line.net for line in lines), ZERO)
    return InvoiceDocument(
        "ABCDE-I1",
        "INV-1",
        date(2026, 1, 1),
        date(2026, 1, 31),
        "58",
        "USD",
        net,
        Decimal(tax),
        net + Decimal(tax),
        lines,
    )


def line(quantity: str, unit: str, net: str, tax: str = "0") -> SalesLineDocument:
    return SalesLineDocument("11", "Pro plan", Decimal(quantity), Decimal(unit), Decimal(net), Decimal(tax), None)


def test_amounts_are_written_with_exactly_their_digits() -> None:
    assert dumps({"a": Decimal("0.10"), "b": [Decimal("123456789012345.67")]}) == '{"a":0.10,"b":[123456789012345.67]}'
    assert loads('{"a": 0.1}')["a"] == Decimal("0.1")
    with pytest.raises(TypeError):
        dumps(0.1)


def test_a_journal_has_direction_by_posting_type_and_the_customer_on_receivables() -> None:
    body = loads(payloads.journal_entry(journal(), HOME))
    assert body["DocNumber"] == "ABCDE-J7"
    assert payloads.tagged(body["PrivateNote"]) == "ABCDE-J7"
    assert not {"CurrencyRef", "ExchangeRate", "Id"} & set(body)
    first, second = body["Line"]
    assert first["Amount"] == Decimal("1250.50")
    assert first["JournalEntryLineDetail"] == {
        "PostingType": "Debit",
        "AccountRef": {"value": "84"},
        "Entity": {"Type": "Customer", "EntityRef": {"value": "58"}},
    }
    assert second["JournalEntryLineDetail"] == {"PostingType": "Credit", "AccountRef": {"value": "79"}}


def test_a_foreign_currency_always_has_its_rate() -> None:
    body = loads(payloads.journal_entry(journal(currency="EUR", rate=Decimal("1.0825")), ABROAD))
    assert body["CurrencyRef"] == {"value": "EUR"}
    assert body["ExchangeRate"] == Decimal("1.0825")
    assert "ExchangeRate" not in loads(payloads.journal_entry(journal(), ABROAD))
    with pytest.raises(Rejected, match="Multicurrency"):
        payloads.journal_entry(journal(currency="EUR"), HOME)


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": journal().lines[:1]},
        {"lines": ()},
        {"reference": "ABCDE-J12345678901234567"},
        {"lines": (replace(journal().lines[0], debit=Decimal("1250.505")), *journal().lines[1:])},
        {"lines": (replace(journal().lines[0], credit=Decimal(1)), *journal().lines[1:])},
    ],
)
def test_what_quickbooks_would_refuse_is_not_sent(changes) -> None:
    with pytest.raises(Rejected):
        payloads.journal_entry(journal(**changes), HOME)


def test_a_line_whose_price_does_not_multiply_out_is_sent_as_one_unit() -> None:
    exact, prorated = loads(
        payloads.invoice(invoice(line("3", "49.50", "148.50"), line("3", "33.3333", "100.00")), HOME)
    )["Line"]
    assert (exact["SalesItemLineDetail"]["Qty"], exact["SalesItemLineDetail"]["UnitPrice"]) == (3, Decimal("49.5"))
    assert (prorated["SalesItemLineDetail"]["Qty"], prorated["SalesItemLineDetail"]["UnitPrice"]) == (
        1,
        Decimal("100.00"),
    )


def test_prices_and_quantities_finer_than_quickbooks_keeps_are_sent_as_one_unit() -> None:
    """Numbers there have five decimals: 100,000 times 0.000125 would be 0.00013 each, and another amount."""
    lines = (line("100000", "0.000125", "12.50"), line("0.000004", "2500000", "10.00"), line("8", "0.00125", "0.01"))
    sent = loads(payloads.invoice(invoice(*lines), HOME))["Line"]
    details = [each["SalesItemLineDetail"] for each in sent]
    assert [(each["Qty"], each["UnitPrice"]) for each in details[:2]] == [(1, Decimal("12.50")), (1, Decimal("10.00"))]
    assert (details[2]["Qty"], details[2]["UnitPrice"]) == (8, Decimal("0.00125"))


def test_a_manually_taxed_company_in_the_united_states_is_told_the_tax_group() -> None:
    manual = replace(HOME, extra={"automated_tax": False})
    taxed = replace(line("1", "10", "10", "0.83"), tax_code="2")
    body = loads(payloads.invoice(invoice(taxed, line("1", "5", "5"), tax="0.83"), manual))
    assert body["TxnTaxDetail"] == {"TxnTaxCodeRef": {"value": "2"}, "TotalTax": Decimal("0.83")}
    assert [each["SalesItemLineDetail"]["TaxCodeRef"]["value"] for each in body["Line"]] == ["TAX", "NON"]
    with pytest.raises(Rejected, match="several tax rates"):
        payloads.invoice(invoice(taxed, replace(taxed, tax_code="4"), tax="1.66"), manual)


def test_tax_is_ours_to_the_cent_and_flagged_by_line() -> None:
    body = loads(payloads.invoice(invoice(line("1", "10", "10", "0.83"), line("1", "5", "5"), tax="0.83"), HOME))
    assert body["TxnTaxDetail"] == {"TxnTaxCodeRef": {"value": "TAX"}, "TotalTax": Decimal("0.83")}
    assert [each["SalesItemLineDetail"]["TaxCodeRef"]["value"] for each in body["Line"]] == ["TAX", "NON"]


def test_names_lose_what_quickbooks_forbids() -> None:
    body = loads(payloads.customer(CustomerDocument("ABCDE-U1", "A:B\tC\n" + "x" * 200, "", "USD", suffix="C-1"), HOME))
    assert body["DisplayName"].startswith("A B C ")
    assert body["DisplayName"].endswith(" (C-1)")
    assert len(body["DisplayName"]) <= 100


@pytest.mark.parametrize(
    ("code", "kind", "meaning"),
    [
        ("6140", "ValidationFault", Rejected),
        ("6240", "ValidationFault", NameTaken),
        ("006240", "ValidationFault", NameTaken),
        ("6200", "ValidationFault", Rejected),
        ("610", "ValidationFault", MissingMapping),
        ("2500", "ValidationFault", MissingMapping),
        ("10000", "SystemFault", UnknownOutcome),
        ("3200", "AUTHENTICATION", BadCredentials),
        ("120", "AuthorizationFault", BadCredentials),
    ],
)
def test_faults_mean_what_the_vendor_says(code, kind, meaning) -> None:
    (fault,) = read_faults({"Fault": {"Error": [{"Message": "No", "Detail": "Because", "code": code}], "type": kind}})
    assert isinstance(fault.as_error(), meaning)
    assert "Because" in fault.as_error().words or meaning in (BadCredentials,)


def test_a_fault_in_lower_case_is_read_too() -> None:
    (fault,) = read_faults(
        {"fault": {"error": [{"message": "AuthenticationFailed", "code": "3200"}], "type": "AUTHENTICATION"}}
    )
    assert fault.code == 3200
