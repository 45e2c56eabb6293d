"""Our documents as Zoho Books' JSON, with names, kinds and lengths of its published contract (API v3).

A sealed text holds the body beside what the sending needs to know: {"body": …, "draft": …} and, for changes, the ids of
what is changed. Oddities of the contract are kept to: a credit note's rate is a text and its quantities are whole, a
payment names its invoice twice.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing.money import minor_unit
from integrations.connectors.base import Company, Rejected
from integrations.connectors.jsontext import dumps
from integrations.connectors.lengths import cut, units
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

_NAME, _ITEM_NAME, _NUMBER, _LINE_NAME = 200, 100, 100, 100
_NOTES, _LINE_DESCRIPTION, _DESCRIPTION, _EMAIL = 500, 500, 2000, 100
_ADDRESS = re.compile(r"[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+")
_BAD_IN_NAMES = re.compile(r"[\t\r\n]+")
_NOTHING_PAID = (
    "All of it was withheld as tax, and Zoho Books takes no payment of nothing. Enter the tax there by hand, as a credit note or "
    "with the next payment of the customer, under the reference {}; then skip this item."
)
TAX_NOT_KEPT = (
    "Zoho Books did not keep the tax that was withheld of several invoices. Void this payment and record one for each invoice, "
    "or enter it in Zoho Books by hand, under the reference {}, and skip this item."
)
_QUANTITY_PLACES = Decimal("0.01")
_MODES = {
    "bank_transfer": "banktransfer",
    "transfer": "banktransfer",
    "wire": "bankremittance",
    "direct_debit": "autotransaction",
    "card": "creditcard",
    "credit_card": "creditcard",
    "check": "check",
    "cheque": "check",
    "cash": "cash",
}

JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Writer:
    """Writes bodies for one organisation. `currencies`: ISO code to id; `label`: the unique custom field's, if any."""

    company: Company
    currencies: dict[str, str]
    label: str

    def customer(self, document: CustomerDocument) -> str:
        """Write a contact."""
        body: JsonObject = {
            "contact_name": _name(document.name, document.suffix, _NAME),
            "contact_type": "customer",
            "notes": tag(document.reference),
        }
        body |= self._currency(document.currency)
        # A person without an address that Zoho takes would have the whole contact refused.
        if len(document.email) <= _EMAIL and _ADDRESS.fullmatch(document.email):
            body["contact_persons"] = [{"email": document.email, "is_primary_contact": True}]
        if self.label:
            body["custom_fields"] = [{"label": self.label, "value": document.reference}]
        return _sealed(body)

    def product(self, document: ProductDocument) -> str:
        """Write an item; its SKU is our reference."""
        body: JsonObject = {
            "name": _name(document.name, document.suffix, _ITEM_NAME),
            "rate": 0,
            "description": cut(document.description, _DESCRIPTION),
            "sku": document.reference,
            "product_type": "service",
            "item_type": "sales",
        }
        if document.income_account:
            body["account_id"] = document.income_account
        return _sealed(body)

    def journal_entry(self, document: JournalDocument) -> str:
        """Write a journal, as a draft that a second call publishes."""
        debit = sum((line.debit for line in document.lines), Decimal(0))
        credit = sum((line.credit for line in document.lines), Decimal(0))
        if debit != credit or not debit:
            raise Rejected("unbalanced", f"The entry does not balance: debit {debit}, credit {credit}.")
        body: JsonObject = {
            "journal_date": document.date.isoformat(),
            "reference_number": _number(document.reference),
            "notes": cut(document.description, _NOTES),
        }
        body |= self._currency(document.currency)
        if document.currency != self.company.home_currency:
            body["exchange_rate"] = document.rate
        body["line_items"] = [_journal_line(line, document.currency) for line in document.lines]
        body["status"] = "draft"
        return _sealed(body, draft=document.draft, total=debit)

    def invoice(self, document: InvoiceDocument) -> str:
        """Write an invoice whose total is ours to the cent; a second call marks it as sent."""
        if document.due < document.date:
            raise Rejected("due", "Zoho Books refuses an invoice that is due before its date.")
        body: JsonObject = {
            "customer_id": document.customer,
            "invoice_number": _number(document.number),
            "reference_number": _number(document.reference),
            "date": document.date.isoformat(),
            "due_date": document.due.isoformat(),
        }
        body |= self._currency(document.currency)
        if document.currency != self.company.home_currency:
            body["exchange_rate"] = document.rate
        body["line_items"] = [_sales_line(line, document.currency) for line in _checked(document)]
        body |= _tax_on_top(document)
        return _sealed(body, draft=document.draft, total=document.total, taxed=bool(document.tax))

    def credit_note(self, document: CreditNoteDocument) -> str:
        """Write a credit note, as a draft that a second call opens."""
        body: JsonObject = {
            "customer_id": document.customer,
            "date": document.date.isoformat(),
            "is_draft": True,
            "creditnote_number": _number(document.number),
            "ignore_auto_number_generation": True,
            "reference_number": _number(document.reference),
        }
        body |= self._currency(document.currency)
        if document.currency != self.company.home_currency:
            body["exchange_rate"] = format(document.rate, "f")
        body["line_items"] = [_credit_line(line, document.currency) for line in _checked(document)]
        body |= _tax_on_top(document)
        if document.reason:
            body["notes"] = cut(document.reason, _DESCRIPTION)
        return _sealed(body, draft=document.draft, total=document.total)

    def payment(self, document: PaymentDocument) -> str:
        """Write a payment; what is not applied to an invoice stays as the customer's excess payment."""
        parts = [_part(each, document.currency) for each in document.allocations if each.amount or each.withheld]
        linked = sum((each["amount_applied"] for each in parts), Decimal(0))
        if linked > document.amount:
            raise Rejected("allocations", f"{linked} is allocated of a payment of {document.amount}.")
        if not document.amount:
            raise Rejected("nothing_paid", _NOTHING_PAID.format(document.reference))
        body: JsonObject = {
            "customer_id": document.customer,
            "payment_mode": _mode(document.method),
            "amount": amount(document.amount, document.currency),
            "date": document.date.isoformat(),
            "reference_number": _number(document.reference),
            "description": cut(document.note, _DESCRIPTION),
            "invoices": parts,
            # The contract wants these beside the list, whatever their meaning is there for several invoices or none.
            "invoice_id": parts[0]["invoice_id"] if parts else "",
            "amount_applied": parts[0]["amount_applied"] if parts else 0,
            "account_id": document.deposit_account,
        }
        if document.withheld_account:
            body["tax_account_id"] = document.withheld_account
        if document.currency != self.company.home_currency:
            body["exchange_rate"] = document.rate
        if self.label and not document.external_id:
            body["custom_fields"] = [{"label": self.label, "value": document.reference}]
        return _sealed(body, id=document.external_id, total=document.amount, currency=document.currency)

    def credit_allocation(self, document: CreditAllocationDocument) -> str:
        """Write what a credit note shall settle, all of it."""
        parts = [_part(each, document.currency) for each in document.allocations if each.amount]
        return _sealed({"invoices": parts}, id=document.credit_note)

    def refund(self, document: RefundDocument) -> str:
        """Write money paid back, of a credit note or of what a payment has left."""
        of_note = bool(document.credit_note)
        body: JsonObject = {
            "date": document.date.isoformat(),
            "refund_mode": _mode(document.method),
            "reference_number": _number(document.reference),
            "amount": amount(document.amount, document.currency),
            "from_account_id": document.account,
            "description": cut(document.note, _DESCRIPTION),
        }
        if document.currency != self.company.home_currency:
            body["exchange_rate"] = format(document.rate, "f") if of_note else document.rate
        path = "creditnotes" if of_note else "customerpayments"
        return _sealed(body, id=document.credit_note or document.payment, path=path, total=document.amount)

    def expense(self, document: MoneyDocument) -> str:
        """Write an expense: money that left an account, against one other account."""
        accounts = {"account_id": document.other, "paid_through_account_id": document.account}
        return self._moved(document, accounts | {"is_billable": False})

    def deposit(self, document: MoneyDocument) -> str:
        """Write a deposit: money that came into an account, from one other account."""
        accounts = {"from_account_id": document.other, "to_account_id": document.account}
        return self._moved(document, {"transaction_type": "deposit", **accounts})

    def _moved(self, document: MoneyDocument, body: JsonObject) -> str:
        body = body | {
            "date": document.date.isoformat(),
            "amount": amount(document.amount, document.currency),
            "customer_id": document.customer,
            "reference_number": _number(document.reference),
            "description": cut(document.note, _NOTES),
            **self._currency(document.currency),
        }
        if document.currency != self.company.home_currency:
            body["exchange_rate"] = document.rate
        return _sealed(body, total=document.amount)

    def void(self, document: VoidDocument) -> str:
        """Write what is void from now on."""
        return _sealed({}, id=document.external_id)

    def refund_void(self, document: VoidDocument) -> str:
        """Write which refund of which payment shall go."""
        return _sealed({}, id=document.payment, refund=document.external_id, undoes=document.undoes)

    def _currency(self, currency: str) -> JsonObject:
        found = self.currencies.get(currency)
        if found:
            return {"currency_id": found}
        if currency == self.company.home_currency:
            return {}
        raise Rejected(
            "currency",
            f"The document is in {currency}, which this Zoho Books organisation does not have. Add the currency there "
            "(Settings, Currencies), read the lists again and send it again.",
        )


def tag(reference: str) -> str:
    """Give the mark by which we know our own records where they have no reference number."""
    return f"[cf:{reference}]"


def amount(value: Decimal, currency: str) -> Decimal:
    """Give the amount with the currency's digits. Raises Rejected where digits would be lost."""
    exact = value.quantize(minor_unit(currency))
    if exact != value:
        raise Rejected("amount", f"The amount {value} {currency} has more digits than Zoho Books keeps.")
    return exact


def settling_nothing(body: JsonObject, refusal: str) -> JsonObject | None:
    """Give a payment on account without the invoice beside the list, should Zoho refuse what its contract wants there."""
    if body.get("invoice_id") != "" or "invoice_id" not in refusal:
        return None
    return {name: value for name, value in body.items() if name not in ("invoice_id", "amount_applied")}


def as_published(body: JsonObject) -> JsonObject:
    """State tax withheld of one invoice as the published contract has it: beside the list, and without its account.

    People who use the API state it with the invoice, as `body` does, which is the only way for several.
    """
    parts = body.get("invoices") or []
    if len(parts) != 1 or "tax_amount_withheld" not in parts[0]:
        return body
    part = {name: value for name, value in parts[0].items() if name != "tax_amount_withheld"}
    rest = {name: value for name, value in body.items() if name != "tax_account_id"}
    return {**rest, "invoices": [part], "tax_amount_withheld": parts[0]["tax_amount_withheld"]}


def _sealed(body: JsonObject, **more: Any) -> str:
    return dumps({"body": body, **{name: value for name, value in more.items() if value not in ("", False)}})


def _name(text: str, suffix: str, longest: int) -> str:
    tail = f" ({cut(_BAD_IN_NAMES.sub(' ', suffix), longest // 2)})" if suffix else ""
    name = cut(_BAD_IN_NAMES.sub(" ", text).strip(), longest - units(tail)).strip() + tail
    if not name:
        raise Rejected("name", "Zoho Books needs a name here. Give the record a name and send it again.")
    return name


def _number(number: str) -> str:
    if units(number) > _NUMBER:
        raise Rejected("number", f"The number {number} is longer than the {_NUMBER} characters Zoho Books allows.")
    return number


def _mode(method: str) -> str:
    return _MODES.get(method.strip().lower().replace(" ", "_"), "others")


def _part(allocation: AllocationDocument, currency: str) -> JsonObject:
    """The tax withheld comes on top of what is applied: both lower what is due."""
    part: JsonObject = {"invoice_id": allocation.invoice, "amount_applied": amount(allocation.amount, currency)}
    if allocation.withheld:
        part["tax_amount_withheld"] = amount(allocation.withheld, currency)
    return part


def _dimensions(dimensions: tuple[DimensionDocument, ...]) -> JsonObject:
    """A reporting tag's option is known by "tag-option", a location by its id."""
    found: JsonObject = {}
    tags = [each.external_id.split("-", 1) for each in dimensions if each.kind == "tracking"]
    if tags:
        found["tags"] = [{"tag_id": tag_id, "tag_option_id": option_id} for tag_id, option_id in tags]
    for each in dimensions:
        if each.kind == "location":
            found["location_id"] = each.external_id
    return found


def _journal_line(line: JournalLineDocument, currency: str) -> JsonObject:
    if (line.debit > 0) == (line.credit > 0) or line.debit < 0 or line.credit < 0:
        raise Rejected("line", "A journal line for Zoho Books must have either a debit or a credit above zero.")
    body: JsonObject = {
        "account_id": line.account,
        "debit_or_credit": "debit" if line.debit else "credit",
        "amount": amount(line.debit or line.credit, currency),
        "description": cut(line.description, _LINE_DESCRIPTION),
    }
    if line.customer:
        body["customer_id"] = line.customer
    return body | _dimensions(line.dimensions)


def _checked(document: InvoiceDocument | CreditNoteDocument) -> tuple[SalesLineDocument, ...]:
    net = sum((line.net for line in document.lines), Decimal(0))
    if not document.lines or net != document.net or document.net + document.tax != document.total:
        raise Rejected("total", f"The lines add up to {net}, the document says {document.net}.")
    return document.lines


def _tax_on_top(document: InvoiceDocument | CreditNoteDocument) -> JsonObject:
    """Say that our rates are without tax: an organisation may take them as including it by default."""
    return {"is_inclusive_tax": False} if any(line.tax_code for line in document.lines) else {}


def _line(line: SalesLineDocument) -> JsonObject:
    body: JsonObject = {"item_id": line.product, "description": cut(line.description, _DESCRIPTION)}
    if line.tax_code:
        body["tax_id"] = line.tax_code
    return body | _dimensions(line.dimensions)


def _sales_line(line: SalesLineDocument, currency: str) -> JsonObject:
    net = amount(line.net, currency)
    # A prorated or tiered line, one with more digits than an organisation may keep, or one of no quantity is sent as one unit.
    exact = (
        line.quantity > 0
        and line.quantity * line.unit_amount == net
        and line.unit_amount == line.unit_amount.quantize(minor_unit(currency))
        and line.quantity == line.quantity.quantize(_QUANTITY_PLACES)
    )
    quantity, rate = (line.quantity.normalize(), line.unit_amount) if exact else (Decimal(1), net)
    return _line(line) | {"rate": rate.quantize(minor_unit(currency)), "quantity": quantity}


def _credit_line(line: SalesLineDocument, currency: str) -> JsonObject:
    return _line(line) | {"rate": amount(line.net, currency), "quantity": 1}
