"""Accounting's tables, one subject a file."""

from accounting.models.account import Account, Category, DefaultAccount, Level, Side
from accounting.models.journal import (
    AccountingPeriod,
    EntryKind,
    JournalEntry,
    JournalLine,
    PeriodStatus,
    entry_number,
)
from accounting.models.obligation import (
    ObligationItem,
    PerformanceObligation,
    ProgressReport,
    SchedulePart,
    ScheduleRevision,
)
from accounting.models.rule import (
    AccountingPolicy,
    AccountingRule,
    ContractStartTreatment,
    RuleVersion,
    UnmatchedEvent,
)
from accounting.models.schedule import ContractCommitment, RecognitionSchedule

__all__ = [
    "Account",
    "AccountingPeriod",
    "AccountingPolicy",
    "AccountingRule",
    "Category",
    "ContractCommitment",
    "ContractStartTreatment",
    "DefaultAccount",
    "EntryKind",
    "JournalEntry",
    "JournalLine",
    "Level",
    "ObligationItem",
    "PerformanceObligation",
    "PeriodStatus",
    "ProgressReport",
    "RecognitionSchedule",
    "RuleVersion",
    "SchedulePart",
    "ScheduleRevision",
    "Side",
    "UnmatchedEvent",
    "entry_number",
]
