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
from accounting.models.role_account import RoleAccount
from accounting.models.rule import (
    AccountingPolicy,
    AccountingRule,
    ContractStartTreatment,
    RuleVersion,
    UnmatchedEvent,
)
from accounting.models.schedule import ContractCommitment, RecognitionSchedule
from accounting.models.split import CorrectionSplit

__all__ = [
    "Account",
    "AccountingPeriod",
    "AccountingPolicy",
    "AccountingRule",
    "Category",
    "ContractCommitment",
    "ContractStartTreatment",
    "CorrectionSplit",
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
    "RoleAccount",
    "RuleVersion",
    "SchedulePart",
    "ScheduleRevision",
    "Side",
    "UnmatchedEvent",
    "entry_number",
]
