"""One change of a contract, as people agree on it, turned into the modification that carries it out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from billing.errors import BillingError
from billing.models import Adjustment, Contract, ContractItem, Product, Treatment
from billing.services.modifications import Modification, taken_over


class Change(StrEnum):
    """What is changed."""

    REPLACE = "replace"
    ADD = "add"
    REMOVE = "remove"
    EXTEND = "extend"
    END = "end"


class Incomplete(BillingError):
    """A change does not say what it needs to; `part` names what is missing or does not fit."""

    code = "incomplete"

    def __init__(self, part: str, message: str) -> None:
        super().__init__(message)
        self.part = part


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """One agreed change. Which parts matter depends on `change`; what is left out stays as it is.

    `item` is what is changed, ended or goes on; `pricing` the numbers of `pricing_model`; `end` the contract's new end, the
    first day no longer covered.
    """

    change: Change
    effective_on: date
    signed_on: date
    reason: str
    item: ContractItem | None = None
    product: Product | None = None
    pricing_model: str = "flat_fee"
    pricing: Mapping[str, Any] | None = None
    quantity: Decimal | None = None
    end: date | None = None
    treatment: str = Treatment.PROSPECTIVE
    adjustment: str = Adjustment.STRAIGHT_LINE
    credit_unused: bool = True


def modification_of(contract: Contract, agreed: Amendment) -> Modification:
    """Say an amendment as `modify_contract` takes it. Raises Incomplete; asks the database nothing."""
    _refuse_incomplete(contract, agreed)
    return Modification(
        effective_on=agreed.effective_on,
        signed_on=agreed.signed_on,
        reason=agreed.reason,
        treatment=agreed.treatment,
        adjustment=agreed.adjustment,
        credit_unused=agreed.credit_unused,
        **_parts(contract, agreed),
    )


def _refuse_incomplete(contract: Contract, agreed: Amendment) -> None:
    change, item = agreed.change, agreed.item
    if change in (Change.REPLACE, Change.REMOVE) and item is None:
        raise Incomplete("item", "Choose the item.")
    if change in (Change.EXTEND, Change.END) and not agreed.end:
        raise Incomplete("end", "Give the contract's new end.")
    if change == Change.ADD and agreed.product is None:
        raise Incomplete("product", "Choose the product to add.")
    if change == Change.ADD and agreed.pricing is None:
        raise Incomplete("pricing", "Give its price.")
    if change == Change.EXTEND and agreed.pricing is not None and item is None:
        raise Incomplete("item", "Choose the item that goes on at the new price.")
    if change == Change.EXTEND and not contract.end:
        raise Incomplete("change", "This contract has no end; there is nothing to extend.")


def _parts(contract: Contract, agreed: Amendment) -> dict[str, Any]:
    item = agreed.item
    if agreed.change == Change.REPLACE and item is not None:
        return {"replace": {item.pk: _terms(agreed)}}
    if agreed.change == Change.REMOVE and item is not None:
        return {"remove": [item.pk]}
    if agreed.change == Change.ADD:
        return {"add": [_terms(agreed)]}
    if agreed.change == Change.EXTEND and item is not None and agreed.pricing is not None:
        # At a new price the item ends as it was to, and one at that price follows it.
        return {
            "end": agreed.end,
            "extend_items": False,
            "add": [{**taken_over(item, agreed.product or item.product), **_terms(agreed), "start": contract.end}],
        }
    return {"end": agreed.end}


def _terms(agreed: Amendment) -> dict[str, Any]:
    terms: dict[str, Any] = {}
    if agreed.product is not None:
        terms["product"] = agreed.product
    if agreed.pricing is not None:
        terms |= {"pricing_model": agreed.pricing_model, "pricing": agreed.pricing}
    elif agreed.item is not None:
        terms |= {"pricing_model": agreed.item.pricing_model, "pricing": agreed.item.pricing}
    if agreed.quantity is not None:
        terms["quantity"] = agreed.quantity
    return terms
