"""Our documents as Xero's JSON, validated before anything is sent.

Hand-written rather than through Xero's client library, which turns amounts into binary floats.
"""

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from integrations.connectors.base import Company, Rejected
from integrations.connectors.jsontext import dumps
from integrations.connectors.lengths import cut, units
from integrations.connectors.xero.accounts import Accounts
from integrations.documents import (
    CreditNoteDocument,
    CustomerDocument,
    DimensionDocument,
    InvoiceDocument,
    JournalDocument,
    JournalLineDocument,
    MoneyDocument,
    ProductDocument,
    SalesLineDocument,
)

JsonObject = dict[str, Any]
LARGEST_BODY = 3_000_000  # bytes; Xero documents 3.5 MB
_NARRATION, _DESCRIPTION, _NAME, _ITEM_NAME, _NUMBER = 300, 4000, 255, 50, 255
_CENT, _QUANTITY, _RATE = Decimal("0.01"), Decimal("0.0001"), Decimal("0.000001")
_NO_TAX = "NONE"
_EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+")
_TAG = re.compile(r"\[cf:([A-Z0-9-]+)\]")


def tag(reference: str) -> str:
    """Give the mark by which we know our own documents in Xero."""
    return f"[cf:{reference}]"


def tagged(text: str) -> str:
    """Give the reference in a marked text, or an empty text. Ours is the last: somebody may have written one before it."""
    found = _TAG.findall(text or "")
    return str(found[-1]) if found else ""


def amount(value: Decimal) -> Decimal:
    """Give an amount with two decimals: Xero keeps no third one in any currency. Raises Rejected where digits would be lost."""
    exact = value.quantize(_CENT)
    if exact != value:
        raise Rejected(
            "amount", f"The amount {value.normalize():f} has three decimals; Xero keeps two in every currency."
        )
    return exact


def one_line(text: str) -> str:
    """Give a text in one line and without the quotation mark, which a filter of Xero cannot hold."""
    return " ".join(text.replace('"', "'").replace("\\", "/").split())


def currency(code: str, rate: Decimal, company: Company) -> JsonObject:
    """Name the currency, and for a foreign one how much of it one unit of the base currency buys, as Xero quotes rates."""
    if code == company.home_currency:
        return {"CurrencyCode": code}
    return {"CurrencyCode": code, "CurrencyRate": (1 / rate).quantize(_RATE, ROUND_HALF_UP)}


def customer(document: CustomerDocument) -> str:
    """Write a Contact; the ContactNumber carries our reference."""
    tail = f" ({cut(one_line(document.suffix), _NAME // 2)})" if document.suffix else ""
    name = cut(" ".join(document.name.split()), _NAME - units(tail)).strip() + tail
    if not name:
        raise Rejected("name", "Xero needs a name here. Give the customer a name and send it again.")
    body: JsonObject = {"Name": name, "ContactNumber": document.reference}
    # Xero takes no umlauts in an address; the contact is worth more than its address.
    if len(document.email) <= _NAME and _EMAIL.fullmatch(document.email):
        body["EmailAddress"] = document.email
    return dumps(body)


def product(document: ProductDocument, accounts: Accounts) -> str:
    """Write an Item that is sold and not tracked; its Code is our reference."""
    return dumps(
        {
            "Code": document.reference,
            "Name": cut(document.name, _ITEM_NAME),
            "Description": cut(document.description, _DESCRIPTION),
            "IsSold": True,
            "IsPurchased": False,
            "SalesDetails": {"AccountCode": accounts.code(document.income_account)},
        }
    )


def journal(document: JournalDocument, company: Company, accounts: Accounts, page: str = "") -> str:
    """Write a ManualJournal. Debits are above zero, credits below; all of it in base currency, for it can name no other.

    `page` is where a person sees the entry here; Xero links to it.
    """
    if document.currency != company.home_currency:
        raise Rejected(
            "currency",
            f"The entry is in {document.currency}, but a journal in Xero is in its base currency {company.home_currency}. "
            "Read the lists again; the books of this connection should have the same base currency.",
        )
    lines = [_journal_line(line, accounts) for line in document.lines if line.debit or line.credit]
    total = sum((line["LineAmount"] for line in lines), Decimal(0))
    if total or len(lines) < 2:
        raise Rejected("unbalanced", f"The entry does not balance or has fewer than two lines: it is off by {total}.")
    mark = tag(document.reference)
    body = dumps(
        {
            "Narration": f"{cut(one_line(document.description), _NARRATION - len(mark) - 1)} {mark}".strip(),
            "Date": document.date.isoformat(),
            "Status": "DRAFT" if document.draft else "POSTED",
            "LineAmountTypes": "NoTax",
            "ShowOnCashBasisReports": False,
            **({"Url": page} if page else {}),
            "JournalLines": lines,
        }
    )
    if len(body.encode()) > LARGEST_BODY:
        raise Rejected("too_large", f"The entry has {len(lines)} lines; that is more than Xero takes in one request.")
    return body


def _journal_line(line: JournalLineDocument, accounts: Accounts) -> JsonObject:
    if (line.debit > 0) == (line.credit > 0) or line.debit < 0 or line.credit < 0:
        raise Rejected("line", "A journal line for Xero must have either a debit or a credit above zero.")
    return {
        "LineAmount": amount(line.debit) if line.debit else -amount(line.credit),
        "AccountCode": accounts.code(line.account),
        "Description": cut(line.description, _DESCRIPTION),
        "TaxType": _NO_TAX,
        **_tracking(line.dimensions),
    }


def _tracking(dimensions: tuple[DimensionDocument, ...]) -> JsonObject:
    rows = [{"Name": each.group, "Option": each.name} for each in dimensions if each.kind == "tracking"]
    if len(rows) > 2:
        raise Rejected("tracking", "Xero takes two tracking categories on a line. Map fewer dimensions to it.")
    return {"Tracking": rows} if rows else {}


def invoice(document: InvoiceDocument, company: Company, accounts: Accounts) -> str:
    """Write an Invoice (ACCREC) whose total is ours to the cent."""
    head = {"Type": "ACCREC", "InvoiceNumber": document.number, "Reference": document.reference}
    return dumps(head | {"DueDate": document.due.isoformat()} | _sales(document, company, accounts))


def credit_note(document: CreditNoteDocument, company: Company, accounts: Accounts) -> str:
    """Write a CreditNote (ACCRECCREDIT); amounts are positive."""
    head = {"Type": "ACCRECCREDIT", "CreditNoteNumber": document.number, "Reference": document.reference}
    return dumps(head | _sales(document, company, accounts))


def _sales(document: InvoiceDocument | CreditNoteDocument, company: Company, accounts: Accounts) -> JsonObject:
    if units(document.number) > _NUMBER:
        raise Rejected("number", f"The number {document.number} is longer than the {_NUMBER} characters Xero allows.")
    net = sum((line.net for line in document.lines), Decimal(0))
    tax = sum((line.tax for line in document.lines), Decimal(0))
    if not document.lines or (net, tax) != (document.net, document.tax) or net + tax != document.total:
        raise Rejected(
            "total", f"The lines add up to {net} and {tax} tax, the document says {document.net} and {document.tax}."
        )
    # A rate of zero per cent is a rate: what was sold under it belongs into the tax return.
    kind = "Exclusive" if any(line.tax or line.tax_code for line in document.lines) else "NoTax"
    return {
        "Contact": {"ContactID": document.customer},  # any other field would change the contact itself
        "Date": document.date.isoformat(),
        "Status": "DRAFT" if document.draft else "AUTHORISED",
        "LineAmountTypes": kind,
        **currency(document.currency, document.rate, company),
        "LineItems": [_sales_line(line, accounts) for line in document.lines],
    }


def _sales_line(line: SalesLineDocument, accounts: Accounts) -> JsonObject:
    net = amount(line.net)
    quantity, unit = line.quantity.quantize(_QUANTITY), line.unit_amount.quantize(_QUANTITY)
    multiplies = (quantity, unit) == (line.quantity, line.unit_amount) and quantity >= 0
    # Xero works out the line itself; what does not multiply out, such as a prorated or tiered price, is sent as one unit.
    exact = multiplies and (quantity * unit).quantize(_CENT, ROUND_HALF_UP) == net
    row: JsonObject = {
        "Description": cut(line.description.strip() or line.product or "-", _DESCRIPTION),
        "Quantity": quantity.normalize() if exact else Decimal(1),
        "UnitAmount": unit.normalize() if exact else net,
        "TaxType": _NO_TAX,
    }
    if line.product:
        row["ItemCode"] = line.product
    if line.account:
        row["AccountCode"] = accounts.code(line.account)
    if line.tax and not line.tax_code:
        raise Rejected("tax", "A line with tax has no tax rate of Xero. Map the tax rate, then send the item again.")
    if line.tax_code:
        row["TaxType"] = line.tax_code
        percent = accounts.tax_percent(line.tax_code)
        if percent is None or (net * percent / 100).quantize(_CENT, ROUND_HALF_UP) != line.tax:
            row["TaxAmount"] = amount(line.tax)  # only where Xero would work out another one
    return row | _tracking(line.dimensions)


def bank_transaction(document: MoneyDocument, company: Company, accounts: Accounts, *, spent: bool) -> str:
    """Write a BankTransaction: money spent or received, against one other account, without tax."""
    line = {
        "Description": cut(document.note or document.reference, _DESCRIPTION),
        "Quantity": 1,
        "UnitAmount": amount(document.amount),
        "AccountCode": accounts.code(document.other),
        "TaxType": _NO_TAX,
    }
    # It is in its bank account's currency: to name one is published for overpayments only, the rate for all.
    quoted = currency(document.currency, document.rate, company)
    return dumps(
        {
            "Type": "SPEND" if spent else "RECEIVE",
            "Contact": {"ContactID": document.customer},
            "BankAccount": {"AccountID": accounts.bank(document.account, document.currency)},
            "Date": document.date.isoformat(),
            "Reference": document.reference,
            "Status": "AUTHORISED",
            "LineAmountTypes": "NoTax",
            **({"CurrencyRate": quoted["CurrencyRate"]} if "CurrencyRate" in quoted else {}),
            "LineItems": [line],
        }
    )
