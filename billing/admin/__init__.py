"""Billing's pages of the admin, one subject a file."""

from billing.admin import (
    cards,
    contracts,
    credit_notes,
    customers,
    events,
    gateways,
    invoices,
    jobs,
    payments,
    people,
    products,
    returned,
    series,
    usage,
    wallets,
)

__all__ = [
    "cards",
    "contracts",
    "credit_notes",
    "customers",
    "events",
    "gateways",
    "invoices",
    "jobs",
    "payments",
    "people",
    "products",
    "returned",
    "series",
    "usage",
    "wallets",
]
