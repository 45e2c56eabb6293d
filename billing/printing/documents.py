"""What is printed on an invoice or a credit note, as data: who, what, how much. Drawing it is another file's job.

What the law wants to stay is printed as it was when the document became final: the buyer as copied onto the invoice, the
seller as the audit trail says it then was. What is due is as of now.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from babel import Locale

from billing.models import BusinessEntity, Change, CreditNote, Customer, Invoice, InvoiceStatus, WriteOff
from billing.money import format_amount, format_money, format_unit_price
from billing.periods import day_words

_ENGLISH = Locale("en")
_LETTER_COUNTRIES = frozenset({"US", "CA", "MX", "PH", "CL", "CO"})
_PRINTED_OF_SELLER = ("name", "address", "country", "tax_id")


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """One charge or credit. Texts are ready to print; `details` stand below the description, smaller."""

    description: str
    details: tuple[str, ...]
    quantity: str
    unit_price: str
    discount: str
    tax: str
    amount: str


@dataclass(frozen=True, slots=True)
class Sum:
    """A line below the table: what it is, how much, and whether it is what matters."""

    label: str
    amount: str
    is_strong: bool = False


@dataclass(frozen=True, slots=True)
class PrintedDocument:
    """An invoice or a credit note, ready to print. `stamp` is written across each page: Draft, Void."""

    kind: str
    number: str
    stamp: str
    seller: str
    seller_lines: tuple[str, ...]
    buyer_lines: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    currency: str
    lines: tuple[PrintedLine, ...]
    sums: tuple[Sum, ...]
    notes: tuple[tuple[str, str], ...] = field(default=())
    is_letter: bool = False

    @property
    def title(self) -> str:
        return f"{self.kind} {self.number}" if self.number else f"{self.kind} (draft)"


def invoice_document(invoice: Invoice) -> PrintedDocument:
    """Say what an invoice looks like on paper. A draft has no number and is stamped as one. A fixed number of queries."""
    entity = invoice.business_entity
    seller = _seller(entity, invoice.finalized_at)
    lines = list(invoice.lines.select_related("tax_rate").order_by("position"))
    taxes = _taxes([(line.tax_rate.name if line.tax_rate else "", line.tax_percent, line.net.amount, line.tax.amount)
                    for line in lines], invoice.currency)  # fmt: skip
    due = invoice.due.amount + _given_up(invoice)
    settled = invoice.total.amount - due
    is_open = invoice.status not in (InvoiceStatus.DRAFT, InvoiceStatus.VOID)
    return PrintedDocument(
        kind="Invoice",
        number=invoice.number or "",
        stamp={InvoiceStatus.DRAFT: "Draft", InvoiceStatus.VOID: "Void"}.get(InvoiceStatus(invoice.status), ""),
        seller=seller["name"],
        seller_lines=_address(seller["address"], seller["country"], seller["tax_id"]),
        buyer_lines=_buyer(invoice, seller["country"]),
        facts=_invoice_facts(invoice),
        currency=invoice.currency,
        lines=tuple(
            PrintedLine(
                description=line.description,
                details=(
                    *_service_period(line.period_start, line.period_end),
                    *(("The price includes the tax.",) if line.tax_included else ()),
                ),
                quantity=f"{line.quantity.normalize():,f}",
                unit_price=format_unit_price(line.unit_amount.amount, invoice.currency),
                discount=format_amount(-line.discount.amount, invoice.currency) if line.discount.amount else "",
                tax=_percent(line.tax_percent) if line.tax_rate or line.tax_percent else "",
                amount=format_amount(line.net.amount, invoice.currency),
            )
            for line in lines
        ),
        sums=(
            Sum("Net", format_money(invoice.net.amount, invoice.currency)),
            *taxes,
            Sum("Total", format_money(invoice.total.amount, invoice.currency), is_strong=True),
            *([Sum("Paid or credited", format_money(-settled, invoice.currency))] if settled and is_open else []),
            *([Sum("Amount due", format_money(due, invoice.currency), is_strong=True)] if is_open else []),
        ),
        notes=_invoice_notes(invoice, due if is_open else Decimal(0)),
        is_letter=seller["country"] in _LETTER_COUNTRIES,
    )


def credit_note_document(note: CreditNote) -> PrintedDocument:
    """Say what a credit note looks like on paper. A fixed number of queries."""
    invoice = note.invoice
    seller = _seller(note.business_entity, note.created_at)
    lines = list(note.lines.select_related("invoice_line__tax_rate").order_by("id"))
    rates = [line.invoice_line.tax_rate for line in lines]
    taxes = _taxes([(rate.name if rate else "", line.tax_percent, line.net.amount, line.tax.amount)
                    for line, rate in zip(lines, rates, strict=True)], note.currency)  # fmt: skip
    kept = [
        ("set against the invoice", note.settled.amount),
        ("kept for you as a balance", note.to_wallet.amount),
        ("to be paid back to you", note.to_refund.amount),
    ]
    words = "; ".join(f"{format_money(amount, note.currency)} {what}" for what, amount in kept if amount)
    voided = [("Void", f"Voided on {_day(note.voided_on)}: {note.void_reason}")] if note.voided_on else []
    return PrintedDocument(
        kind="Credit note",
        number=note.number,
        stamp="Void" if note.voided_on else "",
        seller=seller["name"],
        seller_lines=_address(seller["address"], seller["country"], seller["tax_id"]),
        buyer_lines=_buyer(invoice, seller["country"]),
        facts=(
            ("Credit note number", note.number),
            ("Date", _day(note.issued_on)),
            ("For invoice", f"{invoice.number} of {_day(invoice.issued_on)}"),
            *_contract_facts(invoice),
        ),
        currency=note.currency,
        lines=tuple(
            PrintedLine(
                description=line.description,
                details=_service_period(line.invoice_line.period_start, line.invoice_line.period_end),
                quantity="",
                unit_price="",
                discount="",
                tax=_percent(line.tax_percent) if rate or line.tax_percent else "",
                amount=format_amount(line.net.amount, note.currency),
            )
            for line, rate in zip(lines, rates, strict=True)
        ),
        sums=(
            Sum("Net", format_money(note.net.amount, note.currency)),
            *taxes,
            Sum("Total credited", format_money(note.total.amount, note.currency), is_strong=True),
        ),
        notes=(*voided, ("Reason", note.reason), *([("What becomes of it", f"{words}.")] if words else [])),
        is_letter=seller["country"] in _LETTER_COUNTRIES,
    )


def _seller(entity: BusinessEntity, at: datetime | None) -> dict[str, str]:
    """Give the seller's name and address as they were at a moment; None: as they are.

    What was empty then and was filled in later is printed as it was first filled in: a missing address helps nobody.
    """
    seller: dict[str, str] = {name: getattr(entity, name) for name in _PRINTED_OF_SELLER}
    if at is None:
        return seller
    changes = Change.objects.filter(model="billing.businessentity", object_id=entity.pk, action="changed", at__gt=at)
    for before in changes.order_by("-id").values_list("before", flat=True):
        seller |= {name: value for name, value in (before or {}).items() if name in seller and value}
    return seller


def letter_head(entity: BusinessEntity) -> tuple[str, ...]:
    """Give a seller's name and address as they are now, for a letter."""
    return (entity.name, *_address(entity.address, entity.country, entity.tax_id))


def addressee(customer: Customer, *, seller_country: str) -> tuple[str, ...]:
    """Give a customer's name and address as they are now; at home the country is not printed."""
    country = customer.country if customer.country != seller_country else ""
    return (customer.name, *_address(customer.address, country, customer.tax_id))


def _address(address: str, country: str, tax_id: str) -> tuple[str, ...]:
    lines = [line.strip() for line in address.splitlines() if line.strip()]
    return tuple(filter(None, (*lines, country_name(country), f"Tax ID: {tax_id}" if tax_id else "")))


def _buyer(invoice: Invoice, seller_country: str) -> tuple[str, ...]:
    """Give the buyer as copied onto the invoice when it was finalized; a draft shows the customer as it is."""
    if invoice.status == InvoiceStatus.DRAFT:
        return addressee(invoice.customer, seller_country=seller_country)
    lines = [line.strip() for line in invoice.bill_to.splitlines() if line.strip()]
    # The copy holds the country as its code; at home it is not printed.
    return tuple(country_name(line) if _is_country(line) else line for line in lines if line != seller_country)


def _is_country(code: str) -> bool:
    return len(code) == 2 and code.isupper() and code in _ENGLISH.territories


def country_name(code: str) -> str:
    """Give a country's English name; what is no code stays as it is."""
    return str(_ENGLISH.territories.get(code, code))


def _invoice_facts(invoice: Invoice) -> tuple[tuple[str, str], ...]:
    days = (invoice.due_on - invoice.issued_on).days
    terms = "1 day" if days == 1 else f"{days} days"
    return (
        ("Invoice number", invoice.number or "none yet"),
        ("Date", _day(invoice.issued_on)),
        ("Payment terms", terms if days else "On receipt"),
        ("Due", _day(invoice.due_on)),
        *_contract_facts(invoice),
    )


def _contract_facts(invoice: Invoice) -> list[tuple[str, str]]:
    if invoice.contract is None:
        return []
    reference = [("Your reference", invoice.contract.reference)] if invoice.contract.reference else []
    return [("Contract", invoice.contract.number), *reference]


def _invoice_notes(invoice: Invoice, due: Decimal) -> tuple[tuple[str, str], ...]:
    if invoice.status == InvoiceStatus.VOID:
        return (("Void", f"Voided on {_day(invoice.voided_on)}: {invoice.void_reason}"),)
    if due > 0 and invoice.business_entity.payment_details:
        return (("How to pay", invoice.business_entity.payment_details),)
    return ()


def _given_up(invoice: Invoice) -> Decimal:
    """Give what the books have written off: the customer owes it all the same."""
    if invoice.status != InvoiceStatus.WRITTEN_OFF:
        return Decimal(0)
    found = WriteOff.objects.filter(invoice=invoice).first()
    return found.amount.amount - found.recovered.amount if found else Decimal(0)


def _taxes(parts: Iterable[tuple[str, Decimal, Decimal, Decimal]], currency: str) -> Sequence[Sum]:
    """Add the tax up per rate: (rate's name, percent, net, tax). A rate of zero with a name is printed: it says why."""
    by_rate: dict[tuple[str, Decimal], tuple[Decimal, Decimal]] = {}
    for name, percent, net, tax in parts:
        if name or tax:
            before = by_rate.get((name, percent), (Decimal(0), Decimal(0)))
            by_rate[(name, percent)] = (before[0] + net, before[1] + tax)
    return [
        Sum(f"{name or 'Tax'} {_percent(percent)} on {format_amount(net, currency)}", format_money(tax, currency))
        for (name, percent), (net, tax) in by_rate.items()
    ]


def _percent(percent: Decimal) -> str:
    return f"{percent.normalize():f} %"


def _service_period(start: date | None, end: date | None) -> tuple[str, ...]:
    if start is None or end is None:
        return ()
    last = date.fromordinal(end.toordinal() - 1)
    return (_day(start) if last == start else f"{_day(start)} to {_day(last)}",)


def _day(day: date | None) -> str:
    return day_words(day) if day else ""
