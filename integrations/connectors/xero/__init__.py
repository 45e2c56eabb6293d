"""Xero. Facts about the vendor's API that the code relies on are named where they are used."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from integrations.connectors import base
from integrations.connectors.base import (
    AccountWish,
    CompanyFrom,
    ConnectorSpec,
    Endpoints,
    ErpRow,
    RowKind,
    SecretField,
    SignIn,
    SignInKind,
    TokenRequest,
    Use,
    basic_auth,
)
from integrations.connectors.jsontext import loads
from integrations.connectors.xero.connector import PAYMENTS_ENABLED, Xero
from integrations.connectors.xero.webhooks import WEBHOOKS
from integrations.documents import Kind

_ENDPOINTS = Endpoints(
    api="https://api.xero.com",
    authorize="https://login.xero.com/identity/connect/authorize",
    token="https://identity.xero.com/connect/token",  # noqa: S106 - an address
)
# Apps made since March 2026 get granular scopes only.
_DATA = (
    "accounting.settings accounting.contacts accounting.invoices accounting.payments accounting.banktransactions "
    "accounting.manualjournals"
)
_APP = (
    SecretField("client_id", "Client id", is_secret=False),
    SecretField("client_secret", "Client secret"),
)
_CLEARING = (
    "Xero takes no {what} in a journal: they move through its own invoices and payments only. Map this to a clearing account "
    "of its own, such as a current asset. Its balance in Xero is the balance of {ours} here."
)


def _event_of(callback: Mapping[str, str], answer: Mapping[str, Any]) -> Mapping[str, str]:
    """Remember which consent a token comes from, to list just the organisations that it added."""
    payload = str(answer.get("access_token", "")).split(".")[1:2]
    try:
        claims = loads(base64.urlsafe_b64decode(payload[0] + "==").decode()) if payload else {}
    except (binascii.Error, ValueError):
        claims = {}  # a token that is no JWT tells nothing; then all connections are listed
    event = claims.get("authentication_event_id") if isinstance(claims, dict) else None
    return {"authentication_event_id": event} if isinstance(event, str) else {}


def _custom(secrets: Mapping[str, Any], form: Mapping[str, str], token_url: str) -> TokenRequest:
    """Ask for a custom connection's token; it has no refresh token and is asked for anew."""
    return basic_auth(secrets, {"grant_type": "client_credentials", "scope": _DATA}, token_url)


def _refuse(account: ErpRow, wish: AccountWish) -> str:
    """Say why an account may not be used: Xero keeps receivables, banks and stock out of journals."""
    system = str(account.data.get("system_account") or "")
    if wish.use is Use.DEPOSIT:
        may = account.type == "BANK" or bool(account.data.get("payments"))
        return "" if may else "Payments need a bank account, or one with payments enabled in Xero's chart of accounts."
    if not account.number:
        return "It has no code in Xero, and lines name accounts by their code. Give it one there, then read the lists again."
    if account.type in ("BANK", "INVENTORY"):
        what = "bank accounts" if account.type == "BANK" else "stock accounts"
        return f"Xero takes no {what} in journals or on sales lines. Choose a clearing account."
    if system and (wish.use is Use.JOURNAL or system != "DEBTORS"):
        return "It is one of Xero's system accounts, which it posts to by itself. Choose a clearing account."
    return ""


SPEC = ConnectorSpec(
    code="xero",
    label="Xero",
    modes=("journal_entries", "documents"),
    batch_size={
        Kind.CUSTOMER: 50,
        Kind.PRODUCT: 50,
        Kind.JOURNAL_ENTRY: 50,
        Kind.INVOICE: 50,
        Kind.CREDIT_NOTE: 50,
        Kind.PAYMENT: 50,
        Kind.CREDIT_ALLOCATION: 1,
        Kind.PAYMENT_UPDATE: 1,
        Kind.REFUND: 1,
        Kind.MONEY_OUT: 50,
        Kind.MONEY_IN: 50,
        Kind.PAYMENT_VOID: 1,
        Kind.REFUND_VOID: 1,
        Kind.CREDIT_NOTE_VOID: 1,
        Kind.INVOICE_VOID: 1,
    },
    # Published: 60 a minute and 5 at once per organisation. The day's quota is not paced: Xero says when it is used up.
    limits={"minute": (60, 60.0, 1)},
    concurrency=5,
    sign_ins=(
        SignIn(
            code="app",
            kind=SignInKind.CODE,
            label="Sign in at Xero",
            fields=_APP,
            endpoints=lambda secrets: _ENDPOINTS,
            scope=f"offline_access {_DATA}",
            pkce=True,
            company_from=CompanyFrom.CHOICE,
            remember=_event_of,
            refresh_days=60.0,
            leaves=True,
            note="In Xero's developer portal make an app of the type “Web app”; its page “Configuration” shows both.",
        ),
        SignIn(
            code="custom",
            kind=SignInKind.CLIENT,
            label="Custom connection",
            fields=_APP,
            endpoints=lambda secrets: _ENDPOINTS,
            company_from=CompanyFrom.CHOICE,
            token_request=_custom,
            by_hand="A custom connection is ended in Xero: Settings, Connected apps. Its last token ends within half an hour.",
            note="A paid link of one organisation in Australia, New Zealand, the United Kingdom or the United States.",
        ),
    ),
    account_types={
        "cash": ("CURRENT", ""),
        "accounts_receivable.customers": ("CURRENT", ""),
        "assets": ("CURRENT", ""),
        "tds_receivable": ("CURRENT", PAYMENTS_ENABLED),  # A payment goes there.
        "liabilities": ("CURRLIAB", ""),
        "equity": ("EQUITY", ""),
        "income": ("REVENUE", ""),
        "expenses": ("EXPENSE", ""),
    },
    allowed_types={
        "assets": ("CURRENT", "NONCURRENT", "FIXED", "PREPAYMENT"),
        "liabilities": ("CURRLIAB", "LIABILITY", "TERMLIAB", "PAYG"),
        "equity": ("EQUITY",),
        "income": ("REVENUE", "SALES", "OTHERINCOME"),
        "expenses": ("EXPENSE", "OVERHEADS", "DIRECTCOSTS", "DEPRECIATN"),
        "accounts_receivable.customers": ("CURRENT", "NONCURRENT"),
        "cash": ("CURRENT", "BANK", "CURRLIAB", "LIABILITY"),
    },
    refuse=_refuse,
    role_notes={
        "accounts_receivable.customers": _CLEARING.format(what="accounts receivable", ours="receivables"),
        "cash": _CLEARING.format(what="bank accounts", ours="cash") + " Its own bank feed stays as it is.",
        "retained_earnings": "Xero works retained earnings out by itself and takes none in a journal. Map this to another "
        "equity account.",
    },
    deposit_subtypes=("BANK", "CREDITCARD", "PAYPAL"),
    journals_in_base=True,
    line_account=True,
    line_product=False,
    lists=(
        RowKind.ACCOUNT,
        RowKind.CUSTOMER,
        RowKind.PRODUCT,
        RowKind.TAX_CODE,
        RowKind.CURRENCY,
        RowKind.TRACKING,
    ),
    tells_credits=True,
    corrects=(Kind.JOURNAL_ENTRY, Kind.INVOICE, Kind.CREDIT_NOTE),
    no_ledger="Xero opens its ledger to apps of a premium plan only, and its reports value anew what is open.",
    reads=(
        Kind.JOURNAL_ENTRY,
        Kind.INVOICE,
        Kind.CREDIT_NOTE,
        Kind.PAYMENT,
        Kind.REFUND,
        Kind.MONEY_OUT,
        Kind.MONEY_IN,
    ),
    webhooks=WEBHOOKS,
    drafts=("journal_entries", "documents"),
    make=Xero,
)


def register() -> None:
    """Offer this connector."""
    base.register(SPEC)
