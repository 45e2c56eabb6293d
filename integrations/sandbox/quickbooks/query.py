"""The query language: one entity, conditions joined by AND, order, pages."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from integrations.sandbox.messages import Json
from integrations.sandbox.quickbooks import fields
from integrations.sandbox.quickbooks.company import Company
from integrations.sandbox.quickbooks.faults import VendorFault
from integrations.sandbox.quickbooks.store import INDEXED, Record

_TOKEN = re.compile(r"\s*(?:('(?:[^'\\]|\\.)*')|([A-Za-z_][\w.]*(?:\.\*)?)|(-?\d+(?:\.\d+)?)|(<=|>=|!=|[=<>(),*]))")
_DEFAULT_PAGE, _LARGEST_PAGE = 100, 1000
_NUMBERS = ("TotalAmt", "Balance", "UnitPrice", "CurrentBalance")
_DATES = ("TxnDate", "DueDate")
_TIMES = ("MetaData.CreateTime", "MetaData.LastUpdatedTime")
_OPERATORS = ("=", "<", ">", "<=", ">=")
_ONLY_BY_NAME = {
    "Item": ["Sku"]
}  # What a star leaves out (python-quickbooks 373), unless the company's preference says otherwise.

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "IN": lambda a, b: a in b,
    "LIKE": lambda a, b: b.fullmatch(str(a)) is not None,
}


@dataclass(frozen=True)
class Condition:
    """One comparison; for IN the value is a tuple, for LIKE a compiled pattern."""

    name: str
    operator: str
    value: Any


@dataclass
class Query:
    """A query as read. `columns` is empty for all but what a star leaves out; with `has_star` they come besides."""

    entity: str
    columns: list[str] = field(default_factory=list)
    has_star: bool = False
    is_count: bool = False
    conditions: list[Condition] = field(default_factory=list)
    order: list[tuple[str, bool]] = field(default_factory=list)
    start: int = 1
    most: int = _DEFAULT_PAGE


def run(company: Company, text: str) -> Json:
    """Answer a query with a QueryResponse. Raises VendorFault 4000, 4001."""
    query = _Reader(company, text).read()
    if query.most > company.preferences["LargestPage"]:
        raise VendorFault("10100", "The query asks for more than can be answered at once", "maxresults")
    found: list[Record] = [
        record for record in _candidates(company, query) if _matches(company, record, query.conditions)
    ]
    if query.is_count:
        return {"totalCount": len(found)}
    for name, descending in reversed(query.order):
        found.sort(key=lambda record: _sort_key(_value(company, record, name)), reverse=descending)
    page = found[query.start - 1 : query.start - 1 + query.most]
    if not page:
        return {}
    hidden = [] if company.preferences["QueriesTellSku"] else _ONLY_BY_NAME.get(query.entity, ())
    hidden = [name for name in hidden if name not in query.columns]
    rows: list[Any]
    if not query.has_star:
        rows = [_pick(company.books.view(record), query.columns) for record in page]
    elif hidden:
        rows = [_without(company.books.view(record), hidden) for record in page]
    else:
        rows = [company.books.render(record) for record in page]
    return {query.entity: rows, "startPosition": query.start, "maxResults": len(rows)}


def _candidates(company: Company, query: Query) -> Iterable[Record]:
    """Use an index where a condition allows it; the conditions are checked again after."""
    books = company.books
    for condition in query.conditions:
        values = condition.value if condition.operator == "IN" else (condition.value,)
        if condition.operator not in ("=", "IN"):
            continue
        if condition.name == "Id":
            found = [books.visible(query.entity, value) for value in dict.fromkeys(values)]
            return [record for record in found if record is not None]
        if condition.name in INDEXED.get(query.entity, ()):
            rows = {
                record.id: record for value in values for record in books.having(query.entity, condition.name, value)
            }
            return [record for record in rows.values() if (query.entity, record.id) not in books.hidden]
    return books.all(query.entity)


def _matches(company: Company, record: Record, conditions: list[Condition]) -> bool:
    for condition in conditions:
        value = _value(company, record, condition.name)
        if value is None or not _COMPARE[condition.operator](value, condition.value):
            return False
    return True


def _value(company: Company, record: Record, name: str) -> Any:
    data = company.books.view(record) if name in _NUMBERS else record.data
    first, _, second = name.partition(".")
    value = data.get(first)
    if isinstance(value, dict):
        value = value.get(second or "value")
    if name in _TIMES and value is not None:
        return datetime.fromisoformat(value)
    return value


def _sort_key(value: Any) -> tuple[bool, Any]:
    return (value is not None, value if value is not None else "")


def _without(data: Json, names: list[str]) -> Json:
    return {name: value for name, value in data.items() if name not in names}


def _pick(data: Json, columns: list[str]) -> Json:
    picked: Json = {}
    for name in columns:
        first, _, second = name.partition(".")
        if first not in data:
            continue
        if second in ("", "*"):
            picked[first] = data[first]
        elif isinstance(data[first], dict) and second in data[first]:
            picked.setdefault(first, {})[second] = data[first][second]
    return picked


class _Reader:
    """Reads the text from left to right."""

    def __init__(self, company: Company, text: str) -> None:
        self._company = company
        self._tokens = _tokens(text)
        self._at = 0

    def read(self) -> Query:
        """Give the query. Raises VendorFault."""
        self._expect("SELECT")
        columns, has_star, is_count = self._columns()
        self._expect("FROM")
        query = Query(self._entity(), has_star=has_star, is_count=is_count)
        for name in columns:
            query.columns.append(self._property(query.entity, name, filters=False))
        if self._accept("WHERE"):
            query.conditions.append(self._condition(query.entity))
            while self._accept("AND"):
                query.conditions.append(self._condition(query.entity))
        if self._accept("ORDERBY") or (self._accept("ORDER") and self._expect("BY")):
            self._order(query)
        if self._accept("STARTPOSITION"):
            query.start = self._whole(lowest=1, highest=10**9)
        if self._accept("MAXRESULTS"):
            query.most = self._whole(lowest=1, highest=_LARGEST_PAGE)
        if self._at < len(self._tokens):
            raise _parse_fault(self._tokens[self._at])
        has_active = "Active" in fields.FILTERABLE[query.entity]
        if has_active and not any(condition.name == "Active" for condition in query.conditions):
            query.conditions.append(Condition("Active", "=", True))
        return query

    def _columns(self) -> tuple[list[str], bool, bool]:
        """Give the columns named, whether there is a star among them, and whether they are only counted."""
        columns = [self._next()]
        if columns[0].upper() == "COUNT" and self._accept("("):
            self._expect("*")
            self._expect(")")
            return [], False, True
        while self._accept(","):
            columns.append(self._next())
        return [name for name in columns if name != "*"], "*" in columns, False

    def _entity(self) -> str:
        name = self._next()
        if name in fields.FILTERABLE:  # The case counts, by Intuit's page on data queries.
            return name
        raise VendorFault("4001", f"QueryValidationError: invalid context declaration: {name}")

    def _order(self, query: Query) -> None:
        while True:
            name = self._property(query.entity, self._next(), filters=True)
            descending = self._accept("DESC")
            if not descending:
                self._accept("ASC")
            query.order.append((name, descending))
            if not self._accept(","):
                return

    def _property(self, entity: str, name: str, *, filters: bool) -> str:
        known = fields.property_names(entity)
        if name.partition(".")[0] not in known:
            raise VendorFault("4001", f"QueryValidationError: Property {name} not found for Entity {entity}")
        if filters and name not in ("Id", *_TIMES, *fields.FILTERABLE[entity]):
            raise VendorFault("4001", f"QueryValidationError: property '{name}' is not queryable")
        return name

    def _condition(self, entity: str) -> Condition:
        name = self._property(entity, self._next(), filters=True)
        operator = self._next().upper()
        if operator == "IN":
            self._expect("(")
            values = [self._literal(name)]
            while self._accept(","):
                values.append(self._literal(name))
            self._expect(")")
            return Condition(name, operator, tuple(values))
        if operator == "LIKE":
            text = self._literal("")
            parts = re.split(r"(%)", str(text))
            pattern = "".join(".*" if part == "%" else re.escape(part) for part in parts)
            return Condition(name, operator, re.compile(pattern, re.IGNORECASE | re.DOTALL))
        if operator not in _OPERATORS:
            raise _parse_fault(operator)
        return Condition(name, operator, self._literal(name))

    def _literal(self, name: str) -> Any:
        token = self._next()
        if name == "Active" and token.strip("'").lower() in ("true", "false"):
            return token.strip("'").lower() == "true"
        is_text = token.startswith("'")
        if name in _NUMBERS:
            return self._decimal(token.strip("'"))
        if not is_text:
            raise _parse_fault(token)
        text = re.sub(r"\\(.)", r"\1", token[1:-1])
        if name in _DATES:
            return self._date(text)
        return self._moment(text) if name in _TIMES else text

    def _decimal(self, text: str) -> Decimal:
        if not re.fullmatch(r"-?\d+(\.\d+)?", text):
            raise VendorFault("4001", f"QueryValidationError: {text} is not a number")
        return Decimal(text)

    def _date(self, text: str) -> str:
        try:
            return fields.read_date(text, "date")
        except VendorFault:
            raise VendorFault("4001", f"QueryValidationError: {text} is not a date") from None

    def _moment(self, text: str) -> datetime:
        return moment(text)

    def _whole(self, *, lowest: int, highest: int) -> int:
        token = self._next()
        if not token.isdigit():
            raise _parse_fault(token)
        if not lowest <= int(token) <= highest:
            raise VendorFault(
                "4001",
                f"QueryValidationError: value {token} is not supported. min value allowed: {lowest}, "
                f"max value allowed: {highest}",
            )
        return int(token)

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise _parse_fault("<EOF>")
        self._at += 1
        return self._tokens[self._at - 1]

    def _accept(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at].upper() == word:
            self._at += 1
            return True
        return False

    def _expect(self, word: str) -> bool:
        token = self._next()
        if token.upper() != word:
            raise _parse_fault(token)
        return True


def moment(text: str) -> datetime:
    """Read a date and time; without a zone it is the company's. Raises VendorFault 4001."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise VendorFault("4001", f"QueryValidationError: {text} is not a date and time") from None
    return found if found.tzinfo else found.astimezone()


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    at, end = 0, len(text.rstrip().removesuffix(";").rstrip())
    while at < end:
        match = _TOKEN.match(text, at, end)
        if match is None:
            raise _parse_fault(text[at:].strip()[:20])
        tokens.append(match[match.lastindex or 0])
        at = match.end()
    return tokens


def _parse_fault(token: str) -> VendorFault:
    return VendorFault("4000", f'QueryParserError: Encountered " {token} ". Was expecting something else.')
