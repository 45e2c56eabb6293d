"""Read contract items for charging: a batch in one query, as plain values."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection

from billing.charging import ItemTerms
from billing.models import BillingTiming, PhaseKind


@dataclass(slots=True)
class Item:
    """A contract item with its contract's facts and its charging terms."""

    id: int
    contract_id: int
    contract_number: str
    business_entity_id: int
    customer_id: int
    payment_terms_days: int
    product_id: int
    product_family_id: int | None
    product_name: str
    description: str
    recognition_method: str
    tax_rate_id: int | None
    tax_percent: Decimal
    billed_until: date
    next_billing_on: date | None
    obligation: str
    standalone_price: Decimal | None
    list_model: str | None
    list_pricing: str | None
    terms: ItemTerms

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.description or self.product_name


_SELECT = f"""
SELECT i.id, c.id, c.number, c.business_entity_id, c.customer_id, c.payment_terms_days, p.id, p.family_id, p.name,
       i.description, i.recognition_method, i.tax_rate_id, coalesce(t.percent, 0), i.billed_until, i.next_billing_on,
       i.obligation, coalesce(i.standalone_price, r.standalone_price), r.pricing_model,
       r.pricing::text,
       c.start, i.start, least(i.end, h.end, c.end), i.interval_months, i.timing = '{BillingTiming.ADVANCE}',
       i.is_metered, h.kind <> '{PhaseKind.ACTIVE}', i.pricing_model, i.pricing::text, i.quantity, c.currency, i.minimum,
       i.measure
FROM billing_contractitem i
JOIN billing_contract c ON c.id = i.contract_id
JOIN billing_contractphase h ON h.id = i.phase_id
JOIN billing_product p ON p.id = i.product_id
LEFT JOIN billing_taxrate t ON t.id = i.tax_rate_id
LEFT JOIN billing_price r ON r.id = i.price_id
"""


def read_items(where: str, parameters: Sequence[Any], *, lock: bool = False) -> list[Item]:
    """Read items with a condition on i (item), c (contract), h (phase), p (product), in the order of their ids."""
    with connection.cursor() as cursor:
        cursor.execute(f"{_SELECT} WHERE {where} ORDER BY i.id {'FOR NO KEY UPDATE OF i' if lock else ''}", parameters)
        rows = cursor.fetchall()
    return [_item(row) for row in rows]


_FACTS = len(fields(Item)) - 1  # Columns before those of the terms.


def _item(row: Sequence[Any]) -> Item:
    facts, (*terms, pricing, quantity, currency, minimum, measure) = row[:_FACTS], row[_FACTS:]
    return Item(*facts, ItemTerms(*terms, json.loads(pricing), quantity, currency, minimum, measure))  # type: ignore[call-arg]
