"""The exact JSON of every document. Shapes: Oracle's printed samples and the REST API Browser's property tables."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from integrations.connectors.base import Company, Rejected
from integrations.connectors.netsuite import payloads
from integrations.connectors.netsuite.setting import Setting
from integrations.documents import CreditAllocationDocument, DimensionDocument, RefundDocument
from tests.integrations.netsuite import samples
from tests.integrations.netsuite.samples import DAY, D, allocated

EXTRA = {
    "subsidiary": "1",
    "subsidiaries": {"1": "USD", "2": "EUR"},
    "currencies": {"USD": "1", "EUR": "2", "JPY": "4"},
    "digits": {"USD": "2", "JPY": "0"},
    "taxes": "suitetax",
    "tax_types": {"9": "3"},
}
COMPANY = Company("Parent", "US", "USD", True, "", True, extra=EXTRA)
SETTING = Setting(COMPANY)
PLAIN = Setting(Company("One", "US", "USD", False, "", True, extra={"currencies": {"USD": "1"}, "taxes": "legacy"}))


def shown(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def test_a_journal_entry() -> None:
    document = samples.journal(("1201", "4000"), currency="EUR", rate=D("1.0800"))
    receivable = replace(document.lines[0], customer="4411", dimensions=(DimensionDocument("department", "3"),))
    body = shown(payloads.journal_entry(replace(document, lines=(receivable, document.lines[1])), SETTING))
    assert body == {
        "externalId": "ABCDE-J1",
        "tranDate": "2026-10-31",
        "subsidiary": {"id": "1"},
        "currency": {"id": "2"},
        "exchangeRate": D("1.08"),
        "memo": "JE-1 Release",
        "approvalStatus": {"id": "2"},
        "line": {
            "items": [
                {
                    "account": {"id": "1201"},
                    "debit": D("120.00"),
                    "memo": "Release",
                    "entity": {"id": "4411"},
                    "department": {"id": "3"},
                },
                {"account": {"id": "4000"}, "credit": D("120.00"), "memo": "Release"},
            ]
        },
    }


def test_a_draft_waits_for_approval_and_the_field_can_be_left_out() -> None:
    document = samples.journal(("1", "2"))
    assert shown(payloads.journal_entry(replace(document, draft=True), SETTING))["approvalStatus"] == {"id": "1"}
    without = Setting(COMPANY, options={"approval_status": "none"})
    assert "approvalStatus" not in shown(payloads.journal_entry(document, without))


def test_an_account_without_subsidiaries_names_none() -> None:
    for text in (
        payloads.journal_entry(samples.journal(("1", "2")), PLAIN),
        payloads.customer(samples.customer(), PLAIN),
        payloads.product(samples.product("7"), PLAIN),
        payloads.invoice(samples.invoice("5", samples.line("42")), PLAIN),
    ):
        assert "subsidiary" not in text and "exchangeRate" not in text and "taxDetails" not in text


def test_a_customer() -> None:
    assert shown(payloads.customer(samples.customer(name="Acme Ltd"), SETTING)) == {
        "isPerson": False,
        "companyName": "Acme Ltd",
        "email": "ap@acme.example",
        "subsidiary": {"id": "1"},
        "currency": {"id": "1"},
    }


def test_a_service_item() -> None:
    assert shown(payloads.product(samples.product("55", name="Seats"), SETTING)) == {
        "itemId": "Seats",
        "displayName": "Seats",
        "salesDescription": "Seats by month",
        "incomeAccount": {"id": "55"},
        "subsidiary": {"items": [{"id": "1"}]},
        "includeChildren": True,
    }


def test_an_invoice_with_stated_taxes() -> None:
    line = samples.line("42", tax=D("8.25"), tax_code="9", tax_percent=D("8.2500"))
    assert shown(payloads.invoice(samples.invoice("77", line), SETTING)) == {
        "externalId": "ABCDE-I1",
        "tranDate": "2026-10-31",
        "dueDate": "2026-11-30",
        "subsidiary": {"id": "1"},
        "currency": {"id": "1"},
        "entity": {"id": "77"},
        "tranId": "INV-00001",
        "item": {
            "items": [
                {
                    "item": {"id": "42"},
                    "quantity": 2,
                    "rate": 50,
                    "amount": D("100.00"),
                    "description": "Seats",
                    "taxDetailsReference": "1",
                }
            ]
        },
        "taxDetailsOverride": True,
        "taxDetails": {
            "items": [
                {
                    "taxDetailsReference": {"id": "1"},
                    "taxType": "3",
                    "taxCode": {"id": "9"},
                    "taxBasis": D("100.00"),
                    "taxRate": D("8.25"),
                    "taxAmount": D("8.25"),
                }
            ]
        },
    }


@pytest.mark.parametrize(
    ("quantity", "unit", "sent"),
    [
        ("3", "33.333", (1, "100.00")),  # prorated: not the amount
        ("0.5", "200", ("0.5", "200")),
        ("10000000000", "0.00000001", (1, "100.00")),  # more than NetSuite takes
    ],
)
def test_quantity_times_rate_is_the_amount(quantity, unit, sent) -> None:
    line = samples.line("42", quantity=D(quantity), unit_amount=D(unit))
    item = shown(payloads.invoice(samples.invoice("77", line), SETTING))["item"]["items"][0]
    assert (D(item["quantity"]), D(item["rate"]), item["amount"]) == (D(sent[0]), D(sent[1]), D("100.00"))


def test_a_credit_memo_with_what_it_settles() -> None:
    note = samples.credit_note("77", samples.line("42", "50.00"), allocations=(allocated("9001", "50.00"),))
    body = shown(payloads.credit_memo(note, SETTING))
    assert body["apply"] == {"items": [{"doc": {"id": "9001"}, "apply": True, "amount": D("50.00")}]}
    assert (body["tranId"], body["memo"], body["externalId"]) == ("CN-00001", "Late", "ABCDE-C1")
    assert "dueDate" not in body and body["autoApply"] is False


def test_a_payment() -> None:
    paid = samples.payment("77", "1000", allocations=(allocated("9001", "100.00"),))
    assert shown(payloads.payment(paid, SETTING)) == {
        "externalId": "ABCDE-P1",
        "customer": {"id": "77"},
        "tranDate": "2026-10-31",
        "currency": {"id": "1"},
        "payment": D("100.00"),
        "account": {"id": "1000"},
        "memo": "wire 4711",
        "autoApply": False,
        "apply": {"items": [{"doc": {"id": "9001"}, "apply": True, "amount": D("100.00")}]},
    }
    with pytest.raises(Rejected, match="is allocated of a payment"):
        payloads.payment(replace(paid, allocations=(allocated("9001", "101.00"),)), SETTING)


def test_a_refund_of_a_credit_memo() -> None:
    document = RefundDocument(
        "ABCDE-R1", DAY, "77", "JPY", D("500"), "back", "1000", credit_note="9002", rate=D("0.0067")
    )
    assert shown(payloads.refund(document, SETTING)) == {
        "externalId": "ABCDE-R1",
        "customer": {"id": "77"},
        "tranDate": "2026-10-31",
        "currency": {"id": "4"},
        "exchangeRate": D("0.0067"),
        "account": {"id": "1000"},
        "memo": "back",
        "apply": {"items": [{"doc": {"id": "9002"}, "apply": True, "amount": 500}]},
    }


def test_a_refund_names_its_payment_option_where_the_account_demands_one() -> None:
    document = RefundDocument("ABCDE-R1", DAY, "77", "USD", D("5"), "", "1000", payment="9003")
    body = shown(payloads.refund(document, Setting(COMPANY, options={"payment_option": 6})))
    assert body["paymentOption"] == {"id": "6"}
    assert "paymentMethod" not in body  # no property of refunds over REST


def test_changes_name_the_record_they_change() -> None:
    moved = CreditAllocationDocument("ABCDE-A1", DAY, "77", "USD", "9002", (allocated("9001", "5.00"),))
    apply = {"items": [{"doc": {"id": "9001"}, "apply": True, "amount": D("5.00")}]}
    assert shown(payloads.credit_allocation(moved, SETTING)) == {"id": "9002", "apply": apply}
    assert shown(payloads.void(samples.void("V", "9001"), SETTING)) == {
        "id": "9001",
        "externalId": "ABCDE-V1",
        "tranDate": "2026-11-05",
        "memo": "Wrong",
    }


def test_what_netsuite_keeps_of_a_currency_decides() -> None:
    with pytest.raises(Rejected, match="more digits"):
        payloads.journal_entry(samples.journal(("1", "2"), amount="1.005"), SETTING)
    two = Setting(Company("", "", "USD", True, "", True, extra={"currencies": {"KWD": "5"}, "digits": {"KWD": "2"}}))
    with pytest.raises(Rejected, match="more digits"):
        payloads.journal_entry(samples.journal(("1", "2"), currency="KWD", amount="1.005"), two)
    assert payloads.journal_entry(samples.journal(("1", "2"), currency="KWD", amount="1.01"), two)


def test_a_subsidiary_of_its_own_keeps_books_in_its_currency() -> None:
    body = shown(payloads.journal_entry(replace(samples.journal(("1", "2")), subsidiary="2", rate=D("0.9")), SETTING))
    assert (body["subsidiary"], body["exchangeRate"]) == ({"id": "2"}, D("0.9"))
