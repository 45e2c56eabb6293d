"""Worked cases through the REST API alone, as somebody would send them who has only its document; journals as text."""

from typing import Any

import pytest

from accounting.checks import check_ledger
from accounting.replaying import replay_ledger
from billing.models import Tenant
from tests.api.books import Books
from tests.api.caller import Caller, usd
from tests.journal import text

AR, REVENUE, DEFERRED, CASH = "AR - Customers", "Sales and Services Revenue", "Deferred Revenue", "Cash"


@pytest.fixture
def books(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> Books:
    return Books(caller, monkeypatch)


@pytest.fixture(autouse=True)
def _add_up(tenant: Tenant) -> Any:
    """After each case the ledger adds up, and its events make it again."""
    yield
    assert check_ledger(tenant).problems == []
    assert replay_ledger().differences == []


def test_usage_with_a_minimum(books: Books, caller: Caller) -> None:
    """C6: at least 500.00 a month, January's usage is 320.00; tax 20 %."""
    tax = caller.post("/tax-rates", {"code": "vat", "name": "VAT", "percent": "20"})["id"]
    usage = {
        "product": books.product("usage"), "pricing_model": "per_unit", "pricing": {"unit_amount": "1"},
        "is_metered": True, "timing": "arrears", "minimum": "500", "tax_rate": tax,
    }  # fmt: skip
    (item,) = books.items(books.sell("2026-01-01", usage, term_months=1))
    caller.post("/usage", {"contract_item": item, "used_on": "2026-01-31", "quantity": "320", "key": "u1"})
    books.recognize("2026-01-31")
    books.bill("2026-02-01")
    assert books.journal() == text("""
        2026-01-31  Revenue recognized
            Dr Unbilled Revenue                      320.00
            Cr Sales and Services Revenue            320.00
        2026-01-31  True-up to the minimum
            Dr Unbilled Revenue                      180.00
            Cr Sales and Services Revenue            180.00
        2026-02-01  Invoice finalized
            Dr AR - Customers                        600.00
            Cr Sales Tax                             100.00
            Cr Unbilled Revenue                      500.00
    """)


def test_a_bundle_by_standalone_prices(books: Books) -> None:
    """C12: a licence of 600.00 and support of 400.00 for 850.00: 510.00 at once, 28.33 a month."""
    licence = books.flat("600", "licence", interval_months=12, recognition_method="point_in_time")
    support = books.flat("250", "support", interval_months=12, recognition_method="straight_line_months")
    books.sell(
        "2026-01-01",
        {**licence, "standalone_price": "600.00"},
        {**support, "standalone_price": "400"},
        term_months=12,
        price_allocation="standalone",
    )
    books.bill("2026-01-01")
    books.recognize("2026-01-31")
    assert books.journal() == text("""
        2026-01-01  Invoice finalized
            Dr AR - Customers                        850.00
            Cr Deferred Revenue                      850.00
        2026-01-01  Revenue recognized
            Dr Deferred Revenue                      510.00
            Cr Sales and Services Revenue            510.00
        2026-01-31  Revenue recognized
            Dr Deferred Revenue                       28.33
            Cr Sales and Services Revenue             28.33
    """)
    books.recognize("2026-12-31")
    assert books.stands("2026-12-31") == {AR: "850.00", REVENUE: "-850.00"}


def test_a_month_end_abroad(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """C7 and C8: 1,000.00 EUR at 1.10, 400.00 paid at 1.15, the rest stands at 1.08 on 31 March and is paid at 1.05."""
    books = Books(caller, monkeypatch, "EUR")
    days = {"2026-03-01": "1.10", "2026-03-20": "1.15", "2026-03-31": "1.08", "2026-04-10": "1.05"}
    rates = [{"date": day, "currency": "USD", "rate": rate} for day, rate in days.items()]
    assert caller.post("/exchange-rates", {"rates": rates}) == {"added": 4, "corrected": 0, "unchanged": 0}
    books.sell("2026-03-01", books.flat("1000", interval_months=12), term_months=12)
    books.bill("2026-03-01")
    books.pay("2026-03-20", "400.00")
    assert books.run("revalue-balances", "2026-03-31") == "1 balance revalued: loss of 12.00 USD."
    assert books.run("revalue-balances", "2026-03-31").startswith("Nothing was to be posted")
    books.pay("2026-04-10", "600.00")
    assert books.journal() == text("""
        2026-03-01  Invoice finalized
            Dr AR - Customers                      1,100.00
            Cr Deferred Revenue                    1,100.00
        2026-03-20  Payment received
            Dr Cash                                  460.00
            Cr AR - Customers                        440.00
            Cr FX Gain, Realized                      20.00
        2026-03-31  Foreign balances revalued
            Dr FX Loss, Unrealized                    12.00
            Cr AR - Customers                         12.00
        2026-04-01  Foreign balances revalued: reversal
            Dr AR - Customers                         12.00
            Cr FX Loss, Unrealized                    12.00
        2026-04-10  Payment received
            Dr Cash                                  630.00
            Dr FX Loss, Realized                      30.00
            Cr AR - Customers                        660.00
    """)


def test_a_contract_is_netted_at_month_end(books: Books) -> None:
    """100.00 a month in arrears beside 1,200.00 for the year ahead: 1,100.00 deferred less 100.00 unbilled."""
    by_months = {"recognition_method": "straight_line_months"}
    books.sell(
        "2026-01-01",
        books.flat("100", "support", timing="arrears", **by_months),
        books.flat("1200", interval_months=12, **by_months),
        term_months=12,
    )
    books.bill("2026-01-01")
    books.recognize("2026-01-31")
    assert books.run("net-contracts", "2026-01-31").startswith("1 contract netted: 100.00 USD")
    assert books.stands("2026-01-31") == {AR: "1200.00", DEFERRED: "-1000.00", REVENUE: "-200.00"}
    assert books.stands("2026-02-01")["Unbilled Revenue"] == "100.00"


def test_the_life_cycle(books: Books, caller: Caller) -> None:
    """1,200.00 and 10 % tax through a gateway that keeps 40.00; 240.00 credited in June and refunded through the gateway."""
    tax = caller.post("/tax-rates", {"code": "st", "name": "Sales tax", "percent": "10"})["id"]
    caller.post("/payment-gateways", {"code": "cards", "name": "Cards"})
    year = books.flat("1200", interval_months=12, recognition_method="straight_line_months", tax_rate=tax)
    books.sell("2025-01-01", year, term_months=12)
    books.bill("2025-01-01")
    (invoice,) = caller.get("/invoices")["results"]
    line = caller.get(f"/invoices/{invoice['id']}")["lines"][0]["id"]
    books.pay("2025-02-10", "1320.00", gateway="cards")
    payout = {"gateway": "cards", "captured": usd("1320.00"), "fee": usd("40.00"), "paid_on": "2025-02-12"}
    caller.post("/payouts", {**payout, "reference": "po-1"})
    books.recognize("2025-06-30")
    credit = {"invoice": invoice["id"], "on": "2025-06-30", "reason": "Outage", "keep": "refund"}
    note = caller.post("/credit-notes", {**credit, "lines": [{"invoice_line": line, "net": usd("240.00")}]})
    caller.post("/refunds", {"credit_note": note["id"], "on": "2025-07-02", "gateway": "cards"})
    taken = {"gateway": "cards", "captured": usd("0.00"), "withheld": usd("264.00"), "paid_on": "2025-07-04"}
    caller.post("/payouts", {**taken, "reference": "po-2"})
    books.recognize("2025-12-31")
    assert books.stands("2025-12-31") == {
        CASH: "1016.00", "Sales Tax": "-96.00", REVENUE: "-960.00", "Payment Gateway Fees": "40.00",
    }  # fmt: skip


def test_an_item_is_replaced_on_its_first_day(books: Books) -> None:
    """300.00 for April is billed; on the 5th it is agreed that it is 450.00 from the 1st."""
    contract = books.sell("2026-04-01", books.flat("300"), term_months=12)
    books.bill("2026-04-01")
    (item,) = books.items(contract)
    books.modify(contract, "2026-04-01", signed="2026-04-05", replace=[{"item": item, **books.flat("450")}])
    books.recognize("2026-04-30")
    books.bill("2026-05-01")
    assert books.journal() == text("""
        2026-04-01  Invoice finalized
            Dr AR - Customers                        300.00
            Cr Deferred Revenue                      300.00
        2026-04-05  Invoice finalized
            Dr AR - Customers                        150.00
            Dr Deferred Revenue                      300.00
            Cr Deferred Revenue                      450.00
        2026-04-30  Revenue recognized
            Dr Deferred Revenue                      450.00
            Cr Sales and Services Revenue            450.00
        2026-05-01  Invoice finalized
            Dr AR - Customers                        450.00
            Cr Deferred Revenue                      450.00
    """)


def test_what_was_recognized_of_an_item_that_never_ran_goes_back_to_its_months(books: Books) -> None:
    """1,200.00 for the year, two months recognized; agreed in March that it is 2,400.00 from the first day on."""
    by_months = {"interval_months": 12, "recognition_method": "straight_line_months"}
    contract = books.sell("2026-01-01", books.flat("1200", **by_months), term_months=12)
    books.bill("2026-01-01")
    books.recognize("2026-02-28")
    (item,) = books.items(contract)
    books.modify(contract, "2026-01-01", signed="2026-03-10", replace=[{"item": item, **books.flat("2400")}])
    books.recognize("2026-03-31")
    assert books.journal(since="2026-01-31") == text("""
        2026-01-31  Revenue recognized
            Dr Deferred Revenue                      300.00
            Dr Sales and Services Revenue            100.00
            Cr Sales and Services Revenue            300.00
            Cr Unbilled Revenue                      100.00
        2026-02-28  Revenue recognized
            Dr Deferred Revenue                      300.00
            Dr Sales and Services Revenue            100.00
            Cr Sales and Services Revenue            300.00
            Cr Unbilled Revenue                      100.00
        2026-03-10  Invoice finalized
            Dr AR - Customers                      1,200.00
            Dr Deferred Revenue                    1,000.00
            Dr Unbilled Revenue                      200.00
            Cr Deferred Revenue                    2,400.00
        2026-03-31  Revenue recognized
            Dr Deferred Revenue                      200.00
            Cr Sales and Services Revenue            200.00
    """)


@pytest.mark.parametrize("paid", [False, True])
def test_an_upgrade_is_given_up_on_the_same_day(books: Books, caller: Caller, paid: bool) -> None:
    """300.00 for April; on the 16th 450.00, an invoice of 225.00 less 150.00; then 240.00 instead: 225.00 back, 120.00 due.

    Of what goes back, 75.00 are the second invoice's and 150.00 what it had set off against the first.
    """
    contract = books.sell("2026-04-01", books.flat("300"), term_months=12)
    books.bill("2026-04-01")
    books.modify(contract, "2026-04-16", replace=[{"item": books.items(contract)[0], **books.flat("450")}])
    if paid:
        books.pay("2026-04-16", "375.00")
    books.modify(contract, "2026-04-16", replace=[{"item": books.items(contract)[1], **books.flat("240")}])
    books.recognize("2026-04-30")
    kept = "225.00" if paid else "150.00"
    own = [] if paid else ["    Cr AR - Customers                         75.00"]
    settled = "120.00" if paid else "150.00"
    invoice = [
        "2026-04-16  Invoice finalized",
        "    Dr AR - Customers                        195.00",
        "    Dr Deferred Revenue                      150.00",
        "    Cr Deferred Revenue                      345.00",
    ]
    applied = [
        "2026-04-16  Wallet applied",
        f"    Dr Customer Wallet                       {settled}",
        f"    Cr AR - Customers                        {settled}",
    ]
    payment = [
        "2026-04-16  Payment received",
        "    Dr Cash                                  375.00",
        "    Cr AR - Customers                        375.00",
    ]
    credit = [
        "2026-04-16  Credit note issued",
        "    Dr Deferred Revenue                      225.00",
        *own,
        f"    Cr Customer Wallet                       {kept}",
    ]
    revenue = [
        "2026-04-30  Revenue recognized",
        "    Dr Deferred Revenue                      270.00",
        "    Cr Sales and Services Revenue            270.00",
    ]
    middle = [*payment, *credit, *applied] if paid else [*credit, *applied]
    assert books.journal(since="2026-04-02").splitlines() == [*invoice, *middle, *revenue]
    wallet = {"Customer Wallet": "-105.00", CASH: "375.00"} if paid else {AR: "270.00"}
    assert books.stands("2026-04-30") == {**wallet, REVENUE: "-270.00"}
    dues = [each["due"]["amount"] for each in caller.get("/invoices", {"ordering": "id"})["results"]]
    assert dues == (["0.00", "0.00", "0.00"] if paid else ["150.00", "0.00", "120.00"])
    if paid:
        back = {"customer": books.customer, "amount": usd("105.01"), "on": "2026-04-30"}
        assert caller.post("/wallets/refund", back, status=409)["error"]["code"] == "exceeds_balance"


def test_more_seats_at_the_same_price(books: Books) -> None:
    """Ten seats at 30.00, from 16 April fifteen: only the quantity is sent."""
    seats = {"product": books.product("seat"), "pricing_model": "per_unit", "pricing": {"unit_amount": "30"}}
    contract = books.sell("2026-04-01", {**seats, "quantity": "10"}, term_months=12)
    books.bill("2026-04-01")
    (item,) = books.items(contract)
    changed = {"effective_on": "2026-04-16", "signed_on": "2026-04-16", "reason": "Mail"}
    refused = books.caller.post(f"/contracts/{contract}/modify", {**changed, "replace": [{"item": item}]}, status=400)[
        "error"
    ]
    assert refused["fields"] == {"replace.0": ["Say what changes of the item."]}
    books.modify(contract, "2026-04-16", replace=[{"item": item, "quantity": "15"}])
    books.recognize("2026-04-30")
    assert books.stands("2026-04-30") == {AR: "375.00", REVENUE: "-375.00"}


def test_an_upgrade_is_agreed_ahead(books: Books) -> None:
    """365.00 for the year; agreed on 15 March that it is 730.00 a year from July: 368.00 less 184.00 is billed on that day."""
    contract = books.sell("2026-01-01", books.flat("365", interval_months=12), term_months=12)
    books.bill("2026-01-01")
    books.recognize("2026-02-28")
    (item,) = books.items(contract)
    books.modify(contract, "2026-07-01", signed="2026-03-15", replace=[{"item": item, **books.flat("730")}])
    books.bill("2026-07-31")
    books.recognize("2026-07-31")
    assert books.journal(since="2026-03-01") == text("""
        2026-03-15  Invoice finalized
            Dr AR - Customers                        184.00
            Dr Deferred Revenue                      184.00
            Cr Deferred Revenue                      368.00
        2026-03-31  Revenue recognized
            Dr Deferred Revenue                       31.00
            Cr Sales and Services Revenue             31.00
        2026-04-30  Revenue recognized
            Dr Deferred Revenue                       30.00
            Cr Sales and Services Revenue             30.00
        2026-05-31  Revenue recognized
            Dr Deferred Revenue                       31.00
            Cr Sales and Services Revenue             31.00
        2026-06-30  Revenue recognized
            Dr Deferred Revenue                       30.00
            Cr Sales and Services Revenue             30.00
        2026-07-31  Revenue recognized
            Dr Deferred Revenue                       62.00
            Cr Sales and Services Revenue             62.00
    """)


def test_a_catch_up_falls_to_the_day_on_which_it_was_agreed(books: Books) -> None:
    """100.00 a month over the whole term, recognized through January; agreed on 10 June that it is 160.00 from the start."""
    by_months = {"recognition_method": "straight_line_months"}
    contract = books.sell("2026-01-01", books.flat("100", **by_months), term_months=12, revenue_span="term")
    books.bill("2026-06-01")
    books.recognize("2026-01-31")
    (item,) = books.items(contract)
    replaced = [{"item": item, **books.flat("160")}]
    books.modify(contract, "2026-01-01", signed="2026-06-10", treatment="catch_up", replace=replaced)
    books.bill("2026-12-31")
    books.recognize("2026-12-31")
    months = books.caller.get(f"/contracts/{contract}/revenue")["months"]
    assert [each["recognized"] for each in months] == [*["100.00"] * 5, "460.00", *["160.00"] * 6]
