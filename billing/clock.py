"""Which day it is, for pages, the API and commands. Services never ask: dates are passed to them."""

from collections import defaultdict
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils import timezone

from billing.models import BusinessEntity


def todays() -> dict[date, list[int]]:
    """Give the business entities, by id, under the date it is where they keep their books: two dates at most, rarely three."""
    found: dict[date, list[int]] = defaultdict(list)
    for entity in BusinessEntity.objects.all():
        found[today(entity)].append(entity.pk)
    return dict(found)


def today(entity: BusinessEntity | None = None) -> date:
    """Give the date where the business entity keeps its books, or in UTC."""
    return datetime.now(ZoneInfo(entity.time_zone)).date() if entity else timezone.now().date()
