"""Lists: pages that neither skip nor repeat, filters, and as many queries for thirty rows as for three."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import Customer
from billing.services.billing_run import run_billing
from billing.services.payments import receive_payment
from tests.api.caller import Caller


def test_pages_neither_skip_nor_repeat(caller: Caller, entity: Any) -> None:
    Customer.objects.bulk_create(
        Customer(tenant=entity.tenant, business_entity=entity, external_id=f"C{n}", name="Same", currency="USD")
        for n in range(25)
    )
    seen: list[int] = []
    page = caller.get("/customers", {"page_size": 10, "name": "Same"})
    while True:
        seen += [row["id"] for row in page["results"]]
        if page["next"] is None:
            break
        caller.post("/customers", {"external_id": f"new{len(seen)}", "name": "Same"})
        page = caller.client.get(page["next"]).json()
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 25
    assert page["previous"]
    oldest = caller.get("/customers", {"ordering": "id", "page_size": 1})["results"][0]
    assert oldest["id"] == min(seen)


def test_filters(caller: Caller, invoice: dict[str, Any]) -> None:
    def count(path: str, **query: Any) -> int:
        return len(caller.get(path, query)["results"])

    assert count("/invoices", status=["finalized", "paid"]) == 1
    assert count("/invoices", status="paid") == 0
    assert count("/invoices", customer=invoice["customer"], number="INV-000001", currency="USD") == 1
    assert count("/invoices", issued_on__gte="2026-01-01", due_on__lte="2026-01-31") == 1
    assert count("/invoices", issued_on__gte="2026-01-02") == 0
    assert count("/contracts", status="active", start__lte="2026-01-01", end__isnull="false") == 1
    assert count("/customers", external_id="C-a", is_active="true") == 1
    account = caller.get("/accounts", {"role": "accounts_receivable.customers"})["results"][0]["code"]
    found = {"account": account, "date": "2026-01-01", "event_kind": "invoice_finalized", "business_entity": "main"}
    assert count("/journal-entries", **found, customer=invoice["customer"]) == 1
    assert count("/journal-entries", account="none") == 0
    assert count("/payments", invoice=invoice["id"]) == 0


LISTED = ["customers", "products", "contracts", "invoices", "payments", "business-events", "journal-entries"]


def test_the_number_of_queries_does_not_grow(caller: Caller, sold: Any) -> None:
    def add(names: list[str]) -> None:
        for name in names:
            payer = sold(name)["customer"]
            receive_payment(customer_id=payer, received_on=date(2026, 1, 20), amount=Decimal(5), currency="USD")
        run_billing(through=date(2026, 1, 31), finalize=True)

    def queries() -> dict[str, int]:
        counts = {}
        for resource in LISTED:
            with CaptureQueriesContext(connection) as captured:
                caller.get(f"/{resource}", {"page_size": 500})
            counts[resource] = len(captured)
        return counts

    add(["a", "b", "c"])
    few = queries()
    add([f"x{n}" for n in range(9)])
    assert len(caller.get("/invoices", {"page_size": 500})["results"]) == 12
    assert queries() == few
    assert max(few.values()) <= 6
