"""Zoho Books, API v3. Facts about the vendor's API that the code relies on are named where they are used."""

from integrations.connectors import base
from integrations.connectors.base import (
    CompanyFrom,
    ConnectorSpec,
    RowKind,
    SecretField,
    SignIn,
    SignInKind,
)
from integrations.connectors.zoho import places
from integrations.connectors.zoho.connector import ZohoBooks
from integrations.connectors.zoho.webhooks import WEBHOOKS
from integrations.documents import Kind

_SCOPES = (
    *(f"ZohoBooks.accountants.{verb}" for verb in ("CREATE", "READ", "UPDATE", "DELETE")),
    *(f"ZohoBooks.invoices.{verb}" for verb in ("CREATE", "READ", "UPDATE", "DELETE")),
    *(f"ZohoBooks.creditnotes.{verb}" for verb in ("CREATE", "READ", "UPDATE", "DELETE")),
    *(f"ZohoBooks.customerpayments.{verb}" for verb in ("CREATE", "READ", "UPDATE", "DELETE")),
    *(f"ZohoBooks.contacts.{verb}" for verb in ("CREATE", "READ", "UPDATE")),
    *(f"ZohoBooks.settings.{verb}" for verb in ("CREATE", "READ", "UPDATE")),
    *(f"ZohoBooks.{module}.{verb}" for module in ("expenses", "banking") for verb in ("CREATE", "READ")),
)

SPEC = ConnectorSpec(
    code="zoho",
    label="Zoho Books",
    modes=("journal_entries", "documents"),
    batch_size={
        # Batches are ours: the documents go one by one, and one call publishes them or marks them as sent.
        Kind.CUSTOMER: 10,
        Kind.PRODUCT: 10,
        Kind.JOURNAL_ENTRY: 10,  # As many as Zoho publishes with one call.
        Kind.INVOICE: 10,
        Kind.CREDIT_NOTE: 10,
        Kind.PAYMENT: 10,
        Kind.CREDIT_ALLOCATION: 1,
        Kind.PAYMENT_UPDATE: 1,
        Kind.REFUND: 1,
        Kind.MONEY_OUT: 10,
        Kind.MONEY_IN: 10,
        Kind.PAYMENT_VOID: 1,
        Kind.REFUND_VOID: 1,
        Kind.CREDIT_NOTE_VOID: 1,
        Kind.INVOICE_VOID: 1,
    },
    withholds=True,
    one_by_one=True,
    # 100 a minute per organisation; a day's limit depends on the plan and is told by a 429. 5 at once suit every plan.
    limits={"minute": (100, 60.0, 2)},
    concurrency=5,
    sign_ins=(
        SignIn(
            code="oauth",
            kind=SignInKind.CODE,
            label="Sign in at Zoho",
            fields=(
                SecretField(
                    "data_centre",
                    "Data centre",
                    "Where your Zoho account lives: the ending of the address you use Zoho Books at.",
                    is_secret=False,
                    is_optional=True,
                    choices=tuple((code, each.label) for code, each in places.DATA_CENTRES.items()),
                ),
                SecretField("client_id", "Client id", "Of a server-based application in Zoho's API console."),
                SecretField("client_secret", "Client secret"),
            ),
            endpoints=places.endpoints,
            scope=",".join(_SCOPES),
            extra={"access_type": "offline", "prompt": "consent"},
            company_from=CompanyFrom.CHOICE,
            token_request=places.token_request,
            remember=places.remember,
            busy=places.busy,
            revocation=places.revocation,
            refresh_days=36_500.0,  # The refresh token does not end by time.
            note=(
                "In Zoho Books create a custom field “Counterfoil ID” (single line, no duplicates) for customers, items, "
                "invoices, credit notes and payments. Zoho keeps 20 sign-ins per person: the 21st ends the first."
            ),
        ),
    ),
    account_types={
        "cash": ("bank", ""),
        "accounts_receivable.customers": ("accounts_receivable", ""),
        "assets": ("other_current_asset", ""),
        "liabilities": ("other_current_liability", ""),
        "equity": ("equity", ""),
        "income": ("income", ""),
        "expenses": ("expense", ""),
    },
    allowed_types={
        # Accounts payable wants a vendor on each line, which our entries do not have.
        "assets": (
            "other_current_asset",
            "cash",
            "bank",
            "fixed_asset",
            "other_asset",
            "intangible_asset",
            "right_to_use_asset",
        ),
        "liabilities": (
            "other_current_liability",
            "contract_liability",
            "refund_liability",
            "long_term_liability",
            "other_liability",
            "credit_card",
            "loans_and_borrowing",
        ),
        "equity": ("equity",),
        "income": ("income", "other_income", "finance_income"),
        "expenses": ("expense", "other_expense", "cost_of_goods_sold", "finance_expense", "impairment_expense"),
        "accounts_receivable.customers": ("accounts_receivable",),
        "cash": ("bank", "cash", "other_current_asset"),
    },
    receivable_types=("accounts_receivable",),
    lists=(
        RowKind.ACCOUNT,
        RowKind.CUSTOMER,
        RowKind.PRODUCT,
        RowKind.TAX_CODE,
        RowKind.CURRENCY,
        RowKind.TRACKING,
        RowKind.LOCATION,
    ),
    no_ledger="Zoho Books tells what customers owe at this moment only, not as of a day.",
    reads=(
        Kind.JOURNAL_ENTRY,
        Kind.INVOICE,
        Kind.CREDIT_NOTE,
        Kind.PAYMENT,
        Kind.REFUND,
        Kind.MONEY_OUT,
        Kind.MONEY_IN,
    ),
    tells_credits=True,
    # Of expenses and bank transactions the sign-in is asked for creating and reading only.
    corrects=(Kind.JOURNAL_ENTRY, Kind.INVOICE, Kind.CREDIT_NOTE, Kind.PAYMENT),
    sweeps=(Kind.JOURNAL_ENTRY, Kind.INVOICE, Kind.CREDIT_NOTE, Kind.PAYMENT),
    webhooks=WEBHOOKS,
    drafts=("journal_entries", "documents"),
    make=ZohoBooks,
)


def register() -> None:
    """Offer this connector."""
    base.register(SPEC)
