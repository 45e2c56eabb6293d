"""The kinds of things that are delivered, the order they go out in, and our references for them."""

from enum import StrEnum


class Kind(StrEnum):
    """The kinds of things that are delivered; also the kinds of outbox items."""

    CUSTOMER = "customer"
    PRODUCT = "product"
    JOURNAL_ENTRY = "journal_entry"
    JOURNAL_SUMMARY = "journal_summary"
    INVOICE = "invoice"
    INVOICE_VOID = "invoice_void"
    CREDIT_NOTE = "credit_note"
    CREDIT_ALLOCATION = "credit_allocation"
    CREDIT_NOTE_VOID = "credit_note_void"
    WRITE_OFF = "write_off"
    WRITE_OFF_ALLOCATION = "write_off_allocation"
    PAYMENT = "payment"
    PAYMENT_UPDATE = "payment_update"
    PAYMENT_VOID = "payment_void"
    REFUND = "refund"
    WALLET_USE = "wallet_use"
    DISPUTE = "dispute"


# Within a customer, in this order: what is undone is undone last, when all that it was part of has been sent.
MASTER_DATA = (Kind.CUSTOMER, Kind.PRODUCT)
STAGES = {
    Kind.CUSTOMER: 10,
    Kind.PRODUCT: 10,
    Kind.JOURNAL_ENTRY: 20,
    Kind.JOURNAL_SUMMARY: 20,
    Kind.INVOICE: 20,
    Kind.CREDIT_NOTE: 30,
    Kind.WRITE_OFF: 30,
    Kind.CREDIT_ALLOCATION: 35,
    Kind.WRITE_OFF_ALLOCATION: 35,
    Kind.PAYMENT: 40,
    Kind.PAYMENT_UPDATE: 50,
    Kind.REFUND: 60,
    Kind.WALLET_USE: 60,
    Kind.DISPUTE: 60,
    Kind.PAYMENT_VOID: 70,
    Kind.CREDIT_NOTE_VOID: 75,
    Kind.INVOICE_VOID: 80,
}

CHANGES = (  # These change what the ERP holds already instead of creating something there.
    Kind.PAYMENT_UPDATE,
    Kind.PAYMENT_VOID,
    Kind.CREDIT_NOTE_VOID,
    Kind.INVOICE_VOID,
)

_LETTERS = {
    Kind.CUSTOMER: "U",
    Kind.PRODUCT: "S",
    Kind.JOURNAL_ENTRY: "J",
    Kind.JOURNAL_SUMMARY: "M",
    Kind.INVOICE: "I",
    Kind.INVOICE_VOID: "V",
    Kind.CREDIT_NOTE: "C",
    Kind.CREDIT_ALLOCATION: "A",
    Kind.CREDIT_NOTE_VOID: "W",
    Kind.PAYMENT: "P",
    Kind.PAYMENT_UPDATE: "L",
    Kind.PAYMENT_VOID: "X",
    Kind.REFUND: "R",
    Kind.WRITE_OFF: "B",
    Kind.WRITE_OFF_ALLOCATION: "D",
    Kind.WALLET_USE: "K",
    Kind.DISPUTE: "Y",
}


_AS_SENT = {
    Kind.JOURNAL_SUMMARY: Kind.JOURNAL_ENTRY,
    Kind.WRITE_OFF: Kind.CREDIT_NOTE,
    Kind.WRITE_OFF_ALLOCATION: Kind.CREDIT_ALLOCATION,
}


def as_sent(kind: Kind) -> Kind:
    """Give the kind that connectors see: a sum of entries is a journal entry, a write-off a credit note like any other."""
    return _AS_SENT.get(kind, kind)


def reference_of(prefix: str, kind: Kind | str, subject_id: int) -> str:
    """Give our reference for one document: at most 21 characters for ids below 10^14."""
    return f"{prefix}-{_LETTERS[Kind(kind)]}{subject_id}"
