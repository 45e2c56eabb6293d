"""Which day it is, for pages, the API and commands. Services never ask: dates are passed to them."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils import timezone

from billing.models import BusinessEntity


def today(entity: BusinessEntity | None = None) -> date:
    """Give the date where the business entity keeps its books, or in UTC."""
    return datetime.now(ZoneInfo(entity.time_zone)).date() if entity else timezone.now().date()
