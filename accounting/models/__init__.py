"""Accounting's tables, one subject a file."""

from accounting.models.account import Account, Category, DefaultAccount, Level, Side
from accounting.models.balance import (
    DailyBalance,
    PeriodSeal,
    SealedBalance,
    SealedCustomerBalance,
    UnsummedEntries,
)
from accounting.models.exchange_rate import CarryingAmount, ExchangeRate, Quotation
from accounting.models.journal import (
    AS_POSTED,
    BY_PERSON,
    AccountingPeriod,
    EntryKind,
    JournalEntry,
    JournalLine,
    PeriodStatus,
    entry_number,
)
from accounting.models.manual import Attachment, ManualEntry, ManualEntryLine, ManualEntryStatus, Repeat
from accounting.models.obligation import (
    ObligationItem,
    PerformanceObligation,
    ProgressReport,
    SchedulePart,
    ScheduleRevision,
)
from accounting.models.role_account import RoleAccount
from accounting.models.rule import (
    AccountingPolicy,
    AccountingRule,
    ContractStartTreatment,
    PreviewedEvent,
    RevenueDate,
    RulePreview,
    RuleVersion,
    UnmatchedEvent,
)
from accounting.models.schedule import UNFINISHED, ContractCommitment, RecognitionSchedule
from accounting.models.split import CorrectionSplit

__all__ = [
    "AS_POSTED",
    "BY_PERSON",
    "UNFINISHED",
    "Account",
    "AccountingPeriod",
    "AccountingPolicy",
    "AccountingRule",
    "Attachment",
    "CarryingAmount",
    "Category",
    "ContractCommitment",
    "ContractStartTreatment",
    "CorrectionSplit",
    "DailyBalance",
    "DefaultAccount",
    "EntryKind",
    "ExchangeRate",
    "JournalEntry",
    "JournalLine",
    "Level",
    "ManualEntry",
    "ManualEntryLine",
    "ManualEntryStatus",
    "ObligationItem",
    "PerformanceObligation",
    "PeriodSeal",
    "PeriodStatus",
    "PreviewedEvent",
    "ProgressReport",
    "Quotation",
    "RecognitionSchedule",
    "Repeat",
    "RevenueDate",
    "RoleAccount",
    "RulePreview",
    "RuleVersion",
    "SchedulePart",
    "ScheduleRevision",
    "SealedBalance",
    "SealedCustomerBalance",
    "Side",
    "UnmatchedEvent",
    "UnsummedEntries",
    "entry_number",
]
