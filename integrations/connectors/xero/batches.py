"""Batches with a result for each document, matched by its number; and what one document's error means for the others."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from integrations.connectors.base import Delivered, DeliveryError, Outcome, Parcel, TryLater, UnknownOutcome
from integrations.connectors.jsontext import dumps, loads
from integrations.connectors.xero import objects, payloads
from integrations.connectors.xero.client import Client, JsonObject, message_of
from integrations.connectors.xero.errors import error_of, messages_of
from integrations.connectors.xero.settling import Settling, may_have_credit, payment_of
from integrations.documents import Kind

Find = Callable[[Kind, Sequence[Parcel]], Mapping[str, Outcome]]


def tried(work: Callable[[], Outcome]) -> Outcome:
    """Give an error of one document as its outcome, so that what became of the others is not lost with it."""
    try:
        return work()
    except DeliveryError as error:
        return error


class Batches:
    """Sending many documents with one request."""

    def __init__(self, client: Client, settling: Settling, base_url: str) -> None:
        self._client, self._settling, self._base_url = client, settling, base_url

    def create(self, kind: Kind, request_id: str, parcels: Sequence[Parcel], *, find: Find) -> list[Outcome]:
        """Create documents, with more requests where one would grow too large. Raises DeliveryError for all of them."""
        outcomes: list[Outcome] = []
        for some in _by_size(parcels):
            if outcomes and isinstance(outcomes[-1], TryLater | UnknownOutcome):
                outcomes += [TryLater("Its turn had not come yet.", after=1.0)] * len(some)
                continue
            try:
                outcomes += self._send(kind, request_id, some, find)
            except DeliveryError as error:
                if len(some) == len(parcels):
                    raise
                outcomes += [error] * len(some)
        return outcomes

    def settle(self, request_id: str, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Send payments: those of one invoice together, all others each from what Xero holds of them."""
        bodies = [loads(parcel.body) for parcel in parcels]
        plain = [at for at, body in enumerate(bodies) if len(body["Parts"]) == 1 and not may_have_credit(body)]
        outcomes: dict[int, Outcome] = {}
        if plain:
            rows = [
                payment_of(bodies[at], str(part["InvoiceID"]), objects.decimal(part["Amount"]))
                for at in plain
                for part in bodies[at]["Parts"]
            ]
            answer = self._client.write(
                "PUT", "Payments", dumps({"Payments": rows}), key=request_id, summarizeErrors="false"
            )
            made = answer.body.get("Payments") or []
            for at, row in zip(plain, _in_order(rows, made if answer.is_ok else []), strict=True):
                outcomes[at] = self._paid(bodies[at], row) if answer.is_ok else error_of([message_of(answer.body)])
        others = {at: bodies[at] for at in range(len(parcels)) if at not in outcomes}
        return [outcomes[at] if at in outcomes else self._reach(request_id, others[at]) for at in range(len(parcels))]

    def _reach(self, request_id: str, body: JsonObject) -> Outcome:
        def work() -> Outcome:
            held = self._settling.held([body])[str(body["Reference"])]
            return self._settling.reach(body, held, key=request_id)

        return tried(work)

    def _paid(self, body: JsonObject, row: JsonObject | None) -> Outcome:
        if not row or (not messages_of(row) and not row.get("PaymentID")):
            return UnknownOutcome("Xero said nothing about this payment. It is checked and tried again.")
        messages = messages_of(row)
        if messages:
            return error_of(messages)
        number = str(row["PaymentID"])
        page = objects.page(Kind.PAYMENT, number, self._base_url)
        return Delivered(number, objects.token(row), page, str(body["Reference"]))

    def _send(self, kind: Kind, request_id: str, parcels: Sequence[Parcel], find: Find) -> list[Outcome]:
        """Create documents with one request; alone, each of them, where Xero refuses the request without saying for which."""
        path = objects.PATHS[kind]
        # Bodies are put in as text: the same bytes at every try.
        body = f'{{"{path}":[{",".join(parcel.body for parcel in parcels)}]}}'
        params = {"summarizeErrors": "false"} | ({"unitdp": "4"} if kind in (Kind.INVOICE, Kind.CREDIT_NOTE) else {})
        answer = self._client.write("PUT", path, body, key=request_id, **params)
        sent = [loads(parcel.body) for parcel in parcels]
        if answer.is_ok:
            rows = _matched(kind, sent, answer.body.get(path) or [])
            return [self._outcome(kind, each, row) for each, row in zip(sent, rows, strict=True)]
        if len(parcels) == 1:
            return [error_of([message_of(answer.body)])]
        wrong = _matched(kind, sent, answer.body.get("Elements") or [], by_place=False)
        if not any(wrong):
            found = find(kind, parcels)
            return [
                found.get(each.reference) or tried(partial(self._alone, kind, request_id, each, find))
                for each in parcels
            ]
        rest = UnknownOutcome(
            "Xero refused the request for another document in it. It is checked and tried again.", fresh_key=True
        )
        return [error_of(messages_of(row)) if row else rest for row in wrong]

    def _alone(self, kind: Kind, request_id: str, parcel: Parcel, find: Find) -> Outcome:
        return self._send(kind, request_id, [parcel], find)[0]

    def _outcome(self, kind: Kind, sent: JsonObject, row: JsonObject | None) -> Outcome:
        if not row:
            return UnknownOutcome("Xero said nothing about this document. It is checked and tried again.")
        messages = messages_of(row)
        if messages:
            return error_of(messages)
        return objects.outcome(kind, sent, row, base_url=self._base_url)


def _matched(
    kind: Kind, sent: Sequence[JsonObject], rows: Sequence[JsonObject], *, by_place: bool = True
) -> list[JsonObject | None]:
    """Find each document's element by its number, or where Xero leaves that out by its place."""
    name = objects.NUMBERS[kind]
    by_number = {str(row.get(name) or ""): row for row in rows}
    in_place = by_place and len(rows) == len(sent)
    return [by_number.get(str(each[name])) or (rows[at] if in_place else None) for at, each in enumerate(sent)]


def _in_order(sent: Sequence[JsonObject], rows: Sequence[JsonObject]) -> list[JsonObject | None]:
    """Find each payment's element by our reference, or by its place."""
    by_reference = {str(row.get("Reference") or ""): row for row in rows}
    return [
        by_reference.get(str(each["Reference"])) or (rows[at] if len(rows) == len(sent) else None)
        for at, each in enumerate(sent)
    ]


def _by_size(parcels: Sequence[Parcel]) -> Iterator[list[Parcel]]:
    """Cut a batch where a request would grow too large."""
    some: list[Parcel] = []
    size = 0
    for parcel in parcels:
        length = len(parcel.body.encode()) + 1
        if some and size + length > payloads.LARGEST_BODY:
            yield some
            some, size = [], 0
        some.append(parcel)
        size += length
    if some:
        yield some
