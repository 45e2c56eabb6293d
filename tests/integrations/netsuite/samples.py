"""Neutral documents as the builders give them, for tests without a database."""

from datetime import date
from decimal import Decimal
from typing import Any

from integrations.connectors.base import Parcel
from integrations.documents import (
    AllocationDocument,
    CreditNoteDocument,
    CustomerDocument,
    InvoiceDocument,
    JournalDocument,
    JournalLineDocument,
    Kind,
    PaymentDocument,
    ProductDocument,
    SalesLineDocument,
    VoidDocument,
)

DAY = date(2026, 10, 31)
D = Decimal


def customer(number: int = 1, **fields: Any) -> CustomerDocument:
    given = {"name": f"Acme {number}", "email": "ap@acme.example", "currency": "USD"}
    return CustomerDocument(reference=f"ABCDE-U{number}", **(given | fields))


def product(income: str, number: int = 1, **fields: Any) -> ProductDocument:
    given = {"name": f"Seats {number}", "description": "Seats by month"}
    return ProductDocument(reference=f"ABCDE-S{number}", income_account=income, **(given | fields))


def journal(
    accounts: tuple[str, str], number: int = 1, amount: str = "120.00", lines: int = 2, **fields: Any
) -> JournalDocument:
    """Debit the first account, credit the second, in as many lines as asked for."""
    value = D(amount)
    half = lines // 2
    made = [JournalLineDocument(accounts[0], value, D(0), "Release", None)] * half
    made += [JournalLineDocument(accounts[1], D(0), value, "Release", None)] * half
    given = {"date": DAY, "currency": "USD", "rate": D(1), "description": f"JE-{number} Release", "lines": tuple(made)}
    return JournalDocument(reference=f"ABCDE-J{number}", **(given | fields))


def line(item: str, net: str = "100.00", **fields: Any) -> SalesLineDocument:
    given = {
        "product": item,
        "description": "Seats",
        "quantity": D(2),
        "unit_amount": D(net) / 2,
        "net": D(net),
        "tax": D(0),
        "tax_code": None,
    }
    return SalesLineDocument(**(given | fields))


def invoice(customer_id: str, *lines: SalesLineDocument, number: int = 1, **fields: Any) -> InvoiceDocument:
    net, tax = sum((each.net for each in lines), D(0)), sum((each.tax for each in lines), D(0))
    given = {
        "number": f"INV-{number:05}",
        "date": DAY,
        "due": date(2026, 11, 30),
        "currency": "USD",
        "net": net,
        "tax": tax,
        "total": net + tax,
    }
    return InvoiceDocument(reference=f"ABCDE-I{number}", customer=customer_id, lines=lines, **(given | fields))


def credit_note(customer_id: str, *lines: SalesLineDocument, number: int = 1, **fields: Any) -> CreditNoteDocument:
    net, tax = sum((each.net for each in lines), D(0)), sum((each.tax for each in lines), D(0))
    given = {
        "number": f"CN-{number:05}",
        "date": DAY,
        "currency": "USD",
        "net": net,
        "tax": tax,
        "total": net + tax,
        "reason": "Late",
    }
    return CreditNoteDocument(reference=f"ABCDE-C{number}", customer=customer_id, lines=lines, **(given | fields))


def payment(customer_id: str, account: str, amount: str = "100.00", number: int = 1, **fields: Any) -> PaymentDocument:
    given = {"date": DAY, "currency": "USD", "amount": D(amount), "note": "wire 4711", "allocations": ()}
    return PaymentDocument(
        reference=f"ABCDE-P{number}", customer=customer_id, deposit_account=account, **(given | fields)
    )


def allocated(doc: str, amount: str) -> AllocationDocument:
    return AllocationDocument(doc, D(amount))


def void(letter: str, external_id: str, number: int = 1) -> VoidDocument:
    return VoidDocument(f"ABCDE-{letter}{number}", external_id, "", date(2026, 11, 5), "Wrong")


def parcels(connector: Any, kind: Kind, *documents: Any, ticket: str = "") -> list[Parcel]:
    """Encode documents as delivery does."""
    positions = range(1, len(documents) + 1) if len(documents) > 1 else range(1)
    return [
        Parcel(document.reference, position, connector.encode(kind, document), ticket)
        for position, document in zip(positions, documents, strict=True)
    ]
