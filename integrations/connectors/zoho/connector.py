"""The Zoho Books connector: what `connectors.base.Connector` promises, put together from its parts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from integrations.connectors.base import (
    Change,
    Company,
    CompanyChoice,
    ErpDocument,
    ErpRow,
    NameTaken,
    Outcome,
    Parcel,
    Rejected,
    Wiring,
)
from integrations.connectors.jsontext import dumps
from integrations.connectors.lengths import cut
from integrations.connectors.zoho import objects
from integrations.connectors.zoho.changing import Changer
from integrations.connectors.zoho.client import Client
from integrations.connectors.zoho.faults import DUPLICATE
from integrations.connectors.zoho.payloads import Writer
from integrations.connectors.zoho.reading import Reader
from integrations.connectors.zoho.sending import Sender
from integrations.documents import Document, Kind

UNIQUE_FIELD, UNIQUE_LABEL = "cf_counterfoil_id", "Counterfoil ID"
_ACCOUNT_NAME, _ACCOUNT_CODE, _CONTACT_NAME = 100, 50, 200

JsonObject = dict[str, Any]


class ZohoBooks:
    """One organisation. Options: `zoho_unique_field` and `zoho_unique_label` name the custom field that refuses duplicates.

    An empty `zoho_unique_field` does without it: then numbers and references alone tell what is there already.
    """

    def __init__(self, wiring: Wiring) -> None:
        self._client = Client(wiring)
        self._reader = Reader(self._client, home=wiring.company.home_currency)
        self._realm_id = wiring.realm_id
        key = str(wiring.options.get("zoho_unique_field", UNIQUE_FIELD))
        label = str(wiring.options.get("zoho_unique_label", UNIQUE_LABEL)) if key else ""
        place = {"base_url": wiring.base_url, "realm_id": wiring.realm_id}
        self._sender = Sender(self._client, key=key, label=label, **place)
        self._changer = Changer(self._client, **place)
        self._wiring, self._label = wiring, label

    def companies(self) -> list[CompanyChoice]:
        """List the organisations of the person who signed in."""
        rows = self._client.get("organizations").get("organizations") or []
        return [
            CompanyChoice(
                objects.text(row["organization_id"]),
                objects.text(row.get("name")),
                objects.text(row.get("currency_code")),
            )
            for row in rows
        ]

    def encode(self, kind: Kind, document: Document) -> str:
        """Give the exact body to send, with what the sending has to know. Raises Rejected."""
        writer = Writer(self._wiring.company, dict(self._wiring.currencies), self._label)
        writers: dict[Kind, Callable[[Any], str]] = {
            Kind.CUSTOMER: writer.customer,
            Kind.PRODUCT: writer.product,
            Kind.JOURNAL_ENTRY: writer.journal_entry,
            Kind.INVOICE: writer.invoice,
            Kind.CREDIT_NOTE: writer.credit_note,
            Kind.CREDIT_ALLOCATION: writer.credit_allocation,
            Kind.PAYMENT: writer.payment,
            Kind.PAYMENT_UPDATE: writer.payment,
            Kind.REFUND: writer.refund,
            Kind.MONEY_OUT: writer.expense,
            Kind.MONEY_IN: writer.deposit,
            Kind.PAYMENT_VOID: writer.void,
            Kind.CREDIT_NOTE_VOID: writer.void,
            Kind.INVOICE_VOID: writer.void,
            Kind.REFUND_VOID: writer.refund_void,
        }
        return writers[kind](document)

    def send(self, kind: Kind, request_id: str, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Create or change, one outcome each; the request id has no counterpart at Zoho."""
        part = self._changer if self._changer.handles(kind) else self._sender
        return part.send(kind, parcels)

    def find(self, kind: Kind, parcels: Sequence[Parcel]) -> dict[str, Outcome]:
        """Look for what was done before, and finish what was begun. Raises DeliveryError."""
        part = self._changer if self._changer.handles(kind) else self._sender
        return part.find(kind, parcels)

    def correct(self, kind: Kind, external_id: str, parcel: Parcel) -> Outcome:
        """Update a record in full."""
        return self._sender.correct(kind, external_id, parcel)

    def company(self) -> Company:
        """Read the organisation and its locks."""
        return self._reader.company(self._realm_id)

    def lists(self, *, since: datetime | None = None) -> Iterator[ErpRow]:
        """Read the lists."""
        return self._reader.lists(since=since)

    def documents(self, kind: Kind, *, through: date, since: date | None = None) -> Iterator[ErpDocument]:
        """Read every document of a kind up to a day."""
        return self._reader.documents(kind, through=through, since=since)

    def document(self, kind: Kind, external_id: str) -> ErpDocument | None:
        """Read one document as it is now."""
        return self._reader.document(kind, external_id)

    def changes(self, *, since: datetime) -> Iterator[Change]:
        """Give the documents changed after a moment."""
        return self._reader.changes(since=since)

    def payments_of(self, invoice_id: str) -> list[str]:
        """Give the payments that settle an invoice."""
        return self._reader.payments_of(invoice_id)

    def gone(self, kind: Kind, by_day: Mapping[date, Sequence[str]]) -> set[str]:
        """Tell which of these documents a list of their day no longer shows."""
        return self._reader.gone(kind, by_day)

    def create_account(self, *, request_id: str, name: str, number: str, account_type: str, subtype: str) -> ErpRow:
        """Create an account, or give the one of that name and type that is there."""
        shown = cut(name, _ACCOUNT_NAME)
        body: JsonObject = {"account_name": shown, "account_type": account_type}
        if number:
            body["account_code"] = cut(number, _ACCOUNT_CODE)
        try:
            answer = self._client.call("POST", "chartofaccounts", body=dumps(body), reference=request_id)
        except Rejected as error:
            if error.code != DUPLICATE:
                raise
            for row in self._client.pages("chartofaccounts", "chartofaccounts", filter_by="AccountType.All"):
                if row.get("account_name") == shown and row.get("account_type") == account_type:
                    return objects.account(row)
            raise
        return objects.account(answer["chart_of_account"])

    def create_customer(self, *, request_id: str, name: str, note: str, subsidiary: str = "") -> ErpRow:
        """Create a customer, or give the one of that name that is there."""
        name = cut(name, _CONTACT_NAME)
        body = {"contact_name": name, "contact_type": "customer", "notes": note}
        try:
            answer = self._client.call("POST", "contacts", body=dumps(body), reference=request_id, names=True)
        except NameTaken:
            for row in self._client.pages("contacts", "contacts", filter_by="Status.All", contact_name=name):
                if row.get("contact_name") == name:
                    return objects.customer(row)
            raise
        return objects.customer(answer["contact"])
