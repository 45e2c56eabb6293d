"""Which roles hold balances that are carried at the rate they came in at, and what is settled as one.

What leaves such a balance leaves it at what it was carried at, not at the day's rate; the difference is an exchange gain or
loss. Monetary balances (money owed, to be paid in a fixed amount of the foreign currency) are valued anew at each period's
end. Deferred revenue is not monetary: it stays at the rate of its invoice (ASC 830-10-45-18, IAS 21.16), and so does tax,
which the state is owed in the amount of the invoice. Money that customers paid in advance (unapplied payments, wallets) can
be asked back, so it is monetary. Cash is taken for converted when it comes in, unless the currency has a cash account of its
own (a default account of the step “business entity and currency”): that one is a bank account in the currency.
"""

from typing import NamedTuple

from accounting.engine import Dimensions, DraftLine
from accounting.models import Level

RECEIVABLE = "accounts_receivable.customers"
DEFERRED = "deferred_revenue"
UNBILLED = "unbilled_revenue"
CASH = "cash"
GAIN, LOSS = "fx_gain_realized", "fx_loss_realized"
ROUNDING = "rounding"


class Carried(NamedTuple):
    """How a role's balances are kept. `by` is the dimension that is settled as one; "" is the whole currency."""

    by: str
    is_monetary: bool
    by_invoice: bool = False


CARRIED: dict[str, Carried] = {
    RECEIVABLE: Carried("invoice_id", True),
    "accounts_receivable.payment_gateways": Carried("", True),
    "contra_accounts_receivable.customers": Carried("credit_note_id", True),
    "contra_accounts_receivable.payment_gateways": Carried("", True),
    "unapplied_payments": Carried("payment_id", True),
    "customer_wallet": Carried("customer_id", True),
    UNBILLED: Carried("contract_item_id", True),
    DEFERRED: Carried("contract_item_id", False, by_invoice=True),
    "sales_tax": Carried("invoice_id", False),
    CASH: Carried("", True),
}
MONETARY = tuple(role for role, carried in CARRIED.items() if carried.is_monetary)


# The same in SQL, for lines `l`.
IS_CARRIED = f"(l.role <> '{CASH}' OR l.resolved_by = '{Level.ENTITY_CURRENCY.value}')"


def is_carried(line: DraftLine) -> bool:
    """Tell whether a line moves a balance that is carried; the account of a cash line must have been looked up."""
    return line.role in CARRIED and (line.role != CASH or line.resolved_by == Level.ENTITY_CURRENCY)


def subject_of(role: str, about: Dimensions) -> str:
    """Name what a line settles as one with others: its invoice, contract item, … or the customer where it has none."""
    by = CARRIED[role].by
    if not by:
        return ""
    subject = getattr(about, by)
    if subject is not None:
        return f"{by.removesuffix('_id')} {subject}"
    return f"customer {about.customer_id} product {about.product_id}"


def layer_of(role: str, about: Dimensions) -> int:
    """Tell apart, within a subject, what came at rates of its own."""
    return (about.invoice_id or 0) if CARRIED[role].by_invoice else 0
