"""The business events that accounting itself makes true."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import ClassVar

from billing.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueRecognized(Event):
    """Part of a service period's price was earned, up to and including `earned_through`; None: `occurred_on`.

    `from_deferred` had been billed before, `from_unbilled` is yet to be billed; negative where an estimate of usage
    was lowered. Together they are the revenue. `invoice_id`: what stands on one invoice only, without a contract item.
    """

    kind: ClassVar[str] = "revenue_recognized"
    label: ClassVar[str] = "Revenue recognized"

    schedule_id: int
    customer_id: int
    contract_id: int | None
    contract_item_id: int | None
    product_id: int
    product_family_id: int | None
    pricing_model: str
    recognition_method: str
    service_start: date
    service_end: date
    from_deferred: Decimal
    from_unbilled: Decimal
    obligation_id: int | None = None
    earned_through: date | None = None
    invoice_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualLine:
    """One side of a manual entry, with the account that a person chose."""

    account_id: int
    debit: Decimal
    credit: Decimal
    customer_id: int | None
    contract_id: int | None
    product_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualEntryApproved(Event):
    """A second person approved an entry by hand: it is posted as it was written."""

    kind: ClassVar[str] = "manual_entry_approved"
    label: ClassVar[str] = "Manual entry approved"

    manual_entry_id: int
    description: str
    approved_by: str
    lines: tuple[ManualLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryReversed(Event):
    """A posted entry is undone by its mirror image. The entry is named by its event and part, which replay keeps."""

    kind: ClassVar[str] = "entry_reversed"
    label: ClassVar[str] = "Journal entry reversed"

    reversed_event_id: int
    reversed_part: int
    description: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageTruedUp(RevenueRecognized):
    """A period's usage came to less than the agreed minimum: the rest of the minimum is earned when the period is over."""

    kind: ClassVar[str] = "usage_trued_up"
    label: ClassVar[str] = "Usage trued up to the minimum"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractBalancesNetted(Event):
    """At the end of a month a contract is shown net: `netted` of its unbilled revenue is set against deferred revenue.

    Negative: so much moves to the other side, where unbilled revenue would stand in credit or deferred revenue in debit.
    """

    kind: ClassVar[str] = "contract_balances_netted"
    label: ClassVar[str] = "Contract balances netted"

    customer_id: int
    contract_id: int
    netted: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractNettingReversed(Event):
    """The day after, the gross balances are back."""

    kind: ClassVar[str] = "contract_netting_reversed"
    label: ClassVar[str] = "Contract netting reversed"

    customer_id: int
    contract_id: int
    netted: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RevaluedBalance:
    """One open foreign balance: its amount (debits positive), and how much more gain and loss its value at the rate makes.

    `gain` and `loss` are in base currency; negative where an earlier revaluation of the same day had made more.
    """

    role: str
    customer_id: int | None
    contract_id: int | None
    contract_item_id: int | None
    product_id: int | None
    product_family_id: int | None
    invoice_id: int | None
    amount: Decimal
    gain: Decimal
    loss: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignBalancesRevalued(Event):
    """At the end of a month, open balances in `currency` stand at the day's rate: base units for one of the currency."""

    kind: ClassVar[str] = "foreign_balances_revalued"
    label: ClassVar[str] = "Foreign balances revalued"

    base_currency: str
    rate: Decimal
    rate_day: date
    lines: tuple[RevaluedBalance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RevaluationReversed(Event):
    """The day after, they stand at what they are carried at again."""

    kind: ClassVar[str] = "foreign_revaluation_reversed"
    label: ClassVar[str] = "Revaluation reversed"
