"""Resolving accounts costs the same number of queries for ten events as for a thousand."""

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounting.books import books
from accounting.defaults import RoleWithoutAccount
from accounting.engine import Dimensions
from accounting.models import Account, DefaultAccount, JournalLine, Level
from billing.models import Customer, Invoice
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.services.invoices import finalize_invoices

_NO_MATTER = ("SAVEPOINT", "RELEASE", "ANALYZE", "SELECT set_config('default_statistics_target'")


def _queries(ids: list[int]) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        finalize_invoices(ids)
    return len([query for query in captured.captured_queries if not query["sql"].startswith(_NO_MATTER)])


def test_ten_events_and_a_thousand_take_the_same_queries(entity: Any, customer: Any, product: Any) -> None:
    """With defaults at the levels that are read per batch: one customer's own account, one contract item's own."""
    item = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "10"}, "timing": "advance"}
    contract = draft_contract(
        customer=customer, number="K-1", start=date(2000, 1, 1), items=[item] * 10, term_months=1200
    )
    start_contracts([contract.pk])
    for code, level, target in (
        ("2301", Level.CUSTOMER, {"customer": customer}),
        ("2302", Level.CONTRACT_ITEM, {"contract_item": contract.items.order_by("id")[0]}),
    ):
        Account.objects.create(
            business_entity=entity, code=code, name=code, category="liabilities", normal_balance="credit"
        )
        DefaultAccount.objects.create(role="deferred_revenue", level=level, account_code=code, **target)
    run_billing(through=date(2009, 12, 31))
    drafts = list(Invoice.objects.order_by("issued_on").values_list("id", flat=True))
    assert len(drafts) == 120
    finalize_invoices(drafts[:1])  # the books are compiled once
    few, many = _queries(drafts[1:11]), _queries(drafts[11:])
    assert many <= few + 4  # ids fetched ahead, and months that had no period yet
    assert dict(
        JournalLine.objects.filter(role="deferred_revenue").order_by().values_list("resolved_by", "account__code")
    ) == {"customer": "2301", "contract_item": "2302"}


def test_another_customers_default_does_not_answer(entity: Any, customer: Customer) -> None:
    stranger = Customer.objects.create(business_entity=entity, external_id="C-2", name="Other", currency="USD")
    DefaultAccount.objects.create(role="cash", level=Level.CUSTOMER, customer=stranger, account_code="2900")
    answers = []
    for each in (customer, stranger):
        dimensions = Dimensions(customer_id=each.pk)
        hierarchy = books().hierarchy.for_batch([dimensions])
        found = hierarchy.resolve(role="cash", business_entity_id=entity.pk, currency="USD", dimensions=dimensions)
        answers.append((Account.objects.get(pk=found[0]).code, str(found[1])))
    assert answers == [("1000", "tenant"), ("2900", "customer")]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (
            lambda: Account.objects.filter(role="cash").update(is_active=False),
            "account 1000, which Acme Inc does not have",
        ),
        (lambda: DefaultAccount.objects.filter(role="cash").delete(), "No default account is set for “cash”"),
    ],
)
def test_a_role_without_an_account_says_which_default_to_set(entity: Any, damage: Any, reason: str) -> None:
    damage()
    with pytest.raises(RoleWithoutAccount, match=reason):
        books().hierarchy.resolve(role="cash", business_entity_id=entity.pk, currency="USD", dimensions=Dimensions())
