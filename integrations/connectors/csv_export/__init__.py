"""Import files for ERPs without an API: what is delivered is written into CSV files that a person carries over.

The same outbox and mapping as for any ERP. What the ERP then holds is read back from a file that it exports itself.
"""

from integrations.connectors import base
from integrations.connectors.base import (
    CompanyFrom,
    ConnectorSpec,
    Endpoints,
    RowKind,
    SignIn,
    SignInKind,
)
from integrations.connectors.csv_export.connector import CsvExport
from integrations.documents import Kind

_CATEGORIES = ("assets", "liabilities", "equity", "income", "expenses")

SPEC = ConnectorSpec(
    code="csv_export",
    label="Import files (CSV)",
    modes=("journal_entries", "documents"),
    batch_size=dict.fromkeys(
        (
            Kind.CUSTOMER,
            Kind.PRODUCT,
            Kind.JOURNAL_ENTRY,
            Kind.INVOICE,
            Kind.INVOICE_VOID,
            Kind.CREDIT_NOTE,
            Kind.CREDIT_ALLOCATION,
            Kind.CREDIT_NOTE_VOID,
            Kind.PAYMENT,
            Kind.PAYMENT_UPDATE,
            Kind.PAYMENT_VOID,
            Kind.REFUND,
            Kind.MONEY_OUT,
            Kind.MONEY_IN,
        ),
        500,
    ),
    limits={},
    sign_ins=(
        SignIn(
            code="none",
            kind=SignInKind.NONE,
            label="No sign-in: files are carried over by a person",
            fields=(),
            endpoints=lambda secrets: Endpoints(api=""),
            company_from=CompanyFrom.FIELD,
        ),
    ),
    # A chart that was uploaded without types may be used for anything.
    account_types={"cash": ("assets", ""), **{each: (each, "") for each in _CATEGORIES}},
    allowed_types={"cash": ("assets", ""), **{each: (each, "") for each in _CATEGORIES}},
    make=CsvExport,
    needs_tax_code=lambda company: False,
    line_account=True,
    tells_links=False,
    line_product=False,
    lists=(RowKind.ACCOUNT, RowKind.CUSTOMER, RowKind.PRODUCT),
    no_ledger="The ERP's export names documents only.",
    reads=(
        Kind.JOURNAL_ENTRY,
        Kind.INVOICE,
        Kind.CREDIT_NOTE,
        Kind.PAYMENT,
        Kind.REFUND,
        Kind.MONEY_OUT,
        Kind.MONEY_IN,
    ),
)


def register() -> None:
    """Offer this connector."""
    base.register(SPEC)
