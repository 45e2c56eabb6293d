"""When what is deferred on a day becomes revenue: by the schedules as they are, or, of a closed month, as it was closed.

Schedules change with what happens later. What a closed month says of the months ahead must not, so it is computed once, when
the month is closed, and kept with its seal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from accounting.models import AccountingPeriod, PeriodStatus
from accounting.reports.control import DEFERRED, accounts_of
from accounting.reports.plans import KEY, REMAINING, SHARES, key
from accounting.reports.sql import fetch
from billing.periods import end_of_month, first_of_month

ZERO = Decimal(0)
REVENUE_ROLES = ("revenue", "breakage_revenue")

# What is deferred of a key is used up by its remaining parts in the order of their months. Where it equals the parts of the
# months to come, as it does while billing and recognition are in step, they are the answer and nothing need be put in
# order. Schedules are in the contract's currency; a balance in the books' is divided in the same proportion.
_RELEASE = f"""
WITH {SHARES},
deferred AS (
    SELECT {key("l")}, sum(l.credit - l.debit) AS own, sum(l.base_credit - l.base_debit) AS base
    FROM accounting_journalline l WHERE l.account_id = ANY(%(deferred)s) AND l.date <= %(at)s GROUP BY 1, 2, 3
),
irregular AS (
    SELECT {KEY}, d.own, d.base FROM (SELECT {KEY}, sum(ahead) AS ahead FROM totals GROUP BY {KEY}) t
    LEFT JOIN deferred d USING ({KEY})
    WHERE t.ahead <> coalesce(d.own, 0) OR d.own <> d.base
),
chosen AS (SELECT t.* FROM totals t JOIN irregular USING ({KEY})),
{REMAINING}
SELECT month, sum(amount) FROM (
    SELECT month, amount FROM shares WHERE month > %(this)s
    UNION ALL SELECT last, whole - total FROM totals WHERE last > %(this)s
    UNION ALL SELECT s.month, -s.amount FROM shares s JOIN chosen USING (id) WHERE s.month > %(this)s
    UNION ALL SELECT last, total - whole FROM chosen WHERE last > %(this)s
    UNION ALL
    SELECT greatest(r.month, %(this)s), CASE WHEN d.own = d.base THEN v.part ELSE round(v.part * d.base / d.own, 4) END
    FROM (SELECT remaining.*, sum(amount) OVER (PARTITION BY {KEY} ORDER BY month) AS risen FROM remaining) r
    JOIN irregular d USING ({KEY})
    CROSS JOIN LATERAL (SELECT least(r.amount, greatest(d.own - (r.risen - r.amount), 0)) AS part) v WHERE v.part > 0
) released GROUP BY 1 HAVING sum(amount) <> 0 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Release:
    """By month, the first of it, how much becomes revenue; what is due already stands in the month of the day asked for."""

    months: Sequence[tuple[date, Decimal]]

    def within(self, count: int) -> Decimal:
        """Add up the next months."""
        return sum((amount for _, amount in self.months[:count]), ZERO)

    def written(self) -> list[list[str]]:
        """Give it as it is kept."""
        return [[month.isoformat(), f"{amount:f}"] for month, amount in self.months]


def release(*, entity_id: int, at: date) -> Release | None:
    """Give what is ahead at the end of a day, in base currency. None for a day within a closed month: only what was ahead at its
    end is kept.
    """
    closed = AccountingPeriod.objects.filter(
        business_entity=entity_id, status=PeriodStatus.CLOSED, start=first_of_month(at), seal__release__isnull=False
    )
    kept: list[Any] | None = closed.values_list("seal__release", flat=True).first()
    if kept is None:
        return release_by_schedules(entity_id=entity_id, at=at)
    if at != end_of_month(at):
        return None
    return Release([(date.fromisoformat(month), Decimal(amount)) for month, amount in kept])


def release_by_schedules(*, entity_id: int, at: date) -> Release:
    """Compute it from the schedules as they are."""
    given = {
        "entity": entity_id,
        "at": at,
        "this": first_of_month(at),
        "deferred": accounts_of([DEFERRED], entity_id=entity_id),
        "revenue": accounts_of(REVENUE_ROLES, entity_id=entity_id),
    }
    return Release([(month, amount) for month, amount in fetch(_RELEASE, given)])
