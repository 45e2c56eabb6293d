"""Documents as rows of import files: one row a line, what belongs to the whole document repeated on each."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from billing.downloads import harmless
from integrations.documents import (
    CreditAllocationDocument,
    CreditNoteDocument,
    CustomerDocument,
    DimensionDocument,
    Document,
    InvoiceDocument,
    JournalDocument,
    Kind,
    MoneyDocument,
    PaymentDocument,
    ProductDocument,
    RefundDocument,
    VoidDocument,
)

Row = dict[str, str]


def rows_of(kind: Kind, document: Document) -> list[Row]:
    """Give a document's rows: column name to text. Amounts have a point and no separators, dates are ISO 8601."""
    return _WRITERS[kind](document)


def _amount(value: Decimal) -> str:
    return f"{value:f}"


def _dimensions(dimensions: Sequence[DimensionDocument]) -> Row:
    return {harmless(each.group or each.kind.title()): harmless(each.name or each.external_id) for each in dimensions}


def _customer(document: CustomerDocument) -> list[Row]:
    return [
        {
            "Reference": document.reference,
            "Number": harmless(document.number),
            "Name": harmless(document.name),
            "E-mail": harmless(document.email),
            "Currency": document.currency,
        }
    ]


def _product(document: ProductDocument) -> list[Row]:
    return [
        {
            "Reference": document.reference,
            "Code": harmless(document.code),
            "Name": harmless(document.name),
            "Description": harmless(document.description),
            "Income account": document.income_account,
        }
    ]


def _journal(document: JournalDocument) -> list[Row]:
    head = {
        "Reference": document.reference,
        "Date": document.date.isoformat(),
        "Description": harmless(document.description),
        "Currency": document.currency,
        "Rate": _amount(document.rate),
        "Reverses": document.reverses,
    }
    return [
        head
        | {
            "Account": line.account,
            "Debit": _amount(line.debit) if line.debit else "",
            "Credit": _amount(line.credit) if line.credit else "",
            "Line description": harmless(line.description),
            "Customer": line.customer or "",
        }
        | _dimensions(line.dimensions)
        for line in document.lines
    ]


def _sales(document: InvoiceDocument | CreditNoteDocument) -> list[Row]:
    head = {
        "Reference": document.reference,
        "Number": document.number,
        "Date": document.date.isoformat(),
        "Due": document.due.isoformat() if isinstance(document, InvoiceDocument) else "",
        "Customer": document.customer,
        "Currency": document.currency,
        "Rate": _amount(document.rate),
        "Net": _amount(document.net),
        "Tax": _amount(document.tax),
        "Total": _amount(document.total),
    }
    return [
        head
        | {
            "Item": line.product,
            "Account": line.account,
            "Line description": harmless(line.description),
            "Quantity": _amount(line.quantity),
            "Unit price": _amount(line.unit_amount),
            "Line net": _amount(line.net),
            "Line tax": _amount(line.tax),
            "Tax %": _amount(line.tax_percent),
        }
        | _dimensions(line.dimensions)
        for line in document.lines
    ]


def _void(document: VoidDocument) -> list[Row]:
    return [
        {
            "Reference": document.reference,
            "Document": document.external_id,
            "Date": document.date.isoformat(),
            "Reason": harmless(document.reason),
        }
    ]


def _allocation(document: CreditAllocationDocument) -> list[Row]:
    return [
        {
            "Reference": document.reference,
            "Date": document.date.isoformat(),
            "Customer": document.customer,
            "Currency": document.currency,
            "Credit note": document.credit_note,
            "Invoice": part.invoice,
            "Allocated": _amount(part.amount),
        }
        for part in document.brings
    ]


def _payment(document: PaymentDocument) -> list[Row]:
    head = {
        "Reference": document.reference,
        "Date": document.date.isoformat(),
        "Customer": document.customer,
        "Currency": document.currency,
        "Rate": _amount(document.rate),
        "Total": _amount(document.amount),
        "Account": document.deposit_account,
        "Note": harmless(document.note),
    }
    parts = [{"Invoice": part.invoice, "Allocated": _amount(part.amount)} for part in document.allocations]
    return [head | part for part in parts or [{"Invoice": "", "Allocated": ""}]]


def _refund(document: RefundDocument) -> list[Row]:
    return [
        {
            "Reference": document.reference,
            "Date": document.date.isoformat(),
            "Customer": document.customer,
            "Currency": document.currency,
            "Rate": _amount(document.rate),
            "Total": _amount(document.amount),
            "Account": document.account,
            "Credit note": document.credit_note,
            "Payment": document.payment,
            "Note": harmless(document.note),
        }
    ]


def _money(document: MoneyDocument) -> list[Row]:
    return [
        {
            "Reference": document.reference,
            "Date": document.date.isoformat(),
            "Customer": document.customer,
            "Currency": document.currency,
            "Rate": _amount(document.rate),
            "Total": _amount(document.amount),
            "Account": document.account,
            "Other account": document.other,
            "Note": harmless(document.note),
        }
    ]


_WRITERS: dict[Kind, Callable[[Any], list[Row]]] = {
    Kind.CUSTOMER: _customer,
    Kind.PRODUCT: _product,
    Kind.JOURNAL_ENTRY: _journal,
    Kind.INVOICE: _sales,
    Kind.CREDIT_NOTE: _sales,
    Kind.CREDIT_ALLOCATION: _allocation,
    Kind.CREDIT_NOTE_VOID: _void,
    Kind.INVOICE_VOID: _void,
    Kind.PAYMENT_VOID: _void,
    Kind.PAYMENT: _payment,
    Kind.PAYMENT_UPDATE: _payment,
    Kind.REFUND: _refund,
    Kind.MONEY_OUT: _money,
    Kind.MONEY_IN: _money,
}
