"""Rules, default accounts, accounts, policy and periods as they were, by the audit trail.

First everything that was changed since a moment is taken back; then, as the replay comes to them, the changes are made again.
"""

import itertools
from typing import Any, NamedTuple

import orjson
from django.db import connection

from accounting.replay.shadow import SETTINGS
from billing.tenancy import current_tenant_id

RECORDED = tuple(table.replace("_", ".", 1) for table in SETTINGS)
# Stamps that no real books have, so that what was compiled for a replay serves nobody else.
_stamps = itertools.count(-1, -1)

_UNDONE = """
WITH later AS (SELECT * FROM billing_change WHERE model = %(model)s AND at > %(at)s),
first AS (SELECT object_id, (array_agg(action ORDER BY id))[1] AS action FROM later GROUP BY object_id),
fields AS (
    SELECT l.object_id, jsonb_object_agg(f.key, f.value ORDER BY l.id DESC) AS before
    FROM later l, jsonb_each(l.before) f GROUP BY l.object_id
)
"""
# Of what a field was, the earliest change since then knows it.
_STILL_THERE = """
INSERT INTO {table} SELECT r.* FROM {schema}.{table} c
LEFT JOIN first ON first.object_id = c.id LEFT JOIN fields ON fields.object_id = c.id,
LATERAL jsonb_populate_record(c, coalesce(fields.before, '{{}}')) r WHERE first.action IS DISTINCT FROM 'added'
"""
_GONE_SINCE = """
INSERT INTO {table} SELECT r.* FROM fields JOIN first USING (object_id),
LATERAL jsonb_populate_record(NULL::{schema}.{table}, fields.before || %(owner)s::jsonb) r
WHERE first.action <> 'added' AND NOT EXISTS (SELECT 1 FROM {schema}.{table} c WHERE c.id = object_id)
"""
# What the trail does not tell of a row (columns that came later) is as it is now, or was when the row was deleted.
_ADD = """
INSERT INTO {table} SELECT r.* FROM jsonb_populate_record(NULL::{schema}.{table},
    coalesce((SELECT to_jsonb(c) FROM {schema}.{table} c WHERE c.id = %(id)s),
        (SELECT before FROM billing_change WHERE model = %(model)s AND object_id = %(id)s AND action = 'deleted'
            ORDER BY id DESC LIMIT 1), '{{}}') || %(after)s::jsonb || %(owner)s::jsonb) r
"""


class SettingChange(NamedTuple):
    """One change of the set-up, as the trail has it."""

    model: str
    object_id: int
    action: str
    after: str | None


def rewind(schema: str, at: object) -> None:
    """Fill the shadow's settings as they were at a moment."""
    with connection.cursor() as cursor:
        for table, model in zip(SETTINGS, RECORDED, strict=True):
            given: dict[str, Any] = {"model": model, "at": at, "owner": _owner()}
            for sql in (_STILL_THERE, _GONE_SINCE):
                cursor.execute(_UNDONE + sql.format(table=table, schema=schema), given)
    _restamp()


def redo(schema: str, change: SettingChange) -> None:
    """Make a change of the set-up again."""
    table = change.model.replace(".", "_")
    after = orjson.loads(change.after) if change.after else {}
    with connection.cursor() as cursor:
        if change.action == "added":
            if table == "accounting_accountingperiod":
                # The replay has opened the month itself, under an id of its own.
                cursor.execute(
                    f"DELETE FROM {table} WHERE business_entity_id = %s AND start = %s",
                    [after["business_entity_id"], after["start"]],
                )
            given: dict[str, Any] = {
                "id": change.object_id,
                "model": change.model,
                "after": change.after,
                "owner": _owner(),
            }
            cursor.execute(_ADD.format(table=table, schema=schema), given)
        elif change.action == "deleted":
            cursor.execute(f"DELETE FROM {table} WHERE id = %s", [change.object_id])
        else:
            names = [name for name in after if name in _columns(table)]
            if not names:
                return
            columns = ", ".join(f'"{name}"' for name in names)
            cursor.execute(
                f"UPDATE {table} t SET ({columns}) = (SELECT {columns} FROM jsonb_populate_record(t, %s::jsonb)) "
                "WHERE id = %s",
                [change.after, change.object_id],
            )
    _restamp()


def _columns(table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0", [table])
        return {row[0] for row in cursor.fetchall()}


def _owner() -> str:
    return orjson.dumps({"tenant_id": current_tenant_id()}).decode()


def _restamp() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounting_accountingpolicy SET stamp = %s", [next(_stamps)])
