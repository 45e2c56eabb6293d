"""What payments and credit notes settle altogether, as the ERP should have it: also by way of a wallet, also debt recovered.

A payment in a wallet settles what the wallet was applied to. Money for an invoice that was given up settles the invoice
that the ERP got for the recovery, since there the credit note of the write-off settled the first one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from billing.models import (
    BusinessEvent,
    CreditNote,
    PaymentAllocation,
    WalletDraw,
    WalletEntry,
    WalletEntryKind,
    WriteOff,
)
from billing.payment_events import WriteOffRecovered
from integrations.builders.mapped import external_ids
from integrations.connectors.base import MissingMapping
from integrations.documents import AllocationDocument, Kind
from integrations.models import Connection

_ZERO = Decimal(0)


class Bill(NamedTuple):
    """An invoice of the ERP: the kind and the subject it was sent as."""

    kind: Kind
    subject_id: int


Settled = Mapping[int, Mapping[Bill, Decimal]]


def by_payments(payment_ids: Iterable[int]) -> Settled:
    """Give what each payment settles at this moment, in three queries, or four where debt was recovered."""
    ids = set(payment_ids)
    found: dict[int, dict[Bill, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    rows = PaymentAllocation.objects.filter(payment_id__in=ids).order_by("id")
    parts = list(rows.values_list("id", "payment_id", "invoice_id", "amount"))
    recovered = _recovered({invoice for _, _, invoice, _ in parts})
    for pk, payment, invoice, amount in parts:
        for bill, part in recovered.get(pk, {Bill(Kind.INVOICE, invoice): Decimal(amount)}).items():  # type: ignore[arg-type]
            found[payment][bill] += part
    draws = WalletDraw.objects.filter(source__payment__in=ids, entry__kind=WalletEntryKind.APPLIED)
    for source, invoice_id, amount in draws.order_by("id").values_list(
        "source__payment_id", "entry__invoice_id", "amount"
    ):
        found[source or 0][Bill(Kind.INVOICE, invoice_id or 0)] += Decimal(amount)  # type: ignore[arg-type]
    return found


def by_credit_notes(note_ids: Iterable[int]) -> Settled:
    """Give what each credit note settles by way of the wallet it was kept in; one query."""
    found: dict[int, dict[Bill, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    draws = WalletDraw.objects.filter(source__credit_note__in=set(note_ids), entry__kind=WalletEntryKind.APPLIED)
    for source, invoice_id, amount in draws.order_by("id").values_list(
        "source__credit_note_id", "entry__invoice_id", "amount"
    ):
        found[source or 0][Bill(Kind.INVOICE, invoice_id or 0)] += Decimal(amount)  # type: ignore[arg-type]
    return found


def _recovered(invoice_ids: Iterable[int]) -> dict[int, dict[Bill, Decimal]]:
    """Give, by allocation of an invoice that was given up and partly recovered, which of the ERP's invoices it settles.

    In the order of the allocations: what the invoice itself had left for payments when it was given up comes first, then
    its recoveries. What is taken off comes off where it went to.
    """
    given_up = {
        row.invoice_id: row
        for row in WriteOff.objects.filter(invoice__in=set(invoice_ids), recoveries__gt=0).select_related("invoice")
    }
    if not given_up:
        return {}
    bills = {invoice: [_Bill(Bill(Kind.INVOICE, invoice), room)] for invoice, room in _room(given_up).items()}
    events = BusinessEvent.objects.filter(
        kind=WriteOffRecovered.kind, payload__write_off_id__in=[row.pk for row in given_up.values()]
    )
    for pk, payload in events.order_by("recorded_at", "id").values_list("id", "payload"):
        bills[payload["invoice_id"]].append(_Bill(Bill(Kind.RECOVERY, pk), Decimal(payload["amount"])))
    laid: dict[int, dict[Bill, Decimal]] = {}
    rows = PaymentAllocation.objects.filter(invoice_id__in=list(given_up)).order_by("id")
    for pk, invoice, amount, undoes in rows.values_list("id", "invoice_id", "amount", "undoes_id"):
        if undoes:
            laid[pk] = {bill: -part for bill, part in laid[undoes].items()}
            for each in bills[invoice]:
                each.room -= laid[pk].get(each.bill, _ZERO)
        else:
            laid[pk] = _lay(bills[invoice], Decimal(amount))  # type: ignore[arg-type]  # values_list() gives Decimals
    return laid


@dataclass(slots=True)
class _Bill:
    bill: Bill
    room: Decimal


def _lay(bills: Sequence[_Bill], amount: Decimal) -> dict[Bill, Decimal]:
    laid: dict[Bill, Decimal] = defaultdict(Decimal)
    for each in bills:
        part = min(each.room, amount)
        if part > 0:
            laid[each.bill] += part
            each.room -= part
            amount -= part
    if amount:  # A credit note was voided since: that much of the invoice itself is open again.
        laid[bills[0].bill] += amount
    return laid


def _room(given_up: Mapping[int, WriteOff]) -> dict[int, Decimal]:
    """Give what payments had settled of each invoice when it was given up."""
    room = {invoice: row.invoice.total.amount - row.amount.amount for invoice, row in given_up.items()}
    for note in CreditNote.objects.filter(invoice__in=given_up):
        if note.voided_on is None or note.voided_on > given_up[note.invoice_id].written_off_on:
            room[note.invoice_id] -= note.settled.amount
    for entry in WalletEntry.objects.filter(invoice__in=given_up, kind=WalletEntryKind.APPLIED):
        invoice = entry.invoice_id or 0
        if entry.created_at < given_up[invoice].created_at:
            room[invoice] += entry.paid.amount + entry.bonus.amount
    return room


def allocations_of(
    settled: Mapping[Bill, Decimal], held: Mapping[Bill, str], *, what: str
) -> tuple[AllocationDocument, ...]:
    """Give what is settled with the ERP's ids. Raises MissingMapping for an invoice that the ERP does not have."""
    parts = []
    for bill, amount in settled.items():
        if not amount:  # What was taken off an invoice again leaves nothing.
            continue
        if bill not in held:
            words = (
                f"The ERP does not have an invoice that this {what} settles. Back-fill from the date of the invoice, then send "
                f"this again; or enter the {what} in the ERP by hand, and skip it here."
            )
            raise MissingMapping(bill.kind, bill.subject_id, words)
        parts.append(AllocationDocument(invoice=held[bill], amount=amount))
    return tuple(parts)


def held_bills(connection: Connection, settled: Iterable[Mapping[Bill, Decimal]]) -> dict[Bill, str]:
    """Give the ERP's ids of these invoices, as far as it has them; at most two queries."""
    wanted = {bill for some in settled for bill in some}
    held: dict[Bill, str] = {}
    for kind in {bill.kind for bill in wanted}:
        ids = external_ids(connection, kind, [bill.subject_id for bill in wanted if bill.kind is kind])
        held |= {Bill(kind, subject): external for subject, (external, _) in ids.items()}
    return held
