"""How values look: amounts with their currency, statuses as coloured words, links."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import models
from django.urls import NoReverseMatch, reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.money import format_amount, format_money

NONE = "–"

# Status value → colour. One colour means one thing on every page.
_COLOURS = {
    "draft": "grey", "queued": "grey", "ended": "grey", "void": "grey", "closed": "grey", "skipped": "grey",
    "active": "green", "paid": "green", "done": "green", "open": "green", "delivered": "green", "connected": "green",
    "finalized": "blue", "running": "blue", "pending": "blue", "in_flight": "blue", "standard": "blue", "new": "blue",
    "partially_paid": "amber", "reversal": "amber", "suggested": "amber", "reconnect_needed": "amber",
    "overdue": "red", "failed": "red", "parked": "red",
    "approval": "amber", "choose_company": "amber", "disabled": "grey", "confirmed": "green",
    "won": "green", "lost": "red", "written_off": "grey", "submitted": "amber", "posted": "green", "manual": "amber",
}  # fmt: skip


def badge(value: str, text: str) -> SafeString:
    """Show a status as a coloured word."""
    return format_html('<span class="cf-badge cf-{}">{}</span>', _COLOURS.get(value, "grey"), text)


def status(obj: Any, field: str = "status") -> SafeString:
    """Show a choice field as a coloured word, without the explanation that follows a colon."""
    return badge(getattr(obj, field), getattr(obj, f"get_{field}_display")().split(":")[0])


def money(amount: Any, currency: str | None = None) -> SafeString:
    """Show an amount with its ISO code; takes a Money, or a Decimal with its currency."""
    if currency is None:
        amount, currency = amount.amount, str(amount.currency)
    return format_html('<span class="cf-amount">{}</span>', format_money(Decimal(amount), currency))


def figure(amount: Decimal, currency: str, *, blank_zero: bool = True) -> SafeString | str:
    """Show an amount for a column whose heading names the currency; zero as an empty cell."""
    if blank_zero and not amount:
        return ""
    return format_html('<span class="cf-amount">{}</span>', format_amount(Decimal(amount), currency))


def day(value: date | None) -> str:
    """Show a date the same way everywhere."""
    return date_format(value).replace(" ", "\u00a0") if value else NONE


def moment(at: datetime | None, *, seconds: bool = False) -> str:
    """Show a point in time, which is kept and meant in UTC."""
    return f"{date_format(at, 'j M Y, H:i:s' if seconds else 'j M Y, H:i')} UTC".replace(" ", "\u00a0") if at else NONE


def last_day(end: date | None) -> str:
    """Show an exclusive end as the last day that is covered."""
    return day(date.fromordinal(end.toordinal() - 1)) if end else "open-ended"


def period(start: date | None, end: date | None) -> str:
    """Show a half-open range of days as people say it: first to last day."""
    return f"{day(start)} – {last_day(end)}" if start else NONE


def quantity(value: Decimal) -> str:
    """Show a quantity without trailing zeros."""
    return f"{value.normalize():,f}" if value else "0"


def change_url(model: type[models.Model], pk: object) -> str:
    """Give the address of an object's page in the admin."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])


def list_url(model: type[models.Model], query: str = "") -> str:
    """Give the address of a model's list, with an optional query string."""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{url}?{query}" if query else url


def link(obj: models.Model | None, text: object = None) -> SafeString | str:
    """Link to an object's page, with its name."""
    if obj is None:
        return NONE
    try:
        return to(change_url(type(obj), obj.pk), str(obj) if text is None else text)
    except NoReverseMatch:
        return str(obj)


def to(url: str, text: object) -> SafeString:
    """Link to an address."""
    return format_html('<a class="cf-link" href="{}">{}</a>', url, text)
