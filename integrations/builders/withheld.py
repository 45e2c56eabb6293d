"""Tax that customers withheld of payments, as the ERP has it: the subject is the allocation of which it was withheld.

What the state gives back is a second payment on the same invoice, into the account for it (one vendor's payments carry it
themselves); what is lost is a credit note on the account for that.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from accounting.models import Account
from billing.models import Payment, PaymentAllocation
from integrations.builders.mapped import Built, Mapped, external_ids
from integrations.builders.rates import Rates
from integrations.builders.settled import Bill, allocations_of, held_bills, withheld_of
from integrations.connectors import base
from integrations.connectors.base import DeliveryError, MissingMapping
from integrations.counterparts import TAX_COMES_BACK
from integrations.documents import (
    CreditAllocationDocument,
    CreditNoteDocument,
    Kind,
    PaymentDocument,
    SalesLineDocument,
    VoidDocument,
    reference_of,
)
from integrations.models import Connection, MappingKind, OutboxItem
from integrations.models import Mapping as MappingRow

RECOVERABLE, LOST = TAX_COMES_BACK, "tax_withheld"


def accounts_for(role: str) -> dict[int, Account]:
    """Give the accounts of tax withheld by business entity."""
    return {each.business_entity_id: each for each in Account.objects.filter(role=role)}


def accounts_there(connection: Connection) -> dict[int, str]:
    """Give the ERP's accounts that tax withheld is paid into, by business entity."""
    ours = {each.pk: entity for entity, each in accounts_for(RECOVERABLE).items()}
    rows = MappingRow.objects.filter(connection=connection, kind=MappingKind.ACCOUNT, internal_id__in=ours)
    return {ours[pk]: external for pk, external in rows.values_list("internal_id", "external_id") if pk in ours}


def carried_by(payments: QuerySet[Payment]) -> dict[int, Decimal]:
    """Give what was withheld of those payments that say so themselves."""
    some = payments.filter(withheld__gt=0, withheld_is_recoverable=True)
    return dict(some.values_list("id", "withheld"))  # type: ignore[arg-type]  # values_list() gives Decimals


def amounts_of(allocation_ids: Iterable[int]) -> dict[int, Decimal]:
    """Give what was withheld by allocation."""
    ids = set(allocation_ids)
    payments = PaymentAllocation.objects.filter(id__in=ids).values_list("payment_id", flat=True)
    return {pk: sum(tax.values(), Decimal(0)) for pk, tax in withheld_of(payments).items() if pk in ids}


def settled_there(connection: Connection, allocation_ids: Iterable[int]) -> dict[int, dict[str, Decimal]]:
    """Give, by allocation, what the tax settles of the ERP's invoices, as far as it has them."""
    ids = set(allocation_ids)
    payments = PaymentAllocation.objects.filter(id__in=ids).values_list("payment_id", flat=True)
    settled = {pk: tax for pk, tax in withheld_of(payments).items() if pk in ids}
    held = held_bills(connection, settled.values())
    return {pk: {held[bill]: part for bill, part in tax.items() if bill in held} for pk, tax in settled.items()}


class _Needed:
    """What a batch of such documents needs, in a constant number of queries."""

    def __init__(self, connection: Connection, items: Sequence[OutboxItem], role: str) -> None:
        ids = [item.subject_id for item in items]
        rows = PaymentAllocation.objects.filter(id__in=ids).select_related("payment", "invoice")
        self.rows = {row.pk: row for row in rows}
        self.settled: Mapping[int, Mapping[Bill, Decimal]] = withheld_of({row.payment_id for row in rows})
        self.bills = held_bills(connection, [self.settled[pk] for pk in self.rows])
        self._accounts = accounts_for(role)
        self.mapped = Mapped(
            connection,
            {
                MappingKind.CUSTOMER: {row.payment.customer_id for row in rows},
                MappingKind.ACCOUNT: {each.pk for each in self._accounts.values()},
                MappingKind.SUBSIDIARY: None,
                MappingKind.WITHHELD_PRODUCT: None,
            },
        )
        heads = [(row.payment_id, row.payment.business_entity_id, row.currency) for row in rows]
        self._rates = Rates("payment_id", heads)

    def head(self, row: PaymentAllocation, reference: str) -> dict[str, Any]:
        """Give what all of them say. Raises MissingMapping."""
        return {
            "reference": reference,
            "date": row.payment.received_on,
            "customer": self.mapped.need(MappingKind.CUSTOMER, row.payment.customer_id),
            "currency": row.currency,
            "rate": self._rates.of(row.payment_id),
        }

    def account(self, row: PaymentAllocation) -> str:
        """Give the ERP's account of the tax. Raises MissingMapping."""
        ours = self._accounts.get(row.payment.business_entity_id)
        return self.mapped.need(MappingKind.ACCOUNT, ours.pk if ours else None, name=str(ours or "for tax withheld"))

    def amount(self, row: PaymentAllocation) -> Decimal:
        """Give what was withheld."""
        return sum(self.settled[row.pk].values(), Decimal(0))


def payments(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build second payments on the same invoices, into the account of tax that the state gives back."""
    needed = _Needed(connection, items, RECOVERABLE)

    def document(row: PaymentAllocation, reference: str) -> PaymentDocument:
        return PaymentDocument(
            **needed.head(row, reference),
            amount=needed.amount(row),
            note=_words(row),
            deposit_account=needed.account(row),
            allocations=allocations_of(needed.settled[row.pk], needed.bills, what="payment"),
            subsidiary=needed.mapped.subsidiary(row.payment.business_entity_id),
        )

    return _each(connection, items, needed, Kind.WITHHELD, document)


def losses(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build credit notes on the account of tax that nobody gives back."""
    needed = _Needed(connection, items, LOST)
    spec = base.get(connection.erp)

    def document(row: PaymentAllocation, reference: str) -> CreditNoteDocument:
        amount = needed.amount(row)
        line = SalesLineDocument(
            product=needed.mapped.need(MappingKind.WITHHELD_PRODUCT) if spec.line_product else "",
            description=_words(row),
            quantity=Decimal(1),
            unit_amount=amount,
            net=amount,
            tax=Decimal(0),
            tax_code=None,
            account=needed.account(row) if spec.line_account else "",
        )
        return CreditNoteDocument(
            **needed.head(row, reference),
            number=reference,
            net=amount,
            tax=Decimal(0),
            total=amount,
            reason=_words(row),
            lines=(line,),
            subsidiary=needed.mapped.subsidiary(row.payment.business_entity_id),
            allocations=allocations_of(needed.settled[row.pk], needed.bills, what="payment"),
        )

    return _each(connection, items, needed, Kind.WITHHELD_LOSS, document)


def loss_uses(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build what lets these credit notes settle their invoices, where that is a document of its own."""
    needed = _Needed(connection, items, LOST)
    notes = external_ids(connection, Kind.WITHHELD_LOSS, [item.subject_id for item in items])

    def document(row: PaymentAllocation, reference: str) -> CreditAllocationDocument:
        if row.pk not in notes:
            words = "The ERP does not have the credit note of this tax. Send that first, then send this item again."
            raise MissingMapping(Kind.WITHHELD_LOSS, row.pk, words)
        parts = allocations_of(needed.settled[row.pk], needed.bills, what="payment")
        return CreditAllocationDocument(
            **needed.head(row, reference), credit_note=notes[row.pk][0], allocations=parts, added=parts
        )

    return _each(connection, items, needed, Kind.WITHHELD_LOSS_USE, document)


def voids(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build voids of second payments."""
    return _voids(connection, items, Kind.WITHHELD, Kind.WITHHELD_VOID)


def loss_voids(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build voids of these credit notes."""
    return _voids(connection, items, Kind.WITHHELD_LOSS, Kind.WITHHELD_LOSS_VOID)


def _voids(connection: Connection, items: Sequence[OutboxItem], kind: Kind, void: Kind) -> dict[int, Built]:
    ids = [item.subject_id for item in items]
    held = external_ids(connection, kind, ids)
    rows = PaymentAllocation.objects.filter(id__in=ids, payment__voided_on__isnull=False).select_related("payment")
    paid = {row.pk: (row.payment.voided_on, row.payment.void_reason) for row in rows}
    built: dict[int, Built] = {}
    for item in items:
        pk = item.subject_id
        voided_on, reason = paid.get(pk, (None, ""))
        if pk not in held or voided_on is None:
            words = "The ERP never got this tax withheld, so there is nothing to void. Skip this item."
            built[item.pk] = MissingMapping(kind, pk, words)
            continue
        built[item.pk] = VoidDocument(
            reference=reference_of(connection.reference_prefix, void, pk),
            external_id=held[pk][0],
            sync_token=held[pk][1],
            date=voided_on,
            reason=reason,
        )
    return built


def _each(
    connection: Connection, items: Sequence[OutboxItem], needed: _Needed, kind: Kind, document: Any
) -> dict[int, Built]:
    built: dict[int, Built] = {}
    for item in items:
        reference = reference_of(connection.reference_prefix, kind, item.subject_id)
        try:
            built[item.pk] = document(needed.rows[item.subject_id], reference)
        except DeliveryError as error:
            built[item.pk] = error
    return built


def _words(row: PaymentAllocation) -> str:
    return f"Tax withheld by the customer {row.payment.reference}".strip()
