"""Who may send what at this moment: leases on outbox items, and what a dead worker left behind.

Claims of one connection follow one another under an advisory lock, so items of one request are never split between
workers. A worker holds a session lock on its own id: when its process dies, PostgreSQL drops the lock, and what the
worker had in hand is free at once instead of when its lease runs out.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection as database
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from integrations.documents import STAGES, Kind, as_sent
from integrations.kinds import UNDOING
from integrations.models import Connection, OutboxItem, OutboxState

LEASE_SECONDS = 150
_WHOLE = 1000
_CLAIM_LOCK = 7_205_118  # Our own number space among advisory locks.

_RECLAIM = """
UPDATE integrations_outboxitem
   SET state = CASE WHEN attempts >= %(most)s::int THEN 'parked' ELSE 'pending' END,
       reason_code = CASE WHEN attempts >= %(most)s::int THEN 'worker_died' ELSE reason_code END,
       reason = CASE WHEN attempts >= %(most)s::int THEN %(words)s::text ELSE reason END,
       outcome_unknown = request_id IS NOT NULL, worker_id = NULL, leased_until = NULL,
       available_at = now() + CASE WHEN request_id IS NULL THEN 0 ELSE %(settle)s::float END * interval '1 second'
 WHERE connection_id = %(connection)s AND state = 'in_flight'
   AND (leased_until < now() OR worker_id NOT IN (
       SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 1 AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())))
"""
_DIED = (
    "The worker that sent this stopped every time before an answer came. Whether the ERP has it is unknown: "
    "sending it again looks there first."
)
# What may be sent now of a stage: nothing that the same customer still owes, or is having undone, holds it back.
_READY = """
  FROM integrations_outboxitem o
  LEFT JOIN (
       SELECT group_key, min(created_at) FILTER (WHERE stage < %(stage)s) AS owed,
              min(created_at) FILTER (WHERE %(stage)s >= %(settles)s AND kind = ANY(%(undoing)s::text[])) AS undone
         FROM integrations_outboxitem
        WHERE connection_id = %(connection)s AND group_key IS NOT NULL
          AND state IN ('pending', 'in_flight', 'parked', 'approval')
          AND (stage < %(stage)s OR kind = ANY(%(undoing)s::text[]))
        GROUP BY group_key) h ON h.group_key = o.group_key AND (h.owed <= o.created_at OR h.undone < o.created_at)
 WHERE o.connection_id = %(connection)s AND o.stage = %(stage)s AND o.state = 'pending' AND o.available_at <= now()
   AND h.group_key IS NULL
"""
_HEAD = f"SELECT o.kind, o.request_id, o.attempts {_READY} ORDER BY o.id LIMIT 1"
_BATCH = f"""
SELECT o.id {_READY} AND o.kind = %(kind)s::text AND o.request_id IS NOT DISTINCT FROM %(request)s::uuid
 ORDER BY o.id LIMIT %(size)s::int FOR UPDATE OF o SKIP LOCKED
"""
_SEAL = """
UPDATE integrations_outboxitem o
   SET request_id = %(request)s::uuid, batch_position = v.position, request_body = v.body,
       leased_until = now() + %(lease)s::float * interval '1 second'
  FROM unnest(%(ids)s::bigint[], %(positions)s::smallint[], %(bodies)s::text[]) AS v(id, position, body)
 WHERE o.id = v.id AND o.worker_id = %(worker)s AND o.state = 'in_flight'
"""


class LeaseLost(RuntimeError):
    """Another worker has taken over; what this one would do now could be done twice."""


@dataclass
class Claim:
    """Items of one kind that this worker may send, under one request."""

    kind: Kind
    items: list[OutboxItem]
    worker_id: int

    @property
    def request_id(self) -> UUID | None:
        return self.items[0].request_id

    @property
    def outcome_unknown(self) -> bool:
        return any(item.outcome_unknown for item in self.items)


@contextmanager
def worker() -> Iterator[int]:
    """Be a worker: hold the lock that shows that this process is alive."""
    worker_id = secrets.randbits(62) + 1
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s::bigint)", [worker_id])
    try:
        yield worker_id
    finally:
        if database.connection is not None and not database.connection.closed:
            with database.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s::bigint)", [worker_id])


def claim(
    *, connection: Connection, worker_id: int, batch_size: Mapping[Kind, int], one_by_one: bool = False
) -> Claim | None:
    """Lease the next items to send: all of an earlier request, else new ones of one kind. Counts the attempt.

    What did not come to an end is taken up in halves, so that a worker that is stopped again and again still gets
    something done, and one item that stops workers is found. A request that was sent stays whole, unless each of its
    documents was a request of its own to the vendor (`one_by_one`).
    Within a customer the stages follow one another: what an earlier stage still owed when an item came (of one transaction
    all come at once) holds it back. So does what undid a settlement before: a new payment waits until the one that it
    replaces is off the invoice there.
    """
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s::int, %s::int)", [_CLAIM_LOCK, connection.pk % 2**31])
        cursor.execute(
            _RECLAIM,
            {
                "connection": connection.pk,
                "settle": connection.option("settle_seconds", 20),
                "most": connection.option("max_attempts", 12),
                "words": _DIED,
            },
        )
        for stage in sorted(set(STAGES.values())):
            values: dict[str, Any] = {
                "connection": connection.pk,
                "stage": stage,
                "settles": STAGES[Kind.CREDIT_NOTE],
                "undoing": [kind.value for kind in UNDOING],
            }
            cursor.execute(_HEAD, values)
            head = cursor.fetchone()
            if head is None:
                continue
            kind = Kind(head[0])
            halved = max(1, batch_size.get(as_sent(kind), 1) >> int(head[2]))
            size = halved if one_by_one or head[1] is None else _WHOLE
            cursor.execute(_BATCH, {**values, "kind": kind.value, "request": head[1], "size": size})
            ids = [row[0] for row in cursor.fetchall()]
            if ids:
                return Claim(kind, _lease(ids, worker_id), worker_id)
    return None


def _lease(ids: Sequence[int], worker_id: int) -> list[OutboxItem]:
    items = OutboxItem.objects.filter(id__in=ids)
    items.update(
        state=OutboxState.IN_FLIGHT,
        attempts=F("attempts") + 1,
        worker_id=worker_id,
        leased_until=Now() + timedelta(seconds=LEASE_SECONDS),
    )
    return list(items.order_by("id"))


def seal(claim: Claim, bodies: Mapping[int, str]) -> None:
    """Fix request id, positions and bytes before they are sent, so that whoever comes after sends the very same.

    Raises LeaseLost.
    """
    request_id = uuid4()
    positions = range(1, len(claim.items) + 1) if len(claim.items) > 1 else range(1)
    for item, position in zip(claim.items, positions, strict=True):
        item.request_id, item.batch_position, item.request_body = request_id, position, bodies[item.pk]
    _hold(claim)


def renew(claim: Claim) -> None:
    """Take a full lease again before another request. Raises LeaseLost."""
    _hold(claim)


def _hold(claim: Claim) -> None:
    with database.cursor() as cursor:
        cursor.execute(
            _SEAL,
            {
                "request": claim.request_id,
                "ids": [item.pk for item in claim.items],
                "positions": [item.batch_position for item in claim.items],
                "bodies": [item.request_body for item in claim.items],
                "worker": claim.worker_id,
                "lease": LEASE_SECONDS,
            },
        )
        if cursor.rowcount != len(claim.items):
            raise LeaseLost("The lease on these items ran out while they were being prepared.")
