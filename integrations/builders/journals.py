"""Posted entries as journal documents."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from accounting.models import Account, JournalEntry, JournalLine, entry_number
from integrations.builders.mapped import Built, Mapped, receivable_accounts
from integrations.connectors.base import DeliveryError, Rejected
from integrations.documents import JournalDocument, JournalLineDocument, Kind, reference_of
from integrations.models import Connection, MappingKind, OutboxItem

_RATE_DIGITS = Decimal("0.0000000001")


class _Line(NamedTuple):
    entry_id: int
    account_id: int
    currency: str
    debit: Decimal
    credit: Decimal
    base_debit: Decimal
    base_credit: Decimal
    customer_id: int | None


def entries(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build one journal document per entry, in five queries."""
    ids = [item.subject_id for item in items]
    heads = JournalEntry.objects.in_bulk(ids)
    lines: dict[int, list[_Line]] = defaultdict(list)
    for row in (
        JournalLine.objects.filter(entry_id__in=ids).order_by("entry_id", "position").values_list(*_Line._fields)
    ):
        line = _Line(*row)
        lines[line.entry_id].append(line)
    customers = {line.customer_id for some in lines.values() for line in some if line.customer_id}
    accounts = {line.account_id for some in lines.values() for line in some}
    mapped = Mapped(
        connection, {MappingKind.ACCOUNT: accounts, MappingKind.CUSTOMER: customers, MappingKind.DEFAULT_CUSTOMER: None}
    )
    builder = _Builder(connection, mapped, receivable_accounts(connection), Account.objects.in_bulk(accounts))
    built: dict[int, Built] = {}
    for item in items:
        try:
            built[item.pk] = builder.document(heads[item.subject_id], lines[item.subject_id])
        except DeliveryError as error:
            built[item.pk] = error
    return built


class _Builder:
    def __init__(
        self, connection: Connection, mapped: Mapped, receivable: set[str], accounts: dict[int, Account]
    ) -> None:
        self._prefix = connection.reference_prefix
        self._one_customer = connection.option("ar_customer", "one") != "each"
        self._mapped = mapped
        self._receivable = receivable
        self._accounts = accounts

    def document(self, entry: JournalEntry, lines: list[_Line]) -> JournalDocument:
        """Map one entry. Raises MissingMapping, Rejected."""
        if any(line.currency != entry.currency or not (line.debit or line.credit) for line in lines):
            raise Rejected(
                "base_only",
                f"{entry.number} changes amounts in the base currency only; QuickBooks takes one currency per entry. "
                "Post it there by hand and skip this item.",
            )
        debit = sum((line.debit for line in lines), Decimal(0))
        base = sum((line.base_debit for line in lines), Decimal(0))
        return JournalDocument(
            reference=reference_of(self._prefix, Kind.JOURNAL_ENTRY, entry.pk),
            date=entry.date,
            currency=entry.currency,
            rate=(base / debit).quantize(_RATE_DIGITS).normalize() if debit else Decimal(1),
            description=f"{entry_number(entry.pk)} {entry.description}",
            lines=tuple(self._line(line, entry.description) for line in lines),
        )

    def _line(self, line: _Line, description: str) -> JournalLineDocument:
        account = self._mapped.need(MappingKind.ACCOUNT, line.account_id, name=str(self._accounts[line.account_id]))
        return JournalLineDocument(
            account=account,
            debit=line.debit,
            credit=line.credit,
            description=description,
            customer=self._customer(line) if account in self._receivable else None,
        )

    def _customer(self, line: _Line) -> str:
        own = self._mapped.get(MappingKind.CUSTOMER, line.customer_id) if line.customer_id else None
        if own is None and line.customer_id and not self._one_customer:
            return self._mapped.need(MappingKind.CUSTOMER, line.customer_id)
        return own or self._mapped.need(MappingKind.DEFAULT_CUSTOMER)
