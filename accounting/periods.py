"""Accounting periods: where an event may be posted, and opening and closing."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from accounting.models import AccountingPeriod, PeriodStatus
from accounting.reports.release import release_by_schedules
from billing.errors import BillingError
from billing.events import Event
from billing.periods import day_words, end_of_month, first_of_month, first_of_next_month
from billing.tenancy import current_tenant_id


class PeriodError(ValueError):
    """A period cannot be closed or reopened; the text says why."""


def refuse_unless_open_month_end(at: date, *, what: str, done: str) -> None:
    """Refuse what is posted on a month's last day and taken back the day after, where one of the two cannot be.

    `what` is `done`, for the message. Raises BillingError.
    """
    if at != end_of_month(at):
        raise BillingError(f"{what} are {done} at the end of a month; {day_words(at)} is not the last day of one.")
    months = (first_of_month(at), at + timedelta(days=1))
    closed = AccountingPeriod.objects.filter(start__in=months, status=PeriodStatus.CLOSED).order_by("start").first()
    if closed:
        raise BillingError(f"{closed} is closed; nothing can be {done} there any more.")


class PostingDates:
    """The posting dates of a batch of events: their own, or the first open day after a closed period."""

    def __init__(self, moved: dict[tuple[int, date], date]) -> None:
        self._moved = moved

    @classmethod
    def for_events(cls, events: Collection[Event], status: Mapping[tuple[int, date], str]) -> "PostingDates":
        """Look up the months of all events in what is known of periods, and make those that do not exist yet.

        Where one is late, the last closed month is held until the transaction ends, so that none is reopened meanwhile.
        """
        months = {(event.business_entity_id, first_of_month(event.occurred_on)) for event in events}
        # A month that was never opened, but lies before a closed one, is as good as closed.
        closed: dict[int, date] = {}
        for (entity, month), state in status.items():
            if state == PeriodStatus.CLOSED:
                closed[entity] = max(month, closed.get(entity, month))
        wanted: set[tuple[int, date]] = set()
        moved: dict[tuple[int, date], date] = {}
        for entity, month in months:
            open_month = month
            if entity in closed and month <= closed[entity]:
                open_month = first_of_next_month(closed[entity])
            if open_month != month:
                moved[(entity, month)] = open_month
            if (entity, open_month) not in status:
                wanted.add((entity, open_month))
        if moved and _reopened({entity: closed[entity] for entity, _ in moved}):
            return cls.for_events(events, _status_of({entity for entity, _ in months}))
        if wanted:
            tenant_id = current_tenant_id()
            AccountingPeriod.objects.bulk_create(
                [
                    AccountingPeriod(
                        tenant_id=tenant_id, business_entity_id=entity, start=month, end=first_of_next_month(month)
                    )
                    for entity, month in sorted(wanted)
                ],
                ignore_conflicts=True,
            )
        return cls(moved)

    def of(self, event: Event) -> date:
        if not self._moved:
            return event.occurred_on
        return self._moved.get((event.business_entity_id, first_of_month(event.occurred_on)), event.occurred_on)


def _reopened(last_closed: Mapping[int, date]) -> bool:
    """Hold the last closed month of each entity, the first to be reopened; tell whether one has been by now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.status FROM accounting_accountingperiod p JOIN unnest(%s::bigint[], %s::date[]) AS held(entity, month) "
            "ON p.business_entity_id = held.entity AND p.start = held.month ORDER BY p.id FOR SHARE OF p",
            [list(last_closed), list(last_closed.values())],
        )
        return any(status != PeriodStatus.CLOSED for (status,) in cursor.fetchall())


def _status_of(entities: Collection[int]) -> dict[tuple[int, date], str]:
    rows = AccountingPeriod.objects.filter(business_entity__in=entities)
    return {
        (entity, start): status for entity, start, status in rows.values_list("business_entity_id", "start", "status")
    }


def hold_month(business_entity_id: int, day: date) -> None:
    """Keep the month of a day from being closed until the transaction ends, as a post does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM accounting_accountingperiod WHERE business_entity_id = %s AND start = %s FOR SHARE",
            [business_entity_id, first_of_month(day)],
        )


@transaction.atomic
def close_period(
    *, period_id: int, at: datetime, by: Any = None, checks: Sequence[Mapping[str, Any]] = ()
) -> AccountingPeriod:
    """Close and seal a month: nothing can be posted into it any more. `checks` is what the check list said, for the record.

    Months without entries between the last closed one and this are closed with it, so that closed months are contiguous.
    Raises PeriodError when an earlier month is still open.
    """
    period = _lock(period_id)
    if period.status == PeriodStatus.CLOSED:
        raise PeriodError(f"{period} is closed already.")
    before = AccountingPeriod.objects.filter(business_entity=period.business_entity_id, start__lt=period.start)
    if first := before.filter(status=PeriodStatus.OPEN).order_by("start").first():
        raise PeriodError(f"{first} is still open; close it before {period}.")
    if last := before.order_by("-start").first():
        for empty in _open_months_between(last.end, period):
            _seal(empty, at=at, by=by, checks=())
    _seal(period, at=at, by=by, checks=checks)
    return period


def _lock(period_id: int) -> AccountingPeriod:
    return AccountingPeriod.objects.select_for_update(of=("self",), no_key=True).get(pk=period_id)


def _open_months_between(start: date, period: AccountingPeriod) -> list[AccountingPeriod]:
    months = []
    while start < period.start:
        months.append(
            AccountingPeriod(
                tenant_id=period.tenant_id,
                business_entity_id=period.business_entity_id,
                start=start,
                end=first_of_next_month(start),
            )
        )
        start = first_of_next_month(start)
    return AccountingPeriod.objects.bulk_create(months)


def _seal(period: AccountingPeriod, *, at: datetime, by: Any, checks: Sequence[Mapping[str, Any]]) -> None:
    period.status, period.closed_at, period.closed_by = PeriodStatus.CLOSED, at, by
    period.close_checks = [dict(check) for check in checks]
    ahead = release_by_schedules(entity_id=period.business_entity_id, at=period.end - timedelta(days=1))
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('counterfoil.release', %s, true)", [json.dumps(ahead.written())])
        period.save(update_fields=["status", "closed_at", "closed_by", "close_checks"])
        cursor.execute("SELECT set_config('counterfoil.release', '', true)")
    # The database has set it, and has computed the digest (migration `0004_periods_and_balances`).
    period.refresh_from_db(fields=["seal"])


@transaction.atomic
def reopen_period(*, period_id: int, reason: str, at: datetime, by: Any = None) -> AccountingPeriod:
    """Open a closed month again, on the record. Raises PeriodError without a reason, or while a later month is closed."""
    period = _lock(period_id)
    if period.status == PeriodStatus.OPEN:
        raise PeriodError(f"{period} is open.")
    if not reason.strip():
        raise PeriodError("Say why the period is reopened; an auditor will ask.")
    later = AccountingPeriod.objects.filter(
        business_entity=period.business_entity_id, start__gt=period.start, status=PeriodStatus.CLOSED
    ).order_by("-start")
    if last := later.first():
        raise PeriodError(f"{last} is closed; reopen it before {period}.")
    period.status, period.reopened_at, period.reopened_by = PeriodStatus.OPEN, at, by
    period.reopen_reason = reason.strip()
    period.save(update_fields=["status", "reopened_at", "reopened_by", "reopen_reason"])
    period.refresh_from_db(fields=["seal"])
    return period
