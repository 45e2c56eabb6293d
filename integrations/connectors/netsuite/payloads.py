"""Our documents as SuiteTalk's JSON, validated before anything is sent.

Field names, kinds and lengths: Oracle's REST API Browser 2026.1 and help pages. References are objects, sublists are
`{"items": [...]}`, amounts are numbers in major units.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from integrations.connectors.base import Rejected
from integrations.connectors.jsontext import dumps, loads
from integrations.connectors.lengths import cut, units
from integrations.connectors.netsuite.setting import Setting
from integrations.documents import (
    AllocationDocument,
    CreditAllocationDocument,
    CreditNoteDocument,
    CustomerDocument,
    DimensionDocument,
    InvoiceDocument,
    JournalDocument,
    JournalLineDocument,
    MoneyDocument,
    PaymentDocument,
    ProductDocument,
    RefundDocument,
    SalesLineDocument,
    VoidDocument,
)

MEMO, NUMBER, CUSTOMER_NAME, ITEM_NAME, EMAIL = 999, 45, 83, 60, 254
_LARGEST_QUANTITY = Decimal(10) ** 10
_SEGMENTS = {"class": "class", "department": "department", "location": "location"}
JsonObject = dict[str, Any]


def _head(setting: Setting, document: Any, *, with_subsidiary: bool = True) -> JsonObject:
    """Give what all transactions begin with. The rate is given for a foreign currency only; else NetSuite knows it."""
    body: JsonObject = {**setting.marks(document.reference), "tranDate": document.date.isoformat()}
    subsidiary = setting.subsidiary(document.subsidiary)
    if subsidiary and with_subsidiary:
        body["subsidiary"] = {"id": subsidiary}
    body["currency"] = setting.currency(document.currency)
    if document.currency != setting.home(subsidiary):
        body["exchangeRate"] = document.rate.normalize()
    return body


def _segments(dimensions: Iterable[DimensionDocument]) -> JsonObject:
    return {_SEGMENTS[each.kind]: {"id": each.external_id} for each in dimensions if each.kind in _SEGMENTS}


def _shared_segments(lines: Sequence[JsonObject]) -> JsonObject:
    """Give the dimensions that all lines have in common: some accounts want them in the header, some on the lines."""
    first = lines[0]
    return {
        name: first[name]
        for name in _SEGMENTS.values()
        if name in first and all(line.get(name) == first[name] for line in lines)
    }


def _name(text: str, suffix: str, longest: int) -> str:
    tail = f" ({cut(suffix, longest // 2)})" if suffix else ""
    return cut(text.strip(), longest - units(tail)).strip() + tail


def customer(document: CustomerDocument, setting: Setting) -> str:
    """Write a customer."""
    name = _name(document.name, document.suffix, CUSTOMER_NAME)
    if not name:
        raise Rejected("name", "NetSuite needs a name here. Give the customer a name and send it again.")
    body: JsonObject = {"isPerson": False, "companyName": name}
    if document.email and units(document.email) <= EMAIL:
        body["email"] = document.email
    subsidiary = setting.subsidiary(document.subsidiary)
    if subsidiary:
        body["subsidiary"] = {"id": subsidiary}
    return dumps(body | {"currency": setting.currency(document.currency)})


def product(document: ProductDocument, setting: Setting) -> str:
    """Write a service item for sale."""
    name = _name(document.name, document.suffix, ITEM_NAME)
    if not name:
        raise Rejected("name", "NetSuite needs a name here. Give the product a name and send it again.")
    body: JsonObject = {
        "itemId": name,
        "displayName": name,
        "salesDescription": cut(document.description, MEMO),
        "incomeAccount": {"id": document.income_account},
    }
    subsidiary = setting.subsidiary(document.subsidiary)
    if subsidiary:
        body |= {"subsidiary": {"items": [{"id": subsidiary}]}, "includeChildren": True}
    if setting.options.get("tax_schedule"):
        body["taxSchedule"] = {"id": str(setting.options["tax_schedule"])}
    return dumps(body)


def journal_entry(document: JournalDocument, setting: Setting) -> str:
    """Write a journal entry: one side a line, balanced."""
    debit = sum((line.debit for line in document.lines), Decimal(0))
    credit = sum((line.credit for line in document.lines), Decimal(0))
    if debit != credit or not debit:
        raise Rejected("unbalanced", f"The entry does not balance: debit {debit}, credit {credit}.")
    lines = [_journal_line(line, document.currency, setting) for line in document.lines]
    body = _head(setting, document) | {"memo": cut(document.description, MEMO)}
    # 1 pending, 2 approved; an account that refuses the field gets it left out by the option "none".
    status = "1" if document.draft else str(setting.options.get("approval_status") or "2")
    if status != "none":
        body["approvalStatus"] = {"id": status}
    return dumps(body | _shared_segments(lines) | {"line": {"items": lines}})


def _journal_line(line: JournalLineDocument, currency: str, setting: Setting) -> JsonObject:
    if (line.debit > 0) == (line.credit > 0) or line.debit < 0 or line.credit < 0:
        raise Rejected("line", "A journal line for NetSuite must have either a debit or a credit above zero.")
    side = "debit" if line.debit else "credit"
    body: JsonObject = {
        "account": {"id": line.account},
        side: setting.amount(line.debit or line.credit, currency),
        "memo": cut(line.description, MEMO),
    }
    if line.customer:
        body["entity"] = {"id": line.customer}
    return body | _segments(line.dimensions)


def invoice(document: InvoiceDocument, setting: Setting) -> str:
    """Write an invoice whose total is ours to the cent."""
    return dumps(_sales(document, setting) | {"dueDate": document.due.isoformat()})


def credit_memo(document: CreditNoteDocument, setting: Setting) -> str:
    """Write a credit memo, applied to the invoices that it settles."""
    body = _sales(document, setting) | {"autoApply": False}  # Else an account's preference may settle other invoices.
    if document.reason:
        body["memo"] = cut(document.reason, MEMO)
    if document.allocations:
        body["apply"] = _applied(document.allocations, document.currency, setting)
    return dumps(body)


def _sales(document: InvoiceDocument | CreditNoteDocument, setting: Setting) -> JsonObject:
    if units(document.number) > NUMBER:
        raise Rejected(
            "number", f"The number {document.number} is longer than the {NUMBER} characters NetSuite allows."
        )
    if not document.lines:
        raise Rejected("lines", "NetSuite takes no document without lines.")
    net = sum((line.net for line in document.lines), Decimal(0))
    if net != document.net or document.net + document.tax != document.total:
        raise Rejected("total", f"The lines add up to {net}, the document says {document.net}.")
    lines = [_sales_line(line, number, document.currency, setting) for number, line in enumerate(document.lines, 1)]
    body = _head(setting, document) | {"entity": {"id": document.customer}, "tranId": document.number}
    body |= _shared_segments(lines) | {"item": {"items": lines}}
    if _overrides_taxes(setting):
        body["taxDetailsOverride"] = True
        details = [
            _tax_detail(line, number, document.currency, setting)
            for number, line in enumerate(document.lines, 1)
            if line.tax
        ]
        if details:
            body["taxDetails"] = {"items": details}
    return body


def _sales_line(line: SalesLineDocument, number: int, currency: str, setting: Setting) -> JsonObject:
    net = setting.amount(line.net, currency)
    # Quantity times rate is kept equal to the amount; a prorated or tiered line is sent as one unit.
    exact = line.quantity * line.unit_amount == net and 0 < line.quantity < _LARGEST_QUANTITY
    body: JsonObject = {
        "item": {"id": line.product},
        "quantity": line.quantity.normalize() if exact else Decimal(1),
        "rate": line.unit_amount.normalize() if exact else net,
        "amount": net,
        "description": cut(line.description, MEMO),
    }
    if _overrides_taxes(setting):
        if line.tax:
            body["taxDetailsReference"] = str(number)
    elif line.tax_code:
        # Where NetSuite computes the tax all the same, the total differs and is noticed when it is read back.
        body |= {"taxCode": {"id": line.tax_code}, "tax1Amt": setting.amount(line.tax, currency)}
    return body | _segments(line.dimensions)


def _overrides_taxes(setting: Setting) -> bool:
    """Tell an account with SuiteTax, where our taxes are stated; else NetSuite computes them from the lines' codes."""
    return str(setting.options.get("taxes") or setting.company.extra.get("taxes", "")) == "suitetax"


def _tax_detail(line: SalesLineDocument, number: int, currency: str, setting: Setting) -> JsonObject:
    kind = setting.company.extra.get("tax_types", {}).get(line.tax_code or "")
    if not line.tax_code or not kind:
        raise Rejected(
            "tax_code",
            "A line has tax, but its tax rate has no NetSuite tax code with a tax type. Map the tax rate to one, import the "
            "lists and send the item again.",
        )
    return {
        # By the REST API Browser: here a reference and an id as text, on the line the other way round.
        "taxDetailsReference": {"id": str(number)},
        "taxType": kind,
        "taxCode": {"id": line.tax_code},
        "taxBasis": setting.amount(line.net, currency),
        "taxRate": line.tax_percent.normalize() if line.tax_percent else _rate(line),
        "taxAmount": setting.amount(line.tax, currency),
    }


def with_tax_types_named(body: str, names: Mapping[str, str]) -> str:
    """Give a document with its tax types by name; an empty text where one has none, or there are no tax types."""
    sent = loads(body)
    details = (sent.get("taxDetails") or {}).get("items") or []
    for detail in details:
        detail["taxType"] = names.get(detail["taxType"], "")
    return dumps(sent) if details and all(detail["taxType"] for detail in details) else ""


def with_taxes_on_lines(body: str) -> str:
    """Give a document as an account without SuiteTax takes it; an empty text where it has no taxes of SuiteTax."""
    sent = loads(body)
    if not sent.pop("taxDetailsOverride", False):
        return ""
    details = {each["taxDetailsReference"]["id"]: each for each in sent.pop("taxDetails", {"items": []})["items"]}
    for line in sent["item"]["items"]:
        detail = details.get(line.pop("taxDetailsReference", ""))
        if detail:
            line |= {"taxCode": detail["taxCode"], "tax1Amt": detail["taxAmount"]}
    return dumps(sent)


def _rate(line: SalesLineDocument) -> Decimal:
    return round(line.tax * 100 / line.net, 4).normalize() if line.net else Decimal(0)


def _applied(parts: Iterable[AllocationDocument], currency: str, setting: Setting) -> JsonObject:
    return {"items": [_apply(part.invoice, setting.amount(part.amount, currency)) for part in parts]}


def _apply(doc: str, amount: Decimal) -> JsonObject:
    return {"doc": {"id": doc}, "apply": True, "amount": amount}


def payment(document: PaymentDocument, setting: Setting) -> str:
    """Write a customer payment; what is not applied stays open on the customer's account."""
    linked = sum((part.amount for part in document.allocations), Decimal(0))
    if linked > document.amount:
        raise Rejected("allocations", f"{linked} is allocated of a payment of {document.amount}.")
    applied = {"apply": _applied(document.allocations, document.currency, setting)}
    if document.external_id:
        return dumps({"id": document.external_id, **applied})
    body = _head(setting, document, with_subsidiary=False) | {
        "customer": {"id": document.customer},
        "payment": setting.amount(document.amount, document.currency),
        "account": {"id": document.deposit_account},
        "memo": cut(document.note, MEMO),
        "autoApply": False,
    }
    return dumps(body | (applied if document.allocations else {}))


def credit_allocation(document: CreditAllocationDocument, setting: Setting) -> str:
    """Write what a credit memo shall settle from now on: all of it."""
    return dumps({"id": document.credit_note, "apply": _applied(document.allocations, document.currency, setting)})


def refund(document: RefundDocument, setting: Setting) -> str:
    """Write a refund of a credit memo, or of what a payment left unapplied."""
    body = _head(setting, document, with_subsidiary=False) | {
        "customer": {"id": document.customer},
        "account": {"id": document.account},
        "memo": cut(document.note, MEMO),
    }
    if document.receivable:
        body["arAcct"] = {"id": document.receivable}
    body |= payment_option(setting.options)
    refunded = _apply(document.credit_note or document.payment, setting.amount(document.amount, document.currency))
    return dumps(body | {"apply": {"items": [refunded]}})


def check(document: MoneyDocument, setting: Setting) -> str:
    """Write a check: money that left an account, against one other account."""
    return dumps(
        _moved(document, setting) | {"entity": {"id": document.customer}, "expense": _only_line(document, setting)}
    )


def deposit(document: MoneyDocument, setting: Setting) -> str:
    """Write a deposit: money that came into an account, against one other account."""
    line = _only_line(document, setting)
    line["items"][0]["entity"] = {"id": document.customer}
    return dumps(_moved(document, setting) | {"other": line})


def _moved(document: MoneyDocument, setting: Setting) -> JsonObject:
    return _head(setting, document) | {"account": {"id": document.account}, "memo": cut(document.note, MEMO)}


def _only_line(document: MoneyDocument, setting: Setting) -> JsonObject:
    amount = setting.amount(document.amount, document.currency)
    return {"items": [{"account": {"id": document.other}, "amount": amount, "memo": cut(document.note, MEMO)}]}


def payment_option(options: Mapping[str, Any]) -> JsonObject:
    """Name how money is paid back, where the account demands it: refunds have no payment method over REST."""
    return {"paymentOption": {"id": str(options["payment_option"])}} if options.get("payment_option") else {}


def void(document: VoidDocument, setting: Setting) -> str:
    """Write what undoes a document: `id` is the document's, the rest goes into the one that offsets it."""
    return dumps(
        {
            "id": document.external_id,
            **setting.marks(document.reference),
            "tranDate": document.date.isoformat(),
            "memo": cut(document.reason, MEMO) or "Void",
        }
    )
