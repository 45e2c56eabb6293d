"""How a connection is doing, in figures: for the list in one query, for its page in one query a table."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Avg, Count, F, Max, OuterRef, Q, QuerySet, Subquery

from billing.admin.shown import moment
from billing.admin.tables import Table, columns
from integrations.admin.shown import count_link, outbox_url
from integrations.connectors.errors import InProgress
from integrations.documents import Kind
from integrations.models import UNDELIVERED, Connection, DeliveryAttempt, OutboxItem, OutboxState
from integrations.models.outbox import NOTHING_THERE

WAITING = (OutboxState.PENDING, OutboxState.IN_FLIGHT)
DAY, HOUR = timedelta(hours=24), timedelta(hours=1)
_ATTEMPTS_SHOWN = 10


def with_figures(connections: QuerySet[Connection], *, now: datetime) -> QuerySet[Connection]:
    """Add what waits and is parked, when something was last delivered, the newest trouble, and the calls of a day."""
    items = OutboxItem.objects.filter(connection=OuterRef("pk")).order_by()
    calls = DeliveryAttempt.objects.filter(connection=OuterRef("pk"), at__gte=now - DAY).order_by()
    trouble = (
        items.filter(state__in=UNDELIVERED).exclude(reason="").exclude(reason_code=InProgress.code).order_by("-id")
    )
    return connections.annotate(
        waiting_count=_one(items.filter(state__in=WAITING), Count("id")),
        parked_count=_one(items.filter(state=OutboxState.PARKED), Count("id")),
        last_delivered=_one(items.filter(state=OutboxState.DELIVERED), Max("delivered_at")),
        last_trouble=Subquery(trouble.values("reason")[:1]),
        calls_today=_one(calls, Count("id")),
    )


def _one(rows: QuerySet[Any], aggregate: Any) -> Subquery:
    return Subquery(rows.values("connection").annotate(figure=aggregate).values("figure"))


def counts_table(connection: Connection) -> Table:
    """Count the items of each kind and state; each figure leads to the items."""
    rows = OutboxItem.objects.filter(connection=connection).order_by().values_list("kind", "state")
    found = {(kind, state): n for kind, state, n in rows.annotate(n=Count("id"))}
    kinds = [kind for kind in Kind if any(kind == each for each, _ in found)]

    def cells(kind: str) -> list[object]:
        return [
            count_link(found.get((kind, state), 0), outbox_url(connection=connection.pk, kind=kind, state=state))
            for state in OutboxState.values
        ]

    return Table(
        "What it was given to send",
        columns("Kind", *(f">{OutboxState(state).label.split(':')[0]}" for state in OutboxState.values)),
        [(kind.value.replace("_", " ").capitalize(), *cells(kind)) for kind in kinds],
        "Nothing yet. Items appear by themselves when invoices are finalized; what happened before the connection was made "
        "is sent with “Back-fill”.",
    )


def throughput_table(connection: Connection, *, now: datetime) -> Table:
    """Say what was delivered and how many calls it took, in the last hour and day."""
    delivered = OutboxItem.objects.filter(connection=connection, delivered_at__gte=now - DAY).aggregate(
        hour=Count("id", filter=Q(delivered_at__gte=now - HOUR)), day=Count("id")
    )
    last_hour, failed = Q(at__gte=now - HOUR), ~Q(outcome="ok") & ~Q(http_status=NOTHING_THERE)
    calls = DeliveryAttempt.objects.filter(connection=connection, at__gte=now - DAY).aggregate(
        hour=Count("id", filter=last_hour),
        hour_failed=Count("id", filter=last_hour & failed),
        hour_seconds=Avg("seconds", filter=last_hour),
        day=Count("id"),
        day_failed=Count("id", filter=failed),
        day_seconds=Avg("seconds"),
    )
    rows = []
    for words, name in (("The last hour", "hour"), ("The last 24 hours", "day")):
        seconds = calls[f"{name}_seconds"]
        per_call = f"{delivered[name] / calls[name]:.1f}" if calls[name] else ""
        rows.append(
            (
                words,
                f"{delivered[name]:,}",
                f"{calls[name]:,}",
                f"{calls[f'{name}_failed']:,}",
                per_call,
                f"{seconds:.2f} s" if seconds is not None else "",
            )
        )
    return Table(
        "Throughput",
        columns("", ">Delivered", ">Calls", ">Calls that failed", ">Items a call", ">Seconds a call"),
        rows,
        "",
    )


def attempts_table(connection: Connection) -> Table:
    """List the last requests to the ERP."""
    attempts = DeliveryAttempt.objects.filter(connection=connection).order_by(F("at").desc())[:_ATTEMPTS_SHOWN]
    return Table(
        "The last requests",
        columns("When", "What", ">Items", "Answer", ">Seconds"),
        [
            (
                moment(each.at),
                each.operation,
                len(each.item_ids),
                each.answer,
                f"{each.seconds:.2f}",
            )
            for each in attempts
        ],
        "No request has been made to the ERP yet.",
        note="Kept for 30 days. The page of an item shows the requests that concern it, with excerpts.",
    )
