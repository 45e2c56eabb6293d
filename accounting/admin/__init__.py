"""Accounting's pages of the admin, one subject a file."""

from accounting import jobs
from accounting.admin import (
    accounts,
    cards,
    defaults,
    journal,
    manual,
    periods,
    policy,
    rules,
    schedules,
    sections,
)

__all__ = [
    "accounts",
    "cards",
    "defaults",
    "jobs",
    "journal",
    "manual",
    "periods",
    "policy",
    "rules",
    "schedules",
    "sections",
]
