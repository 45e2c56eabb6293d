"""Exchange rates, and documents in a foreign currency, through the API."""

from typing import Any

from billing.models import Tenant
from billing.tenancy import tenant_scope
from tests.accounting.rates import rates
from tests.api.caller import Caller


def test_rates_are_listed_as_the_bank_gave_them(caller: Caller, stranger: Caller, tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        rates("Date USD JPY\n2026-01-01 1.10 160\n2026-01-02 1.12 161")
    found = caller.get("/exchange-rates?currency=USD&date__gte=2026-01-02")["results"]
    assert [(each["date"], each["rate"], each["bank_currency"]) for each in found] == [
        ("2026-01-02", "1.1200000000", "EUR")
    ]
    assert stranger.get("/exchange-rates")["results"] == []


def test_a_foreign_invoice_needs_a_rate_and_shows_both_amounts(caller: Caller, tenant: Tenant) -> None:
    customer = caller.post("/customers", {"external_id": "C-1", "name": "Abroad", "currency": "EUR"})
    product = caller.post("/products", {"code": "p", "name": "Product"})
    line: dict[str, Any] = {
        "product": product["id"],
        "unit_amount": "100.00",
        "quantity": "1",
    }
    draft = caller.post("/invoices", {"customer": customer["id"], "issued_on": "2026-01-01", "lines": [line]})
    refused = caller.post(f"/invoices/{draft['id']}/finalize", status=422)
    assert refused["error"]["code"] == "missing_rate" and "EUR to USD for 1 January 2026" in refused["error"]["message"]
    with tenant_scope(tenant.pk):
        rates("Date USD\n2026-01-01 1.10")
    final = caller.post(f"/invoices/{draft['id']}/finalize", status=200)
    assert final["total"] == {"amount": "100.00", "currency": "EUR"}
    entry = caller.get(f"/journal-entries/{caller.get('/journal-entries')['results'][0]['id']}")
    owed = entry["lines"][0]
    assert owed["debit"] == {"amount": "100.00", "currency": "EUR"}
    assert owed["base_debit"] == {"amount": "110.00", "currency": "USD"}
