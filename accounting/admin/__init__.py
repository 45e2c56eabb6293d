"""Accounting's pages of the admin, one subject a file."""

from accounting import jobs
from accounting.admin import (
    accounts,
    cards,
    contract_revenue,
    currency,
    defaults,
    journal,
    manual,
    modify,
    periods,
    policy,
    rules,
    schedules,
    sections,
)

__all__ = [
    "accounts",
    "cards",
    "contract_revenue",
    "currency",
    "defaults",
    "jobs",
    "journal",
    "manual",
    "modify",
    "periods",
    "policy",
    "rules",
    "schedules",
    "sections",
]
