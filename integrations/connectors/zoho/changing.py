"""Changes to what Zoho Books holds: applied credits, allocations, voids, and money paid back.

None of these has a key of its own there. Each looks at the record first and does only what is not done yet, so doing it
again after a lost answer is harmless.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from integrations.connectors.base import Delivered, DeliveryError, MissingMapping, Outcome, Parcel, Rejected
from integrations.connectors.jsontext import dumps, loads
from integrations.connectors.zoho import objects, payloads
from integrations.connectors.zoho.client import Client, is_gone
from integrations.connectors.zoho.objects import MODULES
from integrations.documents import Kind

JsonObject = dict[str, Any]
Amounts = dict[str, Decimal]


class Changer:
    """Does changes one at a time."""

    def __init__(self, client: Client, *, base_url: str, realm_id: str) -> None:
        self._client = client
        self._base_url, self._realm_id = base_url, realm_id
        self._verbs: dict[Kind, Callable[[Parcel, JsonObject, bool], Outcome | None]] = {
            Kind.CREDIT_ALLOCATION: self._apply_credits,
            Kind.PAYMENT_UPDATE: self._reallocate,
            Kind.PAYMENT_VOID: self._delete_payment,
            Kind.INVOICE_VOID: self._void_invoice,
            Kind.CREDIT_NOTE_VOID: self._void_credit_note,
            Kind.REFUND: self._refund,
            Kind.REFUND_VOID: self._delete_refund,
        }

    def handles(self, kind: Kind) -> bool:
        """Tell whether a kind is a change."""
        return kind in self._verbs

    def send(self, kind: Kind, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Do the changes; one outcome each, in order. Raises DeliveryError where none was begun."""
        outcomes: list[Outcome] = []
        for parcel in parcels:
            try:
                done = self._verbs[kind](parcel, loads(parcel.body), False)
            except DeliveryError as error:
                if not outcomes:
                    raise
                done = error
            outcomes.append(done or Rejected("unchanged", "Zoho Books did not do what it was asked."))
        return outcomes

    def find(self, kind: Kind, parcels: Sequence[Parcel]) -> dict[str, Outcome]:
        """Give the changes that are done already. Raises DeliveryError."""
        found: dict[str, Outcome] = {}
        for parcel in parcels:
            try:
                done = self._verbs[kind](parcel, loads(parcel.body), True)
            except MissingMapping as error:
                done = error
            if done is not None:
                found[parcel.reference] = done
        return found

    def _apply_credits(self, parcel: Parcel, sent: JsonObject, only_look: bool) -> Outcome | None:
        """Apply what is not applied yet; what is applied beyond our wish is taken back."""
        note_id = sent["id"]
        rows = self._rows(f"creditnotes/{note_id}/invoices", "invoices_credited", "credit note")
        wanted: Amounts = defaultdict(Decimal)
        for part in sent["body"]["invoices"]:
            wanted[part["invoice_id"]] += objects.decimal(part["amount_applied"])
        held: Amounts = defaultdict(Decimal)
        for row in rows:
            held[objects.text(row.get("invoice_id"))] += objects.decimal(row.get("credited_amount"))
        done = Delivered(note_id, url=self._page(Kind.CREDIT_NOTE, note_id))
        if dict(wanted) == dict(held):
            return done
        if only_look:
            return None
        for row in rows:
            invoice = objects.text(row.get("invoice_id"))
            if held[invoice] > wanted.get(invoice, Decimal(0)):
                row_id = objects.text(row["creditnote_invoice_id"])
                self._client.call("DELETE", f"creditnotes/{note_id}/invoices/{row_id}")
                held[invoice] -= objects.decimal(row.get("credited_amount"))
        parts = [
            {"invoice_id": invoice, "amount_applied": amount - held[invoice]}
            for invoice, amount in wanted.items()
            if amount > held[invoice]
        ]
        for part in parts:
            # One invoice a call: the contract wants it beside the list as well, where only one has a meaning.
            body = dumps({"invoices": [part], **part})
            self._client.call("POST", f"creditnotes/{note_id}/invoices", body=body, reference=parcel.reference)
        return done

    def _reallocate(self, parcel: Parcel, sent: JsonObject, only_look: bool) -> Outcome | None:
        """State all that a payment settles."""
        record = self._need(Kind.PAYMENT, sent["id"])
        if objects.parts_of(sent["body"]) == objects.parts_of(record):
            return self._payment(sent, record)
        if only_look:
            return None
        body = sent["body"]
        published = payloads.as_published(body)
        record = self._stated(parcel, sent["id"], published).get("payment") or {}
        if published is not body and not objects.keeps_tax(record, body):
            record = self._stated(parcel, sent["id"], body).get("payment") or {}
        if objects.drops_tax(record, body):
            return Rejected("withheld", payloads.TAX_NOT_KEPT.format(body["reference_number"]))
        return self._payment(sent, record)

    def _stated(self, parcel: Parcel, payment_id: str, body: JsonObject) -> JsonObject:
        path, reference = f"customerpayments/{payment_id}", parcel.reference
        try:
            return self._client.call("PUT", path, body=dumps(body), reference=reference)
        except (Rejected, MissingMapping) as error:
            plainer = payloads.settling_nothing(body, error.words)
            if plainer is None:
                raise
            return self._client.call("PUT", path, body=dumps(plainer), reference=reference)

    def _payment(self, sent: JsonObject, record: JsonObject) -> Outcome:
        return objects.outcome(Kind.PAYMENT, sent, record, base_url=self._base_url, realm_id=self._realm_id)

    def _delete_payment(self, parcel: Parcel, sent: JsonObject, only_look: bool) -> Outcome | None:
        """Zoho knows no void payment: it is deleted, and its invoices are open again."""
        done = Delivered(sent["id"])
        if self._read(Kind.PAYMENT, sent["id"]) is None:
            return done
        if only_look:
            return None
        self._delete(f"customerpayments/{sent['id']}", parcel)
        return done

    def _void_invoice(self, parcel: Parcel, sent: JsonObject, only_look: bool) -> Outcome | None:
        """Void an invoice; what was applied to it goes back to the customer's credits by itself."""
        return self._void(Kind.INVOICE, parcel, sent, only_look)

    def _void_credit_note(self, parcel: Parcel, sent: JsonObject, only_look: bool) -> Outcome | None:
        """Void a credit note, once it settles nothing any more."""
        record = self._need(Kind.CREDIT_NOTE, sent["id"])
        if record.get("status") != "void" and not only_look:
            path = f"creditnotes/{sent['id']}/invoices"
            for row in self._rows(path, "invoices_credited", "credit note"):
                self._delete(f"{path}/{objects.text(row['creditnote_invoice_id'])}", parcel)
        return self._void(Kind.CREDIT_NOTE, parcel, sent, only_look)

    def _void(self, kind: Kind, parcel: Parcel, sent: JsonObject, only_look: bool) -> Outcome | None:
        done = Delivered(sent["id"], url=self._page(kind, sent["id"]))
        if self._need(kind, sent["id"]).get("status") == "void":
            return done
        if only_look:
            return None
        self._client.call("POST", f"{MODULES[kind].path}/{sent['id']}/status/void", reference=parcel.reference)
        return done

    def _refund(self, parcel: Parcel, sent: JsonObject, only_look: bool) -> Outcome | None:
        """Pay back, unless one with our reference is there: Zoho has no key for refunds."""
        path = f"{sent['path']}/{sent['id']}/refunds"
        of_note = sent["path"] == "creditnotes"
        kind = "creditnote" if of_note else "payment"
        id_name = f"{kind}_refund_id"
        for row in self._rows(path, f"{kind}_refunds", "credit note" if of_note else "payment", paged=True):
            if row.get("reference_number") == parcel.reference:
                return self._refunded(sent, row, id_name)
        if only_look:
            return None
        answer = self._client.call("POST", path, body=dumps(sent["body"]), reference=parcel.reference)
        record = answer.get("creditnote_refund" if of_note else "payment_refunds") or answer.get("payment_refund") or {}
        return self._refunded(sent, record[0] if isinstance(record, list) else record, id_name)

    def _delete_refund(self, parcel: Parcel, sent: JsonObject, only_look: bool) -> Outcome | None:
        """Delete a refund of a payment, which holds the money again."""
        path = f"customerpayments/{sent['id']}/refunds"
        for row in self._rows(path, "payment_refunds", "payment", paged=True):
            number = objects.text(row.get("payment_refund_id"))
            if sent["refund"] == number or row.get("reference_number") == sent["undoes"]:
                if only_look:
                    return None
                self._delete(f"{path}/{number}", parcel)
        return Delivered(sent["refund"])

    def _refunded(self, sent: JsonObject, row: JsonObject, id_name: str) -> Outcome:
        theirs = objects.decimal(row.get("amount") or row.get("amount_fcy"))
        if theirs and theirs != objects.decimal(sent["total"]):
            return Rejected(
                "total_differs",
                f"Zoho Books has a refund with this reference of {theirs} instead of {sent['total']}. Correct it there or "
                "delete it there, then send this item again.",
            )
        return Delivered(objects.text(row.get(id_name)) or f"{sent['id']}-refund")

    def _rows(self, path: str, name: str, what: str, *, paged: bool = False) -> list[JsonObject]:
        try:
            found = self._client.pages(path, name) if paged else self._client.get(path).get(name) or ()
            return [row for row in found if isinstance(row, dict)]
        except Rejected as error:
            if is_gone(error):
                raise _missing(what, error) from error
            raise

    def _need(self, kind: Kind, external_id: str) -> JsonObject:
        record = self._read(kind, external_id)
        if record is None:
            raise MissingMapping(
                "reference",
                None,
                f"Zoho Books no longer holds the {MODULES[kind].single} {external_id}. Nothing is left to change: skip it.",
            )
        return record

    def _read(self, kind: Kind, external_id: str) -> JsonObject | None:
        module = MODULES[kind]
        try:
            return self._client.get(f"{module.path}/{external_id}").get(module.single) or {}
        except Rejected as error:
            if is_gone(error):
                return None
            raise

    def _delete(self, path: str, parcel: Parcel) -> None:
        try:
            self._client.call("DELETE", path, reference=parcel.reference)
        except Rejected as error:
            if not is_gone(error):
                raise

    def _page(self, kind: Kind, external_id: str) -> str:
        return objects.page(kind, external_id, self._base_url, self._realm_id)


def _missing(what: str, error: DeliveryError) -> MissingMapping:
    return MissingMapping("reference", None, f"{error.words} The {what} is gone: skip this item.")
