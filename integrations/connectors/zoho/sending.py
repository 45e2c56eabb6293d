"""Sending to Zoho Books: create, then the second call that makes a document count, each safe after a crash in between.

Contacts, items, invoices, credit notes and payments are created by an upsert on a custom field that refuses duplicates,
so the same request again changes nothing. Journals have no such key: what may have been made before is looked for by
reference first, and that falls to `find`, which the delivery asks before it sends anything again.
"""

import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from integrations.connectors.base import (
    BadCredentials,
    DeliveryError,
    MissingMapping,
    NameTaken,
    Outcome,
    Parcel,
    Rejected,
    TryLater,
    UnknownOutcome,
)
from integrations.connectors.jsontext import dumps, loads
from integrations.connectors.lengths import cut, units
from integrations.connectors.zoho import objects, payloads
from integrations.connectors.zoho.client import Client, is_gone
from integrations.connectors.zoho.faults import DUPLICATE
from integrations.connectors.zoho.objects import MODULES
from integrations.documents import Kind

logger = logging.getLogger(__name__)

_LONGEST_BATCH = 40.0  # Seconds after which no further document of a batch is begun: its lease is not endless.
_SILENT = 3  # Requests without an answer, one after another, that end a batch.
_NUMBERED = (Kind.INVOICE, Kind.CREDIT_NOTE)
_FLAG = "ignore_auto_number_generation"
_BY_NUMBER = {_FLAG: "true"}
_NUMBERS_ITSELF = re.compile(rf"auto.{{0,3}}(number|generat)|{_FLAG}", re.IGNORECASE)
_BULK = {
    Kind.JOURNAL_ENTRY: ("journals/status/publish", "journal_ids", "journals/{}/status/publish"),
    Kind.INVOICE: ("invoices/status/sent", "invoice_ids", "invoices/{}/status/sent"),
    Kind.CREDIT_NOTE: ("", "", "creditnotes/{}/status/open"),
}

JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """A document that Zoho Books holds; what is a draft may still have to be made to count."""

    record: JsonObject
    sent: JsonObject
    parcel: Parcel

    @property
    def is_unfinished(self) -> bool:
        return objects.is_draft(self.record) and not self.sent.get("draft")


class Sender:
    """Creates documents and master data. `key` and `label` name the unique custom field; an empty key means there is none."""

    def __init__(self, client: Client, *, base_url: str, realm_id: str, key: str, label: str) -> None:
        self._client = client
        self._base_url, self._realm_id = base_url, realm_id
        self._key, self._label = key, label
        self._field_ids: dict[str, str | int] = {}  # By module, where the upsert's header alone does not keep the key.
        self._flagged: set[str] = set()  # Modules whose upserts are known to need the flag for a number of our own.

    def send(self, kind: Kind, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Create documents one after another, then make them count; one outcome each, in order."""
        outcomes: list[Outcome | None] = [None] * len(parcels)
        made: dict[int, Made] = {}
        stop: DeliveryError | None = None
        begun, unanswered = time.monotonic(), 0
        for index, parcel in enumerate(parcels):
            if stop is None and time.monotonic() - begun > _LONGEST_BATCH:
                stop = TryLater("The batch before it took long; this document comes next.", after=0.5)
            if stop is not None:
                outcomes[index] = stop
                continue
            try:
                made[index] = self._create(kind, parcel)
                unanswered = 0
            except DeliveryError as error:
                outcomes[index] = error
                unanswered += isinstance(error, UnknownOutcome)
                stop = _ends_batch(error, unanswered)
        finished = self.finish(kind, list(made.values()))
        for index, result in zip(made, finished, strict=True):
            outcomes[index] = result
        return [each for each in outcomes if each is not None]

    def find(self, kind: Kind, parcels: Sequence[Parcel]) -> dict[str, Outcome]:
        """Look for documents by our reference, and finish what was begun.

        One that cannot be looked for does not hold up the others: it gets the error, and is looked for again.
        """
        results: dict[str, Outcome] = {}
        made = []
        stop: DeliveryError | None = None
        begun, unanswered = time.monotonic(), 0
        for parcel in parcels:
            if stop is None and time.monotonic() - begun > _LONGEST_BATCH:
                stop = TryLater("Looking for the documents before it took long; this one comes next.", after=0.5)
            if stop is not None:
                results[parcel.reference] = stop
                continue
            try:
                sent = loads(parcel.body)
                record = self._look(kind, parcel, sent)
                if record is not None:
                    made.append(Made(self._rounded(kind, sent, record), sent, parcel))
                unanswered = 0
            except DeliveryError as error:
                results[parcel.reference] = error
                unanswered += isinstance(error, UnknownOutcome)
                stop = _ends_batch(error, unanswered)
        finished = self.finish(kind, made)
        return results | {each.parcel.reference: done for each, done in zip(made, finished, strict=True)}

    def correct(self, kind: Kind, external_id: str, parcel: Parcel) -> Outcome:
        """Update a document in full. Raises DeliveryError."""
        sent = loads(parcel.body)
        # Nor does the contract let an update say whether a journal is a draft.
        left_out = ("custom_fields", "status") if kind is Kind.JOURNAL_ENTRY else ("custom_fields",)
        body = {name: value for name, value in sent["body"].items() if name not in left_out}
        params = _BY_NUMBER if kind in _NUMBERED else {}
        path = f"{MODULES[kind].path}/{external_id}"
        first = dumps(payloads.as_published(body))
        answer = self._client.call("PUT", path, params=params, body=first, reference=parcel.reference)
        return self._outcome(kind, Made(self._taxed(sent, self._record(kind, answer)), sent, parcel))

    def finish(self, kind: Kind, made: Sequence[Made]) -> list[Outcome]:
        """Publish journals and mark invoices as sent that are still drafts; what is not as we want it does not get so far."""
        results: list[Outcome] = [self._outcome(kind, each) for each in made]
        waiting = [
            index
            for index, each in enumerate(made)
            if each.is_unfinished and not isinstance(results[index], DeliveryError)
        ]
        for index, error in self._second_calls(kind, [made[index] for index in waiting], waiting).items():
            results[index] = error
        for index, each in enumerate(made):
            if isinstance(results[index], Rejected | MissingMapping) and objects.is_draft(each.record):
                results[index] = self._take_back(kind, each, results[index])
        return results

    def _second_calls(self, kind: Kind, made: Sequence[Made], indexes: Sequence[int]) -> dict[int, DeliveryError]:
        """Do the second call for all at once where Zoho has such a call, else for each; give what did not succeed."""
        if not made or kind not in _BULK:
            return {}
        bulk, name, single = _BULK[kind]
        ids = [objects.text(each.record[MODULES[kind].id]) for each in made]
        if bulk and len(made) > 1:
            try:
                if not self._client.call("POST", bulk, params={name: ",".join(ids)}).get("errors"):
                    return {}
            except (Rejected, MissingMapping):
                pass  # One of them is refused, as where errors are listed: each is asked for by itself, to know which.
            except DeliveryError as error:
                return dict.fromkeys(indexes, _half_done(error))
        failed: dict[int, DeliveryError] = {}
        for index, own in zip(indexes, ids, strict=True):
            try:
                self._client.call("POST", single.format(own))
            except (Rejected, MissingMapping) as error:
                if not self._is_finished(kind, own):
                    failed[index] = error
            except DeliveryError as error:
                failed[index] = _half_done(error)
        return failed

    def _is_finished(self, kind: Kind, external_id: str) -> bool:
        """Tell whether a refusal only meant that it was done before."""
        record = self._read(kind, external_id)
        return record is not None and not objects.is_draft(record)

    def _take_back(self, kind: Kind, made: Made, refusal: Outcome) -> Outcome:
        """Delete a draft that may not count, so that nothing of it is left when it is sent again in another form."""
        path = f"{MODULES[kind].path}/{objects.text(made.record[MODULES[kind].id])}"
        try:
            self._client.call("DELETE", path)
        except DeliveryError as error:
            if not is_gone(error):
                words = getattr(refusal, "words", "")
                return UnknownOutcome(f"{words} The draft of it in Zoho Books could not be deleted yet: {error.words}")
        return refusal

    def _create(self, kind: Kind, parcel: Parcel) -> Made:
        sent = loads(parcel.body)
        try:
            record = self._put(kind, parcel.reference, payloads.as_published(sent["body"]))
        except (NameTaken, Rejected) as error:
            found = self._look(kind, parcel, sent) if _is_duplicate(error) else None
            if found is None:
                raise
            record = found  # It was taken by ourselves: an earlier request had arrived after all.
        return Made(self._rounded(kind, sent, record), sent, parcel)

    def _put(self, kind: Kind, reference: str, body: JsonObject) -> JsonObject:
        try:
            return self._put_exactly(kind, reference, body)
        except (Rejected, MissingMapping) as error:
            plainer = payloads.settling_nothing(body, error.words)
            if plainer is None and "tax_amount_withheld" in error.words:
                raise Rejected("withheld", f"{error.words} {payloads.TAX_NOT_KEPT.format(reference)}") from error
            if plainer is None:
                raise
            return self._put_exactly(kind, reference, plainer)

    def _put_exactly(self, kind: Kind, reference: str, body: JsonObject) -> JsonObject:
        module = MODULES[kind]
        params = _BY_NUMBER if kind in _NUMBERED else {}
        names = kind in (Kind.CUSTOMER, Kind.PRODUCT)
        if not self._key or kind is Kind.JOURNAL_ENTRY or kind in objects.MOVED:
            plain = dumps({name: value for name, value in body.items() if name != "custom_fields"})
            answer = self._client.call("POST", module.path, params=params, body=plain, reference=reference, names=names)
            return self._record(kind, answer)
        if module.path in self._field_ids:
            own = {"customfield_id": self._field_ids[module.path], "value": reference}
            body = {"custom_fields": [own], **body}
        headers = {
            "X-Unique-Identifier-Key": self._key,
            "X-Unique-Identifier-Value": reference,
            "X-Upsert": "true",
        }
        record = self._upserted(kind, body, headers=headers, reference=reference, names=names)
        self._keep_key(kind, record, reference)
        return record

    def _upserted(self, kind: Kind, body: JsonObject, **how: Any) -> JsonObject:
        """Upsert under a number of our own.

        The contract knows the flag for that on creating and on updating by id, not on an upsert: it is sent there only once an
        organisation that numbers by itself refused our number or put its own in the place.
        """
        module, text = MODULES[kind], dumps(body)
        if kind not in _NUMBERED:
            return self._record(kind, self._client.call("PUT", module.path, body=text, **how))
        if module.path not in self._flagged:
            try:
                record = self._record(kind, self._client.call("PUT", module.path, body=text, **how))
            except (Rejected, MissingMapping) as error:
                if not _NUMBERS_ITSELF.search(error.words):
                    raise
            else:
                if record.get(module.number) == body[module.number]:
                    return record
            self._flagged.add(module.path)
        return self._record(kind, self._client.call("PUT", module.path, params=_BY_NUMBER, body=text, **how))

    def _record(self, kind: Kind, answer: JsonObject) -> JsonObject:
        record = answer.get(MODULES[kind].single)
        if not isinstance(record, dict) or not record.get(MODULES[kind].id):
            raise UnknownOutcome("Zoho Books said nothing about this document. It is checked and tried again.")
        return record

    def _keep_key(self, kind: Kind, record: JsonObject, reference: str) -> None:
        """Put our key on the record, where the upsert's header alone did not."""
        module, field = MODULES[kind], objects.field_of(record, self._label, self._key)
        if field is None or not field.get("customfield_id") or field.get("value") or not module.singular:
            return
        # The contract has this id as a number here and as a text there: it goes back as Zoho gave it.
        field_id = field["customfield_id"]
        if kind is not Kind.PAYMENT:
            self._field_ids[module.path] = field_id
        external_id = objects.text(record[module.id])
        body = dumps([{"customfield_id": field_id, "value": reference}])
        try:
            self._client.call("PUT", f"{module.singular}/{external_id}/customfields", body=body)
        except Rejected as error:  # Number and reference tell it as well.
            logger.warning("Zoho Books did not keep %s on %s: %s", reference, external_id, error.words)
        except DeliveryError as error:
            raise _half_done(error) from error

    def _taxed(self, sent: JsonObject, record: JsonObject) -> JsonObject:
        """State the tax withheld with the invoice where a payment does not say that it was kept from beside it."""
        body = sent["body"]
        if payloads.as_published(body) is body or objects.keeps_tax(record, body):
            return record
        plain = dumps({name: value for name, value in body.items() if name != "custom_fields"})
        try:
            answer = self._client.call("PUT", f"customerpayments/{objects.text(record['payment_id'])}", body=plain)
        except (Rejected, MissingMapping):
            raise
        except DeliveryError as error:
            raise _half_done(error) from error
        return self._record(Kind.PAYMENT, answer)

    def _taken_back(self, payment: JsonObject, words: str) -> DeliveryError:
        """Delete a payment that lacks what was stated with it; give the error for it."""
        try:
            self._client.call("DELETE", f"customerpayments/{objects.text(payment['payment_id'])}")
        except DeliveryError as error:
            if not is_gone(error):
                return UnknownOutcome(f"{words} The payment could not be deleted there yet: {error.words}")
        return Rejected("withheld", words)

    def _rounded(self, kind: Kind, sent: JsonObject, record: JsonObject) -> JsonObject:
        """Let an invoice's draft agree with ours to the cent where Zoho rounds its tax in another way, a payment in its tax."""
        if kind is Kind.PAYMENT:
            record = self._taxed(sent, record)
            if objects.drops_tax(record, sent["body"]):
                raise self._taken_back(record, payloads.TAX_NOT_KEPT.format(sent["body"]["reference_number"]))
            return record
        difference = objects.decimal(sent.get("total")) - objects.decimal(record.get("total"))
        if kind is not Kind.INVOICE or not sent.get("taxed") or not difference or not objects.is_draft(record):
            return record
        cent = Decimal(1).scaleb(-int(record.get("price_precision", 2)))
        if abs(difference) > cent * len(sent["body"]["line_items"]):
            return record
        body = {**sent["body"], "adjustment": difference, "adjustment_description": "Rounding of tax"}
        external_id = objects.text(record["invoice_id"])
        try:
            answer = self._client.call("PUT", f"invoices/{external_id}", params=_BY_NUMBER, body=dumps(body))
        except Rejected:
            return record  # Then the totals differ, and that is said.
        except DeliveryError as error:
            raise _half_done(error) from error
        return self._record(kind, answer)

    def _look(self, kind: Kind, parcel: Parcel, sent: JsonObject) -> JsonObject | None:
        if kind is Kind.CUSTOMER:
            return self._contact(parcel, sent["body"]["contact_name"])
        if kind is Kind.PRODUCT:
            return self._item(parcel, sent["body"]["name"])
        module = MODULES[kind]
        rows = self._client.pages(module.path, module.path, reference_number=parcel.reference)
        for row in rows:
            # The contract's rows of payments leave it out; then the payment itself tells.
            if row.get("reference_number", parcel.reference) == parcel.reference:
                record = self._read(kind, objects.text(row[module.id]))
                if record is not None and record.get("reference_number") == parcel.reference:
                    return record
        return None

    def _contact(self, parcel: Parcel, name: str) -> JsonObject | None:
        """Names are searched by at most 100 characters; the mark in the notes tells ours."""
        search = {"contact_name": name} if units(name) <= 100 else {"contact_name_startswith": cut(name, 100)}
        for row in self._client.pages("contacts", "contacts", filter_by="Status.All", **search):
            if row.get("contact_name") == name:
                record = self._read(Kind.CUSTOMER, objects.text(row["contact_id"]))
                if record is not None and self._is_ours(record, parcel.reference):
                    return record
        return None

    def _item(self, parcel: Parcel, name: str) -> JsonObject | None:
        for row in self._client.pages("items", "items", filter_by="Status.All", name=name):
            if row.get("sku") == parcel.reference or self._is_ours(row, parcel.reference):
                return row
        return None

    def _is_ours(self, record: JsonObject, reference: str) -> bool:
        field = objects.field_of(record, self._label, self._key)
        return f"[cf:{reference}]" in objects.text(record.get("notes")) or bool(
            field and field.get("value") == reference
        )

    def _read(self, kind: Kind, external_id: str) -> JsonObject | None:
        module = MODULES[kind]
        try:
            return self._record(kind, self._client.get(f"{module.path}/{external_id}"))
        except Rejected as error:
            if is_gone(error):
                return None
            raise

    def _outcome(self, kind: Kind, made: Made) -> Outcome:
        return objects.outcome(kind, made.sent, made.record, base_url=self._base_url, realm_id=self._realm_id)


def _is_duplicate(error: DeliveryError) -> bool:
    return isinstance(error, NameTaken) or (isinstance(error, Rejected) and error.code == DUPLICATE)


def _ends_batch(error: DeliveryError, unanswered: int) -> DeliveryError | None:
    """Say what an error means for the documents after it: nothing, or that they were not begun."""
    if isinstance(error, TryLater | BadCredentials):
        return error
    if unanswered >= _SILENT:
        return TryLater("The documents before it got no answer; this one was not begun.", after=1.0)
    return None


def _half_done(error: DeliveryError) -> DeliveryError:
    """A document is there and does not count yet: whatever happened, it is looked at again before anything is sent."""
    if isinstance(error, TryLater):
        return UnknownOutcome(error.words, settle=error.after)
    if isinstance(error, BadCredentials):
        return UnknownOutcome(error.words)
    return error
