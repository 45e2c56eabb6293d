"""Every report there is: its address, what it is called, one sentence about it, its parameters, and the function."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from django import forms

from accounting.reports import asked as ask
from accounting.reports.ageing import ar_ageing
from accounting.reports.asked import Asked, Parameter, choice, record_id, required
from accounting.reports.contract_balances import contract_balances
from accounting.reports.customer_statement import customer_statement
from accounting.reports.deferred import deferred_waterfall
from accounting.reports.journal import DIMENSIONS, general_ledger_report, journal_report, lines_report
from accounting.reports.mrr import CHANGES, mrr_customers, mrr_movement
from accounting.reports.obligations import remaining_obligation
from accounting.reports.registers import cash_receipts, invoice_register
from accounting.reports.revenue_schedule import revenue_schedule
from accounting.reports.statements import balance_sheet, income_statement, trial_balance_report
from accounting.reports.structure import Report
from accounting.reports.taxes import tax_by_jurisdiction
from billing.periods import add_months, end_of_month, first_of_month


@dataclass(frozen=True, slots=True)
class ReportKind:
    """One report. `code` is its address; without a group it is only drilled down to, never listed."""

    code: str
    title: str
    group: str
    sentence: str
    parameters: tuple[Parameter, ...]
    build: Callable[[Asked], Report]

    @property
    def is_listed(self) -> bool:
        return bool(self.group)


_BOOKS, _CUSTOMERS, _REVENUE = "The books", "Customers and cash", "Revenue and contracts"


def _text(name: str, label: str, help_text: str) -> Parameter:
    return Parameter(name, label, lambda entity: forms.CharField(max_length=300), help_text, hidden=True)


REPORTS: dict[str, ReportKind] = {
    kind.code: kind
    for kind in (
        ReportKind(
            "trial-balance", "Trial balance", _BOOKS,
            "Every account's balance at the end of a day; debits equal credits.",
            (ask.AT,), trial_balance_report,
        ),
        ReportKind(
            "balance-sheet", "Balance sheet", _BOOKS,
            "Assets against liabilities and equity at the end of a day, with another day beside it.",
            (ask.AT, ask.COMPARE), balance_sheet,
        ),
        ReportKind(
            "income-statement", "Income statement", _BOOKS,
            "Income less expenses between two days, as a whole or month by month.",
            (ask.FROM, ask.TO, choice("by", "Shown", {"total": "As a whole", "month": "Month by month"}, "The columns.")),
            income_statement,
        ),
        ReportKind(
            "general-ledger", "General ledger", _BOOKS,
            "The lines of one account, or of all, with the balance after each.",
            (ask.ACCOUNT, ask.FROM, ask.TO), general_ledger_report,
        ),
        ReportKind(
            "journal", "Journal", _BOOKS,
            "Every entry with its lines, in the order of the dates.",
            (ask.MONTH_FROM, ask.TO), journal_report,
        ),
        ReportKind(
            "ar-ageing", "Accounts-receivable ageing", _CUSTOMERS,
            "What customers owed at the end of any day, by how long it was overdue.",
            (
                ask.AT, choice("by", "Shown", {"customer": "By customer", "invoice": "By invoice"}, "The rows."),
                ask.CUSTOMER, ask.BUCKETS, ask.CURRENCY,
            ),
            ar_ageing,
        ),
        ReportKind(
            "customer-statement", "Customer statement", _CUSTOMERS,
            "One customer's account between two days and what is open at the end, to send to them.",
            (required(ask.CUSTOMER), ask.FROM, ask.TO, ask.THEIR_CURRENCY), customer_statement,
        ),
        ReportKind(
            "invoice-register", "Invoice register", _CUSTOMERS,
            "Every invoice, void and credit note with net, tax and gross as they were booked.",
            (ask.MONTH_FROM, ask.TO, ask.CUSTOMER, ask.CURRENCY), invoice_register,
        ),
        ReportKind(
            "cash-receipts", "Cash receipts", _CUSTOMERS,
            "Every payment: where the money went, what it settled, what is kept; and what was paid back.",
            (ask.MONTH_FROM, ask.TO, ask.CUSTOMER, ask.CURRENCY), cash_receipts,
        ),
        ReportKind(
            "tax", "Tax by jurisdiction", _CUSTOMERS,
            "Tax charged and taken back, by jurisdiction and rate, and on what.",
            (ask.FROM, ask.TO), tax_by_jurisdiction,
        ),
        ReportKind(
            "deferred-revenue", "Deferred revenue waterfall", _REVENUE,
            "How deferred revenue came about month by month, and when it will become revenue.",
            (ask.FROM, ask.AT), deferred_waterfall,
        ),
        ReportKind(
            "revenue-schedule", "Revenue schedule", _REVENUE,
            "Revenue by month: recognized up to a day, scheduled after it; by product, customer or contract.",
            (
                choice("by", "By", {"product": "Product", "customer": "Customer", "contract": "Contract"}, "The rows."),
                ask.FROM, replace(ask.AT, label="Recognized through"),
                replace(ask.TO, first=lambda today: end_of_month(add_months(first_of_month(today), 11))),
                ask.CUSTOMER, ask.CONTRACT, ask.PRODUCT, ask.CURRENCY,
            ),
            revenue_schedule,
        ),
        ReportKind(
            "contract-balances", "Contract assets and liabilities", _REVENUE,
            "Each contract's asset or liability rolled forward, netted per contract.",
            (ask.FROM, ask.TO, ask.CUSTOMER), contract_balances,
        ),
        ReportKind(
            "remaining-obligation", "Remaining performance obligation", _REVENUE,
            "What contracts in force still promise: billed or not, within a year or later.",
            (
                ask.AT, choice("by", "By", {"contract": "Contract", "item": "Contract item"}, "The rows."),
                ask.CUSTOMER, ask.CONTRACT, ask.CURRENCY,
            ),
            remaining_obligation,
        ),
        ReportKind(
            "mrr", "MRR movement", _REVENUE,
            "Monthly recurring revenue: new, expansion, contraction, churn, reactivation.",
            (ask.FROM, ask.TO, ask.CURRENCY), mrr_movement,
        ),
        ReportKind(
            "mrr-customers", "MRR by customer", "",
            "The customers behind one month of the movement.",
            (
                replace(ask.AT, name="month", label="Month", help="Any day of the month."), ask.CURRENCY,
                _text("kind", "Change", f"One of {', '.join(CHANGES)}; left out: every customer."),
            ),
            mrr_customers,
        ),
        ReportKind(
            "lines", "Journal lines", "",
            "The journal lines behind a figure.",
            (
                replace(ask.FROM, required=False), ask.TO, ask.ACCOUNT, ask.CURRENCY,
                _text("role", "Role", "Account roles, by commas: accounts that ever stood for them; with a minus, all others."),
                ask.CATEGORY,
                _text("event", "What happened", "Kinds of business events, by commas; with a minus in front, all but these."),
                *(record_id(name) for name in DIMENSIONS),
            ),
            lines_report,
        ),
    )
}  # fmt: skip
