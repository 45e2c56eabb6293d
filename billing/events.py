"""The business events: facts that matter to the books, published once.

Events are frozen and hold plain values, never model instances, so that they can be stored, replayed and simulated.
Amounts are Decimals in the event's `currency`, already rounded to its minor unit. `occurred_on` is a date in the
business entity's time zone. `event_id` is the id of the stored record, set by `publish`.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import ClassVar, Protocol, TypedDict


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every business event has. `key` tells facts of one kind apart: the same fact has the same key for ever."""

    kind: ClassVar[str]
    label: ClassVar[str]

    tenant_id: int
    business_entity_id: int
    occurred_on: date
    currency: str
    key: str
    event_id: int | None = None


class Head(TypedDict):
    """What `head_of` gives: the fields of `Event`, for the constructor of any kind."""

    tenant_id: int
    business_entity_id: int
    occurred_on: date
    currency: str
    key: str


class Fact(Protocol):
    """A row or an event that a new event is about."""

    @property
    def tenant_id(self) -> int: ...
    @property
    def business_entity_id(self) -> int: ...
    @property
    def currency(self) -> str: ...


def head_of(fact: Fact, *, on: date, key: int | str) -> Head:
    """Give the head of an event in the fact's books and currency; `key` is what its kind of event is told apart by."""
    return {
        "tenant_id": fact.tenant_id,
        "business_entity_id": fact.business_entity_id,
        "occurred_on": on,
        "currency": fact.currency,
        "key": str(key),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What every line of an event has: the dimensions that rules and default accounts look at."""

    contract_id: int | None
    contract_item_id: int | None
    product_id: int
    product_family_id: int | None
    pricing_model: str | None
    recognition_method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitmentLine(Line):
    """A contract item's committed net amount of one term: what its fixed prices add up to, usage apart.

    `standalone` is the same at standalone selling prices; `start` and `end` are the item's days of the term. Items with
    the same `obligation` are one promise. (Events stored before these were told have the defaults.)
    """

    committed: Decimal
    standalone: Decimal = Decimal(0)
    obligation: str = ""
    start: date | None = None
    end: date | None = None
    is_metered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractStarted(Event):
    kind: ClassVar[str] = "contract_started"
    label: ClassVar[str] = "Contract started"

    contract_id: int
    contract_number: str
    customer_id: int
    committed: Decimal
    lines: tuple[CommitmentLine, ...]
    price_allocation: str = "stated"
    revenue_span: str = "service_period"
    term_end: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractRenewed(Event):
    """A further term begins; `committed` is the new term's."""

    kind: ClassVar[str] = "contract_renewed"
    label: ClassVar[str] = "Contract renewed"

    contract_id: int
    contract_number: str
    customer_id: int
    committed: Decimal
    lines: tuple[CommitmentLine, ...]
    price_allocation: str = "stated"
    revenue_span: str = "service_period"
    term_end: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifiedLine(CommitmentLine):
    """What a modification makes of one contract item.

    `committed` is what is still to be billed of its fixed price, `was_committed` what was before, with what is given back of
    what is billed; both zero for usage. `replaces` is the item that a new one stands in for. `end` is the item's new end.
    `standalone_left`: the standalone selling price of its days from the modification on, where prices are divided by it.

    Where a contract renewed after the day of the modification, an item that is earned as an obligation has a line for each of
    the terms since then: `term_start` and `term_end` are the term's (no end: the current term), everything else is of its days.
    """

    was_committed: Decimal
    replaces: int | None = None
    standalone_left: Decimal | None = None
    term_start: date | None = None
    term_end: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractModified(Event):
    """A started contract was agreed anew; `occurred_on` is the day from which that holds.

    `treatment` and `adjustment` say how revenue takes it up (`billing.models.modification`). What is billed or credited for
    the past follows as invoices and credit notes of their own.
    """

    kind: ClassVar[str] = "contract_modified"
    label: ClassVar[str] = "Contract modified"

    modification_id: int
    modification_kind: str
    contract_id: int
    contract_number: str
    customer_id: int
    treatment: str
    adjustment: str
    price_allocation: str
    revenue_span: str
    price_change: Decimal
    term_end: date | None
    lines: tuple[ModifiedLine, ...]
    signed_on: date | None = None  # The day on which it was agreed. Not told by events of earlier releases.


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractEnded(Event):
    """A contract ends before its term is over; each line's `committed` is what of it will not be billed any more."""

    kind: ClassVar[str] = "contract_ended"
    label: ClassVar[str] = "Contract ended early"

    contract_id: int
    contract_number: str
    customer_id: int
    withdrawn: Decimal
    lines: tuple[CommitmentLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRecorded(Event):
    """Units used, not yet priced: revenue follows from the recognition run, which prices them."""

    kind: ClassVar[str] = "usage_recorded"
    label: ClassVar[str] = "Usage recorded"

    usage_id: int
    customer_id: int
    contract_id: int
    contract_item_id: int
    product_id: int
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledLine(Line):
    """One line of an invoice or credit note. The service period is half-open; both None: nothing to spread."""

    line_id: int
    net: Decimal
    tax: Decimal
    tax_rate_id: int | None
    period_start: date | None
    period_end: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceFinalized(Event):
    kind: ClassVar[str] = "invoice_finalized"
    label: ClassVar[str] = "Invoice finalized"

    invoice_id: int
    invoice_number: str
    customer_id: int
    contract_id: int | None
    due_on: date
    net: Decimal
    tax: Decimal
    total: Decimal
    lines: tuple[BilledLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceVoided(Event):
    """A finalized invoice is undone; `occurred_on` is the day of voiding, the lines are the invoice's."""

    kind: ClassVar[str] = "invoice_voided"
    label: ClassVar[str] = "Invoice voided"

    invoice_id: int
    invoice_number: str
    customer_id: int
    contract_id: int | None
    net: Decimal
    tax: Decimal
    total: Decimal
    lines: tuple[BilledLine, ...]
    bill_again: bool | None = None  # Whether its periods are due once more. Not told by events of earlier releases.


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditedLine(BilledLine):
    """A credited part of an invoice line; `line_id` is the credit note's line."""

    invoice_line_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNoteIssued(Event):
    """Part of an invoice is credited: what is open of it is settled, what was paid is kept (`to_wallet`, `to_refund`).

    `modification_id`: it gives back what a modification of the contract had taken out of the price already.
    """

    kind: ClassVar[str] = "credit_note_issued"
    label: ClassVar[str] = "Credit note issued"

    credit_note_id: int
    credit_note_number: str
    invoice_id: int
    customer_id: int
    contract_id: int | None
    net: Decimal
    tax: Decimal
    total: Decimal
    lines: tuple[CreditedLine, ...]
    modification_id: int | None = None
    to_wallet: Decimal = Decimal(0)
    to_refund: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocatedPart:
    """The part of a payment that settles one invoice, with the part of the tax withheld that does so too."""

    allocation_id: int
    invoice_id: int
    allocated: Decimal
    withheld: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReceived(Event):
    """Money came in; `lines` are the invoices it settled at once, `unapplied` the rest that is kept."""

    kind: ClassVar[str] = "payment_received"
    label: ClassVar[str] = "Payment received"

    payment_id: int
    customer_id: int
    method: str
    amount: Decimal
    unapplied: Decimal
    lines: tuple[AllocatedPart, ...]
    withheld: Decimal = Decimal(0)
    withheld_is_recoverable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentAllocated(Event):
    """Part of a payment's unapplied rest settles an invoice later on."""

    kind: ClassVar[str] = "payment_allocated"
    label: ClassVar[str] = "Payment allocated"

    payment_id: int
    allocation_id: int
    invoice_id: int
    customer_id: int
    allocated: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentUnallocated(Event):
    """A payment is taken off an invoice that it settled. `voids_payment`: because the payment is undone altogether."""

    kind: ClassVar[str] = "payment_unallocated"
    label: ClassVar[str] = "Payment taken off an invoice"

    payment_id: int
    allocation_id: int
    invoice_id: int
    customer_id: int
    unallocated: Decimal
    voids_payment: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentVoided(Event):
    """A payment that was recorded by mistake is undone; before that it was taken off its invoices.

    `amount` is the money, `withheld` the tax that the customer had kept back on top of it.
    """

    kind: ClassVar[str] = "payment_voided"
    label: ClassVar[str] = "Payment voided"

    payment_id: int
    customer_id: int
    by_gateway: bool
    amount: Decimal
    withheld: Decimal = Decimal(0)
    withheld_is_recoverable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNoteVoided(Event):
    """A credit note is undone; the lines are the credit note's."""

    kind: ClassVar[str] = "credit_note_voided"
    label: ClassVar[str] = "Credit note voided"

    credit_note_id: int
    credit_note_number: str
    invoice_id: int
    customer_id: int
    contract_id: int | None
    net: Decimal
    tax: Decimal
    total: Decimal
    lines: tuple[CreditedLine, ...]
