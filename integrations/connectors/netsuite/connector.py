"""The NetSuite connector: sending one by one or in batches, reading back, and reading lists and documents."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from integrations.connectors.base import (
    Change,
    Company,
    CompanyChoice,
    DeliveryError,
    ErpDocument,
    ErpRow,
    InProgress,
    MissingMapping,
    Outcome,
    Parcel,
    Rejected,
    TryLater,
    UnknownOutcome,
    Wiring,
)
from integrations.connectors.jsontext import dumps, loads
from integrations.connectors.netsuite import changes, lists, objects, payloads
from integrations.connectors.netsuite.client import RECORD, Answer, Client
from integrations.connectors.netsuite.faults import IN_USE
from integrations.connectors.netsuite.masters import Masters
from integrations.connectors.netsuite.setting import Setting
from integrations.connectors.netsuite.suiteql import Queries, QueryRefused, Row, any_of, as_date, known_by
from integrations.documents import MASTER_DATA, Document, Kind

logger = logging.getLogger(__name__)

_JOB_SOON, _JOB_LATER = 1.0, 4.0  # Seconds until a job is asked for: the first time, and each time after.
_MOST_SINGLES = 20  # Of a batch that was refused in part: so many are sent alone to hear why, within one lease.
_FEW = 3
_NO_SUITETAX = re.compile(
    r"\btaxDetails(Override)?(?![.\w])"
)  # The property itself is refused, not something within it.
_READ_AT_ONCE = 200  # Changed transactions whose documents are read with one query.
JsonObject = dict[str, Any]


class NetSuite:
    """One account. See `connectors.base.Connector` for what each method promises."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._client = Client(wiring)
        self._queries = Queries(self._client)
        self._changes = changes.Changes(self._client, wiring.options)
        self._setting = Setting(wiring.company, wiring.currencies, wiring.options)
        self._item = str(wiring.options.get("item_record") or objects.RECORDS[Kind.PRODUCT])

    def companies(self) -> list[CompanyChoice]:
        """Give the one account that the credentials belong to."""
        return [CompanyChoice(self._wiring.realm_id, self.company().name)]

    def encode(self, kind: Kind, document: Document) -> str:
        """Give the exact body to send. Raises Rejected."""
        writers: dict[Kind, Callable[..., str]] = {
            Kind.CUSTOMER: payloads.customer,
            Kind.PRODUCT: payloads.product,
            Kind.JOURNAL_ENTRY: payloads.journal_entry,
            Kind.INVOICE: payloads.invoice,
            Kind.CREDIT_NOTE: payloads.credit_memo,
            Kind.CREDIT_ALLOCATION: payloads.credit_allocation,
            Kind.PAYMENT: payloads.payment,
            Kind.PAYMENT_UPDATE: payloads.payment,
            Kind.REFUND: payloads.refund,
            Kind.MONEY_OUT: payloads.check,
            Kind.MONEY_IN: payloads.deposit,
        }
        if kind in objects.OFFSETS or kind is Kind.REFUND_VOID:
            return payloads.void(document, self._setting)  # type: ignore[arg-type]  # The kind says which it is.
        return writers[kind](document, self._setting)

    def send(self, kind: Kind, request_id: str, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Send parcels: changes and single ones at once, more as one asynchronous batch under the request id."""
        if kind in changes.KINDS:
            return [self._changes.make(kind, loads(parcel.body)) for parcel in parcels]
        if len(parcels) == 1:
            return [self._create(kind, parcels[0])]
        try:
            job = self._submit(kind, request_id, parcels)
        except (Rejected, MissingMapping) as error:  # Of the batch as such: the account, or its release, takes none.
            logger.info("NetSuite took no batch of %s: %s", kind.value, error.words)
            return self._rest(kind, parcels, {})
        self._ended(job, later=_JOB_SOON)
        found = self._lookup(kind, parcels)
        return self._rest(kind, parcels, found)

    def find(self, kind: Kind, parcels: Sequence[Parcel]) -> dict[str, Outcome]:
        """Look parcels up by their external ids, when the job they are part of has ended."""
        for ticket in sorted({parcel.ticket for parcel in parcels if parcel.ticket}):
            self._ended(ticket, later=_JOB_LATER)
        if kind in changes.KINDS:
            made = {parcel.reference: self._changes.find(kind, loads(parcel.body)) for parcel in parcels}
            return {reference: outcome for reference, outcome in made.items() if outcome}
        return self._lookup(kind, parcels)

    def company(self) -> Company:
        """Read subsidiary, currencies, periods and the kind of taxes."""
        options = self._wiring.options
        found = lists.read_company(self._queries, account_id=self._wiring.realm_id, options=options)
        self._setting = Setting(found, self._wiring.currencies, options)
        return found

    def lists(self, *, since: datetime | None = None) -> Iterator[ErpRow]:
        """Read all lists, inactive rows too."""
        return lists.read_lists(self._queries, changed=since)

    def documents(self, kind: Kind, *, through: date, since: date | None = None) -> Iterator[ErpDocument]:
        """Read every document of a kind in a span of dates, of the connection's subsidiary where one is set."""
        return self._transactions().read(kind, objects.up_to(through, since))

    def document(self, kind: Kind, external_id: str) -> ErpDocument | None:
        """Read one document as it is now."""
        if not external_id.isdecimal():
            return None
        return next(iter(self._transactions().read(kind, f"id = {int(external_id)}")), None)

    def changes(self, *, since: datetime) -> Iterator[Change]:
        """Give the transactions that changed; what was deleted leaves no trace that every role may read (see `gone`)."""
        kinds = {theirs: kind for kind, theirs in objects.TYPES.items()}
        text = (
            f"SELECT id, type, {as_date('lastmodifieddate')} FROM transaction WHERE type IN {any_of(list(kinds))} "
            f"AND {objects.changed_after(since)} ORDER BY id"
        )
        ids: dict[Kind, list[int]] = {}
        for row in self._queries.all(text):
            ids.setdefault(kinds[str(row["type"])], []).append(int(row["id"]))
        for kind, numbers in ids.items():
            for start in range(0, len(numbers), _READ_AT_ONCE):
                some = numbers[start : start + _READ_AT_ONCE]
                where = f"id IN ({', '.join(map(str, some))})"
                found = {each.external_id: each for each in self._transactions().read(kind, where)}
                yield from (Change(kind.value, str(pk), "changed", document=found.get(str(pk))) for pk in some)

    def gone(self, kind: Kind, by_day: Mapping[date, Sequence[str]]) -> set[str]:
        """Tell which of these transactions are there no longer: one query for up to a thousand of them."""
        return set(self._transactions().missing([number for numbers in by_day.values() for number in numbers]))

    def receivables(self, *, through: date) -> Mapping[str, Decimal]:
        """Give what customers owe by NetSuite's ledger, as a customer on a journal's line counts where the head has none."""
        return self._transactions().receivables(through)

    def correct(self, kind: Kind, external_id: str, parcel: Parcel) -> Outcome:
        """Patch a record with all that we say of it, its lists of lines in place of those there."""
        record, body = self._record(kind), loads(parcel.body)
        if kind is Kind.PAYMENT:
            body.setdefault("apply", {"items": []})  # One on account settles nothing, whatever was done there.
        path = f"{RECORD}/{record}/{external_id}"

        def patch(text: str) -> Answer:
            lists = ",".join(
                name for name, value in loads(text).items() if isinstance(value, dict) and "items" in value
            )
            params = {"replace": lists} if lists else None
            return self._client.write("PATCH", path, text, operation=f"update {record}", params=params)

        answer = self._in_its_terms(dumps(body), patch)
        if not answer.is_ok:
            raise answer.fault.as_error()
        held = self._client.held(record, parcel.reference)
        if held is None:
            return UnknownOutcome("NetSuite does not show the document under our reference yet. Reconcile again later.")
        return self._outcome(kind, parcel, held)

    def create_account(self, *, request_id: str, name: str, number: str, account_type: str, subtype: str) -> ErpRow:
        """Create an account, or give the one of that name and type that is there."""
        return self._masters("").account(request_id=request_id, name=name, number=number, account_type=account_type)

    def create_customer(self, *, request_id: str, name: str, note: str, subsidiary: str = "") -> ErpRow:
        """Create a customer, or give the one of that name that is there."""
        return self._masters(subsidiary).customer(request_id=request_id, name=name, note=note)

    def _create(self, kind: Kind, parcel: Parcel) -> Outcome:
        """Create one record: master data by upsert, postings once, looked up when the external id is taken."""
        record = self._record(kind)
        if kind in MASTER_DATA:
            answer = self._client.write(
                "PUT", f"{RECORD}/{record}/eid:{parcel.reference}", parcel.body, operation=record
            )
        else:
            answer = self._posted(record, parcel.body)
        if answer.is_ok:
            return self._made(kind, parcel, answer)
        fault = answer.fault
        if fault.is_taken:
            held = self._client.held(record, parcel.reference)
            if held is not None:
                return self._outcome(kind, parcel, held)
            if not fault.is_name_taken or kind not in MASTER_DATA:
                return Rejected(
                    "duplicate_number",
                    f"NetSuite says: {fault.words}. It holds another document with this number that did not come from here. "
                    "Give that one another number there, then send this one again.",
                )
        return fault.as_error()

    def _posted(self, record: str, body: str) -> Answer:
        """Create a record."""
        return self._in_its_terms(
            body, lambda text: self._client.write("POST", f"{RECORD}/{record}", text, operation=record)
        )

    def _in_its_terms(self, body: str, write: Callable[[str], Answer]) -> Answer:
        """Write a document, and once more with its taxes as this account has them, where that is what it was refused for.

        A tax type, a text by Oracle's pages, is told by its name where its id is refused. Accounts without SuiteTax may have
        tax types too: there the taxes go onto the lines.
        """
        answer = write(body)
        told = "" if answer.is_ok else f"{answer.fault.path} {answer.fault.detail}"
        other = ""
        if "taxType" in told:
            other = payloads.with_tax_types_named(body, self._setting.company.extra.get("tax_type_names", {}))
        elif _NO_SUITETAX.search(told):
            other = payloads.with_taxes_on_lines(body)
        return write(other) if other else answer

    def _made(self, kind: Kind, parcel: Parcel, answer: Answer) -> Outcome:
        """Tell what became of a record that was accepted: documents are read back for total and number."""
        record = self._record(kind)
        number = self._id_of(answer, record, parcel.reference)
        if kind in (Kind.INVOICE, Kind.CREDIT_NOTE):
            held = self._client.read(f"{RECORD}/{record}/{number}", operation=record)
            if held.is_ok:
                return self._outcome(kind, parcel, held.body)
        return self._outcome(kind, parcel, {"id": number})

    def _submit(self, kind: Kind, request_id: str, parcels: Sequence[Parcel]) -> str:
        """Hand in a batch; give the address of its job, or of the first one handed in under this id."""
        # Bodies are put in as text: the same bytes at every try.
        bodies = [
            f'{{"externalId":{dumps(parcel.reference)},{parcel.body[1:]}' if kind in MASTER_DATA else parcel.body
            for parcel in parcels
        ]
        method = "PUT" if kind in MASTER_DATA else "POST"
        answer = self._client.submit(
            f"{RECORD}/{self._record(kind)}",
            f'{{"items":[{",".join(bodies)}]}}',
            method=method,
            request_id=request_id,
            operation=f"batch {self._record(kind)}",
        )
        if not answer.is_ok and answer.fault.code != IN_USE:
            raise answer.fault.as_error()
        return answer.external_id

    def _ended(self, job: str, *, later: float) -> None:
        """Ask once for a job. Raises InProgress, with it as the ticket, while it is at work: nobody waits for it here."""
        if not job:
            return
        answer = self._client.read(f"/services/rest/async/v1/job/{job}", operation="job")
        if answer.status == 404 or (answer.is_ok and answer.body.get("completed")):
            return  # A job that is forgotten has ended.
        if not answer.is_ok:
            raise answer.fault.as_error()
        raise InProgress("NetSuite has taken the batch and works on it.", after=later, ticket=job)

    def _rest(self, kind: Kind, parcels: Sequence[Parcel], found: dict[str, Outcome]) -> list[Outcome]:
        """Send alone what a batch left out: each gets the vendor's own words, and nothing depends on the order of results."""
        outcomes: list[Outcome] = []
        singles = 0
        for parcel in parcels:
            if parcel.reference in found:
                outcomes.append(found[parcel.reference])
            elif singles < _MOST_SINGLES:
                singles += 1
                outcomes.append(self._alone(kind, parcel))
            else:
                outcomes.append(TryLater("NetSuite refused it in a batch. It is sent alone next.", after=0.1))
        return outcomes

    def _alone(self, kind: Kind, parcel: Parcel) -> Outcome:
        try:
            return self._create(kind, parcel)
        except DeliveryError as error:
            return error

    def _lookup(self, kind: Kind, parcels: Sequence[Parcel]) -> dict[str, Outcome]:
        """Give what the ERP holds by our external ids: a few one by one, more with one query where the account allows it.

        Of those asked for one by one, an error is the one's own, and what became of the others is known.
        """
        by_reference = {parcel.reference: parcel for parcel in parcels}
        if len(parcels) > _FEW:
            try:
                field = "" if kind in MASTER_DATA else self._setting.reference_field
                rows = list(self._queries.rows(_by_reference(kind, by_reference, field)))
            except QueryRefused:
                pass  # They are asked for one by one.
            else:
                found = {str(row.get(field) or row["externalid"]): _found(kind, row) for row in rows}
                return {
                    reference: self._outcome(kind, parcel, found[reference])
                    for reference, parcel in by_reference.items()
                    if reference in found
                }
        asked = {reference: self._asked(kind, parcel) for reference, parcel in by_reference.items()}
        return {reference: outcome for reference, outcome in asked.items() if outcome is not None}

    def _asked(self, kind: Kind, parcel: Parcel) -> Outcome | None:
        try:
            held = self._client.held(self._record(kind), parcel.reference)
        except DeliveryError as error:
            return error
        return self._outcome(kind, parcel, held) if held is not None else None

    def _outcome(self, kind: Kind, parcel: Parcel, body: JsonObject) -> Outcome:
        record = self._record(kind)
        total = body.get("total", body.get("payment"))
        found = {"id": body["id"], "total": total, "number": body.get("tranId"), "name": _name(body)}
        url = objects.page_url(
            record, str(body["id"]), base_url=self._wiring.base_url, account_id=self._wiring.realm_id
        )
        return objects.outcome(kind, loads(parcel.body), found, url=url)

    def _id_of(self, answer: Answer, record: str, reference: str) -> str:
        """Give the id from the `Location`, else look it up."""
        if answer.external_id.isdigit():
            return answer.external_id
        held = self._client.held(record, reference)
        return str(held["id"]) if held else ""

    def _record(self, kind: Kind) -> str:
        return self._item if kind is Kind.PRODUCT else objects.RECORDS[kind]

    def _transactions(self) -> objects.Transactions:
        known = self._wiring.currencies or self._wiring.company.extra.get("currencies", {})
        codes = {str(number): code for code, number in known.items()}
        return objects.Transactions(self._queries, self._client, codes, self._setting)

    def _masters(self, subsidiary: str) -> Masters:
        return Masters(self._client, self._queries, self._setting.subsidiary(subsidiary), self._setting.fed)


def _by_reference(kind: Kind, references: dict[str, Parcel], field: str) -> str:
    table, columns = {
        Kind.CUSTOMER: ("customer", "id, externalid, companyname"),
        Kind.PRODUCT: ("item", "id, externalid, itemid"),
    }.get(kind, ("transaction", "id, externalid, tranid, foreigntotal"))
    return (
        f"SELECT {columns}{f', {field}' if field else ''} FROM {table} WHERE {known_by(references, field)} ORDER BY id"
    )


def _found(kind: Kind, row: Row) -> JsonObject:
    """Give a row as the record would show it."""
    found: JsonObject = {"id": row["id"], "companyName": row.get("companyname"), "itemId": row.get("itemid")}
    if kind not in MASTER_DATA:
        found |= {"tranId": row.get("tranid"), "total": row.get("foreigntotal")}
    return found


def _name(body: JsonObject) -> str:
    return str(body.get("companyName") or body.get("itemId") or body.get("tranId") or "")
