"""SuiteQL: the one way to read many rows, and what ours looks like.

Column names are the Records Catalog's, which differs from account to account; a query that is refused for a column is
asked again for all of them.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from integrations.connectors.base import DeliveryError
from integrations.connectors.jsontext import dumps
from integrations.connectors.netsuite.client import Client

PAGE = 1000
_DAY = timedelta(days=1)
Row = dict[str, Any]


class QueryRefused(Exception):
    """The query names what this account does not have, or what the role may not see."""

    def __init__(self, error: DeliveryError) -> None:
        super().__init__(error.words)
        self.error = error


def quoted(text: str) -> str:
    """Write a text as SuiteQL."""
    return "'" + text.replace("'", "''") + "'"


def any_of(values: Sequence[str]) -> str:
    """Write a list of texts as SuiteQL."""
    return f"({', '.join(quoted(value) for value in values)})"


def known_by(references: Collection[str], field: str) -> str:
    """Write the condition that a record is one of ours, by its external id or by the field that carries it too, if any."""
    those = any_of(list(references))
    return f"(externalid IN {those} OR {field} IN {those})" if field else f"externalid IN {those}"


def day(value: date) -> str:
    """Write a date as SuiteQL."""
    return f"TO_DATE('{value.isoformat()}', 'YYYY-MM-DD')"


def since(moment: datetime) -> str:
    """Write a condition on the time of the last change. A day earlier, for the account's time zone is not ours."""
    return f"lastmodifieddate >= {day((moment - _DAY).date())}"


def as_date(column: str) -> str:
    """Write a date column so that it comes out as YYYY-MM-DD: bare, it has the account's own format."""
    name = column.rpartition(".")[2]
    return f"TO_CHAR({column}, 'YYYY-MM-DD') AS {name}"


class Queries:
    """Pages of rows. Every query must be ordered by something unique."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def rows(self, text: str) -> Iterator[Row]:
        """Give the rows of all pages. Raises QueryRefused, DeliveryError."""
        offset = 0
        while True:
            page = self.page(text, offset=offset)
            yield from page
            if len(page) < PAGE:
                return
            offset += PAGE

    def all(self, text: str) -> Iterator[Row]:
        """Give the rows of all pages of a query that every account answers. Raises DeliveryError."""
        try:
            yield from self.rows(text)
        except QueryRefused as refused:
            raise refused.error from refused

    def page(self, text: str, *, offset: int = 0) -> list[Row]:
        """Give one page of at most `PAGE` rows. Raises QueryRefused, DeliveryError."""
        answer = self._client.query(dumps({"q": text}), limit=PAGE, offset=offset)
        if not answer.is_ok:
            raise QueryRefused(answer.fault.as_error())
        items = answer.body.get("items", []) if isinstance(answer.body, dict) else []
        return [{name.lower(): value for name, value in row.items()} for row in items]

    def table(
        self, name: str, columns: str, *, changed: datetime | None = None, optional: bool = False
    ) -> Iterator[Row]:
        """Read a list whole, or what changed in it where the account can tell that.

        An `optional` list is empty in an account that does not have it. Raises DeliveryError.
        """
        where = f" WHERE {since(changed)}" if changed else ""
        try:
            yield from self.rows(f"SELECT {columns} FROM {name}{where} ORDER BY id")
            return
        except QueryRefused:
            pass  # For one of its columns, most likely: all of them are asked for next.
        try:
            yield from self.rows(f"SELECT * FROM {name} ORDER BY id")
        except QueryRefused as refused:
            if not optional:
                raise refused.error from refused


def flag(row: Row, name: str) -> bool:
    """Read a T or F."""
    return str(row.get(name, "")).upper() in ("T", "TRUE")


def iso(value: Any) -> str:
    """Give a date as YYYY-MM-DD, also one in the account's own format (month first unless that cannot be)."""
    text = str(value or "")
    parts = text.split(" ")[0].split("/")
    if len(parts) == 3 and all(part.isdigit() for part in parts):
        month, number, year = (int(part) for part in parts)
        return (date(year, month, number) if month <= 12 else date(year, number, month)).isoformat()
    return text[:10]
