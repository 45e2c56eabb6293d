"""QuickBooks' objects as we read them: which are ours, what they say, and list rows."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from integrations.connectors.base import (
    Change,
    Company,
    Delivered,
    ErpDocument,
    ErpPosting,
    ErpRow,
    Outcome,
    Rejected,
    RowKind,
)
from integrations.connectors.jsontext import decimal
from integrations.connectors.quickbooks.payloads import tagged
from integrations.documents import Kind
from integrations.kinds import kind_sent

JsonObject = dict[str, Any]

ENTITY = {
    Kind.CUSTOMER: "Customer",
    Kind.PRODUCT: "Item",
    Kind.JOURNAL_ENTRY: "JournalEntry",
    Kind.INVOICE: "Invoice",
    Kind.INVOICE_VOID: "Invoice",
    Kind.CREDIT_NOTE: "CreditMemo",
    Kind.CREDIT_NOTE_VOID: "CreditMemo",
    Kind.PAYMENT_VOID: "Payment",
    Kind.PAYMENT: "Payment",
    Kind.PAYMENT_UPDATE: "Payment",
    Kind.CREDIT_ALLOCATION: "Payment",
    Kind.REFUND: "Purchase",
    Kind.MONEY_OUT: "Purchase",
    Kind.MONEY_IN: "Deposit",
}
_LOOKUP = {
    Kind.CUSTOMER: "DisplayName",
    Kind.PRODUCT: "Name",
    Kind.JOURNAL_ENTRY: "DocNumber",
    Kind.INVOICE: "DocNumber",
    Kind.CREDIT_NOTE: "DocNumber",
    Kind.PAYMENT: "PaymentRefNum",
    Kind.MONEY_IN: "TxnDate",  # A deposit's number cannot be asked for; which of the day is ours its note tells.
    Kind.INVOICE_VOID: "Id",
    Kind.CREDIT_NOTE_VOID: "Id",
    Kind.PAYMENT_VOID: "Id",
    Kind.PAYMENT_UPDATE: "Id",
}
_PAGES = {
    Kind.JOURNAL_ENTRY: "journal?txnId=",
    Kind.INVOICE: "invoice?txnId=",
    Kind.INVOICE_VOID: "invoice?txnId=",
    Kind.CREDIT_NOTE: "creditmemo?txnId=",
    Kind.PAYMENT: "recvpayment?txnId=",
    Kind.PAYMENT_UPDATE: "recvpayment?txnId=",
    Kind.PAYMENT_VOID: "recvpayment?txnId=",
    Kind.CREDIT_NOTE_VOID: "creditmemo?txnId=",
    Kind.CREDIT_ALLOCATION: "recvpayment?txnId=",
    Kind.REFUND: "expense?txnId=",
    Kind.MONEY_OUT: "expense?txnId=",
    Kind.MONEY_IN: "deposit?txnId=",
    Kind.CUSTOMER: "customerdetail?nameId=",
}
READ = {
    Kind.JOURNAL_ENTRY: "JournalEntry",
    Kind.INVOICE: "Invoice",
    Kind.CREDIT_NOTE: "CreditMemo",
    Kind.PAYMENT: "Payment",
    Kind.REFUND: "Purchase",
    Kind.MONEY_OUT: "Purchase",
    Kind.MONEY_IN: "Deposit",
}
LISTS = {
    "Account": RowKind.ACCOUNT,
    "Customer": RowKind.CUSTOMER,
    "Item": RowKind.PRODUCT,
    "TaxCode": RowKind.TAX_CODE,
    "CompanyCurrency": RowKind.CURRENCY,
    "Class": RowKind.CLASS,
    "Department": RowKind.DEPARTMENT,
}
KIND_OF = {entity: kind for kind, entity in READ.items()} | {"Purchase": Kind.REFUND}
_TOLD_WHOLE = (Kind.JOURNAL_ENTRY, Kind.INVOICE, Kind.CREDIT_NOTE, Kind.PAYMENT)
_HOSTS = {
    "quickbooks.api.intuit.com": "app.qbo.intuit.com",
    "sandbox-quickbooks.api.intuit.com": "app.sandbox.qbo.intuit.com",
}
_OF_PAYMENTS = (
    *("Id", "CustomerRef", "TotalAmt", "TxnDate", "PaymentRefNum", "PaymentMethodRef", "DepositToAccountRef"),
    *("PrivateNote", "CurrencyRef", "ExchangeRate", "ARAccountRef"),
)
_ZERO = Decimal(0)


def lookup(kind: Kind, company: Company) -> str:
    """Give the field by which objects are looked for: by their day where the company may have numbered them by itself."""
    is_spent, is_sold = ENTITY[kind] == "Purchase", kind in (Kind.INVOICE, Kind.CREDIT_NOTE)
    return "TxnDate" if is_spent or (is_sold and not company.own_numbers) else _LOOKUP[kind]


def reference_in(kind: Kind, found: JsonObject) -> str:
    """Give our reference on an object, or an empty text when it is not ours."""
    if kind is Kind.PRODUCT:
        sku = str(found.get("Sku") or "")
        return sku[3:] if sku.startswith("cf:") else ""
    return tagged(str(found.get("Notes" if kind is Kind.CUSTOMER else "PrivateNote") or ""))


def outcome(kind: Kind, sent: JsonObject, found: JsonObject, *, base_url: str) -> Outcome:
    """Compare what was sent with what the ERP holds: the number and the total must be ours to the cent."""
    external_id = str(found.get("Id", ""))
    if kind in (Kind.INVOICE, Kind.CREDIT_NOTE, Kind.PAYMENT, Kind.MONEY_OUT, Kind.MONEY_IN):
        mine, theirs = _expected_total(kind, sent), decimal(found.get("TotalAmt"))
        if mine != theirs:
            return Rejected(
                "total_differs",
                f"QuickBooks made {theirs} of {mine} (its Id {external_id}), most likely by computing tax itself. "
                "Correct the document there to our total, or delete it there, then send this item again.",
            )
    if kind in (Kind.INVOICE, Kind.CREDIT_NOTE) and str(found.get("DocNumber", "")) != sent["DocNumber"]:
        return Rejected(
            "number_differs",
            f"QuickBooks gave number {found.get('DocNumber')} instead of {sent['DocNumber']} (its Id {external_id}). "
            "Switch on 'Custom transaction numbers' in its sales settings, correct the number there and send this "
            "item again.",
        )
    name = str(found.get("DisplayName") or found.get("Name") or found.get("DocNumber") or "")
    return Delivered(external_id, str(found.get("SyncToken", "")), page(kind, external_id, base_url), name)


def page(kind: Kind, external_id: str, base_url: str) -> str:
    """Give the page where a person sees the object; a stand-in server shows it under its own address."""
    host = _HOSTS.get(base_url.partition("://")[2].split("/")[0])
    if not host:
        return f"{base_url.rstrip('/')}/{ENTITY[kind].lower()}/{external_id}"
    return f"https://{host}/app/{_PAGES[kind]}{external_id}" if kind in _PAGES else ""


def _expected_total(kind: Kind, sent: JsonObject) -> Decimal:
    if kind is Kind.PAYMENT:
        return decimal(sent["TotalAmt"])
    net = sum((decimal(line["Amount"]) for line in sent["Line"]), _ZERO)
    return net + decimal(sent.get("TxnTaxDetail", {}).get("TotalTax"))


def ref(found: JsonObject, name: str) -> str:
    """Give the Id that a reference field names."""
    return str((found.get(name) or {}).get("value", ""))


def is_of(kind: Kind, found: JsonObject) -> bool:
    """Tell a refund from other money that left: both are Purchases. What is not ours is one where it is a customer's."""
    if kind not in (Kind.REFUND, Kind.MONEY_OUT):
        return True
    sent = kind_sent(tagged(str(found.get("PrivateNote") or "")))
    if sent in (Kind.REFUND, Kind.MONEY_OUT):
        return sent is kind
    is_customers = str((found.get("EntityRef") or {}).get("type", "")).lower() == "customer"
    return kind is Kind.REFUND and is_customers


def erp_document(kind: Kind, found: JsonObject) -> ErpDocument:
    """Read a transaction for reconciliation."""
    lines = found.get("Line") or []
    is_payment = kind is Kind.PAYMENT
    total = decimal(found.get("TotalAmt"))
    postings = tuple(
        _posting(line)
        for line in lines
        if kind is Kind.JOURNAL_ENTRY and line.get("DetailType") == "JournalEntryLineDetail"
    )
    linked = tuple(
        (str(link["TxnId"]), decimal(line.get("Amount")))
        for line in lines
        for link in line.get("LinkedTxn") or ()
        if is_payment and link.get("TxnType") == "Invoice"
    )
    return ErpDocument(
        kind=kind.value,
        external_id=str(found["Id"]),
        reference=tagged(str(found.get("PrivateNote") or "")),
        number=str(found.get("DocNumber") or found.get("PaymentRefNum") or ""),
        date=str(found.get("TxnDate", "")),
        currency=ref(found, "CurrencyRef"),
        customer=ref(found, "CustomerRef") or ref(found, "EntityRef"),
        total=total,
        tax=decimal((found.get("TxnTaxDetail") or {}).get("TotalTax")),
        account=ref(found, "DepositToAccountRef" if kind in (Kind.PAYMENT, Kind.MONEY_IN) else "AccountRef"),
        postings=postings,
        linked=linked,
        rate=decimal(found["ExchangeRate"]) if found.get("ExchangeRate") else None,
        status="void" if not total and str(found.get("PrivateNote") or "").startswith("Voided") else "posted",
        sync_token=str(found.get("SyncToken", "")),
    )


def left_of(memo: JsonObject) -> Decimal:
    """Give what a credit memo has not settled yet."""
    return decimal(memo.get("Balance", memo.get("RemainingCredit")))


def links(payment: JsonObject) -> list[tuple[str, str, Decimal]]:
    """Give what a payment links: the type, the Id and the amount of each."""
    return [
        (str(link["TxnType"]), str(link["TxnId"]), decimal(line.get("Amount")))
        for line in payment.get("Line") or ()
        for link in line.get("LinkedTxn") or ()
    ]


def balances(report: JsonObject) -> Iterator[tuple[str, Decimal]]:
    """Read a report of customer balances: a row for each customer, one of customers with others below them is a section."""
    for row in (report.get("Rows") or {}).get("Row") or ():
        for cells in (row.get("ColData"), (row.get("Header") or {}).get("ColData")):
            if cells and cells[0].get("id") and cells[-1].get("value") not in (None, ""):
                yield str(cells[0]["id"]), decimal(cells[-1]["value"])
        yield from balances(row)


def links_to_refunds(payment: JsonObject) -> list[JsonObject]:
    """Give a payment's lines that link what was paid back of it: an update states all of its lines."""
    return [
        {
            "Amount": decimal(line.get("Amount")),
            "LinkedTxn": [{"TxnId": str(link["TxnId"]), "TxnType": link["TxnType"]}],
        }
        for line in payment.get("Line") or ()
        for link in line.get("LinkedTxn") or ()
        if link.get("TxnType") in ("Expense", "Check")
    ]


def kept(payment: JsonObject, names: Sequence[str] = _OF_PAYMENTS) -> JsonObject:
    """Give fields of a payment to send back: all that an update of the whole has to repeat, for it blanks what it leaves out."""
    told = {name: payment[name] for name in names if payment.get(name) is not None}
    return told | {name: decimal(told[name]) for name in ("TotalAmt", "ExchangeRate") if name in told}


def change(kind: Kind, found: JsonObject) -> Change:
    """Read a row of change data capture."""
    time = str((found.get("MetaData") or {}).get("LastUpdatedTime") or "")
    at = datetime.fromisoformat(time) if time else None
    if found.get("status") == "Deleted":
        return Change(kind.value, str(found["Id"]), "deleted", at)
    # An expense may be a refund or other money that left: which one, only the document asked for by its own kind says.
    document = erp_document(kind, found) if kind in _TOLD_WHOLE and found.get("TxnDate") else None
    return Change(kind.value, str(found["Id"]), "changed", at, document)


def _posting(line: JsonObject) -> ErpPosting:
    detail = line["JournalEntryLineDetail"]
    sign = 1 if detail.get("PostingType") == "Debit" else -1
    return ErpPosting(ref(detail, "AccountRef"), sign * decimal(line.get("Amount")))


def list_row(entity: str, found: JsonObject, home: str) -> ErpRow:
    """Read a row of one of the lists; of an account that is not kept in the home currency, its currency."""
    currency = ref(found, "CurrencyRef") if entity == "Account" else ""
    return ErpRow(
        kind=LISTS[entity].value,
        # A currency is named by its code.
        external_id=str(found["Code"] if entity == "CompanyCurrency" else found["Id"]),
        name=str(found.get("FullyQualifiedName") or found.get("DisplayName") or found.get("Name") or ""),
        number=str(found.get("AcctNum") or found.get("Sku") or found.get("Code") or ""),
        type=str(found.get("AccountType") or found.get("Type") or ""),
        subtype=str(found.get("AccountSubType") or ""),
        is_active=bool(found.get("Active", True)),
        data={
            "notes": str(found.get("Notes") or ""),
            "income_account": ref(found, "IncomeAccountRef"),
            "foreign": currency if currency != home else "",
        },
    )


def company(info: JsonObject, preferences: JsonObject) -> Company:
    """Read CompanyInfo and Preferences."""
    currency = preferences.get("CurrencyPrefs") or {}
    accounting = preferences.get("AccountingInfoPrefs") or {}
    sales = preferences.get("SalesFormsPrefs") or {}
    return Company(
        name=str(info.get("CompanyName") or ""),
        country=str(info.get("Country") or "US"),
        home_currency=ref(currency, "HomeCurrency"),
        multi_currency=bool(currency.get("MultiCurrencyEnabled", False)),
        books_closed_through=str(accounting.get("BookCloseDate") or ""),
        own_numbers=bool(sales.get("CustomTxnNumbers", False)),
        time_zone=str(info.get("DefaultTimeZone") or ""),
        extra={
            "class_on_lines": bool(accounting.get("ClassTrackingPerTxnLine", False)),
            "class_on_documents": bool(accounting.get("ClassTrackingPerTxn", False)),
            "locations": bool(accounting.get("TrackDepartments", False)),
            # Told, whatever its value, by companies whose sales tax QuickBooks works out by itself.
            "automated_tax": (preferences.get("TaxPrefs") or {}).get("PartnerTaxEnabled") is not None,
        },
    )
