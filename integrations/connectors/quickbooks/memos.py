"""What credit memos settle: QuickBooks keeps it on the payments that link a memo with invoices, and not on the memo."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from integrations.connectors.quickbooks import objects
from integrations.connectors.quickbooks.client import Client

JsonObject = dict[str, Any]
_ZERO = Decimal(0)
Settled = Mapping[str, tuple[tuple[str, Decimal], ...]]


def settled_by(client: Client, memos: Sequence[JsonObject]) -> Settled:
    """Give, by a memo's Id, what it settles of which invoices; the payments are read where a memo is used at all.

    A use is dated no earlier than the memo. Raises DeliveryError.
    """
    used = [memo for memo in memos if objects.left_of(memo) != objects.decimal(memo.get("TotalAmt"))]
    if not used:
        return {}
    since = min(str(memo.get("TxnDate", "")) for memo in used)
    found: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for payment in client.rows("Payment", f"where TxnDate >= '{since}'"):
        for memo, invoice, amount in credited(objects.links(payment)):
            found[memo][invoice] += amount
    return {memo: tuple(parts.items()) for memo, parts in found.items()}


def credited(links: Iterable[tuple[str, str, Decimal]]) -> Iterator[tuple[str, str, Decimal]]:
    """Give what each memo of a payment settles, as memo, invoice, amount; the links are (type, Id, amount).

    A payment does not say which of its memos, or whether its own money, settles which invoice: memos come before money, and
    what was paid back of a memo comes before invoices, each in the payment's order.
    """
    links = list(links)
    # What is left of each charge, in the order in which memos go to them.
    charges = [each for each in links if each[0] in ("Expense", "Check")] + [
        each for each in links if each[0] == "Invoice"
    ]
    left = [amount for _, _, amount in charges]
    for kind, memo, whole in links:
        rest = whole if kind == "CreditMemo" else _ZERO
        for index, (charged, number, _) in enumerate(charges):
            part = min(rest, left[index])
            rest -= part
            left[index] -= part
            if part and charged == "Invoice":
                yield memo, number, part
