"""Posted entries as journal documents."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from accounting.models import Account, JournalEntry, JournalLine, entry_number
from billing.models import BusinessEntity
from integrations.builders.dimensions import Dimensions
from integrations.builders.mapped import Built, Mapped, external_ids, receivable_accounts
from integrations.builders.rates import simplest_rate
from integrations.connectors import base
from integrations.connectors.base import DeliveryError, Rejected
from integrations.documents import JournalDocument, JournalLineDocument, Kind, reference_of
from integrations.models import Connection, MappingKind, OutboxItem
from integrations.policy import leaves_drafts


class JournalLineRow(NamedTuple):
    """What a line brings along, as read from the journal."""

    entry_id: int
    account_id: int
    currency: str
    debit: Decimal
    credit: Decimal
    base_debit: Decimal
    base_credit: Decimal
    customer_id: int | None
    product_id: int | None

    @property
    def is_plain(self) -> bool:
        """Whether the line moves an amount of its currency, and not the base amount alone."""
        return bool(self.debit or self.credit)


def entries(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build one journal document per entry, in a constant number of queries."""
    ids = [item.subject_id for item in items]
    heads = JournalEntry.objects.in_bulk(ids)
    lines: dict[int, list[JournalLineRow]] = defaultdict(list)
    rows = JournalLine.objects.filter(entry_id__in=ids).order_by("entry_id", "position")
    for row in rows.values_list(*JournalLineRow._fields):
        line = JournalLineRow(*row)
        lines[line.entry_id].append(line)
    builder = JournalBuilder(
        connection,
        [line for some in lines.values() for line in some],
        reversed_ids=[head.reverses_id for head in heads.values() if head.reverses_id],
    )
    built: dict[int, Built] = {}
    for item in items:
        try:
            built[item.pk] = builder.entry(heads[item.subject_id], lines[item.subject_id])
        except DeliveryError as error:
            built[item.pk] = error
    return built


class JournalBuilder:
    """Maps lines of entries; everything that a batch needs is read when it is made."""

    def __init__(
        self, connection: Connection, lines: Sequence[JournalLineRow], *, reversed_ids: Sequence[int] = ()
    ) -> None:
        self._connection = connection
        # A company there that keeps one currency takes base amounts just as well as a vendor without others does.
        keeps_one = connection.company.get("multi_currency") is False
        spec = base.get(connection.erp)
        self._in_base, self._decimals = spec.journals_in_base or keeps_one, spec.decimals
        self._one_customer = connection.option("ar_customer", "one") != "each"
        self._draft = leaves_drafts(connection)
        accounts = {line.account_id for line in lines}
        self._mapped = Mapped(
            connection,
            {
                MappingKind.ACCOUNT: accounts,
                MappingKind.CUSTOMER: {line.customer_id for line in lines if line.customer_id},
                MappingKind.SUBSIDIARY: None,
                MappingKind.DEFAULT_CUSTOMER: None,
            },
        )
        self._receivable = receivable_accounts(connection)
        self._accounts = Account.objects.in_bulk(accounts)
        self._base_currency = dict(BusinessEntity.objects.values_list("id", "base_currency"))
        self._reversed = external_ids(connection, Kind.JOURNAL_ENTRY, reversed_ids)
        self._dimensions = Dimensions(connection, products={line.product_id for line in lines if line.product_id})

    def entry(self, entry: JournalEntry, lines: Sequence[JournalLineRow]) -> JournalDocument:
        """Map one entry. Raises MissingMapping."""
        entity_id = entry.business_entity_id
        home = self._base_currency[entity_id]
        rate = Decimal(1) if entry.currency == home else self._rate(lines, home)
        in_base = rate is None
        if in_base:
            lines = [line for line in lines if line.base_debit or line.base_credit]
        if not lines:
            raise Rejected("amount", f"In {home} the entry comes to nothing, so there is nothing to send. Skip it.")
        return JournalDocument(
            reference=reference_of(self._connection.reference_prefix, Kind.JOURNAL_ENTRY, entry.pk),
            date=entry.date,
            currency=entry.currency if rate else home,
            rate=rate or Decimal(1),
            description=f"{entry_number(entry.pk)} {entry.description}",
            lines=tuple(self.line(line, entry.description, entity_id=entity_id, in_base=in_base) for line in lines),
            subsidiary=self._mapped.subsidiary(entity_id),
            reverses=self._reversed.get(entry.reverses_id or 0, ("", ""))[0],
            draft=self._draft,
        )

    def _rate(self, lines: Sequence[JournalLineRow], home: str) -> Decimal | None:
        """Find the rate at which the ERP gets our base amounts to the cent from foreign ones; None: send base amounts.

        None as well where the ERP keeps fewer decimals than an amount has, such as two of a dinar's three, and where a line
        names a customer: that one has a currency, and an exchange difference is in another.
        """
        if self._in_base or not all(line.is_plain for line in lines) or any(map(self._names_customer, lines)):
            return None
        amounts = [(line.debit or line.credit, line.base_debit or line.base_credit) for line in lines]
        if not all(self._keeps(amount) for amount, _ in amounts):
            return None
        return simplest_rate(amounts, base_currency=home)

    def _keeps(self, amount: Decimal) -> bool:
        return self._decimals is None or round(amount, self._decimals) == amount

    def _names_customer(self, line: JournalLineRow) -> bool:
        return self._mapped.get(MappingKind.ACCOUNT, line.account_id) in self._receivable

    def line(self, line: JournalLineRow, description: str, *, entity_id: int, in_base: bool) -> JournalLineDocument:
        """Map one line, in the base currency if asked; the foreign amount is then named in its description."""
        account = self._mapped.need(MappingKind.ACCOUNT, line.account_id, name=str(self._accounts[line.account_id]))
        is_foreign = line.currency != self._base_currency[entity_id]
        if in_base and is_foreign and line.is_plain:
            description = f"{description} ({line.currency} {line.debit or line.credit:f})"
        return JournalLineDocument(
            account=account,
            debit=line.base_debit if in_base else line.debit,
            credit=line.base_credit if in_base else line.credit,
            description=description,
            customer=self._customer(line, entity_id, is_foreign=is_foreign) if account in self._receivable else None,
            dimensions=self._dimensions.of(
                product_id=line.product_id, customer_id=line.customer_id, entity_id=entity_id
            ),
        )

    def subsidiary(self, entity_id: int) -> str:
        """Give the ERP's subsidiary of a business entity. Raises MissingMapping."""
        return self._mapped.subsidiary(entity_id)

    def _customer(self, line: JournalLineRow, entity_id: int, *, is_foreign: bool) -> str:
        # Where the entity's subsidiary has a customer of its own, it is that one.
        default = self._mapped.get(MappingKind.DEFAULT_CUSTOMER, entity_id)
        # A customer there has one currency; what is in another goes to the one that is in the base currency.
        if is_foreign:
            return default or self._mapped.need(MappingKind.DEFAULT_CUSTOMER)
        own = self._mapped.get(MappingKind.CUSTOMER, line.customer_id) if line.customer_id else None
        if own is None and line.customer_id and not self._one_customer:
            return self._mapped.need(MappingKind.CUSTOMER, line.customer_id)
        return own or default or self._mapped.need(MappingKind.DEFAULT_CUSTOMER)
