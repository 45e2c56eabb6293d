"""Invoices, voids and credit notes as documents."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from billing.models import CreditNote, CreditNoteLine, Customer, Invoice, InvoiceLine, Product, TaxRate, WalletDraw
from integrations.builders.dimensions import Dimensions
from integrations.builders.lists import revenue_accounts
from integrations.builders.mapped import Built, Mapped, external_ids
from integrations.builders.rates import Rates
from integrations.builders.settled import Bill, allocations_of, by_credit_notes, held_bills
from integrations.connectors import base
from integrations.connectors.base import Company, DeliveryError, MissingMapping
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
from integrations.policy import leaves_drafts

_HEAD = ("id", "business_entity_id", "number", "issued_on", "customer_id", "currency", "net", "tax", "total")


class _Line(NamedTuple):
    document_id: int
    product_id: int
    description: str
    quantity: Decimal
    unit_amount: Decimal
    net: Decimal
    tax: Decimal
    tax_rate_id: int | None
    tax_percent: Decimal


def invoices(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build invoices, in four queries."""
    ids = [item.subject_id for item in items]
    fields = (*_HEAD, "due_on")
    heads = {row["id"]: row for row in Invoice.objects.filter(id__in=ids).values(*fields)}
    rows = InvoiceLine.objects.filter(invoice_id__in=ids).order_by("invoice_id", "position")
    names = (
        "invoice_id",
        "product_id",
        "description",
        "quantity",
        "unit_amount",
        "net",
        "tax",
        "tax_rate_id",
        "tax_percent",
    )
    lines = _by_document(_Line(*row) for row in rows.values_list(*names))
    mapped = _Mapped(connection, heads.values(), lines, dimension="invoice_id")

    def document(item: OutboxItem) -> InvoiceDocument:
        head = heads[item.subject_id]
        return InvoiceDocument(
            reference=reference_of(connection.reference_prefix, Kind.INVOICE, item.subject_id),
            number=head["number"],
            date=head["issued_on"],
            due=head["due_on"],
            customer=mapped.customer(head["customer_id"]),
            currency=head["currency"],
            net=head["net"],
            tax=head["tax"],
            total=head["total"],
            lines=tuple(mapped.line(line, head) for line in lines[item.subject_id]),
            rate=mapped.rate(head),
            subsidiary=mapped.subsidiary(head),
            draft=leaves_drafts(connection),
        )

    return _each(items, document)


def credit_notes(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build credit notes, in four queries."""
    ids = [item.subject_id for item in items]
    fields = (*_HEAD, "reason", "invoice_id", "to_wallet", "to_refund")
    heads = {row["id"]: row for row in CreditNote.objects.filter(id__in=ids).values(*fields)}
    rows = CreditNoteLine.objects.filter(credit_note_id__in=ids).order_by("credit_note_id", "id")
    names = ("credit_note_id", "product_id", "description", "net", "tax", "invoice_line__tax_rate_id", "tax_percent")
    lines = _by_document(
        _Line(document_id, product_id, description, Decimal(1), net, net, tax, rate_id, percent)
        for document_id, product_id, description, net, tax, rate_id, percent in rows.values_list(*names)
    )
    mapped = _Mapped(connection, heads.values(), lines, dimension="credit_note_id")
    held = external_ids(connection, Kind.INVOICE, [head["invoice_id"] for head in heads.values()])

    def document(item: OutboxItem) -> CreditNoteDocument:
        head = heads[item.subject_id]
        return CreditNoteDocument(
            reference=reference_of(connection.reference_prefix, Kind.CREDIT_NOTE, item.subject_id),
            number=head["number"],
            date=head["issued_on"],
            customer=mapped.customer(head["customer_id"]),
            currency=head["currency"],
            net=head["net"],
            tax=head["tax"],
            total=head["total"],
            reason=head["reason"],
            lines=tuple(mapped.line(line, head) for line in lines[item.subject_id]),
            rate=mapped.rate(head),
            subsidiary=mapped.subsidiary(head),
            draft=leaves_drafts(connection),
            allocations=(
                (AllocationDocument(held[head["invoice_id"]][0], _settled(head)),)
                if head["invoice_id"] in held and _settled(head)
                else ()
            ),
        )

    return _each(items, document)


def credit_allocations(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build what lets credit notes settle their invoices. The subject is the credit note."""
    return _credit_allocations(
        connection,
        {item.pk: (item.subject_id, None) for item in items},
        {item.pk: reference_of(connection.reference_prefix, Kind.CREDIT_ALLOCATION, item.subject_id) for item in items},
    )


def wallet_credits(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build what lets credit notes settle what the wallet that kept them was applied to. The subject is a draw of it."""
    rows = WalletDraw.objects.filter(id__in=[item.subject_id for item in items])
    draws = {
        row["id"]: row
        for row in rows.values("id", "source__credit_note_id", "entry__invoice_id", "entry__on", "amount")
    }
    wanted = {item.pk: (draws[item.subject_id]["source__credit_note_id"], draws[item.subject_id]) for item in items}
    references = {
        item.pk: reference_of(connection.reference_prefix, Kind.WALLET_CREDIT, item.subject_id) for item in items
    }
    return _credit_allocations(connection, wanted, references)


def _credit_allocations(
    connection: Connection, wanted: Mapping[int, tuple[int, Mapping[str, Any] | None]], references: Mapping[int, str]
) -> dict[int, Built]:
    """Build allocations of credit notes; `wanted` gives, by item, the note and the wallet's draw that brings the new part."""
    ids = {note for note, _ in wanted.values()}
    heads = {
        row["id"]: row
        for row in CreditNote.objects.filter(id__in=ids).values(*_HEAD, "invoice_id", "to_wallet", "to_refund")
    }
    notes = external_ids(connection, Kind.CREDIT_NOTE, ids)
    own = {pk: {Bill(Kind.INVOICE, head["invoice_id"]): _settled(head)} for pk, head in heads.items()}
    by_wallet = by_credit_notes(ids)
    bills = held_bills(connection, [*own.values(), *by_wallet.values()])
    mapped = _Mapped(connection, heads.values(), {}, dimension="credit_note_id")
    built: dict[int, Built] = {}
    for item_id, (note, draw) in wanted.items():
        head = heads[note]
        try:
            if note not in notes:
                words = "The ERP does not have the credit note of this allocation. Send that first, then send this item again."
                raise MissingMapping(Kind.CREDIT_NOTE, note, words)
            new = {Bill(Kind.INVOICE, draw["entry__invoice_id"]): draw["amount"]} if draw else own[note]
            altogether: dict[Bill, Decimal] = defaultdict(Decimal, own[note])
            for bill, amount in by_wallet.get(note, {}).items():
                if bill in bills or bill in new:  # What settles an invoice from before is no concern of the others.
                    altogether[bill] += amount
            built[item_id] = CreditAllocationDocument(
                reference=references[item_id],
                date=draw["entry__on"] if draw else head["issued_on"],
                customer=mapped.customer(head["customer_id"]),
                currency=head["currency"],
                credit_note=notes[note][0],
                allocations=allocations_of(altogether, bills, what="credit note"),
                rate=mapped.rate(head),
                added=allocations_of(new, bills, what="credit note"),
            )
        except DeliveryError as error:
            built[item_id] = error
    return built


class _Mapped:
    """The mapping that a batch of sales documents needs."""

    def __init__(
        self,
        connection: Connection,
        heads: Iterable[dict[str, Any]],
        lines: dict[int, list[_Line]],
        *,
        dimension: str,
    ) -> None:
        heads = list(heads)
        every = [line for some in lines.values() for line in some]
        products = {line.product_id for line in every}
        spec = base.get(connection.erp)
        self._with_codes = spec.needs_tax_code(Company.from_json(connection.company))
        self._needs_product = spec.line_product
        found = Product.objects.in_bulk(products) if spec.line_account else {}
        self._accounts = revenue_accounts(connection, list(found.values())) if found else {}
        self._needs_account = spec.line_account
        self._found = Mapped(
            connection,
            {
                MappingKind.CUSTOMER: {head["customer_id"] for head in heads},
                MappingKind.PRODUCT: products,
                MappingKind.TAX_CODE: {line.tax_rate_id for line in every if line.tax_rate_id},
                MappingKind.ACCOUNT: {account.pk for account in self._accounts.values()},
                MappingKind.SUBSIDIARY: None,
                MappingKind.DEFAULT_PRODUCT: None,
            },
        )
        self._dimensions = Dimensions(connection, products=products)
        self._rates = Rates(dimension, [(head["id"], head["business_entity_id"], head["currency"]) for head in heads])

    def customer(self, customer_id: int) -> str:
        """Give the ERP's customer. Raises MissingMapping."""
        external = self._found.get(MappingKind.CUSTOMER, customer_id)
        return external or self._found.need(
            MappingKind.CUSTOMER, customer_id, name=str(Customer.objects.filter(pk=customer_id).first())
        )

    def rate(self, head: dict[str, Any]) -> Decimal:
        """Give the document's rate to the base currency."""
        return self._rates.of(head["id"])

    def subsidiary(self, head: dict[str, Any]) -> str:
        """Give the ERP's subsidiary of the document's entity. Raises MissingMapping."""
        return self._found.subsidiary(head["business_entity_id"])

    def line(self, line: _Line, head: dict[str, Any]) -> SalesLineDocument:
        """Map one line. Raises MissingMapping."""
        return SalesLineDocument(
            product=self._product(line),
            description=line.description,
            quantity=line.quantity,
            unit_amount=line.unit_amount,
            net=line.net,
            tax=line.tax,
            tax_code=self._tax_code(line) if self._with_codes else None,
            account=self._account(line) if self._needs_account else "",
            tax_percent=line.tax_percent,
            dimensions=self._dimensions.of(
                product_id=line.product_id, customer_id=head["customer_id"], entity_id=head["business_entity_id"]
            ),
        )

    def _product(self, line: _Line) -> str:
        found = self._found.get(MappingKind.PRODUCT, line.product_id) or self._found.get(MappingKind.DEFAULT_PRODUCT)
        if found or not self._needs_product:
            return found or ""
        name = str(Product.objects.filter(pk=line.product_id).first())
        return self._found.need(MappingKind.PRODUCT, line.product_id, name=name)

    def _account(self, line: _Line) -> str:
        account = self._accounts.get(line.product_id)
        return self._found.need(
            MappingKind.ACCOUNT, account.pk if account else line.product_id, name=str(account or "of the sale")
        )

    def _tax_code(self, line: _Line) -> str | None:
        """Give the ERP's code; a line without tax has one where its rate, such as zero per cent, is mapped."""
        found = self._found.get(MappingKind.TAX_CODE, line.tax_rate_id) if line.tax_rate_id else None
        if not line.tax:
            return found
        name = "" if found else str(TaxRate.objects.filter(id=line.tax_rate_id or 0).first())
        return found or self._found.need(MappingKind.TAX_CODE, line.tax_rate_id, name=name)


def _settled(note: dict[str, Any]) -> Decimal:
    """What a credit note settled of its invoice; the rest is kept for the customer or owed back."""
    settled: Decimal = note["total"] - note["to_wallet"] - note["to_refund"]
    return settled


def _by_document(lines: Iterable[_Line]) -> dict[int, list[_Line]]:
    grouped: dict[int, list[_Line]] = defaultdict(list)
    for line in lines:
        grouped[line.document_id].append(line)
    return grouped


def _each(items: Sequence[OutboxItem], document: Any) -> dict[int, Built]:
    built: dict[int, Built] = {}
    for item in items:
        try:
            built[item.pk] = document(item)
        except DeliveryError as error:
            built[item.pk] = error
    return built
