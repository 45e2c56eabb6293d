"""What connectors see: neutral, frozen documents of plain values, already mapped to the ERP's own ids.

`reference` is ours and unique over all installations that write into one ERP company. Amounts are `Decimal` in the
document's currency, exact to its minor unit.
"""

import datetime
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of things that are delivered; also the kinds of outbox items."""

    CUSTOMER = "customer"
    PRODUCT = "product"
    JOURNAL_ENTRY = "journal_entry"
    INVOICE = "invoice"
    INVOICE_VOID = "invoice_void"
    CREDIT_NOTE = "credit_note"
    PAYMENT = "payment"
    PAYMENT_UPDATE = "payment_update"


STAGES = {
    Kind.CUSTOMER: 10,
    Kind.PRODUCT: 10,
    Kind.JOURNAL_ENTRY: 20,
    Kind.INVOICE: 20,
    Kind.INVOICE_VOID: 30,
    Kind.CREDIT_NOTE: 30,
    Kind.PAYMENT: 40,
    Kind.PAYMENT_UPDATE: 50,
}

_LETTERS = {
    Kind.CUSTOMER: "U",
    Kind.PRODUCT: "S",
    Kind.JOURNAL_ENTRY: "J",
    Kind.INVOICE: "I",
    Kind.INVOICE_VOID: "V",
    Kind.CREDIT_NOTE: "C",
    Kind.PAYMENT: "P",
    Kind.PAYMENT_UPDATE: "L",
}


def reference_of(prefix: str, kind: Kind | str, subject_id: int) -> str:
    """Give our reference for one document: at most 21 characters for ids below 10^14."""
    return f"{prefix}-{_LETTERS[Kind(kind)]}{subject_id}"


@dataclass(frozen=True)
class CustomerDocument:
    """A customer to create. `suffix` is set when the plain name is another's in the ERP: names are unique there."""

    reference: str
    name: str
    email: str
    currency: str
    suffix: str = ""


@dataclass(frozen=True)
class ProductDocument:
    """A product or service to create; its sales go to the ERP's account `income_account`."""

    reference: str
    name: str
    description: str
    income_account: str
    suffix: str = ""


@dataclass(frozen=True)
class JournalLineDocument:
    """One side of an entry: exactly one of `debit` and `credit` is above zero."""

    account: str
    debit: Decimal
    credit: Decimal
    description: str
    customer: str | None


@dataclass(frozen=True)
class JournalDocument:
    """A balanced entry. `rate` is base units per one unit of `currency`."""

    reference: str
    date: datetime.date
    currency: str
    rate: Decimal
    description: str
    lines: tuple[JournalLineDocument, ...]


@dataclass(frozen=True)
class SalesLineDocument:
    """A line of an invoice or credit note. `net` is without tax; `tax_code` is the ERP's, where it wants one."""

    product: str
    description: str
    quantity: Decimal
    unit_amount: Decimal
    net: Decimal
    tax: Decimal
    tax_code: str | None


@dataclass(frozen=True)
class InvoiceDocument:
    """A finalized invoice. `total` = `net` + `tax`, as the customer saw it."""

    reference: str
    number: str
    date: datetime.date
    due: datetime.date
    customer: str
    currency: str
    net: Decimal
    tax: Decimal
    total: Decimal
    lines: tuple[SalesLineDocument, ...]


@dataclass(frozen=True)
class CreditNoteDocument:
    """A credit note. Amounts are positive."""

    reference: str
    number: str
    date: datetime.date
    customer: str
    currency: str
    net: Decimal
    tax: Decimal
    total: Decimal
    reason: str
    lines: tuple[SalesLineDocument, ...]


@dataclass(frozen=True)
class InvoiceVoidDocument:
    """An invoice that the ERP holds and that shall be void there."""

    reference: str
    invoice: str
    sync_token: str


@dataclass(frozen=True)
class AllocationDocument:
    """The part of a payment that settles one of the ERP's invoices."""

    invoice: str
    amount: Decimal


@dataclass(frozen=True)
class PaymentDocument:
    """A payment received. What is not allocated stays open on the customer's account in the ERP.

    `external_id` is set when the ERP already holds the payment and only its allocations change.
    """

    reference: str
    date: datetime.date
    customer: str
    currency: str
    amount: Decimal
    note: str
    deposit_account: str
    allocations: tuple[AllocationDocument, ...]
    external_id: str = ""


Document = (
    CustomerDocument
    | ProductDocument
    | JournalDocument
    | InvoiceDocument
    | CreditNoteDocument
    | InvoiceVoidDocument
    | PaymentDocument
)
