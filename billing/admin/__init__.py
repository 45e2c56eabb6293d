"""Billing's pages of the admin, one subject a file."""

from billing.admin import (
    cards,
    contracts,
    credit_notes,
    customers,
    events,
    history,
    invoices,
    jobs,
    payments,
    people,
    products,
    series,
    usage,
)

__all__ = [
    "cards",
    "contracts",
    "credit_notes",
    "customers",
    "events",
    "history",
    "invoices",
    "jobs",
    "payments",
    "people",
    "products",
    "series",
    "usage",
]
