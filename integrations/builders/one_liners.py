"""Debt that is given up, bonus that is used, debt that comes in after all: documents of one line, without tax of their own.

Debt given up is a credit note to bad debts in the ERP, a wallet's bonus one to discounts; each settles its invoice there.
What is recovered is owed again by an invoice on bad debts, which the payment settles.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from accounting.models import Account
from billing.models import BusinessEvent, WalletEntry, WriteOff
from integrations.builders.mapped import Built, Mapped, external_ids
from integrations.builders.rates import Rates
from integrations.connectors import base
from integrations.connectors.base import DeliveryError, MissingMapping
from integrations.documents import (
    AllocationDocument,
    CreditAllocationDocument,
    CreditNoteDocument,
    InvoiceDocument,
    Kind,
    SalesLineDocument,
    reference_of,
)
from integrations.models import Connection, MappingKind, OutboxItem

_BAD_DEBT = ("bad_debt_expense", MappingKind.BAD_DEBT_PRODUCT, "for bad debt")
_DISCOUNT = ("discounts_given", MappingKind.DISCOUNT_PRODUCT, "for discounts given")


def write_offs(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build the credit notes of write-offs, in a constant number of queries."""
    return _credit_notes(connection, items, _written_off(items), Kind.WRITE_OFF, _BAD_DEBT)


def allocations(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build what lets these credit notes settle their invoices, where that is a document of its own."""
    return _allocations(connection, items, _written_off(items), Kind.WRITE_OFF, Kind.WRITE_OFF_ALLOCATION)


def bonuses(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build the credit notes of bonus that was used; the subject is the wallet's entry."""
    return _credit_notes(connection, items, _bonus_used(items), Kind.WALLET_BONUS, _DISCOUNT)


def bonus_uses(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build what lets these credit notes settle their invoices, where that is a document of its own."""
    return _allocations(connection, items, _bonus_used(items), Kind.WALLET_BONUS, Kind.WALLET_BONUS_USE)


def recoveries(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build the invoices of debt that is owed again; the subject is the event of the recovery."""
    rows = {}
    for event in BusinessEvent.objects.filter(id__in=[item.subject_id for item in items]):
        rows[event.pk] = {
            "id": event.pk,
            "business_entity_id": event.business_entity_id,
            "customer_id": event.payload["customer_id"],
            "invoice_id": event.payload["invoice_id"],
            "date": event.occurred_on,
            "currency": event.payload["currency"],
            "amount": Decimal(event.payload["amount"]),
            "words": "Recovered after it was written off",
        }
    needed = _Needed(connection, rows, _BAD_DEBT, rate_of="entry__event_id", rate_by="id")

    def document(row: Mapping[str, Any], reference: str) -> InvoiceDocument:
        return InvoiceDocument(
            reference=reference,
            number=reference,
            date=row["date"],
            due=row["date"],
            customer=needed.customer(row),
            currency=row["currency"],
            net=row["amount"],
            tax=Decimal(0),
            total=row["amount"],
            lines=(needed.line(row),),
            rate=needed.rate(row),
            subsidiary=needed.mapped.subsidiary(row["business_entity_id"]),
        )

    return _each(connection, items, rows, Kind.RECOVERY, document)


def _written_off(items: Sequence[OutboxItem]) -> dict[int, dict[str, Any]]:
    found = WriteOff.objects.filter(id__in=[item.subject_id for item in items]).values(
        "id", "business_entity_id", "customer_id", "invoice_id", "written_off_on", "currency", "amount", "reason"
    )
    return {row["id"]: row | {"date": row["written_off_on"], "words": f"Written off: {row['reason']}"} for row in found}


def _bonus_used(items: Sequence[OutboxItem]) -> dict[int, dict[str, Any]]:
    rows = {}
    found = WalletEntry.objects.filter(id__in=[item.subject_id for item in items]).select_related("wallet")
    for entry in found:
        rows[entry.pk] = {
            "id": entry.pk,
            "business_entity_id": entry.wallet.business_entity_id,
            "customer_id": entry.wallet.customer_id,
            "invoice_id": entry.invoice_id,
            "date": entry.on,
            "currency": entry.currency,
            "amount": -entry.bonus.amount,
            "words": "Bonus of the wallet",
        }
    return rows


def _credit_notes(
    connection: Connection,
    items: Sequence[OutboxItem],
    rows: Mapping[int, Mapping[str, Any]],
    kind: Kind,
    goes_to: tuple[str, MappingKind, str],
) -> dict[int, Built]:
    needed = _Needed(connection, rows, goes_to)

    def document(row: Mapping[str, Any], reference: str) -> CreditNoteDocument:
        return CreditNoteDocument(
            reference=reference,
            number=reference,
            date=row["date"],
            customer=needed.customer(row),
            currency=row["currency"],
            net=row["amount"],
            tax=Decimal(0),
            total=row["amount"],
            reason=row["words"],
            lines=(needed.line(row),),
            rate=needed.rate(row),
            subsidiary=needed.mapped.subsidiary(row["business_entity_id"]),
            allocations=(AllocationDocument(needed.invoice(row), row["amount"]),),
        )

    return _each(connection, items, rows, kind, document)


def _allocations(
    connection: Connection,
    items: Sequence[OutboxItem],
    rows: Mapping[int, Mapping[str, Any]],
    credited_as: Kind,
    kind: Kind,
) -> dict[int, Built]:
    needed = _Needed(connection, rows, _BAD_DEBT)
    notes = external_ids(connection, credited_as, [item.subject_id for item in items])

    def document(row: Mapping[str, Any], reference: str) -> CreditAllocationDocument:
        if row["id"] not in notes:
            words = (
                "The ERP does not have the credit note of this allocation. Send that first, then send this item again."
            )
            raise MissingMapping(credited_as, row["id"], words)
        parts = (AllocationDocument(needed.invoice(row), row["amount"]),)
        return CreditAllocationDocument(
            reference=reference,
            date=row["date"],
            customer=needed.customer(row),
            currency=row["currency"],
            credit_note=notes[row["id"]][0],
            allocations=parts,
            rate=needed.rate(row),
            added=parts,
        )

    return _each(connection, items, rows, kind, document)


def _each(
    connection: Connection,
    items: Sequence[OutboxItem],
    rows: Mapping[int, Mapping[str, Any]],
    kind: Kind,
    document: Any,
) -> dict[int, Built]:
    built: dict[int, Built] = {}
    for item in items:
        reference = reference_of(connection.reference_prefix, kind, item.subject_id)
        try:
            built[item.pk] = document(rows[item.subject_id], reference)
        except DeliveryError as error:
            built[item.pk] = error
    return built


class _Needed:
    """What a batch of such documents needs, read at once."""

    def __init__(
        self,
        connection: Connection,
        rows: Mapping[int, Mapping[str, Any]],
        goes_to: tuple[str, MappingKind, str],
        *,
        rate_of: str = "invoice_id",
        rate_by: str = "invoice_id",
    ) -> None:
        role, self._product, self._name = goes_to
        spec = base.get(connection.erp)
        self._with_product, self._with_account = spec.line_product, spec.line_account
        self._accounts = dict(Account.objects.filter(role=role).values_list("business_entity_id", "id"))
        self._invoices = external_ids(connection, Kind.INVOICE, [row["invoice_id"] for row in rows.values()])
        self.mapped = Mapped(
            connection,
            {
                MappingKind.CUSTOMER: {row["customer_id"] for row in rows.values()},
                MappingKind.ACCOUNT: set(self._accounts.values()),
                MappingKind.SUBSIDIARY: None,
                self._product: None,
            },
        )
        self._rate_by = rate_by
        heads = [(row[rate_by], row["business_entity_id"], row["currency"]) for row in rows.values()]
        self._rates = Rates(rate_of, heads)

    def line(self, row: Mapping[str, Any]) -> SalesLineDocument:
        """Give the one line. Raises MissingMapping."""
        account = self._accounts.get(row["business_entity_id"])
        return SalesLineDocument(
            product=self.mapped.need(self._product) if self._with_product else "",
            description=row["words"],
            quantity=Decimal(1),
            unit_amount=row["amount"],
            net=row["amount"],
            tax=Decimal(0),
            tax_code=None,
            account=self.mapped.need(MappingKind.ACCOUNT, account, name=self._name) if self._with_account else "",
        )

    def customer(self, row: Mapping[str, Any]) -> str:
        """Give the ERP's customer. Raises MissingMapping."""
        return self.mapped.need(MappingKind.CUSTOMER, row["customer_id"])

    def rate(self, row: Mapping[str, Any]) -> Decimal:
        """Give the rate to the base currency; 1 in the base currency."""
        return self._rates.of(row[self._rate_by])

    def invoice(self, row: Mapping[str, Any]) -> str:
        """Give the ERP's invoice that is settled. Raises MissingMapping."""
        if row["invoice_id"] not in self._invoices:
            words = (
                "The ERP does not have the invoice that is settled by this. Send it first, then send this item again."
            )
            raise MissingMapping(Kind.INVOICE, row["invoice_id"], words)
        return self._invoices[row["invoice_id"]][0]
