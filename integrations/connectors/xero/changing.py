"""Changes of what Xero holds: voids, credits let settle invoices, payments taken back, refunds."""

from decimal import Decimal
from typing import Any

from integrations.connectors.base import Delivered, MissingMapping, Outcome, Rejected, UnknownOutcome
from integrations.connectors.jsontext import decimal, dumps
from integrations.connectors.xero import objects
from integrations.connectors.xero.client import Answer, Client, JsonObject, message_of
from integrations.connectors.xero.errors import error_of, messages_of
from integrations.connectors.xero.reader import Reader
from integrations.connectors.xero.settling import Held, Settling, invoice_of, named, reference_of_credit
from integrations.documents import Kind

_VOIDS = {Kind.INVOICE_VOID: Kind.INVOICE, Kind.CREDIT_NOTE_VOID: Kind.CREDIT_NOTE}
_GONE = ("VOIDED", "DELETED")


class Changing:
    """Changes of single objects, each begun by looking at how the object is now. Raises DeliveryError."""

    def __init__(self, client: Client, base_url: str) -> None:
        self._client, self._reader, self._base_url = client, Reader(client), base_url
        self._settling = Settling(client, base_url)

    def make(self, kind: Kind, body: JsonObject, key: str) -> Outcome:
        """Make a change, unless it is made already."""
        done = self.done(kind, body)
        if done is not None:
            return done
        if kind in _VOIDS:
            return self._void(_VOIDS[kind], body, key)
        if kind is Kind.CREDIT_ALLOCATION:
            return self._allocate(body, key)
        if kind is Kind.PAYMENT_VOID:
            self._settling.undo(self._payment(str(body["ID"])), key=key)
            return Delivered(str(body["ID"]), "", objects.page(Kind.PAYMENT, str(body["ID"]), self._base_url))
        if kind is Kind.REFUND_VOID:  # The money is on the overpayment again.
            sent, number = dumps({"Status": "DELETED"}), str(body["ID"])
            self._accepted(self._client.write("POST", f"Payments/{number}", sent, key=key), "Payments")
            return Delivered(number)
        return self._refund(body, key)

    def done(self, kind: Kind, body: JsonObject) -> Outcome | None:
        """Give what is already as we want it; None where there is still something to do. Raises DeliveryError."""
        if kind in _VOIDS:
            found = self._need(_VOIDS[kind], str(body["ID"]))
            is_void = found.get("Status") in _GONE or not decimal(found.get("Total"))
            return self._delivered(_VOIDS[kind], found) if is_void else None
        if kind is Kind.CREDIT_ALLOCATION:
            found = self._need(Kind.CREDIT_NOTE, str(body["ID"]))
            return self._delivered(Kind.CREDIT_NOTE, found) if _allocated(found) == _wanted(body) else None
        if kind is Kind.PAYMENT_VOID:
            held = self._payment(str(body["ID"]))
            return Delivered(str(body["ID"])) if held.is_empty else None
        if kind is Kind.REFUND_VOID:
            paid_back = self._reader.one("Payments", str(body["ID"]))
            is_gone = paid_back is None or paid_back.get("Status") in _GONE
            return Delivered(str(body["ID"])) if is_gone else None
        return self._refunded(body)

    def _void(self, kind: Kind, body: JsonObject, key: str) -> Outcome:
        found = self._need(kind, str(body["ID"]))
        for each in found.get("Allocations") or ():  # a credit note that settles something cannot be voided
            self._client.delete(f"{objects.PATHS[kind]}/{body['ID']}/Allocations/{each['AllocationID']}")
        path, name = objects.PATHS[kind], f"{objects.ENTITIES[kind]}ID"
        status = "VOIDED" if found.get("Status") in ("AUTHORISED", "PAID") else "DELETED"
        sent = dumps({path: [{name: body["ID"], "Status": status}]})
        answer = self._accepted(self._client.write("POST", f"{path}/{body['ID']}", sent, key=key), path)
        return self._delivered(kind, (answer.body.get(path) or [found])[0])

    def _allocate(self, body: JsonObject, key: str) -> Outcome:
        """Bring a credit note's allocations to those wanted."""
        number, wanted = str(body["ID"]), _wanted(body)
        found = self._need(Kind.CREDIT_NOTE, number)
        held = _allocated(found)
        for each in found.get("Allocations") or ():
            invoice = invoice_of(each)
            if held[invoice] > wanted.get(invoice, Decimal(0)):
                self._client.delete(f"CreditNotes/{number}/Allocations/{each['AllocationID']}")
        kept = {invoice: amount for invoice, amount in held.items() if amount <= wanted.get(invoice, Decimal(0))}
        rows = [
            {"Amount": amount - kept.get(invoice, Decimal(0)), "Date": body["Date"], "Invoice": {"InvoiceID": invoice}}
            for invoice, amount in wanted.items()
            if amount > kept.get(invoice, Decimal(0))
        ]
        if rows:
            path = f"CreditNotes/{number}/Allocations"
            answer = self._client.write("PUT", path, dumps({"Allocations": rows}), key=key, summarizeErrors="false")
            self._accepted(answer, "Allocations")
        return self._delivered(Kind.CREDIT_NOTE, self._need(Kind.CREDIT_NOTE, number))

    def _refund(self, body: JsonObject, key: str) -> Outcome:
        """Pay a credit back: a Payment of the credit note, or of the overpayment that holds a payment's rest."""
        row: JsonObject = {
            "Account": {"AccountID": body["AccountID"]},
            "Date": body["Date"],
            "Amount": decimal(body["Amount"]),
            "Reference": body["Reference"],
        }
        if "CurrencyRate" in body["Currency"]:
            row["CurrencyRate"] = body["Currency"]["CurrencyRate"]
        if body["CreditNoteID"]:
            row["CreditNote"] = {"CreditNoteID": body["CreditNoteID"]}
        else:
            row["Overpayment"] = {"OverpaymentID": self._credit_with(str(body["PaymentID"]), decimal(body["Amount"]))}
        answer = self._client.write("PUT", "Payments", dumps({"Payments": [row]}), key=key, summarizeErrors="false")
        made = (self._accepted(answer, "Payments").body.get("Payments") or [{}])[0]
        if not made.get("PaymentID"):
            raise UnknownOutcome("Xero said nothing about this refund. It is checked and tried again.")
        return self._delivered(Kind.PAYMENT, made)

    def _refunded(self, body: JsonObject) -> Outcome | None:
        for found in self._reader.having("Payments", "Reference", [str(body["Reference"])]):
            if found.get("Status") == "AUTHORISED":
                return self._delivered(Kind.PAYMENT, found)
        return None

    def _credit_with(self, payment: str, amount: Decimal) -> str:
        for credit in self._payment(payment).credits:
            if decimal(credit.get("RemainingCredit")) >= amount:
                return str(credit["OverpaymentID"])
        raise Rejected(
            "settled",
            "Xero does not hold that much of this payment on the customer's account any more. Look at the customer's "
            "overpayments in Xero, then send this item again or skip it.",
        )

    def _payment(self, external_id: str) -> Held:
        """Read all of one payment of ours, from the id of any part of it."""
        found = self._reader.one("Payments", external_id)
        if found is not None:
            (found,) = named(self._reader, [found])
        contact = str((((found or {}).get("Invoice") or {}).get("Contact") or {}).get("ContactID", ""))
        reference = str((found or {}).get("Reference") or "")
        if found is None:
            credit = self._reader.one("Overpayments", external_id)
            if credit is None:
                return Held()
            reference, contact = reference_of_credit(credit), str((credit.get("Contact") or {}).get("ContactID", ""))
        live = [
            each
            for each in self._reader.having("Payments", "Reference", [reference])
            if each.get("Status") == "AUTHORISED" and not objects.is_refund(each)
        ]
        left = [each for each in self._settling.credits_of(contact) if reference_of_credit(each) == reference]
        return Held(live, left)

    def _need(self, kind: Kind, external_id: str) -> JsonObject:
        found = self._reader.one(objects.PATHS[kind], external_id)
        if found is None:
            words = f"Xero no longer holds this {objects.ENTITIES[kind]}. Nothing is left to change: skip it."
            raise MissingMapping("reference", None, words)
        return found

    def _delivered(self, kind: Kind, found: JsonObject) -> Delivered:
        number = objects.external_id_of(kind, found)
        return Delivered(number, objects.token(found), objects.page(kind, number, self._base_url))

    @staticmethod
    def _accepted(answer: Answer, name: str) -> Answer:
        wrong: list[Any] = [words for each in answer.body.get(name) or () for words in messages_of(each)]
        if wrong or not answer.is_ok:
            raise error_of(wrong or [message_of(answer.body)])
        return answer


def _allocated(found: JsonObject) -> dict[str, Decimal]:
    amounts: dict[str, Decimal] = {}
    for each in found.get("Allocations") or ():
        amounts[invoice_of(each)] = amounts.get(invoice_of(each), Decimal(0)) + decimal(each.get("Amount"))
    return amounts


def _wanted(body: JsonObject) -> dict[str, Decimal]:
    return {str(each["InvoiceID"]): decimal(each["Amount"]) for each in body["Parts"]}
