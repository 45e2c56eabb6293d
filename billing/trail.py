"""Does the audit trail tell how the set-up came to be what it is? Who owns the tables can lift the trigger that writes it.

Each row of a recorded table begins with its making, each change begins where the one before ended, and the last one ends at what
is there. So a change past the trail is found, and a line of the trail that was deleted or altered, unless what is left tells a
whole story: all of the life of a row that is gone, or a change together with the one that took it back. Nor can be told whether
the names and times are true: what one database holds, its owner can write.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from billing.audit import RecordChanges, Recorded

_TOLD = """
WITH told AS MATERIALIZED (
    SELECT object_id, count(*) AS changes, min(id) AS began, max(id) AS ended FROM billing_change
    WHERE tenant_id = %(tenant)s AND model = %(model)s GROUP BY object_id
), present AS (SELECT * FROM {table} WHERE tenant_id = %(tenant)s)
"""
_BOTH_ENDS = """
SELECT coalesce(t.id, s.object_id),
    CASE WHEN t.id IS NULL THEN 'is gone' WHEN s.object_id IS NULL THEN 'is there' ELSE '' END
FROM present t FULL JOIN told s ON s.object_id = t.id
LEFT JOIN billing_change b ON b.id = s.began LEFT JOIN billing_change e ON e.id = s.ended
WHERE s.object_id IS NULL OR b.action <> 'added' OR (t.id IS NULL) <> (e.action = 'deleted')
ORDER BY 1 LIMIT %(most)s
"""
# Nearly all rows were made and never changed: those are compared whole. Columns that came later are in one of the two only.
_PRESENT = """
SELECT t.id, f.key FROM present t JOIN told s ON s.object_id = t.id
CROSS JOIN LATERAL (SELECT to_jsonb(t) AS now) n
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (a.key) a.key, a.value FROM billing_change c, jsonb_each(c.after) a
    WHERE c.tenant_id = %(tenant)s AND c.model = %(model)s AND c.object_id = t.id ORDER BY a.key, c.id DESC) f
WHERE (s.changes > 1 OR (SELECT c.after FROM billing_change c WHERE c.id = s.began) <> n.now - %(unseen)s::text[])
    AND n.now ? f.key AND NOT f.key = ANY(%(unseen)s::text[]) AND n.now -> f.key <> f.value
    AND (%(only)s::text[] = '{{}}' OR f.key = ANY(%(only)s::text[]))
    -- A moment is written in the time zone of whoever made the change.
    AND NOT (n.now ->> f.key ~ '^\\d{{4}}-\\d\\d-\\d\\dT' AND f.value #>> '{{}}' ~ '^\\d{{4}}-\\d\\d-\\d\\dT'
        AND (n.now ->> f.key)::timestamptz = (f.value #>> '{{}}')::timestamptz)
ORDER BY 1, 2 LIMIT %(most)s
"""
_STEPS = """
SELECT object_id, key FROM (
    SELECT c.id, c.object_id, f.key, c.before -> f.key AS before,
        lag(c.after -> f.key) OVER (PARTITION BY c.object_id, f.key ORDER BY c.id) AS ended
    FROM told s JOIN billing_change c ON c.tenant_id = %(tenant)s AND c.model = %(model)s AND c.object_id = s.object_id
    CROSS JOIN LATERAL jsonb_object_keys(coalesce(c.after, c.before)) f(key)
    WHERE s.changes > 1 AND NOT f.key = ANY(%(unseen)s::text[])
        AND (%(only)s::text[] = '{{}}' OR f.key = ANY(%(only)s::text[]))) x
WHERE ended IS NOT NULL AND before <> ended
    AND NOT (before #>> '{{}}' ~ '^\\d{{4}}-\\d\\d-\\d\\dT' AND ended #>> '{{}}' ~ '^\\d{{4}}-\\d\\d-\\d\\dT'
        AND (before #>> '{{}}')::timestamptz = (ended #>> '{{}}')::timestamptz)
GROUP BY 1, 2 ORDER BY 1, 2 LIMIT %(most)s
"""


@cache
def _recorded() -> tuple[Recorded, ...]:
    """Give the recorded tables as the migrations say, whatever triggers stand."""
    found: dict[str, Recorded] = {}
    migrations = MigrationLoader(None).disk_migrations
    for key in sorted(migrations):
        for operation in migrations[key].operations:
            if isinstance(operation, RecordChanges):
                found |= {table.model: table for table in operation.tables}
    return tuple(found.values())


def gaps_in_the_trail(tenant_id: int, most: int) -> Iterator[str]:
    """Say in a sentence each what the trail does not tell; nothing when it is whole. At most so many for each table."""
    with connection.cursor() as cursor:
        for table in _recorded():
            given: dict[str, Any] = {
                "tenant": tenant_id,
                "model": table.model,
                "unseen": ["tenant_id", *table.ignored, *table.secret],
                "only": list(table.only),
                "most": most,
            }
            name = f"The {apps.get_model(table.model)._meta.verbose_name}"
            for sql, words in _QUESTIONS:
                cursor.execute((_TOLD + sql).format(table=table.table), given)
                for row in cursor.fetchall():
                    yield words(name, *row)


def _ends(name: str, subject: int, what: str) -> str:
    if what:
        return f"{name} {subject} {what}, and the audit trail does not tell how that came."
    return f"{name} {subject}: the audit trail does not begin with its making, or says that it was deleted."


def _present(name: str, subject: int, field: str) -> str:
    return f"{name} {subject}: its “{field}” is not what the audit trail says it was last set to."


def _steps(name: str, subject: int, field: str) -> str:
    return f"{name} {subject}: the audit trail lacks a change of its “{field}”, or one was altered."


_QUESTIONS = ((_BOTH_ENDS, _ends), (_PRESENT, _present), (_STEPS, _steps))
