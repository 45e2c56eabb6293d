"""The accounts behind a role: what a report about receivables, deferred revenue or tax adds up."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from accounting.reports.sql import fetch
from billing.tenancy import current_tenant_id

RECEIVABLE = "accounts_receivable.customers"
DEFERRED = "deferred_revenue"
UNBILLED = "unbilled_revenue"
TAX = "sales_tax"
# What is owed to a customer apart from invoices: it lowers nothing in the ageing, but a collector wants to know of it.
HELD_FOR_CUSTOMERS = ("unapplied_payments", "customer_wallet", "contra_accounts_receivable.customers")


def accounts_of(roles: Iterable[str], *, entity_id: int) -> list[int]:
    """Give the ids of one entity's accounts that ever stood for one of the roles."""
    rows = fetch(
        "SELECT DISTINCT a.id FROM accounting_roleaccount r JOIN accounting_account a ON a.id = r.account_id "
        "WHERE r.tenant_id = %s AND r.role = ANY(%s) AND a.business_entity_id = %s AND NOT a.is_group ORDER BY a.id",
        [current_tenant_id(), list(roles), entity_id],
    )
    return [row[0] for row in rows]


def balance_of(accounts: Iterable[int], *, at: date) -> Decimal:
    """Give debit less credit of the accounts together at the end of a day, in base currency."""
    rows = fetch(
        "SELECT coalesce(sum(base_debit) - sum(base_credit), 0) FROM accounting_journalline "
        "WHERE account_id = ANY(%s) AND date <= %s",
        [list(accounts), at],
    )
    return Decimal(rows[0][0])
