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
    rule_previews,
    rule_versions,
    rules,
    schedules,
    sections,
    unmatched,
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
    "rule_previews",
    "rule_versions",
    "rules",
    "schedules",
    "sections",
    "unmatched",
]
