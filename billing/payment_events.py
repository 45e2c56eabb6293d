"""The business events of money beside plain payments: gateways, disputes, refunds, wallets. See `billing.events`."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import ClassVar

from billing.events import AllocatedPart, BilledLine, Event, Line


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCaptured(Event):
    """A gateway took a payment for us and owes it until it pays out; otherwise as `PaymentReceived`."""

    kind: ClassVar[str] = "payment_captured"
    label: ClassVar[str] = "Payment captured by a gateway"

    payment_id: int
    customer_id: int
    gateway: str
    method: str
    amount: Decimal
    unapplied: Decimal
    withheld: Decimal
    withheld_is_recoverable: bool
    lines: tuple[AllocatedPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutReceived(Event):
    """A gateway paid out `captured` less the `withheld` refunds and disputes and its `fee`; `deposited` may be negative."""

    kind: ClassVar[str] = "payout_received"
    label: ClassVar[str] = "Gateway payout received"

    payout_id: int
    gateway: str
    captured: Decimal
    withheld: Decimal
    fee: Decimal
    deposited: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedLine(BilledLine):
    """A part of an invoice line that was paid and went back, without a credit note; `line_id` is the invoice's."""

    invoice_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeOpened(Event):
    """A payment was taken back, with a fee on top. `by_gateway`: kept from a later payout, else gone from the bank."""

    kind: ClassVar[str] = "dispute_opened"
    label: ClassVar[str] = "Dispute opened"

    dispute_id: int
    payment_id: int
    customer_id: int
    by_gateway: bool
    amount: Decimal
    fee: Decimal
    from_unapplied: Decimal
    lines: tuple[ReturnedLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeWon(Event):
    """The money of a dispute came back; the lines are the dispute's, `fee_returned` what came back of the fee."""

    kind: ClassVar[str] = "dispute_won"
    label: ClassVar[str] = "Dispute won"

    dispute_id: int
    payment_id: int
    customer_id: int
    by_gateway: bool
    amount: Decimal
    fee_returned: Decimal
    from_unapplied: Decimal
    lines: tuple[ReturnedLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeLost(Event):
    """A dispute is final: what was posted when it was opened stands."""

    kind: ClassVar[str] = "dispute_lost"
    label: ClassVar[str] = "Dispute lost"

    dispute_id: int
    payment_id: int
    customer_id: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPaid(Event):
    """Money went back to the customer: out of a credit note, a wallet, an unapplied payment, or (lines) a settled one."""

    kind: ClassVar[str] = "refund_paid"
    label: ClassVar[str] = "Refund paid"

    refund_id: int
    customer_id: int
    payment_id: int | None
    credit_note_id: int | None
    by_gateway: bool
    amount: Decimal
    from_credit_note: Decimal
    from_wallet: Decimal
    from_unapplied: Decimal
    lines: tuple[ReturnedLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletToppedUp(Event):
    """A customer paid into the wallet, directly or out of a payment's unapplied rest."""

    kind: ClassVar[str] = "wallet_topped_up"
    label: ClassVar[str] = "Wallet topped up"

    wallet_entry_id: int
    customer_id: int
    payment_id: int
    by_gateway: bool
    amount: Decimal
    from_unapplied: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletBonusGranted(Event):
    """Promotional credit: worth nothing in the books until it is used."""

    kind: ClassVar[str] = "wallet_bonus_granted"
    label: ClassVar[str] = "Wallet bonus granted"

    wallet_entry_id: int
    customer_id: int
    bonus: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletBonusWithdrawn(Event):
    """Promotional credit that was not used is taken back."""

    kind: ClassVar[str] = "wallet_bonus_withdrawn"
    label: ClassVar[str] = "Wallet bonus withdrawn"

    wallet_entry_id: int
    customer_id: int
    bonus: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletApplied(Event):
    """A wallet settled part of an invoice: `paid` with the customer's money, `bonus` with promotional credit."""

    kind: ClassVar[str] = "wallet_applied"
    label: ClassVar[str] = "Wallet applied"

    wallet_entry_id: int
    customer_id: int
    invoice_id: int
    paid: Decimal
    bonus: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletExpired(Event):
    """What a wallet held can no longer be used: `paid` of the customer's money, `bonus` of promotional credit."""

    kind: ClassVar[str] = "wallet_expired"
    label: ClassVar[str] = "Wallet balance expired"

    wallet_entry_id: int
    customer_id: int
    paid: Decimal
    bonus: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceWrittenOff(Event):
    """What was open of an invoice is given up; the lines bear it in proportion."""

    kind: ClassVar[str] = "invoice_written_off"
    label: ClassVar[str] = "Invoice written off"

    write_off_id: int
    invoice_id: int
    invoice_number: str
    customer_id: int
    contract_id: int | None
    amount: Decimal
    lines: tuple[ReturnedLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOffRecovered(Event):
    """Part of what was given up is owed again, since it is paid after all; the lines are the write-off's."""

    kind: ClassVar[str] = "write_off_recovered"
    label: ClassVar[str] = "Write-off recovered"

    write_off_id: int
    number: int
    invoice_id: int
    customer_id: int
    contract_id: int | None
    amount: Decimal
    lines: tuple[ReturnedLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumedLine(Line):
    """The invoice line that sold the credits; `amount` is their part of its price, net of tax."""

    line_id: int
    period_start: date | None
    period_end: date | None
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsConsumed(Event):
    """Prepaid credits were used: their part of the price is earned."""

    kind: ClassVar[str] = "credits_consumed"
    label: ClassVar[str] = "Prepaid credits used"

    credit_use_id: int
    invoice_id: int
    customer_id: int
    contract_id: int | None
    units: Decimal
    amount: Decimal
    lines: tuple[ConsumedLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsExpired(Event):
    """Prepaid credits can no longer be used: what is left of their price is breakage."""

    kind: ClassVar[str] = "credits_expired"
    label: ClassVar[str] = "Prepaid credits expired"

    credit_use_id: int
    invoice_id: int
    customer_id: int
    contract_id: int | None
    units: Decimal
    amount: Decimal
    lines: tuple[ConsumedLine, ...]
