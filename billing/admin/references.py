"""Ids that events and journal lines carry, as links with names: one query per kind of thing, however many ids."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db.models import Model

from billing.admin.shown import NONE, change_url, to
from billing.models import (
    BusinessEntity,
    Contract,
    ContractItem,
    CreditNote,
    Customer,
    Dispute,
    GatewayPayout,
    Invoice,
    Payment,
    Product,
    ProductFamily,
    Refund,
    TaxRate,
)

_MODELS: dict[str, type[Model]] = {
    "customer_id": Customer,
    "contract_id": Contract,
    "contract_item_id": ContractItem,
    "product_id": Product,
    "product_family_id": ProductFamily,
    "invoice_id": Invoice,
    "credit_note_id": CreditNote,
    "payment_id": Payment,
    "payout_id": GatewayPayout,
    "dispute_id": Dispute,
    "refund_id": Refund,
    "tax_rate_id": TaxRate,
    "business_entity_id": BusinessEntity,
}

_Reader = Callable[[set[int]], dict[int, object]]
_further: dict[str, _Reader] = {}


def _label(name: str) -> str:
    return name.removesuffix("_id").replace("_", " ").capitalize()


LABELS = {name: _label(name) for name in _MODELS}


def add_reference(name: str, read: _Reader) -> None:
    """Let an app above billing name its own things: `read` gives what to show for each id, in a constant number of queries."""
    _further[name], LABELS[name] = read, _label(name)


class References:
    """The names and addresses of what a set of ids stands for."""

    def __init__(self, wanted: Iterable[Mapping[str, Any]]) -> None:
        ids: dict[str, set[int]] = defaultdict(set)
        for values in wanted:
            for name in (_MODELS.keys() | _further.keys()) & values.keys():
                if values[name] is not None:
                    ids[name].add(values[name])
        self._found = {name: self._read(name, found) for name, found in ids.items()}

    def _read(self, name: str, ids: set[int]) -> dict[int, object]:
        if name in _further:
            return _further[name](ids)
        model: Any = _MODELS[name]
        if model is ContractItem:
            items = ContractItem.objects.filter(pk__in=ids).select_related("product")
            return {
                item.pk: to(change_url(Contract, item.contract_id), item.description or item.product.name)
                for item in items
            }
        return {pk: to(change_url(model, pk), obj) for pk, obj in model.objects.in_bulk(ids).items()}

    def show(self, name: str, value: Any) -> object:
        """Give the link for an id; what no longer exists is shown as its number."""
        if value is None:
            return NONE
        return self._found.get(name, {}).get(value, value)
