"""SuiteQL: one SELECT over the books' tables, in pages."""

import re
import sqlite3
from datetime import date
from typing import Any

from integrations.sandbox.messages import Json, Request
from integrations.sandbox.netsuite.faults import VendorFault, content
from integrations.sandbox.netsuite.tables import DATE_MARK, Tables, date_value

LARGEST_PAGE, MOST_ROWS = 1000, 100_000
_REFUSED = re.compile(r"\b(insert|update|delete|drop|alter|create|attach|pragma|limit|offset)\b", re.IGNORECASE)
_WORD = re.compile(r"(?<![\"\w])(transaction)(?![\"\w])", re.IGNORECASE)
_UNKNOWN = re.compile(r"no such (column|table): (\S+)")


def run(tables: Tables, request: Request, body: Any, *, numbers: bool) -> Json:
    """Answer a query. `numbers`: accounts have a number column. Raises VendorFault."""
    preferences = [each.strip().lower() for each in request.headers.get("prefer", "").split(",")]
    if "transient" not in preferences:
        raise VendorFault(
            "INVALID_HEADER", "Invalid value of header 'Prefer'. The header 'Prefer: transient' must be specified."
        )
    if not isinstance(body, dict) or not isinstance(body.get("q"), str):
        raise content("The request body must hold the query in the property 'q'.", "q")
    limit = _whole(request, "limit", LARGEST_PAGE, 1, LARGEST_PAGE)
    offset = _whole(request, "offset", 0, 0, MOST_ROWS)
    if offset % limit:
        raise VendorFault("INVALID_PARAMETER", "The offset must be divisible by the limit.")
    rows = _select(tables, body["q"], numbers)[:MOST_ROWS]
    page = rows[offset : offset + limit]
    return {
        "links": [{"rel": "self", "href": f"{request.base_url}{request.target}"}],
        "count": len(page),
        "hasMore": offset + len(page) < len(rows),
        "items": page,
        "offset": offset,
        "totalResults": len(rows),
    }


def _select(tables: Tables, text: str, numbers: bool) -> list[Json]:
    pieces = re.split(r"('(?:[^']|'')*')", text)
    words = "".join(pieces[::2])
    if not re.match(r"\s*(select|with)\b", words, re.IGNORECASE) or _REFUSED.search(words) or ";" in words:
        raise _search_error("Invalid or unsupported search")
    if not numbers and re.search(r"\bacctnumber\b", words, re.IGNORECASE):
        raise _search_error("Unknown identifier 'acctnumber'. Available identifiers are: {account=account}")
    query = "".join(piece if number % 2 else _WORD.sub(r'"\1"', piece) for number, piece in enumerate(pieces))
    tables.db.create_function("TO_DATE", 2, lambda value, form: date_value(str(value)), deterministic=True)
    tables.db.create_function("TO_TIMESTAMP", 2, lambda value, form: date_value(str(value)), deterministic=True)
    tables.db.create_function("TO_CHAR", 2, _to_char, deterministic=True)
    tables.db.create_function("NVL", 2, lambda value, other: other if value is None else value, deterministic=True)
    try:
        cursor = tables.db.execute(query)
    except sqlite3.Error as error:
        unknown = _UNKNOWN.search(str(error))
        raise _search_error(
            f"Unknown identifier '{unknown[2]}'" if unknown else f"Invalid or unsupported search ({error})"
        ) from error
    names = [column[0].lower() for column in cursor.description]
    return [_row(names, values) for values in cursor.fetchall()]


def _row(names: list[str], values: tuple[Any, ...]) -> Json:
    """Give a row: values as text, empty ones left out."""
    row: Json = {"links": []}
    for name, value in zip(names, values, strict=True):
        if value is not None and value != "":
            row[name] = _shown(value)
    return row


def _shown(value: Any) -> str:
    if isinstance(value, str) and value.startswith(DATE_MARK):
        day = date.fromisoformat(value.removeprefix(DATE_MARK)[:10])
        return f"{day.month}/{day.day}/{day.year}"
    return str(value)


def _to_char(value: Any, form: str) -> str | None:
    if value is None:
        return None
    text = str(value).removeprefix(DATE_MARK)
    parts = {
        "YYYY": text[:4],
        "MM": text[5:7],
        "DD": text[8:10],
        "HH24": text[11:13] or "00",
        "MI": text[14:16] or "00",
        "SS": text[17:19] or "00",
        "FF3": (text[20:23] or "000").ljust(3, "0"),
    }
    return re.sub(r'"([^"]*)"|YYYY|HH24|FF3|MM|DD|MI|SS', lambda found: found[1] or parts.get(found[0], ""), form)


def _search_error(words: str) -> VendorFault:
    return VendorFault(
        "INVALID_PARAMETER",
        f"Invalid search query. Detailed unprocessed description follows. Search error occurred: {words}.",
    )


def _whole(request: Request, name: str, default: int, lowest: int, highest: int) -> int:
    text = request.params.get(name, str(default))
    if not text.isdigit() or not lowest <= int(text) <= highest:
        raise VendorFault("INVALID_PARAMETER", f"Invalid value for the parameter '{name}': {text}.")
    return int(text)
