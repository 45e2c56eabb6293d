"""The QuickBooks Online connector: sending in batches, reading back, and reading lists and documents."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode
from uuid import NAMESPACE_URL, uuid5

from integrations.connectors.base import (
    Change,
    Company,
    CompanyChoice,
    ErpDocument,
    ErpRow,
    MissingMapping,
    NameTaken,
    Outcome,
    Parcel,
    Rejected,
    UnknownOutcome,
    Wiring,
)
from integrations.connectors.duplicates import adopt_ours
from integrations.connectors.jsontext import dumps, loads
from integrations.connectors.quickbooks import memos, objects, payloads, settling, taxes
from integrations.connectors.quickbooks.client import Client
from integrations.connectors.quickbooks.faults import STALE, read_faults
from integrations.connectors.quickbooks.settling import Settling
from integrations.documents import Document, Kind

_CAPTURED, _MOST_CAPTURED = timedelta(days=29), 1000
_LONGEST_LIST = 4000  # Bytes of an address; gateways begin to refuse it at 8,000.
_ACCOUNT_NUMBER = {"AU": 20, "CA": 20}  # Characters; 7 elsewhere.
JsonObject = dict[str, Any]


class QuickBooks:
    """One company. See `connectors.base.Connector` for what each method promises."""

    def __init__(self, wiring: Wiring) -> None:
        self._client = Client(wiring)
        self._base_url = wiring.base_url
        self._realm_id = wiring.realm_id
        self._company = wiring.company
        self._settling = Settling(self._client, wiring.base_url)

    def encode(self, kind: Kind, document: Document) -> str:
        """Give the exact body to send. Raises Rejected."""
        writers: dict[Kind, Callable[[Any], str]] = {
            Kind.CUSTOMER: lambda it: payloads.customer(it, self._company),
            Kind.PRODUCT: payloads.product,
            Kind.JOURNAL_ENTRY: lambda it: payloads.journal_entry(it, self._company),
            Kind.INVOICE: lambda it: payloads.invoice(it, self._company),
            Kind.CREDIT_NOTE: lambda it: payloads.credit_memo(it, self._company),
            Kind.INVOICE_VOID: payloads.void,
            Kind.CREDIT_NOTE_VOID: payloads.void,
            Kind.PAYMENT_VOID: payloads.void,
            Kind.REFUND_VOID: settling.refund_void,
            Kind.PAYMENT: lambda it: payloads.payment(it, self._company),
            Kind.PAYMENT_UPDATE: lambda it: payloads.payment(it, self._company),
            Kind.CREDIT_ALLOCATION: lambda it: settling.credit_allocation(it, self._company),
            Kind.REFUND: lambda it: settling.refund(it, self._company),
            Kind.MONEY_OUT: lambda it: payloads.purchase(it, self._company),
            Kind.MONEY_IN: lambda it: payloads.deposit(it, self._company),
        }
        return writers[kind](document)

    def send(self, kind: Kind, request_id: str, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Send parcels under one request id: alone (position 0) or as a batch, whose positions are the batch ids."""
        if kind is Kind.CREDIT_NOTE_VOID:
            return [self._settling.delete_credit(request_id, parcel.body) for parcel in parcels]
        if kind is Kind.REFUND_VOID:
            return [self._settling.delete_refund(request_id, parcel.body) for parcel in parcels]
        if kind in _CHANGES:
            return [self._change(kind, request_id, parcel) for parcel in parcels]
        if kind is Kind.CREDIT_ALLOCATION:
            return [self._settling.allocate(request_id, parcel.reference, parcel.body) for parcel in parcels]
        if kind is Kind.REFUND:
            return [self._settling.refund(request_id, parcel.reference, parcel.body) for parcel in parcels]
        if len(parcels) == 1 and parcels[0].position == 0:
            path = objects.ENTITY[kind].lower()
            answers = [self._client.write(path, parcels[0].body, request_id=request_id)]
        else:
            answers = self._batch(kind, request_id, parcels)
        outcomes = [self._outcome(kind, parcel, answer) for parcel, answer in zip(parcels, answers, strict=True)]
        return adopt_ours(self, kind, parcels, outcomes)

    def find(self, kind: Kind, parcels: Sequence[Parcel]) -> dict[str, Outcome]:
        """Look parcels up by their number or name, in one query or few; only what carries our reference counts."""
        if kind in (Kind.CREDIT_ALLOCATION, Kind.REFUND):
            look = self._settling.allocated if kind is Kind.CREDIT_ALLOCATION else self._settling.refunded
            answers = {parcel.reference: look(parcel.reference, parcel.body) for parcel in parcels}
            return {reference: answer for reference, answer in answers.items() if answer is not None}
        if kind is Kind.REFUND_VOID:
            done = {parcel.reference: self._settling.refund_is_gone(parcel.body) for parcel in parcels}
            return {reference: outcome for reference, outcome in done.items() if outcome is not None}
        entity, field = objects.ENTITY[kind], objects.lookup(kind, self._company)
        sent = {parcel.reference: loads(parcel.body) for parcel in parcels}
        active = " and Active in (true, false)" if entity in objects.LISTS else ""
        rows: list[JsonObject] = []
        for values in _portions(list(dict.fromkeys(_quoted(str(body[field])) for body in sent.values()))):
            rows += self._client.rows(entity, f"where {field} in ({', '.join(values)}){active}")
        if kind is Kind.PRODUCT:
            rows = [self._with_sku(row) for row in rows]
        if kind in _CHANGES:
            return self._changed(kind, sent, {str(row["Id"]): row for row in rows})
        found: dict[str, Outcome] = {}
        for row in rows:
            reference = objects.reference_in(kind, row)
            if reference in sent and reference not in found:
                found[reference] = objects.outcome(kind, sent[reference], row, base_url=self._base_url)
        return found

    def _with_sku(self, item: JsonObject) -> JsonObject:
        """Read an item by itself where a query left its Sku out, as some do (python-quickbooks 373)."""
        return item if "Sku" in item else dict(self._client.get(f"item/{item['Id']}").get("Item") or item)

    def company(self) -> Company:
        """Read CompanyInfo and Preferences, and outside the United States the rates of tax codes."""
        info = self._client.get(f"companyinfo/{self._realm_id}").get("CompanyInfo", {})
        found = objects.company(info, self._client.get("preferences").get("Preferences", {}))
        if found.country != "US":  # There lines name tax codes, and the document the rates behind them.
            active = "where Active in (true, false)"
            codes, rates = self._client.rows("TaxCode", active), self._client.rows("TaxRate", active)
            found = replace(found, extra={**found.extra, "tax_rates": taxes.rates_of(codes, rates)})
        self._company = found
        return found

    def companies(self) -> list[CompanyChoice]:
        """One sign-in, one company: the callback names it."""
        return []

    def lists(self, *, since: datetime | None = None) -> Iterator[ErpRow]:
        """Read accounts, customers, items, tax codes, currencies, classes and departments, inactive ones too."""
        for entity in objects.LISTS:
            if entity == "CompanyCurrency" and not self._company.multi_currency:
                continue
            conditions = ["Active in (true, false)"]
            if since:
                conditions.append(f"MetaData.LastUpdatedTime > '{_moment(since)}'")
            for row in self._client.rows(entity, f"where {' and '.join(conditions)}"):
                yield objects.list_row(entity, row, self._company.home_currency)

    def documents(self, kind: Kind, *, through: date, since: date | None = None) -> Iterator[ErpDocument]:
        """Read every document of a kind up to a date."""
        where = f"where TxnDate <= '{through.isoformat()}'"
        if since:
            where += f" and TxnDate >= '{since.isoformat()}'"
        rows = self._client.rows(objects.READ[kind], where)
        if kind is Kind.CREDIT_NOTE:
            notes = list(rows)
            settled = memos.settled_by(self._client, notes)
            yield from (
                replace(objects.erp_document(kind, row), linked=settled.get(str(row["Id"]), ())) for row in notes
            )
            return
        for row in rows:
            if objects.is_of(kind, row):
                yield objects.erp_document(kind, row)

    def document(self, kind: Kind, external_id: str) -> ErpDocument | None:
        """Read one document as it is now."""
        entity = objects.READ[kind]
        rows = self._client.query(f"select * from {entity} where Id = {_quoted(external_id)}").get(entity, [])
        return objects.erp_document(kind, rows[0]) if rows else None

    def changes(self, *, since: datetime) -> Iterator[Change]:
        """Ask for change data capture, which goes back 30 days and tells at most a thousand objects.

        What that leaves out is read with queries, which do not tell what was deleted: that is left to reconciliation.
        """
        start = max(since, datetime.now(UTC) - _CAPTURED)
        told = self._captured(list(objects.KIND_OF), start)
        if sum(map(len, told.values())) >= _MOST_CAPTURED:
            told = {entity: self._captured([entity], start).get(entity, []) for entity in objects.KIND_OF}
        for entity, kind in objects.KIND_OF.items():
            rows = told.get(entity, [])
            yield from (objects.change(kind, row) for row in rows)
            if len(rows) >= _MOST_CAPTURED or start > since:
                where = f"where MetaData.LastUpdatedTime >= '{_moment(since)}'"
                yield from (objects.change(kind, row) for row in self._client.rows(entity, where))

    def _captured(self, entities: Sequence[str], since: datetime) -> dict[str, list[JsonObject]]:
        query = urlencode({"entities": ",".join(entities), "changedSince": _moment(since)})
        found: dict[str, list[JsonObject]] = {}
        for part in self._client.get(f"cdc?{query}").get("CDCResponse", []):
            for response in part.get("QueryResponse", []):
                for entity in entities:
                    found.setdefault(entity, []).extend(response.get(entity, []))
        return found

    def create_account(self, *, request_id: str, name: str, number: str, account_type: str, subtype: str) -> ErpRow:
        """Create an account, or give the one of that name and type that is there."""
        shown = payloads.name_of(name.replace('"', "'"))
        body: JsonObject = {"Name": shown, "AccountType": account_type, "AccountSubType": subtype}
        # One that is too long is left out: cut short it would be another account's.
        if number and ":" not in number and len(number) <= _ACCOUNT_NUMBER.get(self._company.country, 7):
            body["AcctNum"] = number
        return self._create("Account", "Name", shown, body, request_id, must_match=("AccountType", account_type))

    def create_customer(self, *, request_id: str, name: str, note: str, subsidiary: str = "") -> ErpRow:
        """Create a customer, or give the one of that name that is there."""
        shown = payloads.name_of(name)
        return self._create("Customer", "DisplayName", shown, {"DisplayName": shown, "Notes": note}, request_id)

    def receivables(self, *, through: date) -> Mapping[str, Decimal]:
        """Give what customers owe by the report of customer balances, which is in the home currency."""
        report = self._client.get(
            f"reports/CustomerBalance?report_date={through.isoformat()}&accounting_method=Accrual"
        )
        return dict(objects.balances(report))

    def correct(self, kind: Kind, external_id: str, parcel: Parcel) -> Outcome:
        """Update an object in full: what is left out of a full update is blank there afterwards."""
        entity, path = objects.ENTITY[kind], objects.ENTITY[kind].lower()
        body = loads(parcel.body)
        for _ in range(2):
            rows = self._client.query(f"select * from {entity} where Id = {_quoted(external_id)}").get(entity, [])
            if not rows:
                return _no_longer(entity, external_id)
            lines = {"Line": [*body["Line"], *objects.links_to_refunds(rows[0])]} if kind is Kind.PAYMENT else {}
            now = {"Id": external_id, "SyncToken": str(rows[0]["SyncToken"])}
            request_id = uuid5(NAMESPACE_URL, f"{path}/{external_id}/{now['SyncToken']}/{parcel.body}").hex
            answer = self._client.write(path, dumps(body | lines | now), request_id=request_id)
            faults = read_faults(answer)
            if not faults or faults[0].code != STALE:
                return self._outcome(kind, parcel, answer)
        return _changing()

    def _create(
        self,
        entity: str,
        field: str,
        name: str,
        body: JsonObject,
        request_id: str,
        must_match: tuple[str, str] | None = None,
    ) -> ErpRow:
        answer = self._client.write(entity.lower(), dumps(body), request_id=request_id)
        faults = read_faults(answer)
        if not faults:
            return objects.list_row(entity, answer[entity], self._company.home_currency)
        error = faults[0].as_error()
        if isinstance(error, NameTaken):
            where = f"where {field} = {_quoted(name)} and Active in (true, false)"
            for row in self._client.rows(entity, where):
                if must_match is None or row.get(must_match[0]) == must_match[1]:
                    return objects.list_row(entity, row, self._company.home_currency)
        raise error

    def _batch(self, kind: Kind, request_id: str, parcels: Sequence[Parcel]) -> list[JsonObject]:
        entity = objects.ENTITY[kind]
        # Bodies are put in as text: the same bytes at every try.
        items = ",".join(
            f'{{"bId":"{parcel.position}","operation":"create","{entity}":{parcel.body}}}' for parcel in parcels
        )
        answer = self._client.write("batch", f'{{"BatchItemRequest":[{items}]}}', request_id=request_id)
        faults = read_faults(answer)
        if faults:
            raise faults[0].as_error()
        by_id = {str(item.get("bId")): item for item in answer.get("BatchItemResponse", [])}
        return [by_id.get(str(parcel.position), {}) for parcel in parcels]

    def _outcome(self, kind: Kind, parcel: Parcel, answer: JsonObject) -> Outcome:
        faults = read_faults(answer)
        if faults:
            return faults[0].as_error()
        found = answer.get(objects.ENTITY[kind])
        if not found:
            return UnknownOutcome("QuickBooks said nothing about this document. It is checked and tried again.")
        return objects.outcome(kind, loads(parcel.body), found, base_url=self._base_url)

    def _change(self, kind: Kind, request_id: str, parcel: Parcel) -> Outcome:
        """Void an invoice or payment, or set a payment's allocations, with the newest SyncToken; once more if it was stale."""
        entity, body, ignored = objects.ENTITY[kind], loads(parcel.body), False
        for _ in range(3):
            rows = self._client.query(f"select * from {entity} where Id = {_quoted(body['Id'])}").get(entity, [])
            if not rows:
                return _no_longer(entity, body["Id"])
            done = self._changed(kind, {parcel.reference: body}, {str(rows[0]["Id"]): rows[0]})
            if done:
                return done[parcel.reference]
            # The lines of an update are sent whole, and nothing else on the payment is touched.
            token = str(rows[0]["SyncToken"])
            if kind is Kind.PAYMENT_UPDATE:
                body = body | {"Line": [*body["Line"], *objects.links_to_refunds(rows[0])]}
            sent = body | {"SyncToken": token} | ({} if kind is Kind.INVOICE_VOID else {"sparse": True})
            if ignored:
                sent = objects.kept(rows[0]) | {"SyncToken": token, "Line": body["Line"]}
            # Other bytes need another id, the same bytes the same one.
            own_id = f"{request_id}-{token}{'-all' if ignored else ''}"
            answer = self._client.write(entity.lower(), dumps(sent), request_id=own_id, **_VOIDING.get(kind, {}))
            faults = read_faults(answer)
            if not faults:
                now = {str(body["Id"]): answer[entity]}
                done = self._changed(kind, {parcel.reference: body}, now)
                if done or ignored or kind is not Kind.PAYMENT_UPDATE or body["Line"]:
                    return done.get(parcel.reference) or _unchanged(entity, body)
                ignored = True  # No lines may mean "as they were" in a sparse update; a full one leaves nothing open.
            elif faults[0].code != STALE:
                return faults[0].as_error()
        return _changing()

    def _changed(self, kind: Kind, sent: dict[str, JsonObject], rows: dict[str, JsonObject]) -> dict[str, Outcome]:
        """Give what already is as we want it: what is void, payments with our allocations."""
        found: dict[str, Outcome] = {}
        for reference, body in sent.items():
            row = rows.get(str(body["Id"]))
            if row is None:
                continue
            if kind in _VOIDING:
                is_done = not objects.decimal(row.get("TotalAmt"))
            else:
                wanted = objects.erp_document(Kind.PAYMENT, body).linked
                is_done = sorted(wanted) == sorted(objects.erp_document(Kind.PAYMENT, row).linked)
            if is_done:
                found[reference] = objects.outcome(kind, body, row, base_url=self._base_url)
        return found


_CHANGES = (Kind.INVOICE_VOID, Kind.PAYMENT_UPDATE, Kind.PAYMENT_VOID)
# Invoices are voided by an operation of that name, payments by an update that says so.
_VOIDING: dict[Kind, dict[str, str]] = {
    Kind.INVOICE_VOID: {"operation": "void"},
    Kind.PAYMENT_VOID: {"operation": "update", "include": "void"},
}


def _unchanged(entity: str, body: JsonObject) -> Rejected:
    return Rejected(
        "unchanged",
        f"QuickBooks took the change, but {entity} {body['Id']} is not as it should be. Change it there by hand, then "
        "send this item again.",
    )


def _portions(values: Sequence[str]) -> Iterator[list[str]]:
    """Share values out over queries whose addresses stay short: a name that is not Latin takes nine bytes a letter."""
    some: list[str] = []
    length = 0
    for value in values:
        length += len(quote(value))
        if some and length > _LONGEST_LIST:
            yield some
            some, length = [], len(quote(value))
        some.append(value)
    if some:
        yield some


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="seconds")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _no_longer(entity: str, number: str) -> MissingMapping:
    words = f"QuickBooks no longer holds {entity} {number}. Nothing is left to change: skip it."
    return MissingMapping("reference", None, words)


def _changing() -> UnknownOutcome:
    return UnknownOutcome("The document changes in QuickBooks at this moment. It is tried again.")
