"""Our documents as QuickBooks Online's JSON, validated before anything is sent.

Hand-written rather than through a client library, because those add fields (an exchange rate of 1, empty dates) that
make wrong books or are refused. Lengths and rules: Intuit's object pages and XSDs.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from billing.money import minor_unit
from integrations.connectors.base import Company, Rejected
from integrations.connectors.jsontext import dumps
from integrations.connectors.lengths import cut, units
from integrations.connectors.quickbooks import taxes
from integrations.documents import (
    CreditNoteDocument,
    CustomerDocument,
    DimensionDocument,
    InvoiceDocument,
    JournalDocument,
    JournalLineDocument,
    MoneyDocument,
    PaymentDocument,
    ProductDocument,
    SalesLineDocument,
    VoidDocument,
)

_DOC_NUMBER, _NOTE, DESCRIPTION, _NAME = 21, 4000, 4000, 100
_MAX_SALES_LINES, _DECIMALS = 750, 5
_BAD_IN_NAMES = re.compile(r"[:\t\r\n]+")
_CENT = Decimal("0.01")  # QuickBooks keeps no finer amount, in any currency.
_TOO_LARGE = Decimal(10) ** 10  # Intuit: "Max 15 digits in 10.5 format".

JsonObject = dict[str, Any]


def tag(reference: str) -> str:
    """Give the mark by which we know our own documents in the ERP."""
    return f"[cf:{reference}]"


def tagged(text: str) -> str:
    """Give the reference in a marked text, or an empty text."""
    match = re.search(r"\[cf:([A-Z0-9-]+)\]", text or "")
    return match[1] if match else ""


def amount(value: Decimal, currency: str) -> Decimal:
    """Give the amount with the currency's digits. Raises Rejected where digits would be lost, and for one that is too large."""
    if abs(value) >= _TOO_LARGE:
        raise Rejected(
            "amount", f"The amount {value} {currency} is too large: QuickBooks takes ten digits before the point."
        )
    exact = value.quantize(max(minor_unit(currency), _CENT))
    if exact != value:
        raise Rejected("amount", f"The amount {value} {currency} has more digits than QuickBooks keeps.")
    return exact


def name_of(text: str, suffix: str = "") -> str:
    """Give a list entry's name as QuickBooks takes it. Raises Rejected for none."""
    tail = f" ({cut(_BAD_IN_NAMES.sub(' ', suffix), _NAME // 2)})" if suffix else ""
    name = cut(_BAD_IN_NAMES.sub(" ", text).strip(), _NAME - units(tail)).strip() + tail
    if not name:
        raise Rejected("name", "QuickBooks needs a name here. Give the record a name and send it again.")
    return name


def note(words: str, reference: str) -> str:
    mark = tag(reference)
    return f"{cut(words, _NOTE - len(mark) - 1)} {mark}".strip()


def _currency(currency: str, company: Company) -> JsonObject:
    """Name the currency only where the company keeps several; then QuickBooks demands it."""
    if company.multi_currency:
        return {"CurrencyRef": {"value": currency}}
    if currency != company.home_currency:
        raise Rejected(
            "currency",
            f"The document is in {currency}, but this QuickBooks company keeps {company.home_currency} only. "
            "Switch on Multicurrency in QuickBooks, read the lists again and send it again.",
        )
    return {}


def currency_of(currency: str, rate: Decimal, company: Company) -> JsonObject:
    """Name currency and rate. The rate is always given for a foreign currency: left out it would be 1."""
    foreign = company.multi_currency and currency != company.home_currency
    return _currency(currency, company) | ({"ExchangeRate": rate} if foreign else {})


def untaxed(company: Company) -> JsonObject:
    """Say that an expense or deposit has no tax of its own, where QuickBooks asks for it: everywhere but in the United States."""
    return {} if company.country == "US" else {"GlobalTaxCalculation": "NotApplicable"}


def _dimensions(dimensions: Sequence[DimensionDocument], company: Company, *kinds: str) -> JsonObject:
    """Name class and location, as far as a line or a document takes them. Raises Rejected where the company tracks none."""
    fields = {"class": "ClassRef", "department": "DepartmentRef", "location": "DepartmentRef"}
    found = [each for each in dimensions if each.kind in kinds]
    for each in found:
        what = "class" if each.kind == "class" else "location"
        tracked = ("locations",) if what == "location" else ("class_on_lines", "class_on_documents")
        if not any(company.extra.get(name, True) for name in tracked):
            raise Rejected(
                "dimension",
                f"This document has a {what}, but QuickBooks does not track them. Switch that on in its advanced settings and "
                "read the lists again, or take the mapping away, then send it again.",
            )
    return {fields[each.kind]: {"value": each.external_id} for each in found}


def _class_of(lines: Sequence[SalesLineDocument], company: Company) -> JsonObject:
    """Name the class of a whole document, where QuickBooks tracks one of them. Raises Rejected for several."""
    first, *others = (_dimensions(line.dimensions, company, "class") for line in lines)
    if any(each != first for each in others):
        raise Rejected(
            "dimension",
            "The lines of this document have several classes, but QuickBooks tracks one for each document. Choose 'one to each "
            "row in transaction' in its advanced settings, read the lists again and send it again.",
        )
    return first


def customer(document: CustomerDocument, company: Company) -> str:
    """Write a Customer."""
    body: JsonObject = {"DisplayName": name_of(document.name, document.suffix), "Notes": tag(document.reference)}
    if document.email and units(document.email) <= _NAME:  # Cut short it would be another address.
        body["PrimaryEmailAddr"] = {"Address": document.email}
    return dumps(body | _currency(document.currency, company))


def product(document: ProductDocument) -> str:
    """Write an Item of type Service; the Sku carries our reference, for Items have no private note."""
    return dumps(
        {
            "Name": name_of(document.name, document.suffix),
            "Sku": f"cf:{document.reference}",
            "Type": "Service",
            "Description": cut(document.description, DESCRIPTION),
            "IncomeAccountRef": {"value": document.income_account},
        }
    )


def journal_entry(document: JournalDocument, company: Company) -> str:
    """Write a JournalEntry. The exchange rate is always given for a foreign currency: left out it would be 1."""
    lines = [_journal_line(line, document.currency, company) for line in document.lines]
    debit = sum((line.debit for line in document.lines), Decimal(0))
    credit = sum((line.credit for line in document.lines), Decimal(0))
    if debit != credit or not debit:
        raise Rejected("unbalanced", f"The entry does not balance: debit {debit}, credit {credit}.")
    _check_number(document.reference)
    body: JsonObject = {
        "DocNumber": document.reference,
        "TxnDate": document.date.isoformat(),
        "PrivateNote": note(document.description, document.reference),
    }
    body |= currency_of(document.currency, document.rate, company)
    if company.country != "US":  # Of a journal its page takes no NotApplicable; a line without a code has no tax.
        body["GlobalTaxCalculation"] = "TaxExcluded"
    return dumps(body | {"Line": lines})


def _journal_line(line: JournalLineDocument, currency: str, company: Company) -> JsonObject:
    if (line.debit > 0) == (line.credit > 0) or line.debit < 0 or line.credit < 0:
        raise Rejected("line", "A journal line for QuickBooks must have either a debit or a credit above zero.")
    detail: JsonObject = {
        "PostingType": "Debit" if line.debit else "Credit",
        "AccountRef": {"value": line.account},
    }
    detail |= _dimensions(line.dimensions, company, "class", "department", "location")
    if line.customer:
        detail["Entity"] = {"Type": "Customer", "EntityRef": {"value": line.customer}}
    return {
        "Description": cut(line.description, DESCRIPTION),
        "Amount": amount(line.debit or line.credit, currency),
        "DetailType": "JournalEntryLineDetail",
        "JournalEntryLineDetail": detail,
    }


def _check_number(number: str) -> None:
    if units(number) > _DOC_NUMBER:
        raise Rejected("number", f"The number {number} is longer than the {_DOC_NUMBER} characters QuickBooks allows.")


def invoice(document: InvoiceDocument, company: Company) -> str:
    """Write an Invoice whose total is ours to the cent."""
    body = _sales(document, company) | {"DueDate": document.due.isoformat()}
    return dumps(body)


def credit_memo(document: CreditNoteDocument, company: Company) -> str:
    """Write a CreditMemo."""
    return dumps(_sales(document, company))


def _sales(document: InvoiceDocument | CreditNoteDocument, company: Company) -> JsonObject:
    _check_number(document.number)
    if not 1 <= len(document.lines) <= _MAX_SALES_LINES:
        raise Rejected(
            "lines", f"QuickBooks takes 1 to {_MAX_SALES_LINES} lines, this document has {len(document.lines)}."
        )
    net = sum((line.net for line in document.lines), Decimal(0))
    if net != document.net or document.net + document.tax != document.total:
        raise Rejected("total", f"The lines add up to {net}, the document says {document.net}.")
    words = document.reason if isinstance(document, CreditNoteDocument) else ""
    body: JsonObject = {
        "DocNumber": document.number,
        "TxnDate": document.date.isoformat(),
        "CustomerRef": {"value": document.customer},
        "PrivateNote": note(words, document.reference),
    }
    body |= currency_of(document.currency, document.rate, company)
    body["Line"] = [_sales_line(line, document.currency, company) for line in document.lines]
    body |= taxes.of(document.lines, amount(document.tax, document.currency), document.currency, company)
    body |= _dimensions(document.lines[0].dimensions, company, "department", "location")
    if not _class_is_on_lines(company):
        body |= _class_of(document.lines, company)
    return body


def _class_is_on_lines(company: Company) -> bool:
    return bool(company.extra.get("class_on_lines", True))


def _sales_line(line: SalesLineDocument, currency: str, company: Company) -> JsonObject:
    net = amount(line.net, currency)
    # QuickBooks refuses a line whose amount is not quantity times price, and keeps five decimals of each; a prorated or
    # tiered line, or one of finer prices, is sent as one unit.
    kept = all(round(value, _DECIMALS) == value for value in (line.quantity, line.unit_amount))
    exact = kept and line.quantity * line.unit_amount == net
    detail: JsonObject = {
        "ItemRef": {"value": line.product},
        "Qty": line.quantity.normalize() if exact else Decimal(1),
        "UnitPrice": line.unit_amount.normalize() if exact else net,
    }
    detail |= taxes.code(line, company)
    if _class_is_on_lines(company):
        detail |= _dimensions(line.dimensions, company, "class")
    return {
        "Amount": net,
        "DetailType": "SalesItemLineDetail",
        "Description": cut(line.description, DESCRIPTION),
        "SalesItemLineDetail": detail,
    }


def void(document: VoidDocument) -> str:
    """Write what voids an Invoice or a Payment, or deletes a CreditMemo, which QuickBooks cannot void."""
    return dumps({"Id": document.external_id, "SyncToken": document.sync_token or "0"})


def payment(document: PaymentDocument, company: Company) -> str:
    """Write a Payment; what is not linked to an invoice stays open on the customer's account."""
    _check_number(document.reference)
    linked = sum((part.amount for part in document.allocations), Decimal(0))
    if linked > document.amount:
        raise Rejected("allocations", f"{linked} is allocated of a payment of {document.amount}.")
    body: JsonObject = {
        "CustomerRef": {"value": document.customer},
        "TotalAmt": amount(document.amount, document.currency),
        "TxnDate": document.date.isoformat(),
        "PaymentRefNum": document.reference,
        "DepositToAccountRef": {"value": document.deposit_account},
        "PrivateNote": note(document.note, document.reference),
    }
    body |= currency_of(document.currency, document.rate, company)
    body["Line"] = [
        {
            "Amount": amount(part.amount, document.currency),
            "LinkedTxn": [{"TxnId": part.invoice, "TxnType": "Invoice"}],
        }
        for part in document.allocations
    ]
    if document.external_id:
        body["Id"] = document.external_id
    return dumps(body)


def purchase(document: MoneyDocument, company: Company) -> str:
    """Write a Purchase: money that left an account at once, against one other account."""
    _check_number(document.reference)
    line = {
        "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": {"AccountRef": {"value": document.other}},
    }
    body: JsonObject = {
        "PaymentType": "Cash",
        "AccountRef": {"value": document.account},
        "EntityRef": {"value": document.customer, "type": "Customer"},
        "DocNumber": document.reference,
        **_moved(document, company),
    }
    return dumps(body | {"Line": [_only_line(document) | line]})


def deposit(document: MoneyDocument, company: Company) -> str:
    """Write a Deposit: money that came into an account, against one other account."""
    detail = {
        "AccountRef": {"value": document.other},
        "Entity": {"value": document.customer, "type": "Customer"},
    }
    line = {"DetailType": "DepositLineDetail", "DepositLineDetail": detail}
    body: JsonObject = {"DepositToAccountRef": {"value": document.account}, **_moved(document, company)}
    return dumps(body | {"Line": [_only_line(document) | line]})


def _moved(document: MoneyDocument, company: Company) -> JsonObject:
    return {
        "TxnDate": document.date.isoformat(),
        "PrivateNote": note(document.note, document.reference),
        **currency_of(document.currency, document.rate, company),
        **untaxed(company),
    }


def _only_line(document: MoneyDocument) -> JsonObject:
    return {"Amount": amount(document.amount, document.currency), "Description": cut(document.note, DESCRIPTION)}
