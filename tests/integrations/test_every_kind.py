"""Every kind of business, in each way of feeding each ERP: delivered, and both sides agree to the cent."""

from decimal import Decimal
from typing import Any

import pytest

from billing.models import BusinessEntity, TaxRate
from integrations import mapping, setup
from integrations.delivery import drain
from integrations.models import OutboxItem
from integrations.reconciliation import reconcile
from integrations.sandbox.server import start_in_thread
from tests.integrations.books import Books
from tests.integrations.vendors import StandIn, shop_of
from tests.integrations.world import JANUARY, a_busy_month, a_month

pytestmark = pytest.mark.django_db(transaction=True)

ENTRIES, DOCUMENTS, EACH = "journal_entries", "documents", {"ar_customer": "each"}


@pytest.mark.parametrize(
    ("erp", "mode", "options", "held"),
    [
        ("quickbooks", ENTRIES, {}, {"JournalEntry": 17, "Customer": 1, "Invoice": 0}),
        ("quickbooks", ENTRIES, EACH, {"JournalEntry": 17, "Customer": 7, "Invoice": 0}),
        ("quickbooks", DOCUMENTS, {}, {"JournalEntry": 0, "Customer": 6, "Invoice": 6, "CreditMemo": 1, "Payment": 3}),
        ("xero", ENTRIES, {}, {"ManualJournal": 17, "Contact": 0, "Invoice": 0}),
        (
            "xero",
            DOCUMENTS,
            {},
            {"ManualJournal": 0, "Contact": 6, "Invoice": 6, "CreditNote": 1, "Payment": 1, "Overpayment": 2},
        ),
        ("netsuite", ENTRIES, {}, {"journalEntry": 17, "customer": 1, "invoice": 0}),
        ("netsuite", ENTRIES, EACH, {"journalEntry": 17, "customer": 7, "invoice": 0}),
        ("netsuite", DOCUMENTS, {}, {"journalEntry": 0, "customer": 6, "invoice": 6, "customerPayment": 2}),
        ("zoho", ENTRIES, {}, {"journals": 17, "contacts": 1, "invoices": 0}),
        ("zoho", ENTRIES, EACH, {"journals": 17, "contacts": 7, "invoices": 0}),
        (
            "zoho",
            DOCUMENTS,
            {},
            {"journals": 0, "contacts": 6, "invoices": 6, "creditnotes": 1, "customerpayments": 2},
        ),
        (
            "zoho",
            DOCUMENTS,
            {"zoho_unique_field": ""},
            {"journals": 0, "contacts": 6, "invoices": 6, "customerpayments": 2},
        ),
    ],
)
def test_both_sides_agree(
    entity: BusinessEntity, erp: str, mode: str, options: dict[str, Any], held: dict[str, int]
) -> None:
    # There before the connection, so that it is mapped by its name.
    name = "CA State Tax" if erp == "netsuite" else "California"
    tax = TaxRate.objects.create(code="ca", name=name, percent=Decimal("8.25"))
    with shop_of(entity, erp) as shop:
        assert isinstance(shop, StandIn)
        connection = shop.connect(mode, payments=mode == DOCUMENTS, **options)
        a_busy_month(tax)
        result = drain(connection.pk, until_empty=True, seconds=180)
        reasons = list(OutboxItem.objects.exclude(state="delivered").values_list("kind", "reason"))
        assert (result.parked, result.waiting, reasons) == (0, 0, [])
        _, findings = reconcile(connection, through=JANUARY)
        assert findings.differences == []
        state = shop.books.state("?objects=1")
    assert {entity: state["counts"][entity] for entity in held} == held
    assert not [row for rows in state["objects"].values() for row in rows if row.get("status") == "draft"]


@pytest.mark.slow
def test_the_vendors_real_limits_are_never_exceeded(entity) -> None:
    with start_in_thread("quickbooks", port=0, limits="real") as box:
        made, _ = setup.create_connection(business_entity=entity, erp="quickbooks", mode="documents")
        connection = setup.connect_sandbox(made, box.url)
        assert connection.throttled
        a_month(customers=2)
        assert drain(connection.pk, until_empty=True, seconds=180).waiting == 0
        connector = mapping.connector_of(connection)
        for _ in range(15):  # By itself each takes a hundredth of a second.
            connector.company()
        assert set(Books(box.url).state()["limits"]["exceeded"].values()) == {0}
