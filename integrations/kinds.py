"""The kinds of things that are delivered, the order they go out in, and our references for them.

Some are only ours: connectors see another kind in their place (`as_sent`). MONEY_OUT, MONEY_IN and REFUND_VOID are only theirs.
"""

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
    WITHHELD = "withheld"
    WITHHELD_VOID = "withheld_void"
    WITHHELD_LOSS = "withheld_loss"
    WITHHELD_LOSS_USE = "withheld_loss_use"
    WITHHELD_LOSS_VOID = "withheld_loss_void"
    REFUND = "refund"
    REFUND_LOSS = "refund_loss"
    WALLET_PAYMENT = "wallet_payment"
    WALLET_CREDIT = "wallet_credit"
    WALLET_BONUS = "wallet_bonus"
    WALLET_BONUS_USE = "wallet_bonus_use"
    WALLET_REFUND = "wallet_refund"
    RECOVERY = "recovery"
    DISPUTE = "dispute"
    DISPUTE_FEE = "dispute_fee"
    DISPUTE_REFUND = "dispute_refund"
    DISPUTE_WON = "dispute_won"
    DISPUTE_FEE_WON = "dispute_fee_won"
    DISPUTE_RETURN = "dispute_return"
    MONEY_OUT = "money_out"
    MONEY_IN = "money_in"
    REFUND_VOID = "refund_void"


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
    Kind.WALLET_BONUS: 30,
    Kind.WITHHELD_LOSS: 30,
    Kind.CREDIT_ALLOCATION: 35,
    Kind.WRITE_OFF_ALLOCATION: 35,
    Kind.WALLET_BONUS_USE: 35,
    Kind.WITHHELD_LOSS_USE: 35,
    Kind.RECOVERY: 37,
    Kind.PAYMENT: 40,
    Kind.WITHHELD: 40,
    Kind.PAYMENT_UPDATE: 50,
    Kind.WALLET_PAYMENT: 55,
    Kind.WALLET_CREDIT: 55,
    Kind.REFUND: 60,
    Kind.REFUND_LOSS: 60,
    Kind.WALLET_REFUND: 60,
    Kind.DISPUTE: 60,
    Kind.DISPUTE_FEE: 60,
    Kind.DISPUTE_REFUND: 60,
    Kind.DISPUTE_WON: 65,
    Kind.DISPUTE_FEE_WON: 65,
    Kind.DISPUTE_RETURN: 65,
    Kind.MONEY_OUT: 60,
    Kind.MONEY_IN: 65,
    Kind.REFUND_VOID: 65,
    Kind.PAYMENT_VOID: 70,
    Kind.WITHHELD_VOID: 70,
    Kind.CREDIT_NOTE_VOID: 75,
    Kind.WITHHELD_LOSS_VOID: 75,
    Kind.INVOICE_VOID: 80,
}

CHANGES = (  # These change what the ERP holds already instead of creating something there.
    Kind.PAYMENT_UPDATE,
    Kind.WALLET_PAYMENT,
    Kind.DISPUTE_RETURN,
    Kind.REFUND_VOID,
    Kind.PAYMENT_VOID,
    Kind.WITHHELD_VOID,
    Kind.CREDIT_NOTE_VOID,
    Kind.WITHHELD_LOSS_VOID,
    Kind.INVOICE_VOID,
)

# These may free an invoice for what comes after them.
UNDOING = (
    Kind.PAYMENT_UPDATE,
    Kind.PAYMENT_VOID,
    Kind.WITHHELD_VOID,
    Kind.CREDIT_NOTE_VOID,
    Kind.WITHHELD_LOSS_VOID,
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
    Kind.WITHHELD: "T",
    Kind.WITHHELD_VOID: "TX",
    Kind.WITHHELD_LOSS: "TL",
    Kind.WITHHELD_LOSS_USE: "TU",
    Kind.WITHHELD_LOSS_VOID: "TV",
    Kind.REFUND: "R",
    Kind.WRITE_OFF: "B",
    Kind.WRITE_OFF_ALLOCATION: "D",
    Kind.REFUND_LOSS: "RL",
    Kind.WALLET_PAYMENT: "KP",
    Kind.WALLET_CREDIT: "KC",
    Kind.WALLET_BONUS: "K",
    Kind.WALLET_BONUS_USE: "KU",
    Kind.WALLET_REFUND: "KR",
    Kind.RECOVERY: "BR",
    Kind.DISPUTE: "Y",
    Kind.DISPUTE_FEE: "YF",
    Kind.DISPUTE_REFUND: "YR",
    Kind.DISPUTE_WON: "YW",
    Kind.DISPUTE_FEE_WON: "YG",
    Kind.DISPUTE_RETURN: "YB",
}


BY_LETTERS = {letters: kind for kind, letters in _LETTERS.items()}
_AS_SENT = {
    Kind.JOURNAL_SUMMARY: Kind.JOURNAL_ENTRY,
    Kind.WRITE_OFF: Kind.CREDIT_NOTE,
    Kind.WRITE_OFF_ALLOCATION: Kind.CREDIT_ALLOCATION,
    Kind.WALLET_BONUS: Kind.CREDIT_NOTE,
    Kind.WALLET_BONUS_USE: Kind.CREDIT_ALLOCATION,
    Kind.WALLET_PAYMENT: Kind.PAYMENT_UPDATE,
    Kind.WALLET_CREDIT: Kind.CREDIT_ALLOCATION,
    Kind.WALLET_REFUND: Kind.REFUND,
    Kind.RECOVERY: Kind.INVOICE,
    Kind.DISPUTE: Kind.MONEY_OUT,
    Kind.DISPUTE_FEE: Kind.MONEY_OUT,
    Kind.REFUND_LOSS: Kind.MONEY_OUT,
    Kind.DISPUTE_REFUND: Kind.REFUND,
    Kind.DISPUTE_WON: Kind.MONEY_IN,
    Kind.DISPUTE_FEE_WON: Kind.MONEY_IN,
    Kind.DISPUTE_RETURN: Kind.REFUND_VOID,
    Kind.WITHHELD: Kind.PAYMENT,
    Kind.WITHHELD_VOID: Kind.PAYMENT_VOID,
    Kind.WITHHELD_LOSS: Kind.CREDIT_NOTE,
    Kind.WITHHELD_LOSS_USE: Kind.CREDIT_ALLOCATION,
    Kind.WITHHELD_LOSS_VOID: Kind.CREDIT_NOTE_VOID,
}


def as_sent(kind: Kind) -> Kind:
    """Give the kind that connectors see: a sum of entries is a journal entry, a dispute money that leaves the account."""
    return _AS_SENT.get(kind, kind)


def kind_sent(reference: str) -> Kind | None:
    """Give the kind that connectors see of the document that one of our references names; None for any other text."""
    letters = reference.rpartition("-")[2].rstrip("0123456789")
    kind = BY_LETTERS.get(letters)
    return as_sent(kind) if kind else None


def reference_of(prefix: str, kind: Kind | str, subject_id: int) -> str:
    """Give our reference for one document: at most 21 characters for ids below 10^14."""
    return f"{prefix}-{_LETTERS[Kind(kind)]}{subject_id}"
