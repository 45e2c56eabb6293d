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
    Renewal,
    UsageRecord,
)
from billing.models.customer import Customer
from billing.models.event import BusinessEvent
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
from billing.models.job import Job, JobStatus
from billing.models.payment import Payment, PaymentAllocation, PaymentMethod
from billing.models.product import Price, Product, ProductFamily, RecognitionMethod, TaxRate
from billing.models.tenant import ApiKey, BusinessEntity, IdempotencyRecord, Membership, Role, Tenant

__all__ = [
    "OPEN_STATUSES",
    "ApiKey",
    "BillingInterval",
    "BillingTiming",
    "BusinessEntity",
    "BusinessEvent",
    "Change",
    "ChangeAction",
    "Contract",
    "ContractItem",
    "ContractPhase",
    "ContractStatus",
    "CreditNote",
    "CreditNoteLine",
    "Customer",
    "IdempotencyRecord",
    "Invoice",
    "InvoiceLine",
    "InvoiceStatus",
    "Job",
    "JobStatus",
    "Membership",
    "NumberSeries",
    "Payment",
    "PaymentAllocation",
    "PaymentMethod",
    "PhaseKind",
    "Price",
    "Product",
    "ProductFamily",
    "RecognitionMethod",
    "Renewal",
    "Role",
    "SeriesKind",
    "TaxRate",
    "Tenant",
    "UsageRecord",
]
