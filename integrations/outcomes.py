"""Write down what became of items: set-wise, in one transaction, and only where the lease is still ours."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from django.db import connection as database
from django.db import transaction

from integrations.builders.lists import NAME_TAKEN
from integrations.claims import Claim
from integrations.connectors.base import (
    BadCredentials,
    Call,
    Delivered,
    DeliveryError,
    InProgress,
    NameTaken,
    Outcome,
    PeriodLocked,
    TryLater,
    UnknownOutcome,
)
from integrations.documents import Kind, reference_of
from integrations.models import Connection, DeliveryAttempt, OutboxItem, OutboxState
from integrations.policy import Policy, WhenLocked
from integrations.vault import redact

_LONGEST = 100_000  # A batch whole: what is kept of a request has to show each of its items.
_LOCKED_WAIT = 3600.0
_LOOKS = 3  # How often a lock that the company's facts do not show is taken at its word.
_TOO_OFTEN = "It was tried {attempts} times. {words} Look at the ERP's state, then send it again."

_RECORD = """
UPDATE integrations_outboxitem o
   SET state = v.state, reason_code = v.code, reason = v.reason, outcome_unknown = v.unknown,
       available_at = now() + v.delay * interval '1 second',
       delivered_at = CASE WHEN v.state = 'delivered' THEN now() END,
       request_id = CASE WHEN v.fresh THEN %s::uuid WHEN v.keep THEN o.request_id END,
       ticket = v.ticket,
       batch_position = CASE WHEN v.keep THEN o.batch_position END,
       request_body = CASE WHEN v.keep THEN o.request_body ELSE '' END,
       attempts = GREATEST(o.attempts - v.refund, 0), worker_id = NULL, leased_until = NULL
  FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::float[], %s::bool[], %s::bool[], %s::int[],
              %s::bool[], %s::text[])
       AS v(id, state, code, reason, delay, keep, unknown, refund, fresh, ticket)
 WHERE o.id = v.id AND o.worker_id = %s AND o.state = 'in_flight'
RETURNING o.id
"""
_REFERENCES = """
INSERT INTO integrations_externalreference
       (tenant_id, connection_id, kind, subject_id, reference, external_id, sync_token, url)
SELECT %s::bigint, %s::bigint, %s::text, v.*
  FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[]) AS v
ON CONFLICT (connection_id, kind, subject_id)
DO UPDATE SET external_id = excluded.external_id, sync_token = excluded.sync_token, url = excluded.url
"""
_MAPPINGS = """
INSERT INTO integrations_mapping
       (tenant_id, connection_id, kind, internal_id, external_id, external_name, status, origin)
SELECT %s::bigint, %s::bigint, %s::text, v.*, 'confirmed', 'created' FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS v
ON CONFLICT (connection_id, kind, internal_id)
DO UPDATE SET external_id = excluded.external_id, external_name = excluded.external_name, status = 'confirmed'
"""


@dataclass(frozen=True)
class Verdict:
    """What an outcome means for one item. `refund` is how many of its attempts do not count."""

    state: str
    code: str = ""
    reason: str = ""
    delay: float = 0.0
    keep_request: bool = False
    unknown: bool = False
    refund: int = 0
    fresh_key: bool = False
    ticket: str = ""


def judge(connection: Connection, item: OutboxItem, outcome: Outcome) -> Verdict:
    """Decide on retry, back-off and parking. Waiting that is not the item's fault costs it no attempt."""
    if isinstance(outcome, Delivered):
        return Verdict(OutboxState.DELIVERED)
    if isinstance(outcome, NameTaken) and item.reason_code != NAME_TAKEN:
        return Verdict(OutboxState.PENDING, NAME_TAKEN, outcome.words)
    # Words that change what is built next time (a taken name) outlive the waiting in between.
    code = item.reason_code if item.reason_code == NAME_TAKEN else outcome.code
    sealed = item.request_id is not None
    if isinstance(outcome, PeriodLocked) and item.attempts <= _LOOKS and _waits_for_books(connection, item):
        delay = min(_LOCKED_WAIT if _policy(connection) is WhenLocked.HOLD else 1.0, _cap(connection))
        refund = int(_policy(connection) is WhenLocked.HOLD)
        return Verdict(OutboxState.PENDING, outcome.code, outcome.words, delay, refund=refund)
    if isinstance(outcome, TryLater | BadCredentials):
        wait = outcome.after if isinstance(outcome, TryLater) else 0.0
        delay = min(wait, _cap(connection))
        unknown = item.outcome_unknown
        return Verdict(OutboxState.PENDING, code, outcome.words, delay, sealed, unknown, refund=1, ticket=item.ticket)
    if isinstance(
        outcome, InProgress
    ):  # What went wrong before the ERP had it says nothing about the asking from now on.
        delay, ticket, refund = outcome.after, outcome.ticket[:300], item.attempts
        return Verdict(OutboxState.PENDING, code, outcome.words, delay, sealed, sealed, refund=refund, ticket=ticket)
    if isinstance(outcome, UnknownOutcome):
        if item.attempts >= connection.option("max_attempts", 12):
            words = _TOO_OFTEN.format(attempts=item.attempts, words=outcome.words)
            return Verdict(OutboxState.PARKED, code, words, keep_request=sealed, unknown=sealed)
        delay = max(_back_off(connection, item.attempts), min(outcome.settle, _cap(connection)))
        fresh = sealed and outcome.fresh_key
        return Verdict(
            OutboxState.PENDING, code, outcome.words, delay, sealed, sealed, fresh_key=fresh, ticket=item.ticket
        )
    return Verdict(OutboxState.PARKED, outcome.code, outcome.words)


def _policy(connection: Connection) -> WhenLocked:
    return Policy.of(connection.options).when_locked


def _waits_for_books(connection: Connection, item: OutboxItem) -> bool:
    """A lock that we did not know of yet: with the company's facts read again, the policy is followed at the next try."""
    return item.to_first_open_day or _policy(connection) is not WhenLocked.ASK


def _cap(connection: Connection) -> float:
    return float(connection.option("backoff_cap", 3600))


def _back_off(connection: Connection, attempts: int) -> float:
    base = float(connection.option("backoff_base", 1.0))
    return min(base * 2 ** (attempts - 1), _cap(connection))


def record(*, connection: Connection, claim: Claim, outcomes: Mapping[int, Outcome]) -> dict[str, int]:
    """Record outcomes by item id; give how many items came to each state. What another worker took over is left to it."""
    items = {item.pk: item for item in claim.items if item.pk in outcomes}
    verdicts = {pk: judge(connection, item, outcomes[pk]) for pk, item in items.items()}
    # Spreads retries, but the items of one request together: a part of a request is another request. Never earlier than asked.
    spread = random.uniform(1.0, 1.5)  # noqa: S311 — guards nothing
    with transaction.atomic(), database.cursor() as cursor:
        columns = zip(
            *(
                (
                    pk,
                    v.state,
                    v.code[:40],
                    redact(v.reason),
                    v.delay * spread,
                    v.keep_request,
                    v.unknown,
                    v.refund,
                    v.fresh_key,
                    v.ticket,
                )
                for pk, v in verdicts.items()
            ),
            strict=True,
        )
        cursor.execute(_RECORD, [uuid4(), *map(list, columns), claim.worker_id])
        ours = {row[0] for row in cursor.fetchall()}
        delivered = [
            (items[pk], outcome) for pk, outcome in outcomes.items() if pk in ours and isinstance(outcome, Delivered)
        ]
        _keep_references(connection, claim.kind, delivered)
    counts: dict[str, int] = {}
    for pk in ours:
        counts[verdicts[pk].state] = counts.get(verdicts[pk].state, 0) + 1
    return counts


def _keep_references(connection: Connection, kind: Kind, delivered: Sequence[tuple[OutboxItem, Delivered]]) -> None:
    if not delivered:
        return
    subjects = [item.subject_id for item, _ in delivered]
    ids = [outcome.external_id for _, outcome in delivered]
    with database.cursor() as cursor:
        cursor.execute(
            _REFERENCES,
            [
                *(connection.tenant_id, connection.pk, kind.value, subjects),
                [reference_of(connection.reference_prefix, kind, subject) for subject in subjects],
                ids,
                [outcome.sync_token for _, outcome in delivered],
                [outcome.url for _, outcome in delivered],
            ],
        )
        if kind in (Kind.CUSTOMER, Kind.PRODUCT):
            names = [outcome.name for _, outcome in delivered]
            cursor.execute(_MAPPINGS, [connection.tenant_id, connection.pk, kind.value, subjects, ids, names])


def log_calls(*, connection: Connection, claim: Claim | None, calls: Sequence[Call]) -> None:
    """Keep the requests just made, redacted."""
    item_ids = [item.pk for item in claim.items] if claim else []
    DeliveryAttempt.objects.bulk_create(
        DeliveryAttempt(
            tenant_id=connection.tenant_id,
            connection=connection,
            item_ids=item_ids,
            operation=call.operation[:30],
            request_id=call.request_id[:50],
            http_status=call.status,
            outcome=call.outcome[:50],
            seconds=round(call.seconds, 3),
            request=redact(call.request[:_LONGEST]),
            response=redact(call.response[:_LONGEST]),
        )
        for call in calls
    )


def all_of(claim: Claim, error: DeliveryError) -> dict[int, Outcome]:
    """Give every item of a claim the same outcome."""
    return {item.pk: error for item in claim.items}
