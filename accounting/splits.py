"""The door to how corrections were split: kept once, read when one is taken back."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from accounting.models import CorrectionSplit
from accounting.schedules import Schedule
from billing.bulk import insert_rows, reserve_ids
from billing.events import Event
from billing.tenancy import current_tenant_id

_COLUMNS = (
    "id", "tenant_id", "event_kind", "event_key", "invoice_line_id", "currency", "unearned", "earned", "tax", "obligations",
)  # fmt: skip


class Split(NamedTuple):
    """What was undone of one invoice line."""

    unearned: Decimal
    earned: Decimal
    tax: Decimal


class Taken(NamedTuple):
    """What was taken out of deferred revenue for a billed line, and the obligation that lost it, if it was one."""

    unearned: Decimal
    obligation: Schedule | None = None


class Undone(NamedTuple):
    """How a billed line was undone, and where its unearned part was taken from."""

    split: Split
    taken: Sequence[Taken] = ()


class Kept(NamedTuple):
    """A split as it is remembered; `obligations`: of the unearned part, how much each lost, by its id."""

    split: Split
    obligations: Mapping[int, Decimal]


def keep(undone: Sequence[tuple[Event, Mapping[int, Undone]]]) -> None:
    """Write down how each event's invoice lines were split."""
    tenant_id = current_tenant_id()
    rows = [(event, line_id, each) for event, lines in undone for line_id, each in lines.items()]
    insert_rows(
        CorrectionSplit,
        _COLUMNS,
        [
            (row_id, tenant_id, event.kind, event.key, line_id, event.currency, *each.split, _written(each.taken))
            for row_id, (event, line_id, each) in zip(reserve_ids(CorrectionSplit, len(rows)), rows, strict=True)
        ],
    )


def _written(taken: Sequence[Taken]) -> str:
    lost: dict[str, Decimal] = defaultdict(Decimal)
    for part in taken:
        if part.obligation is not None:
            lost[str(part.obligation.obligation_id)] += part.unearned
    return json.dumps({obligation: f"{amount:f}" for obligation, amount in lost.items()})


def read(kind: str, keys: Iterable[str]) -> dict[str, dict[int, Kept]]:
    """Give, by the key of the event, how its invoice lines were split."""
    found: dict[str, dict[int, Kept]] = defaultdict(dict)
    for row in CorrectionSplit.objects.filter(event_kind=kind, event_key__in=list(keys)):
        split = Split(row.unearned.amount, row.earned.amount, row.tax.amount)
        lost = {int(obligation): Decimal(amount) for obligation, amount in row.obligations.items()}
        found[row.event_key][row.invoice_line_id] = Kept(split, lost)
    return found
