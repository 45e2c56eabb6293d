"""Billing's tables, one subject a file."""

from billing.models.change import Change, ChangeAction
from billing.models.contract import (
    BillingInterval,
    BillingTiming,
    Contract,
    ContractItem,
    ContractPhase,
    ContractStatus,
    PhaseKind,
    PriceAllocation,
    Renewal,
    RevenueSpan,
    UsageRecord,
)
from billing.models.credit_use import CreditUse, CreditUseKind
from billing.models.customer import Customer
from billing.models.event import BusinessEvent
from billing.models.gateway import GatewayPayout, PaymentGateway
from billing.models.invoice import (
    OPEN_STATUSES,
    CreditNote,
    CreditNoteLine,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    NumberSeries,
    SeriesKind,
)
from billing.models.job import Job, JobFile, JobStatus
from billing.models.modification import Adjustment, ContractModification, ModificationKind, Treatment
from billing.models.payment import Payment, PaymentAllocation, PaymentMethod
from billing.models.product import REPORTED_METHODS, Price, Product, ProductFamily, RecognitionMethod, TaxRate
from billing.models.returned import Dispute, DisputeStatus, Refund, ReturnedPart
from billing.models.tenant import (
    ApiKey,
    BonusUse,
    BusinessEntity,
    IdempotencyRecord,
    Membership,
    Proration,
    Role,
    Tenant,
)
from billing.models.wallet import Wallet, WalletDraw, WalletEntry, WalletEntryKind
from billing.models.write_off import WriteOff

__all__ = [
    "OPEN_STATUSES",
    "REPORTED_METHODS",
    "Adjustment",
    "ApiKey",
    "BillingInterval",
    "BillingTiming",
    "BonusUse",
    "BusinessEntity",
    "BusinessEvent",
    "Change",
    "ChangeAction",
    "Contract",
    "ContractItem",
    "ContractModification",
    "ContractPhase",
    "ContractStatus",
    "CreditNote",
    "CreditNoteLine",
    "CreditUse",
    "CreditUseKind",
    "Customer",
    "Dispute",
    "DisputeStatus",
    "GatewayPayout",
    "IdempotencyRecord",
    "Invoice",
    "InvoiceLine",
    "InvoiceStatus",
    "Job",
    "JobFile",
    "JobStatus",
    "Membership",
    "ModificationKind",
    "NumberSeries",
    "Payment",
    "PaymentAllocation",
    "PaymentGateway",
    "PaymentMethod",
    "PhaseKind",
    "Price",
    "PriceAllocation",
    "Product",
    "ProductFamily",
    "Proration",
    "RecognitionMethod",
    "Refund",
    "Renewal",
    "ReturnedPart",
    "RevenueSpan",
    "Role",
    "SeriesKind",
    "TaxRate",
    "Tenant",
    "Treatment",
    "UsageRecord",
    "Wallet",
    "WalletDraw",
    "WalletEntry",
    "WalletEntryKind",
    "WriteOff",
]
