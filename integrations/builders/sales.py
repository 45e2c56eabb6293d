"""Invoices, voids and credit notes as documents."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from billing.models import CreditNote, CreditNoteLine, Customer, Invoice, InvoiceLine, Product, TaxRate
from integrations.builders.mapped import Built, Mapped, external_ids
from integrations.connectors import base
from integrations.connectors.base import Company, DeliveryError, MissingMapping
from integrations.documents import (
    CreditNoteDocument,
    InvoiceDocument,
    Kind,
    SalesLineDocument,
    VoidDocument,
    reference_of,
)
from integrations.models import Connection, MappingKind, OutboxItem


class _Line(NamedTuple):
    document_id: int
    product_id: int
    description: str
    quantity: Decimal
    unit_amount: Decimal
    net: Decimal
    tax: Decimal
    tax_rate_id: int | None


def invoices(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build invoices, in four queries."""
    ids = [item.subject_id for item in items]
    fields = ("id", "number", "issued_on", "due_on", "customer_id", "currency", "net", "tax", "total")
    heads = {row["id"]: row for row in Invoice.objects.filter(id__in=ids).values(*fields)}
    rows = InvoiceLine.objects.filter(invoice_id__in=ids).order_by("invoice_id", "position")
    names = ("invoice_id", "product_id", "description", "quantity", "unit_amount", "net", "tax", "tax_rate_id")
    lines = _by_document(_Line(*row) for row in rows.values_list(*names))
    mapped = _Mapped(connection, heads.values(), lines)

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
            lines=tuple(mapped.line(line) for line in lines[item.subject_id]),
        )

    return _each(items, document)


def credit_notes(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build credit notes, in four queries."""
    ids = [item.subject_id for item in items]
    fields = ("id", "number", "issued_on", "customer_id", "currency", "net", "tax", "total", "reason")
    heads = {row["id"]: row for row in CreditNote.objects.filter(id__in=ids).values(*fields)}
    rows = CreditNoteLine.objects.filter(credit_note_id__in=ids).order_by("credit_note_id", "id")
    names = ("credit_note_id", "product_id", "description", "net", "tax", "invoice_line__tax_rate_id")
    lines = _by_document(
        _Line(document_id, product_id, description, Decimal(1), net, net, tax, rate_id)
        for document_id, product_id, description, net, tax, rate_id in rows.values_list(*names)
    )
    mapped = _Mapped(connection, heads.values(), lines)

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
            lines=tuple(mapped.line(line) for line in lines[item.subject_id]),
        )

    return _each(items, document)


def invoice_voids(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build voids of invoices that the ERP holds."""
    ids = [item.subject_id for item in items]
    held = external_ids(connection, Kind.INVOICE, ids)
    why = {
        pk: (day, words)
        for pk, day, words in Invoice.objects.filter(id__in=ids).values_list("id", "voided_on", "void_reason")
    }

    def document(item: OutboxItem) -> VoidDocument:
        day, reason = why[item.subject_id]
        if item.subject_id not in held or day is None:
            raise MissingMapping(
                Kind.INVOICE,
                item.subject_id,
                "The ERP never got this invoice, so there is nothing to void. Skip this item.",
            )
        external_id, token = held[item.subject_id]
        reference = reference_of(connection.reference_prefix, Kind.INVOICE_VOID, item.subject_id)
        return VoidDocument(reference=reference, external_id=external_id, sync_token=token, date=day, reason=reason)

    return _each(items, document)


class _Mapped:
    """The mapping that a batch of sales documents needs."""

    def __init__(self, connection: Connection, heads: Iterable[dict[str, Any]], lines: dict[int, list[_Line]]) -> None:
        every = [line for some in lines.values() for line in some]
        self._with_codes = base.get(connection.erp).needs_tax_code(Company.from_json(connection.company))
        self._found = Mapped(
            connection,
            {
                MappingKind.CUSTOMER: {head["customer_id"] for head in heads},
                MappingKind.PRODUCT: {line.product_id for line in every},
                MappingKind.TAX_CODE: {line.tax_rate_id for line in every if line.tax_rate_id},
                MappingKind.DEFAULT_PRODUCT: None,
            },
        )

    def customer(self, customer_id: int) -> str:
        """Give the ERP's customer. Raises MissingMapping."""
        external = self._found.get(MappingKind.CUSTOMER, customer_id)
        return external or self._found.need(
            MappingKind.CUSTOMER, customer_id, name=str(Customer.objects.filter(pk=customer_id).first())
        )

    def line(self, line: _Line) -> SalesLineDocument:
        """Map one line. Raises MissingMapping."""
        product = self._found.get(MappingKind.PRODUCT, line.product_id) or self._found.get(MappingKind.DEFAULT_PRODUCT)
        if product is None:
            name = str(Product.objects.filter(pk=line.product_id).first())
            product = self._found.need(MappingKind.PRODUCT, line.product_id, name=name)
        return SalesLineDocument(
            product=product,
            description=line.description,
            quantity=line.quantity,
            unit_amount=line.unit_amount,
            net=line.net,
            tax=line.tax,
            tax_code=self._tax_code(line) if self._with_codes and line.tax else None,
        )

    def _tax_code(self, line: _Line) -> str:
        found = self._found.get(MappingKind.TAX_CODE, line.tax_rate_id)
        name = "" if found else str(TaxRate.objects.filter(id=line.tax_rate_id or 0).first())
        return found or self._found.need(MappingKind.TAX_CODE, line.tax_rate_id, name=name)


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
