"""What a contract promises, and for how much: the committed value of its items, and the same at standalone prices."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from billing.charging import ItemTerms, committed_value
from billing.errors import BillingError
from billing.events import CommitmentLine
from billing.models import REPORTED_METHODS, Contract, PriceAllocation, RecognitionMethod, RevenueSpan
from billing.periods import add_months
from billing.services.terms import Item

ZERO = Decimal(0)


def standalone_value(item: Item, *, since: date | None = None) -> Decimal:
    """Add up what the item would cost sold alone, from a date (else its start) to its end.

    Its own standalone price, else its list price's, else the list price, else what it is sold for.
    """
    terms = item.terms
    if item.standalone_price is not None:
        price = {"unit_amount": str(item.standalone_price)}
        return committed_value(replace(terms, pricing_model="per_unit", pricing=price), since=since)
    if item.list_model and item.list_pricing:
        listed = replace(terms, pricing_model=item.list_model, pricing=json.loads(item.list_pricing))
        return committed_value(listed, since=since)
    return committed_value(terms, since=since)


def still_to_bill(contract: Contract, terms: ItemTerms, *, since: date) -> Decimal:
    """Add up an item's fixed charges from a date to its end, term by term as each was promised when the contract renewed.

    A billing period that holds several terms is charged once; promised were its parts, each of them rounded.
    """
    if terms.end is None:
        return ZERO
    total = ZERO
    for end in (*(day for day in renewals(contract) if since < day < terms.end), terms.end):
        total += committed_value(replace(terms, end=end), since=since)
        since = max(since, end)
    return total


def renewals(contract: Contract) -> list[date]:
    """Give the first days of the terms for which a contract has renewed."""
    months = contract.term_months or 0
    return [add_months(contract.start, months * number) for number in range(1, contract.terms_renewed + 1)]


def promise(item: Item, *, since: date | None = None, allocation: str = PriceAllocation.STATED) -> dict[str, Any]:
    """Give what a `CommitmentLine` says of an item, from a date on. Standalone prices are asked only where they matter."""
    committed = committed_value(item.terms, since=since)
    return {
        "contract_id": item.contract_id,
        "contract_item_id": item.id,
        "product_id": item.product_id,
        "product_family_id": item.product_family_id,
        "pricing_model": item.terms.pricing_model,
        "recognition_method": item.recognition_method,
        "committed": committed,
        "standalone": standalone_value(item, since=since) if allocation == PriceAllocation.STANDALONE else committed,
        "obligation": item.obligation,
        "start": max(item.terms.start, since or item.terms.start),
        "end": item.terms.end,
        "is_metered": item.terms.is_metered,
    }


def commitment(contract: Contract, items: Sequence[Item], *, since: date | None) -> dict[str, Any]:
    """Give what `ContractStarted` and `ContractRenewed` say of a contract's term, beside their head."""
    lines = tuple(CommitmentLine(**promise(item, since=since, allocation=contract.price_allocation)) for item in items)
    return {
        "contract_id": contract.pk,
        "contract_number": contract.number,
        "customer_id": contract.customer_id,
        "committed": sum((line.committed for line in lines), ZERO),
        "lines": lines,
        "price_allocation": contract.price_allocation,
        "revenue_span": contract.revenue_span,
        "term_end": contract.end,
    }


def is_obligation(contract: Contract, item: Item) -> bool:
    """Tell whether an item's fixed price is earned as an obligation or as part of one."""
    return earns_as_one(
        method=item.recognition_method,
        obligation=item.obligation,
        is_metered=item.terms.is_metered,
        allocation=contract.price_allocation,
        span=contract.revenue_span,
    )


def earns_as_one(*, method: str, obligation: str, is_metered: bool, allocation: str, span: str) -> bool:
    """Tell whether a price is earned as one over all its days, instead of each service period its own."""
    if is_metered or method == RecognitionMethod.AS_CONSUMED:
        return False  # Usage and prepaid credits are earned by being used.
    whole = allocation == PriceAllocation.STANDALONE or span == RevenueSpan.TERM
    return whole or bool(obligation) or method in REPORTED_METHODS


def refuse_without_price(contract: Contract, items: Iterable[Item]) -> None:
    """Refuse a contract whose price is to be earned as a whole, but is not known. Raises BillingError."""
    for item in items:
        if item.terms.end is None and is_obligation(contract, item):
            raise BillingError(
                f"Contract {contract.number} has no end, so “{item.name}” has no total price to earn as one obligation. "
                "Give the contract a term, or let each service period earn its own price."
            )
        if item.terms.is_metered and item.recognition_method in REPORTED_METHODS:
            raise BillingError(
                f"“{item.name}” is priced by usage, which is earned as it is used; choose another way to recognize its "
                "revenue."
            )
