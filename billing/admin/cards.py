"""What billing shows on the home page: drafts to finalize, what is overdue, unapplied money, work under way."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db import connection
from django.http import HttpRequest

from billing.admin.forms import todays
from billing.admin.hooks import Card, add_cards
from billing.admin.shown import list_url
from billing.models import OPEN_STATUSES, Invoice, InvoiceStatus, Job, JobStatus, Payment
from billing.money import format_money
from billing.tenancy import current_tenant_id
from billing.wording import counted

_OLDER_THAN = (0, 30, 60, 90)
_NOTHING = "Nothing"


def _billing_cards(request: HttpRequest) -> list[Card]:
    return [_drafts(), _overdue(), _unapplied(), _jobs()]


def _drafts() -> Card:
    rows = _rows(
        "SELECT currency, count(*), sum(total) FROM billing_invoice WHERE tenant_id = %s AND status = %s GROUP BY 1 ORDER BY 1",
        [current_tenant_id(), InvoiceStatus.DRAFT],
    )
    count = sum(row[1] for row in rows)
    return Card(
        "Invoices to finalize",
        f"{count:,}" if count else _NOTHING,
        _sums((row[0], row[2]) for row in rows) or "No drafts are waiting.",
        list_url(Invoice, "status__exact=draft"),
        "attention" if count else "good",
    )


def _overdue() -> Card:
    here = [(entity, now) for now, ids in todays().items() for entity in ids]
    late = [f"now - due_on > {days}" for days in _OLDER_THAN]
    rows = _rows(
        "SELECT currency, count(*), sum(total - settled), "
        f"sum(total - settled) FILTER (WHERE NOT {late[1]}), "
        f"sum(total - settled) FILTER (WHERE {late[1]} AND NOT {late[2]}), "
        f"sum(total - settled) FILTER (WHERE {late[2]} AND NOT {late[3]}), "
        f"sum(total - settled) FILTER (WHERE {late[3]}) "
        "FROM billing_invoice JOIN unnest(%s::bigint[], %s::date[]) AS here (entity, now) ON entity = business_entity_id "
        f"WHERE tenant_id = %s AND status = ANY(%s) AND {late[0]} GROUP BY 1 ORDER BY 1",
        [[entity for entity, _ in here], [now for _, now in here], current_tenant_id(), list(OPEN_STATUSES)],
    )
    ages = ("up to 30 days", "31 to 60 days", "61 to 90 days", "over 90 days")
    detail = "\n".join(
        f"{format_money(amount, row[0])} {age}"
        for row in rows
        for age, amount in zip(ages, row[3:], strict=True)
        if amount
    )
    return Card(
        "Overdue",
        _sums((row[0], row[2]) for row in rows) or _NOTHING,
        detail or "Every open invoice is within its terms.",
        list_url(Invoice, "due=overdue"),
        "bad" if rows else "good",
    )


def _unapplied() -> Card:
    rows = _rows(
        "SELECT currency, count(*), sum(unapplied) FROM billing_payment WHERE tenant_id = %s AND unapplied > 0 "
        "GROUP BY 1 ORDER BY 1",
        [current_tenant_id()],
    )
    count = sum(row[1] for row in rows)
    return Card(
        "Unapplied payments",
        _sums((row[0], row[2]) for row in rows) or _NOTHING,
        f"Payments that are not fully allocated: {count:,}." if count else "Every payment has settled its invoices.",
        list_url(Payment, "o=-6"),
        "attention" if count else "good",
    )


def _jobs() -> Card:
    rows = dict(
        _rows("SELECT status, count(*) FROM billing_job WHERE tenant_id = %s GROUP BY 1", [current_tenant_id()])
    )
    busy = rows.get(JobStatus.QUEUED, 0) + rows.get(JobStatus.RUNNING, 0)
    failed = rows.get(JobStatus.FAILED, 0)
    return Card(
        "Work under way",
        f"{busy:,}" if busy else _NOTHING,
        f"{counted(failed, 'job', 'jobs')} failed; look and start again."
        if failed
        else "Billing runs, imports, recognition.",
        list_url(Job),
        "attention" if failed else "calm",
    )


def _rows(sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def _sums(rows: Iterable[tuple[str, Decimal]]) -> str:
    return "\n".join(format_money(amount, currency) for currency, amount in rows)


add_cards(10, _billing_cards)
