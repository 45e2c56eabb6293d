"""Money goes in and out with its currency and to the digit."""

from typing import Any

import pytest
from djmoney.money import Money
from rest_framework.exceptions import ValidationError

from billing.api.money import MoneySerializer
from tests.api.caller import Caller, usd


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [("7", "JPY", "7"), ("1234.5", "USD", "1234.50"), ("0.001", "KWD", "0.001"), ("-3", "EUR", "-3.00")],
)
def test_exactly_the_currencys_digits(amount: str, currency: str, text: str) -> None:
    assert MoneySerializer().to_representation(Money(amount, currency)) == {"amount": text, "currency": currency}
    read = MoneySerializer(data={"amount": text, "currency": currency})
    assert read.is_valid(raise_exception=True)
    assert read.validated_data == Money(amount, currency)


def test_a_unit_price_keeps_its_digits() -> None:
    shown = MoneySerializer(all_digits=True)
    assert shown.to_representation(Money("0.0012500000", "USD"))["amount"] == "0.00125"
    assert shown.to_representation(Money("2.0000000000", "USD"))["amount"] == "2.00"


@pytest.mark.parametrize(
    "sent",
    [
        7,
        "7.00",
        None,
        [],
        {},
        {"amount": "7.00"},
        {"currency": "USD"},
        {"amount": 7, "currency": "USD"},
        {"amount": 7.5, "currency": "USD"},
        {"amount": "7.005", "currency": "USD"},
        {"amount": "7.5", "currency": "JPY"},
        {"amount": "1e5", "currency": "USD"},
        {"amount": "NaN", "currency": "USD"},
        {"amount": "٣", "currency": "USD"},
        {"amount": "9" * 16, "currency": "USD"},
        {"amount": "1,000.00", "currency": "USD"},
        {"amount": "7.00", "currency": "XXX"},
        {"amount": "7.00", "currency": "USD", "amout": "8.00"},
    ],
)
def test_anything_else_is_refused(sent: Any) -> None:
    with pytest.raises(ValidationError):
        MoneySerializer(data=sent).is_valid(raise_exception=True)


def test_a_number_is_refused_in_words(caller: Caller, invoice: dict[str, Any]) -> None:
    paid = {"customer": invoice["customer"], "received_on": "2026-01-09", "amount": {"amount": 10.5, "currency": "USD"}}
    fields = caller.post("/payments", paid, status=400)["error"]["fields"]
    assert "text in quotes" in fields["amount.amount"][0]


def test_a_payment_in_another_currency_does_not_pass_for_the_default(caller: Caller, invoice: dict[str, Any]) -> None:
    paid = {"customer": invoice["customer"], "received_on": "2026-01-09", "amount": {"amount": "7", "currency": "JPY"}}
    refused = caller.post("/payments", paid, status=422)
    assert refused["error"]["code"] in ("invalid", "missing_rate")
    assert caller.get("/payments")["results"] == []
    assert caller.get(f"/invoices/{invoice['id']}")["due"] == usd("100.00")
