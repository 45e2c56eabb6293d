"""What the ERP's side adds to the close check list: what is parked or on its way, and whether both books agree."""

from datetime import date

from django.db.models import Count, Model, Q, QuerySet

from accounting.closing import CloseCheck, Found, register
from accounting.closing.checklist import last_day
from accounting.models import AccountingPeriod, JournalEntry
from billing.models import CreditNote, Invoice, Payment
from billing.periods import day_words
from billing.wording import counted
from integrations.kinds import Kind
from integrations.models import (
    Connection,
    ConnectionStatus,
    OutboxItem,
    OutboxState,
    Reconciliation,
    SummarizedEntry,
)
from integrations.reconciliation import signed_off_through


def _connections(period: AccountingPeriod) -> list[Connection]:
    serving = Q(business_entity=period.business_entity_id) | Q(business_entity=None)
    found = Connection.objects.filter(serving).exclude(status=ConnectionStatus.DISABLED).defer("credentials")
    live = [each for each in found if not each.option("setting_up", False)]  # What is not live yet has no books.
    # The one for all serves an entity only while that has none of its own.
    return [each for each in live if each.business_entity_id is not None] or live


def _items(period: AccountingPeriod, state: str, what: str) -> Found:
    connections = _connections(period)
    items = OutboxItem.objects.filter(connection__in=connections, state=state).exclude(_of_later(period)).order_by()
    counts = dict(items.values_list("connection").annotate(Count("id")))
    details = tuple(f"{each.name}: {counts[each.pk]:,}" for each in connections if each.pk in counts)
    count = sum(counts.values())
    return Found(count, what.format(f"{count:,}") if count else "Nothing.", details, f"state__exact={state}")


def _of_later(period: AccountingPeriod) -> Q:
    """What is dated after the month is no matter of its closing. Other kinds have no day of their own and always count."""
    dated: tuple[tuple[Kind, type[Model], str], ...] = (
        (Kind.JOURNAL_ENTRY, JournalEntry, "date"),
        (Kind.INVOICE, Invoice, "issued_on"),
        (Kind.CREDIT_NOTE, CreditNote, "issued_on"),
        (Kind.PAYMENT, Payment, "received_on"),
    )
    later = Q()
    for kind, model, day in dated:
        subjects = model._default_manager.filter(
            **{"business_entity": period.business_entity_id, f"{day}__gte": period.end}
        )
        later |= Q(kind=kind, subject_id__in=subjects.order_by().values("pk"))
    return later


def _parked(period: AccountingPeriod, today: date) -> Found:
    return _items(period, OutboxState.PARKED, "Parked, waiting for a person to decide: {}.")


def _waiting(period: AccountingPeriod, today: date) -> Found:
    found = _items(period, OutboxState.PENDING, "Not delivered to the ERP yet: {}.")
    if found.count:
        return found
    approval = _items(period, OutboxState.APPROVAL, "Waiting for approval: {}.")
    if approval.count:
        return approval
    sums = SummarizedEntry.objects.filter(
        connection__in=_connections(period), summary=None, entry_id__in=_entries(period)
    )
    count = sums.count()
    return Found(count, f"Entries whose sum has not gone out yet: {count:,}." if count else "Nothing.")


def _entries(period: AccountingPeriod) -> QuerySet[JournalEntry, int]:
    rows = JournalEntry.objects.filter(
        business_entity=period.business_entity_id, date__gte=period.start, date__lt=period.end
    )
    return rows.values_list("id", flat=True)


def _reconciled(period: AccountingPeriod, today: date) -> Found:
    wrong = []
    connections = _connections(period)
    covered = signed_off_through(connections)
    made = Reconciliation.objects.filter(connection__in=connections, through__gte=last_day(period))
    # That of the month itself before one of a longer time.
    made = (
        made.order_by("connection_id", "through", "-id")
        .distinct("connection_id")
        .only("connection", "difference_count")
    )
    newest = {each.connection_id: each for each in made}
    for connection in connections:
        if connection.pk in covered and covered[connection.pk] >= last_day(period):
            continue
        last = newest.get(connection.pk)
        if last is None:
            wrong.append(f"{connection}: not reconciled through {day_words(last_day(period))}.")
        elif last.difference_count:
            wrong.append(f"{connection}: {last.difference_count:,} differences at the last reconciliation.")
        else:
            wrong.append(f"{connection}: the reconciliation agrees, but nobody signed it off.")
    if not wrong:
        return Found(0, "The ERP's books agree, or no ERP is connected.")
    what = counted(len(wrong), "connection is", "connections are")
    return Found(len(wrong), f"{what} not reconciled and signed off yet.", tuple(wrong))


register(
    CloseCheck("parked_items", "Nothing is parked", _parked, "integrations_outboxitem_changelist", is_blocking=False),
    CloseCheck(
        "undelivered_items",
        "Everything is delivered",
        _waiting,
        "integrations_outboxitem_changelist",
        is_blocking=False,
    ),
    CloseCheck(
        "reconciliation", "The ERP agrees", _reconciled, "integrations_reconciliation_changelist", is_blocking=False
    ),
)
