"""What Zoho Books answers, as outcomes, documents and list rows. Ids are text; some lists give them as numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from integrations.connectors.base import (
    Change,
    Company,
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
from integrations.connectors.zoho.places import APPS
from integrations.documents import Kind

JsonObject = dict[str, Any]
_ZERO = Decimal(0)


@dataclass(frozen=True)
class Module:
    """One of Zoho's modules: its address, the names in its answers, and where a person sees its records."""

    path: str
    single: str
    id: str
    number: str
    day: str = "date"
    page: str = ""
    singular: str = ""  # In the address that sets custom fields, where the module has one.


MODULES = {
    Kind.CUSTOMER: Module("contacts", "contact", "contact_id", "contact_name", page="contacts"),
    Kind.PRODUCT: Module("items", "item", "item_id", "name", page="inventory/items", singular="item"),
    Kind.JOURNAL_ENTRY: Module(
        "journals", "journal", "journal_id", "entry_number", "journal_date", page="accountant/journals"
    ),
    Kind.INVOICE: Module("invoices", "invoice", "invoice_id", "invoice_number", page="invoices", singular="invoice"),
    Kind.CREDIT_NOTE: Module("creditnotes", "creditnote", "creditnote_id", "creditnote_number", page="creditnotes"),
    Kind.PAYMENT: Module(
        "customerpayments",
        "payment",
        "payment_id",
        "payment_number",
        page="paymentsreceived",
        singular="customerpayment",
    ),
    Kind.MONEY_OUT: Module("expenses", "expense", "expense_id", "reference_number", page="expenses"),
    Kind.MONEY_IN: Module("banktransactions", "banktransaction", "transaction_id", "reference_number", page="banking"),
}
MOVED = (Kind.MONEY_OUT, Kind.MONEY_IN)
_MONEY_IS_IN = {
    Kind.PAYMENT: "account_id",
    Kind.MONEY_OUT: "paid_through_account_id",
    Kind.MONEY_IN: "to_account_id",
}
_BY_AMOUNT = (Kind.PAYMENT, Kind.MONEY_IN)  # Zoho calls their total the amount.
_SALES = (Kind.INVOICE, Kind.CREDIT_NOTE)
_SCOPES = {
    "sales": (
        Kind.INVOICE,
        Kind.CREDIT_NOTE,
        Kind.CREDIT_ALLOCATION,
        Kind.PAYMENT,
        Kind.PAYMENT_UPDATE,
        Kind.REFUND,
        Kind.INVOICE_VOID,
        Kind.CREDIT_NOTE_VOID,
        Kind.PAYMENT_VOID,
    ),
    "accountant": (Kind.JOURNAL_ENTRY,),
    "purchase": (Kind.MONEY_OUT,),
    "bank": (Kind.MONEY_IN,),
}


def text(value: Any) -> str:
    """Give an id or number as text, whatever it came as."""
    return "" if value is None else str(value)


def is_draft(found: Mapping[str, Any]) -> bool:
    """Tell a document that does not count yet."""
    return found.get("status") == "draft"


def outcome(kind: Kind, sent: JsonObject, found: JsonObject, *, base_url: str, realm_id: str) -> Outcome:
    """Compare what was sent with what the ERP holds: number, date, currency and total must be ours to the cent."""
    module = MODULES[kind]
    body, external_id = sent["body"], text(found.get(module.id))
    wanted = [(module.day, body.get(module.day), found.get(module.day))]
    if kind in _SALES:
        wanted.append(("number", body[module.number], found.get(module.number)))
    if body.get("currency_id"):
        wanted.append(("currency", body["currency_id"], text(found.get("currency_id"))))
    if kind is Kind.PAYMENT and found.get("currency_code"):
        wanted.append(("currency", sent.get("currency"), found["currency_code"]))
    if found.get("status") == "void":
        return Rejected(
            "void_there",
            f"Zoho Books has it, but void (its record {external_id}). Void it here too, or take the void back there, then send "
            "this item again.",
        )
    if kind not in (Kind.CUSTOMER, Kind.PRODUCT):
        theirs = decimal(found.get("amount" if kind in _BY_AMOUNT else "total"))
        wanted.append(("total", decimal(sent.get("total")), theirs))
        for what, mine, other in wanted:
            if mine != other:
                return _differs(what, mine, other, external_id, is_draft(found))
    name = text(found.get(module.number))
    return Delivered(external_id, url=page(kind, external_id, base_url, realm_id), name=name)


def _differs(what: str, mine: Any, theirs: Any, external_id: str, is_left: bool) -> Rejected:
    causes = {
        "total": "most likely because it computes the tax in another way than the invoice that the customer has",
        "number": "because it numbers documents itself",
        "currency": "because the customer is kept there in that currency",
    }
    why = f", {causes[what]}" if what in causes else ""
    then = (
        "It was a draft and is not kept there. Mend the mapping or the settings there"
        if is_left
        else f"Correct its record {external_id} there to ours, or delete it there"
    )
    return Rejected(
        f"{what}_differs",
        f"Zoho Books has the {what} {theirs} instead of {mine}{why}. {then}, then send this item again.",
    )


def page(kind: Kind, external_id: str, base_url: str, realm_id: str) -> str:
    """Give the page where a person sees the record; a stand-in server shows it under its own address."""
    app = APPS.get(base_url.partition("://")[2].split("/")[0])
    if not app:
        return f"{base_url.rstrip('/')}/{MODULES[kind].path}/{external_id}"
    return f"https://{app}/app/{realm_id}#/{MODULES[kind].page}/{external_id}"


def field_of(found: JsonObject, label: str, api_name: str) -> JsonObject | None:
    """Give our unique custom field on a record, or None where the answer does not show it."""
    for each in found.get("custom_fields") or ():
        if isinstance(each, dict) and (each.get("api_name") == api_name or each.get("label") == label):
            return each
    return None


def erp_document(kind: Kind, found: JsonObject, postings: tuple[ErpPosting, ...] | None = None) -> ErpDocument:
    """Read a transaction for reconciliation; a journal's postings are its lines, unless they were read elsewhere."""
    module = MODULES[kind]
    status: Literal["posted", "draft", "void"] = "posted"
    if found.get("status") in ("draft", "void"):
        status = found["status"]
    total = decimal(found.get("amount" if kind in _BY_AMOUNT else "total"))
    return ErpDocument(
        kind=kind.value,
        external_id=text(found.get(module.id)),
        reference=text(found.get("reference_number")),
        # A payment's own number is Zoho's; ours is its reference.
        number=text(found.get("reference_number" if kind is Kind.PAYMENT else module.number)),
        date=text(found.get(module.day)),
        currency=text(found.get("currency_code")),
        customer=text(found.get("customer_id")),
        total=_ZERO if status == "void" else total,
        tax=_ZERO if status == "void" else total - decimal(found["sub_total"]) if "sub_total" in found else None,
        account=text(found.get(_MONEY_IS_IN[kind])) if kind in _MONEY_IS_IN else "",
        postings=tuple(_posting(line) for line in found.get("line_items") or ())
        if kind is Kind.JOURNAL_ENTRY and postings is None
        else postings or (),
        linked=_linked(kind, found),
        rate=decimal(found["exchange_rate"]) if found.get("exchange_rate") else None,
        withheld=_withheld(found) if kind is Kind.PAYMENT else _ZERO,
        status=status,
        balance=decimal(found["balance"]) if kind is Kind.INVOICE and found.get("balance") not in ("", None) else None,
    )


def _posting(line: JsonObject) -> ErpPosting:
    sign = 1 if line.get("debit_or_credit") == "debit" else -1
    base = sign * decimal(line["bcy_amount"]) if line.get("bcy_amount") not in (None, "") else None
    return ErpPosting(text(line.get("account_id")), sign * decimal(line.get("amount")), base)


def _linked(kind: Kind, found: JsonObject) -> tuple[tuple[str, Decimal], ...]:
    names = {Kind.PAYMENT: ("invoices", "amount_applied"), Kind.CREDIT_NOTE: ("invoices_credited", "credited_amount")}
    if kind not in names:
        return ()
    rows, amount = names[kind]
    return tuple((text(each.get("invoice_id")), decimal(each.get(amount))) for each in found.get(rows) or ())


def parts_of(payment: JsonObject) -> list[tuple[str, Decimal, Decimal]]:
    """Give what a payment settles, by invoice: what is applied, and the tax withheld on top, which may stand beside one."""
    rows = payment.get("invoices") or ()
    beside = decimal(payment.get("tax_amount_withheld")) if len(rows) == 1 else _ZERO
    name = "tax_amount_withheld"
    return sorted(
        (text(each.get("invoice_id")), decimal(each.get("amount_applied")), decimal(each.get(name)) or beside)
        for each in rows
    )


def keeps_tax(payment: JsonObject, wanted: JsonObject) -> bool:
    """Tell whether a payment says that it keeps the tax withheld that it should, in no other account."""
    account = text(payment.get("tax_account_id"))
    return parts_of(payment) == parts_of(wanted) and account in ("", text(wanted.get("tax_account_id")))


def drops_tax(payment: JsonObject, wanted: JsonObject) -> bool:
    """Tell whether a payment shows that it lacks tax withheld that it was given; one that shows nothing of any may have it."""
    name = "tax_amount_withheld"
    shows = any(name in each for each in (payment, *(payment.get("invoices") or ())))
    return shows and max(_withheld(payment), decimal(payment.get(name))) != _withheld(wanted)


def _withheld(payment: JsonObject) -> Decimal:
    """Add up the tax that a payment says was withheld of its invoices."""
    return sum((tax for _, _, tax in parts_of(payment)), _ZERO)


def account(found: JsonObject) -> ErpRow:
    """Read an account."""
    return ErpRow(
        kind=RowKind.ACCOUNT,
        external_id=text(found["account_id"]),
        name=text(found.get("account_name")),
        number=text(found.get("account_code")),
        type=text(found.get("account_type")),
        is_active=bool(found.get("is_active", True)),
        data={"is_system": bool(found.get("is_system_account", False)), "currency": text(found.get("currency_code"))},
    )


def customer(found: JsonObject) -> ErpRow:
    """Read a contact."""
    return ErpRow(
        kind=RowKind.CUSTOMER,
        external_id=text(found["contact_id"]),
        name=text(found.get("contact_name")),
        number=text(found.get("contact_number")),
        type=text(found.get("contact_type")),
        is_active=found.get("status", "active") == "active",
        data={"currency": text(found.get("currency_code"))},
    )


def product(found: JsonObject) -> ErpRow:
    """Read an item."""
    return ErpRow(
        kind=RowKind.PRODUCT,
        external_id=text(found["item_id"]),
        name=text(found.get("name")),
        number=text(found.get("sku")),
        type=text(found.get("product_type") or found.get("item_type")),
        is_active=found.get("status", "active") == "active",
        data={"income_account": text(found.get("account_id"))},
    )


def tax(found: JsonObject) -> ErpRow:
    """Read a tax."""
    return ErpRow(
        kind=RowKind.TAX_CODE,
        external_id=text(found["tax_id"]),
        name=text(found.get("tax_name")),
        type=text(found.get("tax_type")),
        is_active=text(found.get("status", "Active")).lower() != "inactive",
        data={"rate": text(found.get("tax_percentage"))},
    )


def currency(found: JsonObject) -> ErpRow:
    """Read a currency."""
    return ErpRow(
        kind=RowKind.CURRENCY,
        external_id=text(found["currency_id"]),
        name=text(found.get("currency_name")),
        number=text(found.get("currency_code")),
        data={"is_base": bool(found.get("is_base_currency", False)), "places": text(found.get("price_precision"))},
    )


def tag_option(tag: JsonObject, option: JsonObject) -> ErpRow:
    """Read an option of a reporting tag; both ids together name it on a line."""
    return ErpRow(
        kind=RowKind.TRACKING,
        external_id=f"{text(tag['tag_id'])}-{text(option['tag_option_id'])}",
        name=text(option.get("tag_option_name")),
        number=text(tag.get("tag_name")),
        is_active=bool(tag.get("is_active", True)) and bool(option.get("is_active", True)),
        data={"category_id": text(tag["tag_id"])},
    )


def location(found: JsonObject) -> ErpRow:
    """Read a location (branch)."""
    return ErpRow(
        kind=RowKind.LOCATION,
        external_id=text(found["location_id"]),
        name=text(found.get("location_name")),
        is_active=bool(found.get("is_location_active", True)),
    )


def lock(found: JsonObject) -> Lock | None:
    """Read a transaction lock; the date itself is locked. One whose scope is not known is left to the vendor to refuse."""
    day = text(found.get("transaction_lock_date"))
    if not day or text(found.get("transaction_lock_status")) == "disabled":
        return None
    scope = text(found.get("lock_scope_formatted")).lower()
    for word, kinds in _SCOPES.items():
        if word in scope:
            return Lock(end=day, kinds=tuple(each.value for each in kinds), name=f"Zoho Books: {word}")
    return Lock(end=day, name="Zoho Books") if scope == "all" or text(found.get("lock_scope")) == "0" else None


def company(found: JsonObject, locks: list[Lock], *, multi_currency: bool) -> Company:
    """Read an organisation."""
    address = found.get("address") or {}
    return Company(
        name=text(found.get("name")),
        country=text(address.get("country_code") or address.get("country") or found.get("country_code")),
        home_currency=text(found.get("currency_code")),
        multi_currency=multi_currency,
        books_closed_through=max((each.end for each in locks if not each.kinds), default=""),
        own_numbers=True,
        time_zone=text(found.get("time_zone")),
        locks=tuple(each for each in locks if each.kinds),
    )


def change(kind: Kind, found: JsonObject) -> Change:
    """Read a row of a list as a change."""
    at = moment(text(found.get("last_modified_time")))
    # Lists of journals tell no status: what is a draft or gone is not told as a change either.
    is_whole = found.get("total") not in (None, "") and bool(found.get("status") or kind is Kind.JOURNAL_ENTRY)
    document = erp_document(kind, found) if is_whole else None
    return Change(kind.value, text(found[MODULES[kind].id]), "changed", at, document)


def moment(value: str) -> datetime | None:
    """Read one of Zoho's times; None where there is none."""
    try:
        return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S%z").astimezone(UTC)
    except ValueError:
        return None
