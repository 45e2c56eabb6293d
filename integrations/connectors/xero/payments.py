"""Payments, refunds and voids as plain bodies: what is sent of them depends on what Xero holds at that moment."""

from decimal import Decimal

from integrations.connectors.base import Company, Rejected
from integrations.connectors.jsontext import dumps
from integrations.connectors.lengths import cut
from integrations.connectors.xero.payloads import amount, currency, one_line
from integrations.documents import CreditAllocationDocument, PaymentDocument, RefundDocument, VoidDocument

_NOTE = 200


def settlement(document: PaymentDocument, company: Company, *, update: bool) -> str:
    """Write a payment with what it settles; the rest stays on the customer's account. `update`: Xero holds it already."""
    parts = [{"InvoiceID": part.invoice, "Amount": amount(part.amount)} for part in document.allocations if part.amount]
    settled = sum((part.amount for part in document.allocations), Decimal(0))
    if settled > document.amount:
        raise Rejected("allocations", f"{settled} is allocated of a payment of {document.amount}.")
    return dumps(
        {
            "Reference": document.reference,
            "ContactID": document.customer,
            "AccountID": document.deposit_account,
            "Date": document.date.isoformat(),
            "AllocationDate": document.date.isoformat(),
            "Amount": amount(document.amount),
            "Currency": currency(document.currency, document.rate, company),
            "Note": cut(one_line(document.note), _NOTE),
            "Parts": parts,
            "Update": update,
        }
    )


def credit_allocation(document: CreditAllocationDocument) -> str:
    """Write the allocations that a credit note shall have."""
    parts = [{"InvoiceID": part.invoice, "Amount": amount(part.amount)} for part in document.allocations if part.amount]
    return dumps({"ID": document.credit_note, "Date": document.date.isoformat(), "Parts": parts})


def refund(document: RefundDocument, company: Company) -> str:
    """Write a refund of a credit note, or of what a payment left on account."""
    return dumps(
        {
            "Reference": document.reference,
            "AccountID": document.account,
            "Date": document.date.isoformat(),
            "Amount": amount(document.amount),
            "Currency": currency(document.currency, document.rate, company),
            "CreditNoteID": document.credit_note,
            "PaymentID": document.payment,
        }
    )


def void(document: VoidDocument) -> str:
    """Write what voids a document."""
    return dumps({"ID": document.external_id})
