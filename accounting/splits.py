"""The door to how corrections were split: kept once, read when one is taken back."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from accounting.models import CorrectionSplit
from billing.bulk import insert_rows, reserve_ids
from billing.events import Event
from billing.tenancy import current_tenant_id

_COLUMNS = ("id", "tenant_id", "event_kind", "event_key", "invoice_line_id", "currency", "unearned", "earned", "tax")


class Split(NamedTuple):
    """What was undone of one invoice line."""

    unearned: Decimal
    earned: Decimal
    tax: Decimal


def keep(undone: Sequence[tuple[Event, Mapping[int, Split]]]) -> None:
    """Write down how each event's invoice lines were split."""
    tenant_id = current_tenant_id()
    rows = [(event, line_id, split) for event, lines in undone for line_id, split in lines.items()]
    insert_rows(
        CorrectionSplit,
        _COLUMNS,
        [
            (row_id, tenant_id, event.kind, event.key, line_id, event.currency, *split)
            for row_id, (event, line_id, split) in zip(reserve_ids(CorrectionSplit, len(rows)), rows, strict=True)
        ],
    )


def read(kind: str, keys: Iterable[str]) -> dict[str, dict[int, Split]]:
    """Give, by the key of the event, how its invoice lines were split."""
    found: dict[str, dict[int, Split]] = defaultdict(dict)
    for row in CorrectionSplit.objects.filter(event_kind=kind, event_key__in=list(keys)):
        found[row.event_key][row.invoice_line_id] = Split(row.unearned.amount, row.earned.amount, row.tax.amount)
    return found
