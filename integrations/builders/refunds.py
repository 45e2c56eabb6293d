"""Refunds as documents: what was paid back of a credit note, or of what a payment left unapplied."""

from collections.abc import Sequence

from accounting.models import Account
from billing.models import Refund
from integrations.builders.mapped import Built, Mapped, external_ids
from integrations.builders.rates import Rates
from integrations.connectors.base import DeliveryError, MissingMapping, Rejected
from integrations.documents import Kind, RefundDocument, reference_of
from integrations.models import Connection, MappingKind, OutboxItem

_RECEIVABLE = "accounts_receivable.customers"
_FIELDS = (
    "id", "business_entity_id", "refunded_on", "customer_id", "currency", "amount", "from_unapplied", "credit_note_id",
    "payment_id", "reason", "reference",
)  # fmt: skip


def refunds(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build refunds, in a constant number of queries."""
    found = {
        row["id"]: row for row in Refund.objects.filter(id__in=[item.subject_id for item in items]).values(*_FIELDS)
    }
    notes = external_ids(
        connection, Kind.CREDIT_NOTE, [row["credit_note_id"] for row in found.values() if row["credit_note_id"]]
    )
    paid = external_ids(connection, Kind.PAYMENT, [row["payment_id"] for row in found.values() if row["payment_id"]])
    receivables = dict(Account.objects.filter(role=_RECEIVABLE).values_list("business_entity_id", "id"))
    mapped = Mapped(
        connection,
        {
            MappingKind.CUSTOMER: {row["customer_id"] for row in found.values()},
            MappingKind.ACCOUNT: set(receivables.values()),
            MappingKind.SUBSIDIARY: None,
            MappingKind.DEPOSIT_ACCOUNT: None,
        },
    )
    heads = [
        (row["payment_id"], row["business_entity_id"], row["currency"]) for row in found.values() if row["payment_id"]
    ]
    rates = Rates("payment_id", heads)
    built: dict[int, Built] = {}
    for item in items:
        row = found[item.subject_id]
        try:
            if row["credit_note_id"] is None and row["from_unapplied"] != row["amount"]:
                raise Rejected(
                    "refund",
                    "This refund gives back what settled an invoice, or what a wallet held, without a credit note. The ERP "
                    "has no document for that: enter it there by hand, then skip this item.",
                )
            built[item.pk] = RefundDocument(
                reference=reference_of(connection.reference_prefix, Kind.REFUND, item.subject_id),
                date=row["refunded_on"],
                customer=mapped.need(MappingKind.CUSTOMER, row["customer_id"]),
                currency=row["currency"],
                amount=row["amount"],
                note=f"{row['reason']} {row['reference']}".strip(),
                account=mapped.need(MappingKind.DEPOSIT_ACCOUNT),
                credit_note=_held(notes, row["credit_note_id"], Kind.CREDIT_NOTE, "credit note"),
                payment=_held(paid, row["payment_id"], Kind.PAYMENT, "payment"),
                receivable=mapped.get(MappingKind.ACCOUNT, receivables.get(row["business_entity_id"])) or "",
                rate=rates.of(row["payment_id"] or 0),
                subsidiary=mapped.subsidiary(row["business_entity_id"]),
            )
        except DeliveryError as error:
            built[item.pk] = error
    return built


def _held(held: dict[int, tuple[str, str]], wanted: int | None, kind: Kind, words: str) -> str:
    if wanted is None:
        return ""
    if wanted not in held:
        raise MissingMapping(
            kind.value,
            wanted,
            f"The ERP does not have the {words} that is paid back. Send it first, then send this again.",
        )
    return held[wanted][0]
