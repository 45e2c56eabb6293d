"""Sums of entries as journal documents: one line for each account, side, customer and set of dimensions."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from django.db.models import BooleanField, ExpressionWrapper, Min, Q, Sum

from accounting.models import JournalLine
from billing.models import BusinessEntity
from integrations.builders.journals import JournalBuilder, JournalLineRow
from integrations.builders.mapped import Built
from integrations.connectors.base import DeliveryError
from integrations.documents import JournalDocument, JournalLineDocument, Kind, reference_of
from integrations.models import Connection, JournalSummary, OutboxItem
from integrations.policy import leaves_drafts

_IS_DEBIT = ExpressionWrapper(Q(debit__gt=0) | Q(base_debit__gt=0), output_field=BooleanField())


def summaries(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build one journal document per sum. A foreign currency is sent in the base currency: its rates differ by day."""
    found = JournalSummary.objects.in_bulk([item.subject_id for item in items])
    home = dict(BusinessEntity.objects.values_list("id", "base_currency"))
    built: dict[int, Built] = {}
    for item in items:
        summary = found[item.subject_id]
        try:
            built[item.pk] = _document(connection, summary, _added_up(summary), home[summary.business_entity_id])
        except DeliveryError as error:
            built[item.pk] = error
    return built


def _added_up(summary: JournalSummary) -> list[JournalLineRow]:
    """Add up the lines that are mapped alike, each side by itself; very many may be in one sum, so the database does it."""
    lines = JournalLine.objects.filter(entry_id__in=summary.entries.values("entry_id"))
    groups = lines.values("account_id", "currency", "customer_id", "product_id", is_debit=_IS_DEBIT)
    sums = groups.annotate(
        first=Min("id"),
        debits=Sum("debit"),
        credits=Sum("credit"),
        base_debits=Sum("base_debit"),
        base_credits=Sum("base_credit"),
    )
    return [
        JournalLineRow(
            entry_id=0,
            account_id=each["account_id"],
            currency=each["currency"],
            debit=each["debits"],
            credit=each["credits"],
            base_debit=each["base_debits"],
            base_credit=each["base_credits"],
            customer_id=each["customer_id"],
            product_id=each["product_id"],
        )
        for each in sums.order_by("account_id", "first")
    ]


def _document(
    connection: Connection, summary: JournalSummary, lines: Sequence[JournalLineRow], home: str
) -> JournalDocument:
    builder = JournalBuilder(connection, lines)
    words = f"Counterfoil: {summary}"
    in_base = summary.currency != home
    sums: dict[JournalLineDocument, Decimal] = defaultdict(Decimal)
    nets = summary.unit == "open"  # An opening balance has one side; the turnover of a day or month has two.
    for line in lines:
        mapped = builder.line(line, words, entity_id=summary.business_entity_id, in_base=in_base)
        is_debit = bool(mapped.debit) or nets
        like = replace(mapped, debit=Decimal(is_debit), credit=Decimal(not is_debit), description=words)
        sums[like] += mapped.debit - mapped.credit if nets else mapped.debit or mapped.credit
    return JournalDocument(
        reference=reference_of(connection.reference_prefix, Kind.JOURNAL_SUMMARY, summary.pk),
        date=summary.end,
        currency=home if in_base else summary.currency,
        rate=Decimal(1),
        description=words,
        lines=tuple(_with(like, amount) for like, amount in sums.items() if amount),
        subsidiary=builder.subsidiary(summary.business_entity_id),
        draft=leaves_drafts(connection),
    )


def _with(like: JournalLineDocument, amount: Decimal) -> JournalLineDocument:
    """Give a line its sum; one below zero stands on the other side."""
    is_debit = bool(like.debit) == (amount > 0)
    return replace(like, debit=abs(amount) if is_debit else Decimal(0), credit=Decimal(0) if is_debit else abs(amount))
