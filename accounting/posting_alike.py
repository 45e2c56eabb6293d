"""The journal's door for many entries alike: each shape's accounts travel once, the server writes entries and lines out.

The same as `posting.post` does with a draft for each event; the database's guards look at the result in the same way.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounting.alike import Alike, Shape
from accounting.books import Books
from accounting.models import EntryKind, JournalEntry, JournalLine
from accounting.periods import PostingDates
from accounting.posting import PostedEntry, described
from billing.bulk import as_array, keep_statistics, reserve_ids, write
from billing.tenancy import current_tenant_id

_ABOUT = ("customer_id", "contract_id", "contract_item_id", "product_id", "invoice_id", "obligation_id")
_SHAPE = {
    "business_entity_id": "bigint", "date": "date", "currency": "text", "description": "text",
    "rule_version_id": "bigint", "line_count": "smallint",
}  # fmt: skip
_LINE = {
    "shape": "int", "position": "smallint", "account_id": "bigint", "is_debit": "boolean", "role": "text",
    "resolved_by": "text",
}  # fmt: skip


def post_alike(alike: Alike, books: Books) -> list[PostedEntry]:
    """Post an entry for each event. Raises RoleWithoutAccount; then nothing is posted. The same event again raises
    IntegrityError.
    """
    if not alike.measured:
        return []
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("Entries are posted inside the transaction of their event.")
    shapes = alike.shapes
    dates = PostingDates.for_events([shape.event for shape in shapes], books.period_status)
    days = [dates.of(shape.event) for shape in shapes]
    atoms = tuple(alike.measured[0].units[0].atoms)
    entry_ids = reserve_ids(JournalEntry, len(alike.measured))
    abouts = [item.units[0].dimensions for item in alike.measured]
    given = [
        as_array(entry_ids, "bigint"),
        as_array([item.event.event_id for item in alike.measured], "bigint"),
        as_array(alike.places, "int"),
        *[as_array([getattr(about, name) for about in abouts], "bigint") for name in _ABOUT],
        *[as_array([item.units[0].atoms[atom] for item in alike.measured], "numeric") for atom in atoms],
    ]
    values = [*given, *_shape_arrays(shapes, days), current_tenant_id(), timezone.now()]
    values += [*_line_arrays(shapes, books, atoms), current_tenant_id()]
    write(JournalEntry._meta.db_table, _statement(len(atoms)), values)
    keep_statistics(JournalEntry._meta.db_table, len(entry_ids))
    keep_statistics(JournalLine._meta.db_table, sum(len(shapes[place].lines) for place in alike.places))
    kind = shapes[0].event.kind
    heads = [
        (shape.event.business_entity_id, day, shape.event.currency) for shape, day in zip(shapes, days, strict=True)
    ]
    return [PostedEntry(entry_id, *heads[place], kind) for entry_id, place in zip(entry_ids, alike.places, strict=True)]


def _shape_arrays(shapes: Sequence[Shape], days: Sequence[Any]) -> list[list[Any]]:
    rows = [
        (
            shape.event.business_entity_id,
            day,
            shape.event.currency,
            described(shape.description, shape.event, day),
            shape.rule_version_id,
            len(shape.lines),
        )
        for shape, day in zip(shapes, days, strict=True)
    ]
    return _columns(rows)


def _line_arrays(shapes: Sequence[Shape], books: Books, atoms: Sequence[str]) -> list[list[Any]]:
    hierarchy = books.hierarchy.for_batch(shape.dimensions for shape in shapes)
    rows: list[tuple[Any, ...]] = []
    for number, shape in enumerate(shapes):
        for position, line in enumerate(shape.lines, start=1):
            account_id, resolved_by = hierarchy.resolve(
                role=line.role,
                business_entity_id=shape.event.business_entity_id,
                currency=shape.event.currency,
                dimensions=shape.dimensions,
            )
            added = [atom in line.atoms for atom in atoms]
            rows.append((number, position, account_id, line.is_debit, line.role, resolved_by, *added))
    return _columns(rows)


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


@cache
def _statement(atoms: int) -> str:
    """Write the one statement; the shapes are numbered from 0 in the order given."""
    amounts = [f"a{place}" for place in range(atoms)]
    given = ["bigint", "bigint", "int", *["bigint"] * len(_ABOUT), *["numeric"] * atoms]
    amount = "abs(" + " + ".join(f"CASE WHEN l.with_{name} THEN g.{name} ELSE 0 END" for name in amounts) + ")"
    about = ", ".join(f"g.{name}" for name in _ABOUT)
    return f"""
WITH given AS MATERIALIZED (
    SELECT * FROM unnest({_from(given)})
        AS g(entry_id, event_id, shape, {", ".join(_ABOUT)}, {", ".join(amounts)})
), shape AS MATERIALIZED (
    SELECT s.*, (row_number() OVER () - 1)::int AS shape FROM unnest({_from(_SHAPE.values())}) AS s({", ".join(_SHAPE)})
), entered AS (
    INSERT INTO accounting_journalentry (id, tenant_id, business_entity_id, date, currency, kind, description, event_id,
        part, rule_version_id, line_count, posted_at)
    SELECT g.entry_id, %s, s.business_entity_id, s.date, s.currency, '{EntryKind.STANDARD}', s.description, g.event_id,
        0, s.rule_version_id, s.line_count, %s FROM given g JOIN shape s USING (shape)
), line AS MATERIALIZED (
    SELECT * FROM unnest({_from([*_LINE.values(), *["boolean"] * atoms])})
        AS l({", ".join(_LINE)}, {", ".join(f"with_{name}" for name in amounts)})
)
INSERT INTO accounting_journalline (tenant_id, business_entity_id, entry_id, position, date, account_id, currency, debit,
    credit, base_debit, base_credit, role, resolved_by, {", ".join(_ABOUT)})
SELECT %s, s.business_entity_id, g.entry_id, l.position, s.date, l.account_id, s.currency,
    CASE WHEN l.is_debit THEN {amount} ELSE 0 END, CASE WHEN l.is_debit THEN 0 ELSE {amount} END,
    CASE WHEN l.is_debit THEN {amount} ELSE 0 END, CASE WHEN l.is_debit THEN 0 ELSE {amount} END,
    l.role, l.resolved_by, {about}
FROM given g JOIN shape s USING (shape) JOIN line l USING (shape)
"""


def _from(types: Iterable[str]) -> str:
    return ", ".join(f"%s::{kind}[]" for kind in types)
