"""NetSuite, by SuiteTalk REST. Facts about the vendor's API that the code relies on are named where they are used."""

from integrations.connectors import base
from integrations.connectors.base import AccountWish, ConnectorSpec, ErpRow
from integrations.connectors.netsuite import lists
from integrations.connectors.netsuite.connector import NetSuite
from integrations.connectors.netsuite.signing import SIGN_INS
from integrations.documents import Kind

_BATCH = 100  # The most that the vendor takes in one asynchronous request.


def _refuse(account: ErpRow, wish: AccountWish) -> str:
    if account.data.get("summary"):
        return "It only sums up other accounts: NetSuite lets nothing be posted to it."
    return ""


SPEC = ConnectorSpec(
    code="netsuite",
    label="NetSuite",
    modes=("journal_entries", "documents"),
    sign_ins=SIGN_INS,
    batch_size={
        Kind.CUSTOMER: _BATCH,
        Kind.PRODUCT: _BATCH,
        Kind.JOURNAL_ENTRY: _BATCH,
        Kind.INVOICE: _BATCH,
        Kind.CREDIT_NOTE: _BATCH,
        Kind.PAYMENT: _BATCH,
        Kind.REFUND: _BATCH,
        Kind.MONEY_OUT: _BATCH,
        Kind.MONEY_IN: _BATCH,
        Kind.CREDIT_ALLOCATION: 1,
        Kind.PAYMENT_UPDATE: 1,
        Kind.INVOICE_VOID: 1,
        Kind.CREDIT_NOTE_VOID: 1,
        Kind.PAYMENT_VOID: 1,
        Kind.REFUND_VOID: 1,
    },
    limits={},  # No rate is published, only how many requests an account runs at once.
    concurrency=5,  # The smallest that an account has, shared with all other integrations.
    receivable_types=("AcctRec",),
    account_types={
        "cash": ("Bank", ""),
        "accounts_receivable.customers": ("AcctRec", ""),
        "assets": ("OthCurrAsset", ""),
        "liabilities": ("OthCurrLiab", ""),
        "deferred_revenue": ("DeferRevenue", ""),
        "equity": ("Equity", ""),
        "income": ("Income", ""),
        "expenses": ("Expense", ""),
    },
    allowed_types={
        # Accounts payable wants a vendor on each line, which our entries do not have.
        "assets": ("OthCurrAsset", "UnbilledRec", "DeferExpense", "Bank", "FixedAsset", "OthAsset"),
        "liabilities": ("OthCurrLiab", "DeferRevenue", "LongTermLiab", "CredCard"),
        "equity": ("Equity",),
        "income": ("Income", "OthIncome"),
        "expenses": ("Expense", "OthExpense", "COGS"),
        "accounts_receivable.customers": ("AcctRec",),
        "cash": ("Bank", "OthCurrAsset"),
    },
    refuse=_refuse,
    lists=lists.KINDS,
    tells_credits=True,
    corrects=(
        Kind.JOURNAL_ENTRY,
        Kind.INVOICE,
        Kind.CREDIT_NOTE,
        Kind.PAYMENT,
        Kind.REFUND,
        Kind.MONEY_OUT,
        Kind.MONEY_IN,
    ),
    reads=(
        Kind.JOURNAL_ENTRY,
        Kind.INVOICE,
        Kind.CREDIT_NOTE,
        Kind.PAYMENT,
        Kind.REFUND,
        Kind.MONEY_OUT,
        Kind.MONEY_IN,
    ),
    sweeps=(Kind.JOURNAL_ENTRY, Kind.INVOICE, Kind.CREDIT_NOTE, Kind.PAYMENT, Kind.REFUND),
    drafts=("journal_entries",),  # Invoices and credit memos are posted at once.
    make=NetSuite,
)


def register() -> None:
    """Offer this connector."""
    base.register(SPEC)
