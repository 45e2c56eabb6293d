"""The only door into the outbox: what is to be delivered is written here, in the transaction that makes it true."""

import time
from collections.abc import Iterable, Sequence

from django.db import connection as database
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from billing.bulk import insert_rows
from integrations import lanes
from integrations.documents import STAGES, Kind
from integrations.kinds import UNDOING
from integrations.models import UNDELIVERED, Connection, OutboxItem, OutboxState

_COLUMNS = ("tenant_id", "connection_id", "kind", "subject_id", "group_key", "stage", "state")
_ONCE = """
INSERT INTO integrations_outboxitem (tenant_id, connection_id, kind, subject_id, group_key, stage)
SELECT %(tenant)s::bigint, %(connection)s::bigint, %(kind)s::text, wanted.subject, wanted.subject_group, %(stage)s::int
  FROM unnest(%(subjects)s::bigint[], %(groups)s::bigint[]) AS wanted(subject, subject_group)
 WHERE NOT EXISTS (
       SELECT 1 FROM integrations_mapping m
        WHERE m.connection_id = %(connection)s::bigint AND m.kind = %(kind)s::text AND m.internal_id = wanted.subject
          AND m.status = 'confirmed')
 ORDER BY wanted.subject
ON CONFLICT (connection_id, kind, subject_id) DO NOTHING
"""
_WAKE_EVERY = 2.0
_last_wake: dict[int, float] = {}

SKIPPABLE = (OutboxState.PARKED, OutboxState.PENDING, OutboxState.APPROVAL)

Subject = tuple[int, int | None]  # what to deliver, and the customer it belongs to


def enqueue(
    *, tenant_id: int, connection_id: int, kind: Kind, subjects: Iterable[Subject], approval: bool = False
) -> None:
    """Write items for facts that have just come to be. The same one twice raises IntegrityError, like the fact itself.

    `approval`: a person has to approve them before they are sent.
    """
    stage = STAGES[kind]
    state = (OutboxState.APPROVAL if approval else OutboxState.PENDING).value
    rows = [(tenant_id, connection_id, kind.value, subject, group, stage, state) for subject, group in subjects]
    insert_rows(OutboxItem, _COLUMNS, rows)
    if rows:
        wake(tenant_id=tenant_id, connection_id=connection_id)


def enqueue_once(*, tenant_id: int, connection_id: int, kind: Kind, subjects: Sequence[Subject]) -> None:
    """Write items for master data (customers, products), unless it is there already or mapped to the ERP's own."""
    if not subjects:
        return
    values = {
        "tenant": tenant_id,
        "connection": connection_id,
        "kind": kind.value,
        "stage": STAGES[kind],
        "subjects": [subject for subject, _ in subjects],
        "groups": [group for _, group in subjects],
    }
    with database.cursor() as cursor:
        cursor.execute(_ONCE, values)


def wake(*, tenant_id: int, connection_id: int) -> None:
    """Ask the workers to look at a connection after the commit; at most once in a while per process.

    A wake-up that is lost or doubled does no harm: the clock drains every connection as well.
    """
    now = time.monotonic()
    if now - _last_wake.get(connection_id, -_WAKE_EVERY) < _WAKE_EVERY:
        return
    _last_wake[connection_id] = now
    transaction.on_commit(lambda: lanes.call(tenant_id=tenant_id, connection_id=connection_id))


def waits_for(item: OutboxItem) -> OutboxItem | None:
    """Give what has to be delivered before this item, as `claims.claim` has it: the first that its customer still owes."""
    if item.group_key is None:
        return None
    earlier = OutboxItem.objects.filter(
        connection_id=item.connection_id, group_key=item.group_key, state__in=UNDELIVERED
    )
    holding = Q(stage__lt=item.stage, created_at__lte=item.created_at)
    if item.stage >= STAGES[Kind.CREDIT_NOTE]:
        holding |= Q(kind__in=[kind.value for kind in UNDOING], created_at__lt=item.created_at)
    return earlier.filter(holding).order_by("stage", "id").first()


def approve(item_ids: Sequence[int]) -> int:
    """Let items that wait for approval be sent; give how many."""
    return OutboxItem.objects.filter(id__in=item_ids, state=OutboxState.APPROVAL).update(
        state=OutboxState.PENDING, available_at=Now()
    )


@transaction.atomic
def hurry(connection_id: int) -> int:
    """Try now what waits for a later try, and ask the ERP anew until when its books are locked; give how many items.

    What may have been done already waits on: the ERP needs its time to show it.
    """
    Connection.objects.filter(pk=connection_id).update(company_read_at=None)
    waiting = OutboxItem.objects.filter(connection=connection_id, state=OutboxState.PENDING, outcome_unknown=False)
    return waiting.filter(available_at__gt=Now()).update(available_at=Now())


def move_to_first_open_day(item_ids: Sequence[int]) -> int:
    """Send parked items with the first day that the ERP's books are open; give how many."""
    return OutboxItem.objects.filter(id__in=item_ids, state=OutboxState.PARKED).update(
        state=OutboxState.PENDING, attempts=0, available_at=Now(), to_first_open_day=True
    )


def known(*, connection_id: int, kind: Kind, subject_ids: Iterable[int]) -> set[int]:
    """Give those subjects that were put into the connection's outbox."""
    rows = OutboxItem.objects.filter(connection_id=connection_id, kind=kind, subject_id__in=list(subject_ids))
    return set(rows.values_list("subject_id", flat=True))


def every(*, connection_id: int, kind: Kind) -> set[int]:
    """Give all subjects of a kind that were put into the connection's outbox."""
    return set(
        OutboxItem.objects.filter(connection_id=connection_id, kind=kind.value).values_list("subject_id", flat=True)
    )


def send_again(item_ids: Sequence[int]) -> int:
    """Put parked or skipped items back in line; give how many. What may have been done already is read back first."""
    return OutboxItem.objects.filter(id__in=item_ids, state__in=(OutboxState.PARKED, OutboxState.SKIPPED)).update(
        state=OutboxState.PENDING, attempts=0, available_at=Now()
    )


def look_first(connection_id: int) -> int:
    """Let everything that is not delivered be looked for in the ERP before it is sent; give how many.

    After a restore: what was delivered since the backup waits here again.
    """
    waiting = OutboxItem.objects.filter(connection_id=connection_id).exclude(state=OutboxState.DELIVERED)
    return waiting.update(outcome_unknown=True)


def skip(item_ids: Sequence[int], *, reason: str) -> int:
    """Decide that items shall not be delivered; give how many. Raises ValueError without a reason."""
    if not reason.strip():
        raise ValueError("Say why these items are skipped: the reconciliation will ask.")
    return OutboxItem.objects.filter(id__in=item_ids, state__in=SKIPPABLE).update(
        state=OutboxState.SKIPPED, reason_code="skipped", reason=reason.strip()
    )
