"""The Xero connector: sending in batches with a result for each, reading back, reading lists and documents."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any

from integrations.connectors.base import (
    Change,
    Company,
    CompanyChoice,
    ErpDocument,
    ErpRow,
    Outcome,
    Parcel,
    Rejected,
    Wiring,
)
from integrations.connectors.duplicates import adopt_ours
from integrations.connectors.jsontext import dumps, loads
from integrations.connectors.lengths import cut, units
from integrations.connectors.xero import documents, objects, payloads
from integrations.connectors.xero.accounts import Accounts
from integrations.connectors.xero.batches import Batches, tried
from integrations.connectors.xero.changing import Changing
from integrations.connectors.xero.client import Client, JsonObject, message_of
from integrations.connectors.xero.errors import error_of
from integrations.connectors.xero.payments import credit_allocation, refund, settlement, void
from integrations.connectors.xero.reader import Reader
from integrations.connectors.xero.settling import Settling
from integrations.documents import Document, Kind

_ACCOUNT_NAME, _ACCOUNT_CODE = 150, 10
_SETTLED = (Kind.PAYMENT, Kind.PAYMENT_UPDATE)
PAYMENTS_ENABLED = "payments enabled"  # What an account is made with that payments shall go to.
_CHANGES = (
    Kind.INVOICE_VOID,
    Kind.CREDIT_NOTE_VOID,
    Kind.CREDIT_ALLOCATION,
    Kind.PAYMENT_VOID,
    Kind.REFUND,
    Kind.REFUND_VOID,
)


class Xero:
    """One organisation. See `connectors.base.Connector` for what each method promises."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._client = Client(wiring)
        self._reader = Reader(self._client)
        self._settling = Settling(self._client, wiring.base_url)
        self._changing = Changing(self._client, wiring.base_url)
        self._batches = Batches(self._client, self._settling, wiring.base_url)
        self._company = wiring.company
        self._accounts = self._accounts_of(wiring.company)
        self._chart: list[JsonObject] | None = None  # read once where many accounts are made

    def companies(self) -> list[CompanyChoice]:
        """List the organisations that this consent added, else all that the sign-in opens.

        A custom connection opens one and lists none: that one is asked who it is.
        """
        if self._wiring.sign_in == "custom":
            return [objects.own(each) for each in self._reader.every("Organisation")]
        event = str(self._wiring.access.secrets().get("authentication_event_id") or "")
        rows = self._client.connections(authEventId=event) if event else []
        rows = rows or self._client.connections()
        return [objects.choice(each) for each in rows if each.get("tenantType") == "ORGANISATION"]

    def leave(self) -> None:
        """End the connection of this organisation: to revoke the token would end all that the person connected."""
        for each in self._client.connections():
            if each.get("tenantId") == self._wiring.realm_id:
                self._client.disconnect(str(each["id"]))

    def encode(self, kind: Kind, document: Document) -> str:
        """Give the exact body to send. Raises Rejected, MissingMapping, DeliveryError where codes must be read first."""
        company, accounts = self._company, self._accounts
        writers: dict[Kind, Callable[[Any], str]] = {
            Kind.CUSTOMER: payloads.customer,
            Kind.PRODUCT: lambda it: payloads.product(it, accounts),
            Kind.JOURNAL_ENTRY: lambda it: payloads.journal(it, company, accounts, self._wiring.our_page(it.reference)),
            Kind.INVOICE: lambda it: payloads.invoice(it, company, accounts),
            Kind.CREDIT_NOTE: lambda it: payloads.credit_note(it, company, accounts),
            Kind.PAYMENT: lambda it: settlement(it, company, update=False),
            Kind.PAYMENT_UPDATE: lambda it: settlement(it, company, update=True),
            Kind.CREDIT_ALLOCATION: credit_allocation,
            Kind.REFUND: lambda it: refund(it, company),
            Kind.MONEY_OUT: lambda it: payloads.bank_transaction(it, company, accounts, spent=True),
            Kind.MONEY_IN: lambda it: payloads.bank_transaction(it, company, accounts, spent=False),
        }
        self._check_currency(getattr(document, "currency", ""))
        return writers.get(kind, void)(document)

    def send(self, kind: Kind, request_id: str, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Send parcels under keys made of one request id; one outcome each, in order."""
        if kind in _CHANGES:
            make = self._changing.make
            return [tried(partial(make, kind, loads(parcel.body), request_id)) for parcel in parcels]
        if kind in _SETTLED:
            return self._batches.settle(request_id, parcels)
        outcomes = self._batches.create(kind, request_id, parcels, find=self.find)
        return adopt_ours(self, kind, parcels, outcomes)

    def find(self, kind: Kind, parcels: Sequence[Parcel]) -> dict[str, Outcome]:
        """Look parcels up by what we wrote into them; only what carries our reference counts."""
        sent: dict[str, JsonObject] = {parcel.reference: loads(parcel.body) for parcel in parcels}
        if kind in _CHANGES:
            done = {reference: self._changing.done(kind, body) for reference, body in sent.items()}
            return {reference: outcome for reference, outcome in done.items() if outcome is not None}
        if kind in _SETTLED:
            return self._settled(sent)
        found: dict[str, Outcome] = {}
        by_number = {str(body[objects.NUMBERS[kind]]): reference for reference, body in sent.items()}
        for row in self._rows_numbered(kind, list(by_number)):
            reference = by_number.get(str(row.get(objects.NUMBERS[kind], "")), "")
            if reference and objects.reference_in(kind, row) == reference and reference not in found:
                found[reference] = objects.outcome(kind, sent[reference], row, base_url=self._wiring.base_url)
        return found

    def company(self) -> Company:
        """Read the organisation, its lock dates, and the codes of its accounts."""
        rows = self._reader.every("Organisation")
        found = rows[0] if rows else {}
        self._company = objects.company(found, self._codes(str(found.get("BaseCurrency") or "")))
        self._accounts = self._accounts_of(self._company)
        return self._company

    def lists(self, *, since: datetime | None = None) -> Iterator[ErpRow]:
        """Read accounts, contacts, items, tax rates, currencies and tracking options, inactive ones too.

        Xero tells changes of accounts, contacts and items; the other lists are short and read whole.
        """
        yield from map(objects.account_row, self._reader.every("Accounts", since=since))
        yield from map(objects.contact_row, self._reader.pages("Contacts", since=since, includeArchived="true"))
        yield from map(objects.item_row, self._reader.every("Items", since=since))
        yield from map(objects.tax_row, self._reader.every("TaxRates"))
        yield from map(objects.currency_row, self._reader.every("Currencies"))
        for category in self._reader.every("TrackingCategories", includeArchived="true"):
            yield from objects.tracking_rows(category)

    def documents(self, kind: Kind, *, through: date, since: date | None = None) -> Iterator[ErpDocument]:
        """Read every document of a kind of these days."""
        return documents.read(self._reader, kind, through=through, since=since)

    def document(self, kind: Kind, external_id: str) -> ErpDocument | None:
        """Read one document as it is now."""
        return documents.read_one(self._reader, kind, external_id)

    def changes(self, *, since: datetime) -> Iterator[Change]:
        """Give the documents that were changed, voided or deleted after a moment."""
        return documents.changed(self._reader, since=since)

    def correct(self, kind: Kind, external_id: str, parcel: Parcel) -> Outcome:
        """Post an object under its own id. Xero refuses it for a document that something is paid or credited on."""
        path, sent = objects.PATHS[kind], loads(parcel.body)
        body = dumps({path: [sent | {f"{objects.ENTITIES[kind]}ID": external_id}]})
        answer = self._client.write("POST", f"{path}/{external_id}", body, key=parcel.reference)
        rows = answer.body.get(path) or []
        if not answer.is_ok or not rows:
            raise error_of([message_of(answer.body)])
        return objects.outcome(kind, sent, rows[0], base_url=self._wiring.base_url)

    def create_account(self, *, request_id: str, name: str, number: str, account_type: str, subtype: str) -> ErpRow:
        """Create an account, or give the one of that name and type that is there."""
        if self._chart is None:
            self._chart = self._reader.every("Accounts")
        rows = self._chart
        shown = cut(name, _ACCOUNT_NAME)
        wanted = (shown.casefold(), account_type, "ACTIVE", "")
        for each in rows:
            if (str(each.get("Name", "")).casefold(), *_kind_of(each)) == wanted:
                return objects.account_row(each)
        names = {str(each.get("Name", "")).casefold() for each in rows}
        codes = {str(each.get("Code", "")).casefold() for each in rows}
        code = _free(cut(number, _ACCOUNT_CODE) or "CF", codes, _ACCOUNT_CODE)
        shown = shown if shown.casefold() not in names else f"{cut(shown, _ACCOUNT_NAME - 20)} (clearing)"
        shown = _free(shown, names, _ACCOUNT_NAME)
        body: JsonObject = {"Code": code, "Name": shown, "Type": account_type}
        if subtype == PAYMENTS_ENABLED:
            body["EnablePaymentsToAccount"] = True
        answer = self._client.write("PUT", "Accounts", dumps(body), key=request_id)
        made = answer.body.get("Accounts") or []
        if not answer.is_ok or not made:
            raise error_of([message_of(answer.body)])
        rows.append(made[0])
        return objects.account_row(made[0])

    def create_customer(self, *, request_id: str, name: str, note: str, subsidiary: str = "") -> ErpRow:
        """Create a contact, or give the one of that name that is there."""
        plain = cut(payloads.one_line(name), 255)
        for each in self._reader.having("Contacts", "Name", [plain]):
            return objects.contact_row(each)
        answer = self._client.write("PUT", "Contacts", dumps({"Contacts": [{"Name": plain}]}), key=request_id)
        made = answer.body.get("Contacts") or []
        if not answer.is_ok or not made:
            raise error_of([message_of(answer.body)])
        return objects.contact_row(made[0])

    def _settled(self, sent: dict[str, JsonObject]) -> dict[str, Outcome]:
        """Give the payments that Xero holds exactly as wanted; what is there in part is completed by `send`."""
        held = self._settling.held(list(sent.values()))
        found: dict[str, Outcome] = {}
        for reference, body in sent.items():
            have = held[str(body["Reference"])]
            wanted = {str(each["InvoiceID"]): objects.decimal(each["Amount"]) for each in body["Parts"]}
            if not have.is_empty and have.settled() == wanted and have.total == objects.decimal(body["Amount"]):
                found[reference] = self._settling.delivered(body, have)
        return found

    def _rows_numbered(self, kind: Kind, numbers: Sequence[str]) -> Iterator[JsonObject]:
        path = objects.PATHS[kind]
        if kind is Kind.INVOICE:
            return self._reader.invoices_numbered(numbers)
        if kind in (Kind.CUSTOMER, Kind.PRODUCT):
            return self._reader.keyed(path, objects.NUMBERS[kind], numbers, archived=kind is Kind.CUSTOMER)
        return self._reader.having(path, objects.NUMBERS[kind], numbers)

    def _accounts_of(self, company: Company) -> Accounts:
        read = partial(self._codes, company.home_currency)
        return Accounts(dict(company.extra), read=read, read_rates=self._rates)

    def _codes(self, home: str) -> JsonObject:
        return objects.codes_of(self._reader.every("Accounts"), home)

    def _rates(self) -> dict[str, str]:
        return objects.rates_of(self._reader.every("TaxRates"))

    def _check_currency(self, code: str) -> None:
        if (
            code
            and code != self._company.home_currency
            and self._wiring.currencies
            and code not in self._wiring.currencies
        ):
            raise Rejected(
                "currency",
                f"The document is in {code}, which this Xero organisation is not subscribed to. Add the currency in Xero "
                "(settings, currencies), read the lists again and send it again.",
            )


def _kind_of(account: JsonObject) -> tuple[str, str, str]:
    return str(account.get("Type")), str(account.get("Status")), str(account.get("SystemAccount") or "")


def _free(wanted: str, taken: set[str], longest: int) -> str:
    """Give a text that is not taken: itself, else with a number behind it."""
    found, number = wanted, 1
    while found.casefold() in taken:
        number += 1
        ending = f" {number}" if longest > _ACCOUNT_CODE else str(number)
        found = cut(wanted, longest - units(ending)) + ending
    return found
