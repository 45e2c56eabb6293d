"""What connectors see: neutral, frozen documents of plain values, already mapped to the ERP's own ids.

`reference` is ours and unique over all installations that write into one ERP company. Amounts are `Decimal` in the
document's currency, exact to its minor unit.
"""

import datetime
from dataclasses import dataclass
from decimal import Decimal

from integrations.kinds import CHANGES, MASTER_DATA, STAGES, Kind, as_sent, reference_of

__all__ = [
    "CHANGES",
    "MASTER_DATA",
    "STAGES",
    "AllocationDocument",
    "CreditAllocationDocument",
    "CreditNoteDocument",
    "CustomerDocument",
    "DimensionDocument",
    "Document",
    "InvoiceDocument",
    "JournalDocument",
    "JournalLineDocument",
    "Kind",
    "MoneyDocument",
    "PaymentDocument",
    "ProductDocument",
    "RefundDocument",
    "SalesLineDocument",
    "VoidDocument",
    "as_sent",
    "reference_of",
]


@dataclass(frozen=True)
class DimensionDocument:
    """One of the ERP's own tracking dimensions on a document or line, as its lists name it (`connectors.base.ErpRow`).

    `kind` is class, department, location or tracking; `group` the name of the tracking category, `name` the option's.
    """

    kind: str
    external_id: str
    name: str = ""
    group: str = ""


@dataclass(frozen=True)
class CustomerDocument:
    """A customer to create. `suffix` is set when the plain name is another's in the ERP: names are unique there.

    `number` is our customer number, `subsidiary` the ERP's company that sells to it, where it has several.
    """

    reference: str
    name: str
    email: str
    currency: str
    suffix: str = ""
    number: str = ""
    subsidiary: str = ""


@dataclass(frozen=True)
class ProductDocument:
    """A product or service to create; its sales go to the ERP's account `income_account`."""

    reference: str
    name: str
    description: str
    income_account: str
    suffix: str = ""
    code: str = ""
    subsidiary: str = ""


@dataclass(frozen=True)
class JournalLineDocument:
    """One side of an entry: exactly one of `debit` and `credit` is above zero."""

    account: str
    debit: Decimal
    credit: Decimal
    description: str
    customer: str | None
    dimensions: tuple[DimensionDocument, ...] = ()


@dataclass(frozen=True)
class JournalDocument:
    """A balanced entry. `rate` is base units per one unit of `currency`.

    For a vendor whose journals have no currency (`ConnectorSpec.journals_in_base`), and for an entry that one currency
    and one rate cannot express, `currency` is the base currency, `rate` 1, and the descriptions name the foreign amounts.
    `reverses` is the ERP's id of the entry that this one reverses, empty for any other. `draft`: leave it for a person
    there to post.
    """

    reference: str
    date: datetime.date
    currency: str
    rate: Decimal
    description: str
    lines: tuple[JournalLineDocument, ...]
    subsidiary: str = ""
    reverses: str = ""
    draft: bool = False


@dataclass(frozen=True)
class SalesLineDocument:
    """A line of an invoice or credit note. `net` is without tax; `tax_code` is the ERP's, where it wants one.

    `product` is the ERP's item, empty where the vendor's lines need none and none is mapped; `account` the ERP's account
    of the sale (`ConnectorSpec.line_account`), else empty.
    """

    product: str
    description: str
    quantity: Decimal
    unit_amount: Decimal
    net: Decimal
    tax: Decimal
    tax_code: str | None
    account: str = ""
    tax_percent: Decimal = Decimal(0)
    dimensions: tuple[DimensionDocument, ...] = ()


@dataclass(frozen=True)
class AllocationDocument:
    """The part of a payment or credit note that settles one of the ERP's invoices.

    `withheld` is tax that the customer kept back on top of `amount`, for a vendor whose payments carry it
    (`ConnectorSpec.withholds`).
    """

    invoice: str
    amount: Decimal
    withheld: Decimal = Decimal(0)


@dataclass(frozen=True)
class InvoiceDocument:
    """A finalized invoice. `total` = `net` + `tax`, as the customer saw it. `rate` as on a journal."""

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
    rate: Decimal = Decimal(1)
    subsidiary: str = ""
    draft: bool = False


@dataclass(frozen=True)
class CreditNoteDocument:
    """A credit note. Amounts are positive. `allocations` are the invoices that it settles.

    A vendor that applies credits with a request of its own gets them again as `CreditAllocationDocument`; one that can
    apply them while creating leaves Kind.CREDIT_ALLOCATION out of its batch sizes.
    """

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
    rate: Decimal = Decimal(1)
    subsidiary: str = ""
    draft: bool = False
    allocations: tuple[AllocationDocument, ...] = ()


@dataclass(frozen=True)
class CreditAllocationDocument:
    """Let a credit note that the ERP holds settle invoices there. States all of its allocations: a repeat is harmless.

    `added` are those that this document brings, for a vendor to whom each application is a document of its own; empty: all.
    """

    reference: str
    date: datetime.date
    customer: str
    currency: str
    credit_note: str
    allocations: tuple[AllocationDocument, ...]
    rate: Decimal = Decimal(1)
    added: tuple[AllocationDocument, ...] = ()

    @property
    def brings(self) -> tuple[AllocationDocument, ...]:
        """Give the allocations that are new with this document."""
        return self.added or self.allocations


@dataclass(frozen=True)
class VoidDocument:
    """An invoice, credit note, payment or refund that the ERP holds and that shall be void there; the kind says which.

    Of a refund `payment` is the ERP's payment that it pays back, `undoes` our reference for the refund.
    """

    reference: str
    external_id: str
    sync_token: str
    date: datetime.date
    reason: str = ""
    payment: str = ""
    undoes: str = ""


@dataclass(frozen=True)
class PaymentDocument:
    """A payment received. What is not allocated stays open on the customer's account in the ERP.

    `external_id` is set when the ERP already holds the payment and only its allocations change. `withheld_account` is the
    ERP's account of the tax that the allocations say was withheld; empty where none was.
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
    rate: Decimal = Decimal(1)
    subsidiary: str = ""
    method: str = ""
    withheld_account: str = ""


@dataclass(frozen=True)
class RefundDocument:
    """Money paid back to a customer: of a credit note, or of what a payment left unapplied. The other one is empty.

    `account` is the ERP's account the money leaves; `receivable` its account of receivables, where the mapping names one.
    """

    reference: str
    date: datetime.date
    customer: str
    currency: str
    amount: Decimal
    note: str
    account: str
    credit_note: str = ""
    payment: str = ""
    receivable: str = ""
    rate: Decimal = Decimal(1)
    subsidiary: str = ""
    method: str = ""


@dataclass(frozen=True)
class MoneyDocument:
    """Money that left the ERP's account `account`, or came into it (the kind says which), against its account `other`.

    No invoice changes by it: a dispute's loss, a fee, a payment that goes back without a credit note.
    """

    reference: str
    date: datetime.date
    customer: str
    currency: str
    amount: Decimal
    note: str
    account: str
    other: str
    rate: Decimal = Decimal(1)
    subsidiary: str = ""


Document = (
    CustomerDocument
    | ProductDocument
    | JournalDocument
    | InvoiceDocument
    | CreditNoteDocument
    | CreditAllocationDocument
    | VoidDocument
    | PaymentDocument
    | RefundDocument
    | MoneyDocument
)
