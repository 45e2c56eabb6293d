"""Sums of entries as journal documents: one line for each account, side, customer and set of dimensions."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from accounting.models import JournalLine
from billing.models import BusinessEntity
from integrations.builders.journals import JournalBuilder, JournalLineRow
from integrations.builders.mapped import Built
from integrations.connectors.base import DeliveryError
from integrations.documents import JournalDocument, JournalLineDocument, Kind, reference_of
from integrations.models import Connection, JournalSummary, OutboxItem


def summaries(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build one journal document per sum. A foreign currency is sent in the base currency: its rates differ by day."""
    found = JournalSummary.objects.in_bulk([item.subject_id for item in items])
    home = dict(BusinessEntity.objects.values_list("id", "base_currency"))
    built: dict[int, Built] = {}
    for item in items:  # One sum may hold very many lines, so they are read sum by sum.
        summary = found[item.subject_id]
        entry_ids = summary.entries.values_list("entry_id", flat=True)
        rows = JournalLine.objects.filter(entry_id__in=list(entry_ids)).order_by("account_id", "id")
        lines = [JournalLineRow(*row) for row in rows.values_list(*JournalLineRow._fields)]
        try:
            built[item.pk] = _document(connection, summary, lines, home[summary.business_entity_id])
        except DeliveryError as error:
            built[item.pk] = error
    return built


def _document(
    connection: Connection, summary: JournalSummary, lines: Sequence[JournalLineRow], home: str
) -> JournalDocument:
    builder = JournalBuilder(connection, lines)
    words = f"Counterfoil: {summary}"
    in_base = summary.currency != home
    sums: dict[JournalLineDocument, Decimal] = defaultdict(Decimal)
    for line in lines:
        mapped = builder.line(line, words, entity_id=summary.business_entity_id, in_base=in_base)
        side = "debit" if mapped.debit else "credit"
        like = replace(mapped, debit=Decimal(side == "debit"), credit=Decimal(side == "credit"), description=words)
        sums[like] += mapped.debit or mapped.credit
    return JournalDocument(
        reference=reference_of(connection.reference_prefix, Kind.JOURNAL_SUMMARY, summary.pk),
        date=summary.end,
        currency=home if in_base else summary.currency,
        rate=Decimal(1),
        description=words,
        lines=tuple(
            replace(like, debit=like.debit * amount, credit=like.credit * amount) for like, amount in sums.items()
        ),
        subsidiary=builder.subsidiary(summary.business_entity_id),
        draft=bool(connection.option("draft", False)),
    )
