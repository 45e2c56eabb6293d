"""Business events: the facts as published, in words. Never changed."""

import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display
from unfold.views import ChangeList

from billing.admin.document import Document, DocumentAdmin
from billing.admin.references import LABELS, References
from billing.admin.shown import NONE, day, moment, money, quantity
from billing.admin.tables import Column, Table
from billing.models import BusinessEvent
from billing.publishing import event_kinds

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_AMOUNT = re.compile(r"-?\d+\.\d+|-?0E-?\d+|0")
_IN_COLUMNS = {"tenant_id", "event_id", "business_entity_id", "occurred_on", "key", "lines"}


class KindFilter(admin.SimpleListFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, event.label) for kind, event in event_kinds().items()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(kind=self.value()) if self.value() else queryset


# What an event is about, the most telling first.
_ABOUT = (
    "credit_note_id", "refund_id", "dispute_id", "payout_id", "payment_id", "invoice_id", "contract_item_id", "contract_id",
    "product_id",
)  # fmt: skip


def named_after(event: BusinessEvent, references: References) -> object:
    """Show the document, contract or product that an event is about."""
    name = next((name for name in _ABOUT if event.payload.get(name)), "")
    return references.show(name, event.payload[name]) if name else NONE


class EventList(ChangeList):
    """A page of events, or of rows with one each, that know what the ids stand for: one query for each kind of thing."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        references = References([getattr(row, "event", row).payload for row in rows])
        for row in rows:
            row.references = references
        self.result_list = rows


def event_label(kind: str) -> str:
    """Give an event kind's name for people."""
    known = event_kinds().get(kind)
    return known.label if known else kind.replace("_", " ").capitalize()


@admin.register(BusinessEvent)
class BusinessEventAdmin(DocumentAdmin):
    list_display = ("kind_shown", "occurred_on", "about", "customer_shown", "recorded_at")
    list_filter = (KindFilter, ("occurred_on", RangeDateFilter))
    search_fields = ("=key",)
    search_help_text = "Key of the fact"
    show_full_result_count = False
    empty_hint = "Events appear when contracts start, invoices are finalized and payments come in."

    @display(description="What happened", ordering="kind")
    def kind_shown(self, event: BusinessEvent) -> str:
        return event_label(event.kind)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return EventList

    @display(description="About")
    def about(self, event: Any) -> object:
        return named_after(event, event.references)

    @display(description="Customer")
    def customer_shown(self, event: Any) -> object:
        return event.references.show("customer_id", event.payload.get("customer_id"))

    def document(self, request: HttpRequest, subject: BusinessEvent) -> Document:
        payload = subject.payload
        lines = payload.get("lines") or []
        references = References([payload, *lines])
        known = event_kinds().get(subject.kind)
        order = [field.name for field in fields(known)] if known else list(payload)
        return Document(
            title=event_label(subject.kind),
            facts=[
                ("On", day(subject.occurred_on)),
                ("Recorded", moment(subject.recorded_at)),
                ("Business entity", subject.business_entity),
                *(
                    (_label(name), _shown(references, name, payload[name], payload["currency"]))
                    for name in order
                    if name in payload and name not in _IN_COLUMNS
                ),
            ],
            tables=[_lines(references, lines, payload["currency"])] if lines else [],
        )


def _label(name: str) -> str:
    return LABELS.get(name) or name.removesuffix("_id").replace("_", " ").capitalize()


def _shown(references: References, name: str, value: Any, currency: str) -> object:
    if name in LABELS:
        return references.show(name, value)
    if value is None or value == "":
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return value
    if _DAY.fullmatch(value):
        return day(date.fromisoformat(value))
    if _AMOUNT.fullmatch(value):
        return quantity(Decimal(value)) if name == "quantity" else money(Decimal(value), currency)
    return value if name.endswith(("number", "currency")) else value.replace("_", " ")


def _lines(references: References, lines: list[Mapping[str, Any]], currency: str) -> Table:
    named = [name for name in LABELS if name in lines[0]]
    names = [*named, *(name for name in lines[0] if name not in LABELS and not name.endswith("_id"))]
    return Table(
        "Lines",
        [Column(_label(name), numeric=bool(_AMOUNT.fullmatch(str(lines[0][name])))) for name in names],
        [[_shown(references, name, line.get(name), currency) for name in names] for line in lines],
        "No lines.",
    )
