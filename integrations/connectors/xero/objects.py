"""Xero's objects as we see them: what was delivered, documents for reconciliation, rows of its lists."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from integrations.connectors.base import (
    Company,
    CompanyChoice,
    Delivered,
    ErpDocument,
    ErpPosting,
    ErpRow,
    Lock,
    Outcome,
    Rejected,
    RowKind,
)
from integrations.connectors.jsontext import decimal
from integrations.connectors.xero.payloads import tagged
from integrations.documents import Kind

JsonObject = dict[str, Any]
PATHS = {
    Kind.CUSTOMER: "Contacts",
    Kind.PRODUCT: "Items",
    Kind.JOURNAL_ENTRY: "ManualJournals",
    Kind.INVOICE: "Invoices",
    Kind.CREDIT_NOTE: "CreditNotes",
    Kind.PAYMENT: "Payments",
    Kind.MONEY_OUT: "BankTransactions",
    Kind.MONEY_IN: "BankTransactions",
}
ENTITIES = {kind: path.removesuffix("s") for kind, path in PATHS.items()}
NUMBERS = {
    Kind.CUSTOMER: "ContactNumber",
    Kind.PRODUCT: "Code",
    Kind.JOURNAL_ENTRY: "Narration",
    Kind.INVOICE: "InvoiceNumber",
    Kind.CREDIT_NOTE: "CreditNoteNumber",
    Kind.MONEY_OUT: "Reference",
    Kind.MONEY_IN: "Reference",
}
_PAGES = {
    Kind.INVOICE: "AccountsReceivable/View.aspx?InvoiceID=",
    Kind.CREDIT_NOTE: "AccountsReceivable/ViewCreditNote.aspx?creditNoteID=",
    Kind.JOURNAL_ENTRY: "Journal/View.aspx?invoiceID=",
    Kind.CUSTOMER: "Contacts/View/",
    Kind.PAYMENT: "Bank/ViewTransaction.aspx?bankTransactionID=",
    Kind.MONEY_OUT: "Bank/ViewTransaction.aspx?bankTransactionID=",
    Kind.MONEY_IN: "Bank/ViewTransaction.aspx?bankTransactionID=",
}
_VENDOR = "https://api.xero.com"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZERO = Decimal(0)
_GONE = ("VOIDED", "DELETED")
_REFUNDS = ("ARCREDIT", "AROVERPAYMENT", "ARPREPAYMENT", "APCREDIT", "APOVERPAYMENT", "APPREPAYMENT")


def moment(text: Any) -> datetime | None:
    """Read `/Date(1793404800000+0000)/`, or an ISO text; None for neither."""
    value = str(text or "")
    if value.startswith("/Date("):
        # Milliseconds; the offset behind them, of either sign, only says how a person would be shown the moment.
        found_in = re.match(r"-?\d+", value.removeprefix("/Date("))
        return _EPOCH + timedelta(milliseconds=int(found_in[0])) if found_in else None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def day(text: Any) -> str:
    """Read a date as YYYY-MM-DD; an empty text for none."""
    found = moment(text)
    return found.date().isoformat() if found else ""


def flag(value: Any) -> bool:
    """Read yes or no: a boolean, or as in many of Xero's own examples the word."""
    return value is True or str(value).lower() == "true"


def is_refund(payment: JsonObject) -> bool:
    """Tell a payment that gives a credit back. Its type decides: Xero may name a credit note as the "Invoice" of it."""
    kind = str(payment.get("PaymentType") or "")
    return kind.startswith(_REFUNDS) if kind else not payment.get("Invoice")


def reference_in(kind: Kind, found: JsonObject) -> str:
    """Give our reference on an object, or an empty text when it is not ours."""
    if kind is Kind.JOURNAL_ENTRY:
        return tagged(str(found.get("Narration") or ""))
    name = {Kind.CUSTOMER: "ContactNumber", Kind.PRODUCT: "Code"}.get(kind, "Reference")
    return str(found.get(name) or "")


def outcome(kind: Kind, sent: JsonObject, found: JsonObject, *, base_url: str) -> Outcome:
    """Compare what was sent with what Xero holds: number and total must be ours to the cent."""
    if kind in NUMBERS and found.get("Status") in ("VOIDED", "DELETED"):
        return Rejected(
            "void_there",
            f"Xero has {found.get(NUMBERS[kind])}, but void (its id {found.get(f'{ENTITIES[kind]}ID')}), and gives its number to "
            "no other. Void it here too, and invoice it again.",
        )
    external_id = external_id_of(kind, found)
    if kind in (Kind.INVOICE, Kind.CREDIT_NOTE, Kind.MONEY_OUT, Kind.MONEY_IN):
        if (
            found.get("Status") not in _GONE
            and (mine := _expected(sent)) is not None
            and mine != decimal(found.get("Total"))
        ):
            return Rejected(
                "total_differs",
                f"Xero made {decimal(found.get('Total'))} of {mine} (its id {external_id}), most likely by another tax rate. "
                "Correct the document there to our total, or void it there, then send this item again.",
            )
        asked, kept = sent.get("CurrencyCode"), found.get("CurrencyCode")
        if asked and kept and asked != kept:
            return Rejected(
                "currency_differs",
                f"Xero keeps this in {kept} instead of {asked} (its id {external_id}), of its own accord. Void it there, "
                "then send this item again.",
            )
        number = NUMBERS[kind]
        if str(found.get(number, "")) != sent[number]:
            return Rejected(
                "number_differs",
                f"Xero gave the number {found.get(number)} instead of {sent[number]} (its id {external_id}). Correct it there, "
                "then send this item again.",
            )
    name = str(found.get("Name") or found.get("InvoiceNumber") or found.get("CreditNoteNumber") or "")
    return Delivered(external_id, token(found), page(kind, str(found.get("ItemID") or external_id), base_url), name)


def external_id_of(kind: Kind, found: JsonObject) -> str:
    """Give the id by which we know an object: an item's is its code, for that is what lines name."""
    return str(found.get("Code" if kind is Kind.PRODUCT else f"{ENTITIES[kind]}ID", ""))


def token(found: JsonObject) -> str:
    """Give when an object was last changed, in milliseconds: Xero has no version token."""
    changed = moment(found.get("UpdatedDateUTC"))
    return str(int((changed - _EPOCH).total_seconds() * 1000)) if changed else ""


def page(kind: Kind, external_id: str, base_url: str) -> str:
    """Give the page where a person sees the object; a stand-in server shows it under its own address."""
    if base_url.rstrip("/") == _VENDOR:
        return f"https://go.xero.com/{_PAGES[kind]}{external_id}" if kind in _PAGES else ""
    return f"{base_url.rstrip('/')}/{ENTITIES[kind].lower()}/{external_id}"


def _expected(sent: JsonObject) -> Decimal | None:
    """Give the total of what was sent, with our own tax where it was given; None where Xero works the tax out."""
    total = _ZERO
    for line in sent["LineItems"]:
        if sent["LineAmountTypes"] != "NoTax" and line["TaxType"] != "NONE" and "TaxAmount" not in line:
            return None
        total += (decimal(line["Quantity"]) * decimal(line["UnitAmount"])).quantize(Decimal("0.01")) + decimal(
            line.get("TaxAmount")
        )
    return total


def erp_document(kind: Kind, found: JsonObject) -> ErpDocument | None:
    """Read a journal, invoice or credit note for reconciliation; None for a draft that was deleted."""
    status = str(found.get("Status", ""))
    if status in ("DELETED", "ARCHIVED"):
        return None
    is_void = status == "VOIDED"
    state: Literal["posted", "draft", "void"] = (
        "void" if is_void else "draft" if status in ("DRAFT", "SUBMITTED") else "posted"
    )
    rows = found.get("JournalLines") or []
    postings = tuple(
        ErpPosting(str(row.get("AccountID", "")), decimal(row.get("LineAmount")), decimal(row.get("LineAmount")))
        for row in rows
    )
    linked: dict[str, Decimal] = {}
    for each in found.get("Allocations") or ():
        invoice = str((each.get("Invoice") or {}).get("InvoiceID", ""))
        linked[invoice] = linked.get(invoice, _ZERO) + decimal(each.get("Amount"))
    return ErpDocument(
        kind=kind.value,
        external_id=external_id_of(kind, found),
        reference=reference_in(kind, found),
        number=str(found.get("InvoiceNumber") or found.get("CreditNoteNumber") or ""),
        date=day(found.get("Date")),
        currency=str(found.get("CurrencyCode") or ""),
        customer=str((found.get("Contact") or {}).get("ContactID", "")),
        total=_ZERO if is_void else decimal(found.get("Total")),
        tax=_ZERO if is_void else decimal(found.get("TotalTax")),
        account=str((found.get("BankAccount") or {}).get("AccountID", "")),
        postings=() if state != "posted" else postings,
        linked=tuple(linked.items()),
        rate=_base_per_unit(found.get("CurrencyRate")),
        status=state,
        sync_token=token(found),
    )


def _base_per_unit(rate: Any) -> Decimal | None:
    quoted = decimal(rate)
    return 1 / quoted if quoted else None


def company(found: JsonObject, accounts: JsonObject) -> Company:
    """Read the Organisation; `accounts` is what `codes_of` gives."""
    locks = tuple(
        Lock(end=day(found[field]), name=name)
        for field, name in (("PeriodLockDate", "period lock date"), ("EndOfYearLockDate", "end of year lock date"))
        if found.get(field)
    )
    return Company(
        name=str(found.get("Name") or ""),
        country=str(found.get("CountryCode") or ""),
        home_currency=str(found.get("BaseCurrency") or ""),
        multi_currency=True,
        books_closed_through=max((lock.end for lock in locks), default=""),
        own_numbers=True,
        time_zone=str(found.get("Timezone") or ""),
        locks=locks,
        extra=accounts,
    )


def codes_of(accounts: list[JsonObject], home: str) -> JsonObject:
    """Give the codes of active accounts by id, and the currencies of bank accounts; one that tells none is in `home`."""
    active = {str(each["AccountID"]): each for each in accounts if each.get("Status") == "ACTIVE"}
    return {
        "codes": {key: str(each["Code"]) for key, each in active.items() if each.get("Code")},
        "banks": {
            key: str(each.get("CurrencyCode") or home) for key, each in active.items() if each.get("Type") == "BANK"
        },
    }


def rates_of(rates: list[JsonObject]) -> dict[str, str]:
    """Give percentages by tax type."""
    return {str(each["TaxType"]): str(decimal(each.get("EffectiveRate"))) for each in rates}


def choice(found: JsonObject) -> CompanyChoice:
    """Read one of the connections that a sign-in opened."""
    return CompanyChoice(
        str(found["tenantId"]), str(found.get("tenantName") or ""), str(found.get("tenantType") or "").lower()
    )


def own(found: JsonObject) -> CompanyChoice:
    """Read the Organisation as a choice; its id is the tenant's."""
    return CompanyChoice(str(found["OrganisationID"]), str(found.get("Name") or ""), "organisation")


def account_row(found: JsonObject) -> ErpRow:
    """Read an account."""
    return ErpRow(
        kind=RowKind.ACCOUNT,
        external_id=str(found["AccountID"]),
        name=str(found.get("Name") or ""),
        number=str(found.get("Code") or ""),
        type=str(found.get("Type") or ""),
        subtype=str(found.get("BankAccountType") or ""),
        is_active=found.get("Status") == "ACTIVE",
        data={
            "system_account": str(found.get("SystemAccount") or ""),
            "payments": flag(found.get("EnablePaymentsToAccount", False)),
            "currency": str(found.get("CurrencyCode") or ""),
        },
    )


def contact_row(found: JsonObject) -> ErpRow:
    """Read a contact."""
    return ErpRow(
        kind=RowKind.CUSTOMER,
        external_id=str(found["ContactID"]),
        name=str(found.get("Name") or ""),
        number=str(found.get("ContactNumber") or found.get("AccountNumber") or ""),
        is_active=found.get("ContactStatus") == "ACTIVE",
        data={"currency": str(found.get("DefaultCurrency") or "")},
    )


def item_row(found: JsonObject) -> ErpRow:
    """Read an item; lines name it by its code."""
    sale = found.get("SalesDetails") or {}
    return ErpRow(
        kind=RowKind.PRODUCT,
        external_id=str(found["Code"]),
        name=str(found.get("Name") or found["Code"]),
        number=str(found["Code"]),
        is_active=flag(found.get("IsSold", True)),
        data={"item_id": str(found.get("ItemID") or ""), "account_code": str(sale.get("AccountCode") or "")},
    )


def tax_row(found: JsonObject) -> ErpRow:
    """Read a tax rate; one that sales cannot use is offered as little as one out of use."""
    sells = any(flag(found.get(f"CanApplyTo{each}", True)) for each in ("Revenue", "Liabilities"))
    return ErpRow(
        kind=RowKind.TAX_CODE,
        external_id=str(found["TaxType"]),
        name=str(found.get("Name") or ""),
        type=str(found.get("ReportTaxType") or ""),
        is_active=found.get("Status") == "ACTIVE" and sells,
        data={"rate": str(decimal(found.get("EffectiveRate")))},
    )


def currency_row(found: JsonObject) -> ErpRow:
    """Read a currency that the organisation is subscribed to."""
    code = str(found["Code"])
    return ErpRow(kind=RowKind.CURRENCY, external_id=code, name=str(found.get("Description") or code), number=code)


def tracking_rows(found: JsonObject) -> Iterator[ErpRow]:
    """Read a tracking category: one row for each of its options."""
    is_active = found.get("Status") == "ACTIVE"
    for option in found.get("Options") or ():
        yield ErpRow(
            kind=RowKind.TRACKING,
            external_id=str(option["TrackingOptionID"]),
            name=str(option.get("Name") or ""),
            number=str(found.get("Name") or ""),
            is_active=is_active and option.get("Status", "ACTIVE") == "ACTIVE",
            data={"category_id": str(found["TrackingCategoryID"])},
        )
