"""Lists: search, order and pages, with rows that leave out what the vendor's lists leave out."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from integrations.sandbox.messages import Json
from integrations.sandbox.zoho.errors import invalid
from integrations.sandbox.zoho.fields import read_date
from integrations.sandbox.zoho.organization import Organization
from integrations.sandbox.zoho.store import MODULES

LARGEST_PAGE, _PAGE = 200, 10
_CONTRACT = {"customerpayments": ("payment_id", "payment_number", "date", "payment_mode", "amount", "bcy_amount")}
_LISTS: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "lists.toml").read_text(encoding="utf-8"))
_PAGING = ("organization_id", "page", "per_page", "sort_order")
_DATES: dict[str, Callable[[str, str], bool]] = {
    "date": lambda day, asked: day == asked,
    "date_start": lambda day, asked: day >= asked,
    "date_end": lambda day, asked: day <= asked,
    "date_before": lambda day, asked: day < asked,
    "date_after": lambda day, asked: day > asked,
}
_ENDINGS: dict[str, Callable[[str, str], bool]] = {
    "": lambda text, asked: text == asked,
    "_startswith": lambda text, asked: text.startswith(asked),
    "_contains": lambda text, asked: asked in text,
}
_ACTIVE_UNLESS_ASKED = ("chartofaccounts", "contacts", "items")
_STATUSES = {"active": ("active", True), "inactive": ("inactive", False)}

Row = Json
Test = Callable[[Row], bool]


def answer(org: Organization, path: str, params: Mapping[str, str]) -> Json:
    """Give a page of a list. Raises ZohoError for a parameter that the contract does not know."""
    rows = list(_first(org, path, params))
    if path in _ACTIVE_UNLESS_ASKED and "filter_by" not in params:
        # What a list shows that is not asked for a status is not published: the less, the stricter.
        params = {**params, "filter_by": "Status.Active"}
    for name, value in params.items():
        if name not in _PAGING:
            test = _test(path, name, value)
            rows = [each for each in rows if test(each)]
    column = params.get("sort_column", "")
    if column:
        if column not in _LISTS[path]["sort"]:
            raise invalid("sort_column")
        rows.sort(key=lambda each: _key(each.get(column, "")), reverse=params.get("sort_order") == "D")
    return page(org, path, shown(path, rows), params)


def shown(path: str, rows: Iterable[Json]) -> list[Json]:
    """Leave out of records what the vendor's rows leave out."""
    return [{name: each.get(name, "") for name in _LISTS[path]["row"]} for each in rows]


def page(org: Organization, path: str, rows: list[Json], params: Mapping[str, str], *, called: str = "") -> Json:
    """Cut a page out of rows. Raises ZohoError."""
    number = _whole(params, "page", 1)
    size = min(_whole(params, "per_page", _PAGE), LARGEST_PAGE)
    start = (number - 1) * size
    cut = rows[start : start + size]
    if org.preferences["IdsAsNumbersInLists"] and path in MODULES:
        cut = [_with_number(MODULES[path].id, each) for each in cut]
    if org.preferences["ListsByContract"] and path in _CONTRACT:
        return {
            "customer_payments": [{name: each[name] for name in _CONTRACT[path]} for each in cut],
            "page_context": {},
        }
    return {
        called or path: cut,
        "page_context": {
            "page": number,
            "per_page": size,
            "has_more_page": start + size < len(rows),
            "applied_filter": params.get("filter_by", ""),
            "sort_column": params.get("sort_column", "created_time"),
            "sort_order": params.get("sort_order", "D"),
        },
    }


def moment(text: str) -> datetime:
    """Read a time of the form 2013-09-05T17:13:31+0530. Raises ZohoError."""
    try:
        return datetime.strptime(text.replace(" ", "+"), "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        raise invalid("last_modified_time") from None


def _first(org: Organization, path: str, params: Mapping[str, str]) -> Iterable[Json]:
    """Use the index where a look-up is asked for."""
    for name in MODULES[path].looked_up:
        if params.get(name):
            return org.books.having(path, name, params[name])
    return org.books.tables[path].values()


def _test(path: str, name: str, value: str) -> Test:
    known = _LISTS[path]
    if "dated" in known and name in _DATES:
        asked, compare = read_date(value, name), _DATES[name]
        return lambda row: compare(row[known["dated"]], asked)
    for ending, compare in _ENDINGS.items():
        field = name.removesuffix(ending) if ending else name
        if name.endswith(ending) and field in known["search"]:
            wanted = value.casefold()
            return lambda row: compare(str(row.get(field, "")).casefold(), wanted)
    if name not in known["other"]:
        raise invalid(name)
    return _other(path, name, value)


def _other(path: str, name: str, value: str) -> Test:
    if name == "last_modified_time":
        since = moment(value)
        return lambda row: moment(row["last_modified_time"]) >= since
    if name == "filter_by":
        return _filter(path, value)
    if name == "journal_ids":
        ids = value.split(",")
        if len(ids) > LARGEST_PAGE:
            raise invalid(name)
        return lambda row: row["journal_id"] in ids
    if name in ("account_id",) and path == "journals":
        return lambda row: any(line["account_id"] == value for line in row["line_items"])
    if name in ("status", "customer_id", "contact_type", "account_id", "date", "transaction_type"):
        return lambda row: str(row.get(name, "")) == value
    if name in ("showbalance", "sort_column", "response_option"):
        return lambda row: True
    raise invalid(name)


def _filter(path: str, value: str) -> Test:
    if not re.fullmatch(r"[A-Za-z]+\.[A-Za-z]+", value):
        raise invalid("filter_by")
    word = value.partition(".")[2].lower()
    if word == "all":
        return lambda row: True
    if word in _STATUSES:
        text, flag = _STATUSES[word]
        return lambda row: row.get("is_active") is flag or row.get("status") == text
    if path == "currencies" and word == "excludebasecurrency":
        return lambda row: not row["is_base_currency"]
    if path in ("invoices", "creditnotes"):
        return lambda row: str(row["status"]).replace("_", "") == word
    raise invalid("filter_by")


def _whole(params: Mapping[str, str], name: str, default: int) -> int:
    given = params.get(name, str(default))
    if not given.isdigit() or not 1 <= int(given) <= 10**6:
        raise invalid(name)
    return int(given)


def _with_number(name: str, row: Json) -> Json:
    return row | {name: int(row[name])}


def _key(value: Any) -> tuple[int, Any]:
    return (0, value) if not isinstance(value, str) else (1, value)
