"""QuickBooks Online. Facts about the vendor's API that the code relies on are named where they are used."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from integrations.connectors import base
from integrations.connectors.base import (
    AccountWish,
    CompanyFrom,
    ConnectorSpec,
    Endpoints,
    ErpRow,
    SecretField,
    SignIn,
    SignInKind,
    TokenRequest,
)
from integrations.connectors.quickbooks import taxes
from integrations.connectors.quickbooks.connector import QuickBooks
from integrations.connectors.quickbooks.objects import LISTS, READ
from integrations.connectors.quickbooks.webhooks import WEBHOOKS
from integrations.documents import Kind

_ENDPOINTS = Endpoints(
    api="https://quickbooks.api.intuit.com",
    authorize="https://appcenter.intuit.com/connect/oauth2",
    token="https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",  # noqa: S106 - an address
    revoke="https://developer.api.intuit.com/v2/oauth2/tokens/revoke",
)


def _token_request(secrets: Mapping[str, Any], form: Mapping[str, str], token_url: str) -> TokenRequest:
    """Ask with the token also for the day on which the sign-in ends for good, five years after it was given."""
    asked = base.basic_auth(secrets, form, token_url)
    return replace(asked, headers={"x-include-refresh-token-hard-expires-in": "true"})


def _revocation(secrets: Mapping[str, Any]) -> TokenRequest:
    """End the sign-in: the refresh token and the access tokens that came of it."""
    return replace(base.basic_auth(secrets, {"token": str(secrets.get("refresh_token", ""))}, ""), as_json=True)


def _refuse(account: ErpRow, wish: AccountWish) -> str:
    if account.data.get("foreign"):
        return f"It is kept in {account.data['foreign']}: QuickBooks takes nothing else for it. Choose one in the home currency."
    return ""


SPEC = ConnectorSpec(
    code="quickbooks",
    label="QuickBooks Online",
    modes=("journal_entries", "documents"),
    batch_size={
        Kind.CUSTOMER: 30,
        Kind.PRODUCT: 30,
        Kind.JOURNAL_ENTRY: 30,
        Kind.INVOICE: 10,
        Kind.CREDIT_NOTE: 10,
        Kind.PAYMENT: 10,
        Kind.CREDIT_ALLOCATION: 1,
        Kind.REFUND: 1,
        Kind.MONEY_OUT: 1,
        Kind.MONEY_IN: 1,
        Kind.INVOICE_VOID: 1,
        Kind.CREDIT_NOTE_VOID: 1,
        Kind.PAYMENT_VOID: 1,
        Kind.REFUND_VOID: 1,
        Kind.PAYMENT_UPDATE: 1,
    },
    # Published: 500 a minute per company, 10 a second, 40 batches a minute. Burst plus flow never exceed them.
    # Nine of the ten a second, for requests catch up with each other on their way: still 480 a minute.
    limits={"minute": (500, 60.0, 10), "second": (9, 1.0, 1), "batch": (40, 60.0, 1)},
    concurrency=10,
    sign_ins=(
        SignIn(
            code="oauth2",
            kind=SignInKind.CODE,
            label="Sign in at Intuit",
            fields=(
                SecretField("client_id", "Client id"),
                SecretField("client_secret", "Client secret"),
            ),
            endpoints=lambda secrets: _ENDPOINTS,
            scope="com.intuit.quickbooks.accounting",
            note="In Intuit's developer portal make an app for QuickBooks Online and Payments with the scope accounting; its "
            "page “Keys and credentials” shows both.",
            company_from=CompanyFrom.CALLBACK,
            company_name="realmId",
            token_request=_token_request,
            revocation=_revocation,
        ),
    ),
    lists=tuple(LISTS.values()),
    reads=tuple(READ),
    tells_credits=True,
    corrects=(
        Kind.JOURNAL_ENTRY,
        Kind.INVOICE,
        Kind.CREDIT_NOTE,
        Kind.PAYMENT,
        Kind.MONEY_OUT,
        Kind.MONEY_IN,
    ),
    decimals=2,
    receivable_types=("Accounts Receivable",),
    deposit_subtypes=("UndepositedFunds",),  # Payments wait there for the bank's own feed.
    needs_tax_code=taxes.is_named,
    account_types={
        "cash": ("Bank", "Checking"),
        "accounts_receivable.customers": ("Accounts Receivable", "AccountsReceivable"),
        "assets": ("Other Current Asset", "OtherCurrentAssets"),
        "liabilities": ("Other Current Liability", "OtherCurrentLiabilities"),
        "sales_tax": ("Other Current Liability", "SalesTaxPayable"),
        # Not OpeningBalanceEquity: a company has one of its own. Intuit's XSD names no sub type for deferred revenue.
        "equity": ("Equity", "OwnersEquity"),
        "income": ("Income", "ServiceFeeIncome"),
        "expenses": ("Expense", "OtherMiscellaneousServiceCost"),
    },
    allowed_types={
        # Accounts payable wants a vendor on each line, which our entries do not have.
        "assets": ("Other Current Asset", "Bank", "Fixed Asset", "Other Asset"),
        "liabilities": ("Other Current Liability", "Long Term Liability", "Credit Card"),
        "equity": ("Equity",),
        "income": ("Income", "Other Income"),
        "expenses": ("Expense", "Other Expense", "Cost of Goods Sold"),
        "accounts_receivable.customers": ("Accounts Receivable",),
        "cash": ("Bank", "Other Current Asset"),
    },
    refuse=_refuse,
    make=QuickBooks,
    webhooks=WEBHOOKS,
)


def register() -> None:
    """Offer this connector."""
    base.register(SPEC)
