"""Accounting's tables, one subject a file."""

from accounting.models.account import Account, Category, DefaultAccount, Level, Side
from accounting.models.balance import (
    DailyBalance,
    PeriodSeal,
    SealedBalance,
    SealedCustomerBalance,
    UnsummedEntries,
)
from accounting.models.journal import (
    AccountingPeriod,
    EntryKind,
    JournalEntry,
    JournalLine,
    PeriodStatus,
    entry_number,
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
    "DailyBalance",
    "DefaultAccount",
    "EntryKind",
    "JournalEntry",
    "JournalLine",
    "Level",
    "PeriodSeal",
    "PeriodStatus",
    "RecognitionSchedule",
    "RuleVersion",
    "SealedBalance",
    "SealedCustomerBalance",
    "Side",
    "UnmatchedEvent",
    "UnsummedEntries",
    "entry_number",
]
