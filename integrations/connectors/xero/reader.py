"""Reading Xero's lists and documents, in pages, by filters, and by what changed."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from urllib.parse import quote

from integrations.connectors.base import Rejected
from integrations.connectors.xero.client import Client, JsonObject

_PAGE = 500
_LONGEST_FILTER = 3000  # characters as sent: addresses much longer are cut or refused on the way
_NUMBERS_AT_ONCE = 40


class Reader:
    """Reads of one organisation. Raises DeliveryError."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def every(self, path: str, *, since: datetime | None = None, **params: str) -> list[JsonObject]:
        """Read a list that has no pages, or without its lines one that has."""
        answer = self._client.get(path, since=since, **params) or {}
        return list(answer.get("Organisations" if path == "Organisation" else path) or ())

    def pages(
        self, path: str, *, since: datetime | None = None, size: int = _PAGE, **params: str
    ) -> Iterator[JsonObject]:
        """Read a list page by page, with the lines of what it holds."""
        number = 1
        while True:
            answer = self._client.get(path, since=since, page=str(number), pageSize=str(size), **params) or {}
            rows: list[JsonObject] = answer.get(path) or []
            yield from rows
            told = answer.get("pagination") or {}
            if not rows or (number >= int(told["pageCount"]) if "pageCount" in told else len(rows) < size):
                return
            number += 1

    def one(self, path: str, external_id: str) -> JsonObject | None:
        """Read one object by its id or number; None where there is none."""
        answer = self._client.get(f"{path}/{quote(external_id, safe='')}")
        rows: list[JsonObject] = (answer or {}).get(path) or []
        return rows[0] if rows else None

    def having(self, path: str, field: str, values: Sequence[str], *, archived: bool = False) -> Iterator[JsonObject]:
        """Read what has one of these values in a field, in as few requests as filters of a sendable length allow."""
        params = {"includeArchived": "true"} if archived else {}
        for some in _chunks([f'{field}=="{value}"' for value in values]):
            try:
                yield from self.every(path, since=None, where=" OR ".join(some), **params)
            except Rejected:
                if len(some) == 1:
                    raise
                for each in some:  # should Xero take one comparison only
                    yield from self.every(path, since=None, where=each, **params)

    def keyed(self, path: str, field: str, values: Sequence[str], *, archived: bool = False) -> Iterator[JsonObject]:
        """Read what has one of these numbers, where a number may also stand in the address.

        Should Xero not filter by the field, each is asked for by itself; an object may then come twice.
        """
        if len(values) > 1:
            try:
                yield from self.having(path, field, values, archived=archived)
                return
            except Rejected:
                pass
        for value in values:
            if found := self.one(path, value):
                yield found

    def invoices(self, ids: Sequence[str]) -> Iterator[JsonObject]:
        """Read invoices by id."""
        for at in range(0, len(ids), _NUMBERS_AT_ONCE):
            yield from self.every("Invoices", IDs=",".join(ids[at : at + _NUMBERS_AT_ONCE]))

    def invoices_numbered(self, numbers: Sequence[str]) -> Iterator[JsonObject]:
        """Read invoices by number; a number with a comma cannot stand in the list of numbers."""
        plain = [each for each in numbers if "," not in each]
        for at in range(0, len(plain), _NUMBERS_AT_ONCE):
            yield from self.every("Invoices", InvoiceNumbers=",".join(plain[at : at + _NUMBERS_AT_ONCE]))
        yield from self.having("Invoices", "InvoiceNumber", [each for each in numbers if "," in each])


def dated(through: date, since: date | None) -> str:
    """Write the filter for documents of these days."""
    parts = [f"Date<=DateTime({through.year},{through.month},{through.day})"]
    if since:
        parts.append(f"Date>=DateTime({since.year},{since.month},{since.day})")
    return " AND ".join(parts)


def _chunks(conditions: Iterable[str]) -> Iterator[list[str]]:
    some: list[str] = []
    length = 0
    for each in conditions:
        size = len(quote(each)) + 12
        if some and length + size > _LONGEST_FILTER:
            yield some
            some, length = [], 0
        some.append(each)
        length += size
    if some:
        yield some
