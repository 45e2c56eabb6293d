"""What is changed in documents that NetSuite holds: what a payment or credit settles, and what is undone.

REST has no void. An invoice is undone by a credit memo for all of it, a credit memo by an invoice that it is applied to,
a payment by taking it off its invoices and refunding it to the account it went to. Each offsetting document has an
external id of its own, so a repeat finds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from integrations.connectors.base import Delivered, MissingMapping, Outcome, Rejected
from integrations.connectors.jsontext import dumps
from integrations.connectors.netsuite.client import RECORD, Answer, Client
from integrations.connectors.netsuite.objects import OFFSETS, RECORDS, applied, decimal
from integrations.connectors.netsuite.payloads import payment_option
from integrations.documents import Kind

KINDS = (
    Kind.PAYMENT_UPDATE,
    Kind.CREDIT_ALLOCATION,
    Kind.INVOICE_VOID,
    Kind.CREDIT_NOTE_VOID,
    Kind.PAYMENT_VOID,
)
_LINE = (
    "item",
    "quantity",
    "rate",
    "amount",
    "description",
    "taxDetailsReference",
    "taxCode",
    "class",
    "department",
    "location",
)
_TAX = ("taxCode", "taxBasis", "taxRate", "taxAmount")
_OF_REFUND = ("customer", "currency", "account", "arAcct", "class", "department", "location")
JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Held:
    """A record as NetSuite holds it at this moment."""

    id: str
    body: Mapping[str, Any]


class Changes:
    """Changes one document at a time. Every step looks first, so that a repeat does nothing twice."""

    def __init__(self, client: Client, options: Mapping[str, Any]) -> None:
        self._client = client
        self._options = options

    def make(self, kind: Kind, sent: JsonObject) -> Outcome:
        """Make a change; its body names the document by `id`. Raises TryLater, BadCredentials, UnknownOutcome."""
        done = self.find(kind, sent)
        if done:
            return done
        if kind in (Kind.PAYMENT_UPDATE, Kind.CREDIT_ALLOCATION):
            return self._settle(RECORDS[kind], sent)
        makers = {
            Kind.INVOICE_VOID: self._undo_invoice,
            Kind.CREDIT_NOTE_VOID: self._undo_credit,
            Kind.PAYMENT_VOID: self._undo_payment,
        }
        return makers[kind](sent)

    def find(self, kind: Kind, sent: JsonObject) -> Outcome | None:
        """Tell whether a change has been made already."""
        if kind in (Kind.PAYMENT_UPDATE, Kind.CREDIT_ALLOCATION):
            held = self._get(RECORDS[kind], str(sent["id"]))
            if held is None:
                return None
            wanted = [(str(line["doc"]["id"]), decimal(line["amount"])) for line in sent["apply"]["items"]]
            return Delivered(held.id) if sorted(wanted) == sorted(applied(held.body)) else None
        source, offset, _, _ = OFFSETS[kind]
        made = self._made(offset, sent)
        if made is None:
            return None
        if kind is Kind.CREDIT_NOTE_VOID:
            held = self._get(source, str(sent["id"]))
            if held is None or not any(doc == made.id for doc, _ in applied(held.body)):
                return None
        return Delivered(made.id)

    def _settle(self, record: str, sent: JsonObject) -> Outcome:
        """State what a payment or credit settles: lines are keyed by the invoice, so what is gone is switched off."""
        held = self._get(record, str(sent["id"]))
        if held is None:
            return _gone(record, str(sent["id"]))
        wanted = {str(line["doc"]["id"]) for line in sent["apply"]["items"]}
        off = [{"doc": {"id": doc}, "apply": False} for doc, _ in applied(held.body) if doc not in wanted]
        answer = self._patch(record, held.id, {"apply": {"items": [*off, *sent["apply"]["items"]]}})
        return Delivered(held.id) if answer.is_ok else answer.fault.as_error()

    def _undo_invoice(self, sent: JsonObject) -> Outcome:
        held = self._get("invoice", str(sent["id"]))
        if held is None:
            return _gone("invoice", str(sent["id"]))
        body = dumps({name: value for name, value in sent.items() if name != "id"})
        path = f"{RECORD}/invoice/{held.id}/!transform/creditMemo"
        answer = self._client.write("POST", path, body, operation="transform")
        if not answer.is_ok:
            return answer.fault.as_error()
        made = self._get("creditMemo", answer.external_id)
        mine, theirs = decimal(held.body.get("total")), decimal(made.body.get("total") if made else 0)
        if mine != theirs:
            return Rejected(
                "total_differs",
                f"NetSuite's credit memo (internal id {answer.external_id}) comes to {theirs}, the invoice to {mine}. Correct "
                "it there, then send this item again.",
            )
        return Delivered(answer.external_id)

    def _undo_credit(self, sent: JsonObject) -> Outcome:
        held = self._get("creditMemo", str(sent["id"]))
        if held is None:
            return _gone("creditMemo", str(sent["id"]))
        total = decimal(held.body.get("total"))
        made = self._made("invoice", sent)
        number = made.id if made else ""
        if not number:
            answer = self._client.write(
                "POST", f"{RECORD}/invoice", dumps(_offsetting(sent, held.body)), operation="invoice"
            )
            if not answer.is_ok:
                return answer.fault.as_error()
            number = answer.external_id
        off = [{"doc": {"id": doc}, "apply": False} for doc, _ in applied(held.body)]
        mine = {"doc": {"id": number}, "apply": True, "amount": total}
        answer = self._patch("creditMemo", held.id, {"apply": {"items": [*off, mine]}})
        return Delivered(number) if answer.is_ok else answer.fault.as_error()

    def _undo_payment(self, sent: JsonObject) -> Outcome:
        held = self._get("customerPayment", str(sent["id"]))
        if held is None:
            return _gone("customerPayment", str(sent["id"]))
        settled = applied(held.body)
        if settled:
            off = [{"doc": {"id": doc}, "apply": False} for doc, _ in settled]
            answer = self._patch("customerPayment", held.id, {"apply": {"items": off}})
            if not answer.is_ok:
                return answer.fault.as_error()
        body = {name: value for name, value in sent.items() if name != "id"}
        body |= {name: _ref(held.body, name) for name in _OF_REFUND if held.body.get(name)}
        body |= payment_option(self._options)
        amount = decimal(held.body.get("payment"))
        body["apply"] = {"items": [{"doc": {"id": held.id}, "apply": True, "amount": amount}]}
        if held.body.get("exchangeRate") not in (None, 1, Decimal(1)):
            body["exchangeRate"] = held.body["exchangeRate"]
        answer = self._client.write("POST", f"{RECORD}/customerRefund", dumps(body), operation="customerRefund")
        return Delivered(answer.external_id) if answer.is_ok else answer.fault.as_error()

    def _made(self, record: str, sent: JsonObject) -> Held | None:
        held = self._client.held(record, str(sent["externalId"]))
        return Held(str(held["id"]), held) if held else None

    def _get(self, record: str, key: str) -> Held | None:
        answer = self._client.read(f"{RECORD}/{record}/{key}", operation=record, params={"expandSubResources": "true"})
        if answer.status == 404:
            return None
        if not answer.is_ok:
            raise answer.fault.as_error()
        return Held(str(answer.body["id"]), answer.body)

    def _patch(self, record: str, key: str, changes: JsonObject) -> Answer:
        return self._client.write("PATCH", f"{RECORD}/{record}/{key}", dumps(changes), operation=f"update {record}")


def _offsetting(sent: JsonObject, memo: Mapping[str, Any]) -> JsonObject:
    """Give the invoice that offsets a credit memo: the same lines and taxes, on the day of the void."""
    body = {name: value for name, value in sent.items() if name != "id"}
    for name in ("entity", "subsidiary", "currency", "class", "department", "location"):
        if memo.get(name):
            body[name] = _ref(memo, name)
    if memo.get("exchangeRate") not in (None, 1, Decimal(1)):
        body["exchangeRate"] = memo["exchangeRate"]
    body["item"] = {"items": [_copied(line, _LINE) for line in (memo.get("item") or {}).get("items", [])]}
    if memo.get("taxDetailsOverride"):
        body["taxDetailsOverride"] = True
        details = [_copied_tax(line) for line in (memo.get("taxDetails") or {}).get("items", [])]
        if details:
            body["taxDetails"] = {"items": details}
    return body


def _copied(line: Mapping[str, Any], names: tuple[str, ...]) -> JsonObject:
    return {
        name: _ref(line, name) if isinstance(line[name], dict) else line[name]
        for name in names
        if line.get(name) is not None
    }


def _copied_tax(line: Mapping[str, Any]) -> JsonObject:
    """Give a line of taxes as it is written, whether it was read as a reference or as text."""
    return {
        "taxDetailsReference": {"id": _id(line["taxDetailsReference"])},
        "taxType": _id(line["taxType"]),
        **_copied(line, _TAX),
    }


def _id(value: Any) -> str:
    return str(value["id"] if isinstance(value, dict) else value)


def _ref(body: Mapping[str, Any], name: str) -> JsonObject:
    return {"id": str(body[name]["id"])}


def _gone(record: str, number: str) -> MissingMapping:
    return MissingMapping(
        "reference", None, f"NetSuite no longer holds {record} {number}. Nothing is left to change: skip this item."
    )
