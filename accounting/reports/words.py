"""What reports say in words: days, ranges, and whether what they show can still change."""

from datetime import date

from accounting.models import AccountingPeriod, PeriodStatus
from billing.models import BusinessEntity
from billing.periods import day_words


def standing(entity: BusinessEntity, at: date) -> str:
    """Say whether figures up to a day are final: those of a closed period never change. One query."""
    closed = (
        AccountingPeriod.objects.filter(business_entity=entity, status=PeriodStatus.CLOSED)
        .order_by("-start")
        .values_list("end", flat=True)
        .first()
    )
    if closed is not None and at < closed:
        return "Final: the period is closed."
    if closed is None:
        return "No period is closed yet: figures may still change."
    return f"Final through {day_words(date.fromordinal(closed.toordinal() - 1))}; what comes later may still change."


def as_of(entity: BusinessEntity, at: date, currency: str) -> str:
    """Say what a report at the end of a day is about."""
    return f"{entity.name}, {currency}, at the end of {day_words(at)}. {standing(entity, at)}"


def between(entity: BusinessEntity, since: date, until: date, currency: str) -> str:
    """Say what a report over a range of days is about."""
    return f"{entity.name}, {currency}, {day_words(since)} to {day_words(until)}. {standing(entity, until)}"
