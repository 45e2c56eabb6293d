"""Invoices and credit notes: lines, tax, totals, numbers that are unique, and what they post."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from uuid import uuid4

from integrations.sandbox.amounts import CENT, cents
from integrations.sandbox.messages import Json
from integrations.sandbox.xero.errors import Invalid
from integrations.sandbox.xero.organisation import Organisation, to_base
from integrations.sandbox.xero.store import ZERO, Posting, Record, day, day_of

_NO_LINES_ON = ("DEBTORS", "CREDITORS")
_FINAL = ("VOIDED", "DELETED", "PAID")
_RESENT = (
    "LineItemID",
    "Description",
    "Quantity",
    "UnitAmount",
    "ItemCode",
    "AccountCode",
    "TaxType",
    "TaxAmount",
    "Tracking",
)


@dataclass(frozen=True)
class Sort:
    """An invoice or a credit note: its entity, type, number field, and the side on which it moves receivables."""

    entity: str
    type: str
    number: str
    words: str
    sign: int


INVOICE = Sort("Invoice", "ACCREC", "InvoiceNumber", "Invoice # must be unique.", 1)
CREDIT_NOTE = Sort("CreditNote", "ACCRECCREDIT", "CreditNoteNumber", "Credit Note # must be unique.", -1)


def create(organisation: Organisation, sort: Sort, sent: Json, *, places: int) -> Record:
    """Check a document and keep it. Raises Invalid."""
    if sent.get("Type") != sort.type:
        raise Invalid(f"Type must be {sort.type}; this sandbox keeps sales only.")
    status = sent.get("Status", "DRAFT")
    if status in _FINAL:
        raise Invalid(f"A new document cannot have the status {status}.")
    number = sent.get(sort.number) or _next_number(organisation, sort)
    for other in organisation.books.having(sort.entity, sort.number, number):
        if other.data["Status"] != "DELETED":
            raise Invalid(sort.words)
    data, postings = _checked(organisation, sort, sent | {sort.number: number}, status, places)
    return organisation.books.add(sort.entity, data, postings)


def update(organisation: Organisation, sort: Sort, record: Record, sent: Json, *, places: int) -> Record:
    """Change or void a document. Raises Invalid."""
    data = record.data
    status = str(sent.get("Status", data["Status"]))
    if data["Status"] in _FINAL or is_settled(record):
        raise Invalid(
            "Invoice not of valid status for modification. "
            "This document cannot be edited as it has a payment or credit note allocated to it."
        )
    organisation.unlocked(day_of(data["Date"]))
    if status in ("VOIDED", "DELETED"):
        if (status == "VOIDED") != (data["Status"] == "AUTHORISED"):
            raise Invalid(f"A document with the status {data['Status']} cannot become {status}.")
        settled = {"AmountDue": ZERO, "AmountPaid": ZERO} if sort is INVOICE else {"RemainingCredit": ZERO}
        organisation.books.replace(record, data | {"Status": status} | settled, ())
        return record
    kept = {
        "Type": sort.type,
        "Contact": {"ContactID": data["Contact"]["ContactID"]},
        "Date": day_of(data["Date"]),
        "LineAmountTypes": data["LineAmountTypes"],
        "CurrencyCode": data["CurrencyCode"],
        "CurrencyRate": data["CurrencyRate"],
        "Reference": data.get("Reference", ""),
        sort.number: data[sort.number],
        "LineItems": [_resent(line) for line in data["LineItems"]],
        **({"DueDate": day_of(data["DueDate"])} if "DueDate" in data else {}),
    }
    fresh, postings = _checked(organisation, sort, kept | sent, status, places)
    organisation.books.replace(record, fresh, postings)
    return record


def is_settled(record: Record) -> bool:
    """Tell whether anything was paid, credited or allocated."""
    return any(
        record.data.get(name) for name in ("Payments", "CreditNotes", "Overpayments", "Prepayments", "Allocations")
    )


def settle(organisation: Organisation, record: Record, sort: Sort) -> None:
    """Work out what is still due, or left to allocate, and the status that follows."""
    data = record.data
    if sort is INVOICE:
        paid = sum((each["Amount"] for each in data["Payments"]), ZERO)
        credited = sum(
            (each["AppliedAmount"] for name in ("CreditNotes", "Overpayments", "Prepayments") for each in data[name]),
            ZERO,
        )
        due = data["Total"] - paid - credited
        changed = {"AmountPaid": paid, "AmountCredited": credited, "AmountDue": due}
    else:
        used = sum((each["Amount"] for name in ("Allocations", "Payments") for each in data[name]), ZERO)
        due = data["Total"] - used
        changed = {"RemainingCredit": due}
    organisation.books.change(record, **changed, Status="AUTHORISED" if due else "PAID")


def _resent(line: Json) -> Json:
    return {name: line[name] for name in _RESENT if name in line}


def _next_number(organisation: Organisation, sort: Sort) -> str:
    count = len(organisation.books.tables[sort.entity]) + 1
    return f"{'INV' if sort is INVOICE else 'CN'}-{count:04d}"


def _checked(
    organisation: Organisation, sort: Sort, sent: Json, status: str, places: int
) -> tuple[Json, list[Posting]]:
    wrong: list[str] = []
    contact: Record | None = None
    code, rate = organisation.base, Decimal(1)
    try:
        contact = organisation.contact(sent.get("Contact"))
        code, rate = organisation.money(sent)
    except Invalid as error:
        wrong += error.words
    date = sent.get("Date") or organisation.today()
    posted = status == "AUTHORISED"
    if posted:
        try:
            organisation.unlocked(date)
        except Invalid as error:
            wrong += error.words
        if sort is INVOICE and not sent.get("DueDate"):
            wrong.append("The Due Date must be specified.")
    kind = sent.get("LineAmountTypes", "Exclusive")
    lines, errors = _lines(organisation, sort, sent.get("LineItems") or [], kind, places=places, posted=posted)
    wrong += [each for each in errors if each not in wrong]
    net = sum((line["LineAmount"] - (line["TaxAmount"] if kind == "Inclusive" else ZERO) for line in lines), ZERO)
    tax = sum((line["TaxAmount"] for line in lines), ZERO)
    if net + tax < 0:
        wrong.append("The document total cannot be negative.")
    if wrong or contact is None:
        raise Invalid(*wrong)
    data: Json = {
        "Type": sort.type,
        sort.number: sent[sort.number],
        "Reference": sent.get("Reference", ""),
        "Contact": {"ContactID": contact.id, "Name": contact.data["Name"]},
        "Date": day(date),
        "DateString": f"{date}T00:00:00",
        "Status": status if net + tax or not posted else "PAID",
        "LineAmountTypes": kind,
        "LineItems": lines,
        "SubTotal": net,
        "TotalTax": tax,
        "Total": net + tax,
        "CurrencyCode": code,
        "CurrencyRate": rate,
        "SentToContact": sent.get("SentToContact", False),
        "HasAttachments": False,
        "HasErrors": False,
        "Payments": [],
    }
    if sort is INVOICE:
        data |= {"CreditNotes": [], "Overpayments": [], "Prepayments": [], "IsDiscounted": False}
        data |= {"AmountDue": net + tax, "AmountPaid": ZERO, "AmountCredited": ZERO}
        if sent.get("DueDate"):
            data |= {"DueDate": day(sent["DueDate"]), "DueDateString": f"{sent['DueDate']}T00:00:00"}
        if sent.get("Url"):
            data["Url"] = sent["Url"]
    else:
        data |= {"Allocations": [], "RemainingCredit": net + tax}
    return data, _postings(organisation, sort, data, rate) if posted else []


def _lines(
    organisation: Organisation, sort: Sort, rows: list[Json], kind: str, *, places: int, posted: bool
) -> tuple[list[Json], list[str]]:
    lines: list[Json] = []
    wrong: list[str] = [] if rows else ["One or more line items must be specified"]
    for row in rows:
        try:
            lines.append(_line(organisation, sort, row, kind, places=places, posted=posted))
        except Invalid as error:
            wrong += error.words
    return lines, wrong


def _line(organisation: Organisation, sort: Sort, row: Json, kind: str, *, places: int, posted: bool) -> Json:
    item = None
    if code := row.get("ItemCode"):
        item = next(iter(organisation.books.having("Item", "Code", code)), None)
        if item is None:
            raise Invalid(f"Item code '{code}' is not valid")
    description = row.get("Description") or (item.data.get("Description") if item else "")
    if not str(description).strip():
        raise Invalid("Description must be specified.")
    if sort is CREDIT_NOTE and ("DiscountRate" in row or "DiscountAmount" in row):
        raise Invalid("Discounts are not allowed on credit notes.")
    if row.get("DiscountRate") or row.get("DiscountAmount"):
        raise Invalid("This sandbox knows no discounts.")
    quantity, unit, amount = _amounts(row, places)
    line: Json = {"LineItemID": row.get("LineItemID") or str(uuid4()), "Description": description}
    line |= {"Quantity": quantity, "UnitAmount": unit, "LineAmount": amount}
    sale = item.data.get("SalesDetails", {}) if item else {}
    named = row if row.get("AccountCode") or row.get("AccountID") else {"AccountCode": sale.get("AccountCode")}
    if item:
        line["ItemCode"] = item.data["Code"]
    if not posted and not any(named.values()):
        return line | {"TaxAmount": ZERO, "Tracking": []}
    account = organisation.account(named)
    if account.data["Type"] == "BANK" or account.data.get("SystemAccount") in _NO_LINES_ON:
        raise Invalid(f"Account code '{account.data.get('Code')}' is not a valid code for this document.")
    tax = organisation.tax_rate(row.get("TaxType"), account)
    return line | {
        "AccountCode": account.data["Code"],
        "AccountID": account.id,
        "TaxType": tax.id,
        "TaxAmount": _tax(row, amount, tax.data["EffectiveRate"], kind),
        "Tracking": organisation.tracking(row.get("Tracking", [])),
    }


def _amounts(row: Json, places: int) -> tuple[Decimal, Decimal, Decimal]:
    """Give quantity, unit amount and line amount as the vendor rounds them. Raises Invalid."""
    quantity = row.get("Quantity", Decimal(1)).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    if quantity < 0:
        raise Invalid("Quantity must not be negative.")
    unit = row.get("UnitAmount", ZERO).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    amount = cents(quantity * unit)
    if "LineAmount" in row and row["LineAmount"] != amount:
        raise Invalid(f"The line total {row['LineAmount']} does not match the expected line total {amount}")
    return quantity, unit, amount


def _tax(row: Json, amount: Decimal, percent: Decimal, kind: str) -> Decimal:
    if kind == "NoTax":
        if row.get("TaxAmount"):
            raise Invalid("TaxAmount must be zero where no tax is charged.")
        return ZERO
    if row.get("TaxAmount") is not None:
        return cents(row["TaxAmount"])
    if kind == "Inclusive":
        return cents(amount - amount / (1 + percent / 100))
    return cents(amount * percent / 100)


def _postings(organisation: Organisation, sort: Sort, data: Json, rate: Decimal) -> list[Posting]:
    receivable = to_base(data["Total"], rate)
    rows = [Posting(organisation.system("DEBTORS").id, sort.sign * receivable)]
    inclusive = data["LineAmountTypes"] == "Inclusive"
    for line in data["LineItems"]:
        net = line["LineAmount"] - (line["TaxAmount"] if inclusive else ZERO)
        rows.append(Posting(line["AccountID"], -sort.sign * to_base(net, rate)))
    if data["TotalTax"]:
        rows.append(Posting(organisation.system("GST").id, -sort.sign * to_base(data["TotalTax"], rate)))
    rest = sum((row.amount for row in rows), ZERO)
    if rest.quantize(CENT):
        rows.append(Posting(organisation.system("ROUNDING").id, -rest))
    return rows
