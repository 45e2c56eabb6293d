"""A document as a bookkeeper reads it: names instead of the ERP's ids, amounts in columns. The bytes stand beside it."""

from collections.abc import Sequence
from decimal import Decimal

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from billing.admin.shown import day
from billing.money import format_amount
from integrations.documents import (
    CreditAllocationDocument,
    CreditNoteDocument,
    Document,
    InvoiceDocument,
    JournalDocument,
    MoneyDocument,
    PaymentDocument,
    RefundDocument,
)
from integrations.models import Connection, ErpRecord, RecordKind

_Cells = Sequence[object]
_Rows = list[tuple[object, ...]]


class Names:
    """What the ERP's own lists call an id, read once. An id that is not in them stands for itself."""

    def __init__(self, connection: Connection) -> None:
        kinds = (RecordKind.ACCOUNT, RecordKind.CUSTOMER, RecordKind.PRODUCT)
        records = ErpRecord.objects.filter(connection=connection, kind__in=kinds)
        self._names = {(each.kind, each.external_id): str(each) for each in records.defer("data")}

    def account(self, external_id: str) -> str:
        return self._names.get((RecordKind.ACCOUNT.value, external_id), external_id)

    def customer(self, external_id: str | None) -> str:
        return self._names.get((RecordKind.CUSTOMER.value, external_id or ""), external_id or "")

    def product(self, external_id: str) -> str:
        return self._names.get((RecordKind.PRODUCT.value, external_id), external_id)


def readable(document: Document, names: Names) -> SafeString | str:
    """Draw a document of money; an empty text for one that has no amounts, such as a customer."""
    if isinstance(document, JournalDocument):
        return _journal(document, names)
    if isinstance(document, InvoiceDocument | CreditNoteDocument):
        return _sale(document, names)
    if isinstance(document, PaymentDocument):
        rows = _settled(document)
        return _table(_head(document, names), (f"To {names.account(document.deposit_account)}", "Amount"), rows)
    if isinstance(document, CreditAllocationDocument):
        return _table(_head(document, names), ("What it settles", "Amount"), _settled(document))
    if isinstance(document, RefundDocument | MoneyDocument):
        account = names.account(document.account)
        amount = format_amount(document.amount, document.currency)
        return _table(_head(document, names), ("Account of the money", "Amount"), [(account, amount)])
    return ""


def _journal(document: JournalDocument, names: Names) -> SafeString:
    def side(amount: Decimal) -> str:
        return format_amount(amount, document.currency) if amount else ""

    rows: _Rows = []
    for line in document.lines:
        # A bookkeeper's account column: who owes it, and what it is tracked by, below the account.
        below = ", ".join([*filter(None, [names.customer(line.customer)]), *(each.name for each in line.dimensions)])
        rows.append((_with(names.account(line.account), below), side(line.debit), side(line.credit)))
    sums = [sum((getattr(line, name) for line in document.lines), Decimal(0)) for name in ("debit", "credit")]
    rows.append(("Total", *(side(each) for each in sums)))
    return _table(f"{day(document.date)}, {document.currency}", ("Account there", "Debit", "Credit"), rows)


def _sale(document: InvoiceDocument | CreditNoteDocument, names: Names) -> SafeString:
    rows: _Rows = []
    for line in document.lines:
        stands = names.product(line.product) or names.account(line.account)
        net, tax = (format_amount(each, document.currency) for each in (line.net, line.tax))
        rows.append((_with(line.description, stands), net, tax))
    net, tax, total = (format_amount(each, document.currency) for each in (document.net, document.tax, document.total))
    rows += [("Net and tax", net, tax), ("Total", total, "")]
    return _table(f"{document.number}, {_head(document, names)}", ("Line", "Net", "Tax"), rows)


def _settled(document: PaymentDocument | CreditAllocationDocument) -> _Rows:
    rows: _Rows = [
        (f"Settles {each.invoice}", format_amount(each.amount, document.currency)) for each in document.allocations
    ]
    if isinstance(document, PaymentDocument):
        rows.append(("Payment", format_amount(document.amount, document.currency)))
    return rows


def _head(
    document: InvoiceDocument
    | CreditNoteDocument
    | PaymentDocument
    | CreditAllocationDocument
    | RefundDocument
    | MoneyDocument,
    names: Names,
) -> str:
    return ", ".join([*filter(None, [names.customer(document.customer)]), day(document.date), document.currency])


def _with(text: str, below: str) -> SafeString | str:
    return format_html('{}<div class="cf-muted">{}</div>', text, below) if below and below != text else text


def _table(caption: str, head: Sequence[str], rows: Sequence[_Cells]) -> SafeString:
    first, *amounts = head
    columns = format_html_join("", '<th scope="col" style="text-align: right">{}</th>', ((each,) for each in amounts))
    lines = format_html_join("", "<tr><td>{}</td>{}</tr>", ((row[0], _amounts(row[1:])) for row in rows))
    words = (
        '<table class="cf-readable"><caption>{}</caption><thead><tr><th scope="col">{}</th>{}</tr></thead>{}</table>'
    )
    return format_html(words, caption, first, columns, lines)


def _amounts(cells: Sequence[object]) -> SafeString:
    return format_html_join("", '<td class="cf-amount">{}</td>', ((each,) for each in cells))
