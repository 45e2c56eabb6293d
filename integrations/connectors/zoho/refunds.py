"""Reading back what was refunded: of credit notes, and of what payments had left.

Zoho Books has one list for the refunds of all credit notes, and for each payment one of its own. Rows tell no customer, no
account and no currency: those stand on what was refunded, and on the refund itself.
"""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from integrations.connectors.base import ErpDocument, Rejected
from integrations.connectors.zoho import objects
from integrations.connectors.zoho.client import Client, is_gone
from integrations.connectors.zoho.objects import MODULES
from integrations.documents import Kind

JsonObject = dict[str, Any]
_ID = {Kind.CREDIT_NOTE: "creditnote_refund_id", Kind.PAYMENT: "payment_refund_id"}
_ANSWER = {
    Kind.CREDIT_NOTE: ("creditnote_refund",),
    Kind.PAYMENT: ("payment_refunds", "payment_refund"),  # The contract uses the first, for one as for many.
}


class Refunds:
    """Reads one organisation's refunds. `read` gives a document's whole record, or None where it is gone."""

    def __init__(self, client: Client, read: Callable[[Kind, str], JsonObject | None]) -> None:
        self._client, self._read = client, read
        self._parents: dict[tuple[Kind, str], JsonObject | None] = {}

    def know(self, kind: Kind, record: JsonObject) -> None:
        """Remember a credit note or payment that was read anyway: another call less."""
        if kind in _ID:
            self._parents[kind, objects.text(record.get(MODULES[kind].id))] = record

    def documents(self, *, through: date, since: date | None) -> Iterator[ErpDocument]:
        """Read the refunds of a span of days."""
        start, end = since.isoformat() if since else "", through.isoformat()
        for kind, parent_id, row in self._rows(end):
            if start <= objects.text(row.get("date")) <= end:
                found = self._document(kind, parent_id, row)
                if found is not None:
                    yield found

    def document(self, external_id: str) -> ErpDocument | None:
        """Look for one by its id, which tells not of what it is a refund."""
        for kind, parent_id, row in self._rows(""):
            if objects.text(row.get(_ID[kind])) == external_id:
                return self._document(kind, parent_id, row)
        return None

    def _rows(self, end: str) -> Iterator[tuple[Kind, str, JsonObject]]:
        """Give the rows of all refunds, with what they are refunds of; payments later than `end` have none that matter."""
        for row in self._client.pages("creditnotes/refunds", "creditnote_refunds"):
            yield Kind.CREDIT_NOTE, objects.text(row.get("creditnote_id")), row
        for payment in self._client.pages("customerpayments", "customerpayments"):
            payment_id = objects.text(payment["payment_id"])
            if (end and objects.text(payment.get("date")) > end) or not self._may_be_refunded(payment):
                continue
            for row in self._client.pages(f"customerpayments/{payment_id}/refunds", "payment_refunds"):
                yield Kind.PAYMENT, payment_id, row

    def _may_be_refunded(self, row: JsonObject) -> bool:
        """Ask for a payment's refunds only where it may have some; the contract's rows leave out what tells it."""
        known = self._parents.get((Kind.PAYMENT, objects.text(row["payment_id"]))) or {}
        told = row.get("bcy_refunded_amount", known.get("amount_refunded"))
        return told in (None, "") or bool(objects.decimal(told))

    def _document(self, kind: Kind, parent_id: str, row: JsonObject) -> ErpDocument | None:
        module, refund_id = MODULES[kind], objects.text(row.get(_ID[kind]))
        try:
            answer = self._client.get(f"{module.path}/{parent_id}/refunds/{refund_id}")
        except Rejected as error:
            if is_gone(error):
                return None
            raise
        found: Any = next((answer[name] for name in _ANSWER[kind] if answer.get(name)), {})
        record: JsonObject = {**row, **(found[0] if isinstance(found, list) else found)}
        parent = self._parent(kind, parent_id)
        rate = _rate(record)
        return ErpDocument(
            kind=Kind.REFUND.value,
            external_id=refund_id,
            reference=objects.text(record.get("reference_number")),
            number=objects.text(record.get("reference_number")),
            date=objects.text(record.get("date")),
            currency=objects.text(parent.get("currency_code")),
            customer=objects.text(parent.get("customer_id")),
            total=objects.decimal(record.get("amount") or record.get("amount_fcy")),
            account=objects.text(record.get("from_account_id")),
            rate=rate,
        )

    def _parent(self, kind: Kind, parent_id: str) -> JsonObject:
        if (kind, parent_id) not in self._parents:
            self._parents[kind, parent_id] = self._read(kind, parent_id)
        return self._parents[kind, parent_id] or {}


def _rate(record: JsonObject) -> Decimal | None:
    return objects.decimal(record["exchange_rate"]) if record.get("exchange_rate") else None
