"""Closing a month: a check list with a dry run, then the seal."""

from accounting.closing.checklist import (
    CheckOutcome,
    CloseCheck,
    CloseDryRun,
    CloseRefused,
    Found,
    close_checked,
    close_checks,
    dry_run,
    register,
)

__all__ = [
    "CheckOutcome",
    "CloseCheck",
    "CloseDryRun",
    "CloseRefused",
    "Found",
    "close_checked",
    "close_checks",
    "dry_run",
    "register",
]
