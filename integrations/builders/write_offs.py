"""Debt that is given up: in the ERP a credit note to bad debts, which settles the invoice there."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from accounting.models import Account
from billing.models import WriteOff
from integrations.builders.mapped import Built, Mapped, external_ids
from integrations.builders.rates import Rates
from integrations.connectors import base
from integrations.connectors.base import DeliveryError, MissingMapping
from integrations.documents import (
    AllocationDocument,
    CreditAllocationDocument,
    CreditNoteDocument,
    Kind,
    SalesLineDocument,
    reference_of,
)
from integrations.models import Connection, MappingKind, OutboxItem

_ROLE = "bad_debt_expense"
_FIELDS = (
    "id", "business_entity_id", "customer_id", "invoice_id", "invoice__number", "written_off_on", "currency", "amount", "reason",
)  # fmt: skip


def write_offs(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build the credit notes, in a constant number of queries. The amount is with tax, and names no tax of its own."""
    needed = _Needed(connection, items)
    built: dict[int, Built] = {}
    for item in items:
        row = needed.rows[item.subject_id]
        reference = reference_of(connection.reference_prefix, Kind.WRITE_OFF, item.subject_id)
        try:
            line = SalesLineDocument(
                product=needed.product(),
                description=f"Written off: {row['invoice__number']}. {row['reason']}",
                quantity=Decimal(1),
                unit_amount=row["amount"],
                net=row["amount"],
                tax=Decimal(0),
                tax_code=None,
                account=needed.account(row),
            )
            built[item.pk] = CreditNoteDocument(
                reference=reference,
                number=reference,
                date=row["written_off_on"],
                customer=needed.mapped.need(MappingKind.CUSTOMER, row["customer_id"]),
                currency=row["currency"],
                net=row["amount"],
                tax=Decimal(0),
                total=row["amount"],
                reason=f"Written off: {row['reason']}",
                lines=(line,),
                rate=needed.rates.of(row["invoice_id"]),
                subsidiary=needed.mapped.subsidiary(row["business_entity_id"]),
                allocations=(AllocationDocument(needed.invoice(row), row["amount"]),),
            )
        except DeliveryError as error:
            built[item.pk] = error
    return built


def allocations(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build what lets these credit notes settle their invoices, where that is a document of its own."""
    needed = _Needed(connection, items)
    notes = external_ids(connection, Kind.WRITE_OFF, [item.subject_id for item in items])
    built: dict[int, Built] = {}
    for item in items:
        row = needed.rows[item.subject_id]
        try:
            if item.subject_id not in notes:
                words = "The ERP does not have the credit note of this write-off. Send that first, then send this item again."
                raise MissingMapping(Kind.WRITE_OFF, item.subject_id, words)
            built[item.pk] = CreditAllocationDocument(
                reference=reference_of(connection.reference_prefix, Kind.WRITE_OFF_ALLOCATION, item.subject_id),
                date=row["written_off_on"],
                customer=needed.mapped.need(MappingKind.CUSTOMER, row["customer_id"]),
                currency=row["currency"],
                credit_note=notes[item.subject_id][0],
                allocations=(AllocationDocument(needed.invoice(row), row["amount"]),),
                rate=needed.rates.of(row["invoice_id"]),
            )
        except DeliveryError as error:
            built[item.pk] = error
    return built


class _Needed:
    """What a batch of write-offs needs, read at once."""

    def __init__(self, connection: Connection, items: Sequence[OutboxItem]) -> None:
        found = WriteOff.objects.filter(id__in=[item.subject_id for item in items]).values(*_FIELDS)
        self.rows: Mapping[int, Any] = {row["id"]: row for row in found}
        rows = list(self.rows.values())
        spec = base.get(connection.erp)
        self._with_product, self._with_account = spec.line_product, spec.line_account
        self._accounts = dict(Account.objects.filter(role=_ROLE).values_list("business_entity_id", "id"))
        self._invoices = external_ids(connection, Kind.INVOICE, [row["invoice_id"] for row in rows])
        self.mapped = Mapped(
            connection,
            {
                MappingKind.CUSTOMER: {row["customer_id"] for row in rows},
                MappingKind.ACCOUNT: set(self._accounts.values()),
                MappingKind.SUBSIDIARY: None,
                MappingKind.BAD_DEBT_PRODUCT: None,
            },
        )
        self.rates = Rates(
            "invoice_id", [(row["invoice_id"], row["business_entity_id"], row["currency"]) for row in rows]
        )

    def product(self) -> str:
        return self.mapped.need(MappingKind.BAD_DEBT_PRODUCT) if self._with_product else ""

    def account(self, row: Mapping[str, Any]) -> str:
        account = self._accounts.get(row["business_entity_id"])
        return self.mapped.need(MappingKind.ACCOUNT, account, name="for bad debt") if self._with_account else ""

    def invoice(self, row: Mapping[str, Any]) -> str:
        if row["invoice_id"] not in self._invoices:
            words = "The ERP does not have the invoice that is written off. Send it first, then send this item again."
            raise MissingMapping(Kind.INVOICE, row["invoice_id"], words)
        return self._invoices[row["invoice_id"]][0]
