"""The `where` and `order` of list requests: comparisons of fields, joined by AND and OR."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from integrations.sandbox.messages import Json
from integrations.sandbox.xero.errors import bad_query
from integrations.sandbox.xero.store import day_of

Test = Callable[[Json], bool]
_TOKEN = re.compile(
    r'\s*(?:(?P<text>"[^"]*")|(?P<number>-?\d+(?:\.\d+)?)|(?P<operator>==|!=|>=|<=|&&|\|\||[=<>!(),])'
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_.]*))"
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: left == right,
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    ">": lambda left, right: left is not None and left > right,
    ">=": lambda left, right: left is not None and left >= right,
    "<": lambda left, right: left is not None and left < right,
    "<=": lambda left, right: left is not None and left <= right,
}
_METHODS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda value, part: part in value,
    "startswith": lambda value, part: value.startswith(part),
    "endswith": lambda value, part: value.endswith(part),
}


def compile_where(text: str, fields: Sequence[str]) -> Test:
    """Compile a filter on objects that have these fields. Raises Refused for one that cannot be read."""
    return _Parser(text, fields).whole()


def compile_order(text: str, fields: Sequence[str]) -> list[tuple[str, bool]]:
    """Read `Name ASC, Date DESC` as pairs of field and whether it descends. Raises Refused."""
    order = []
    for part in text.split(","):
        name, _, way = part.strip().partition(" ")
        if name.partition(".")[0] not in fields or way.strip().upper() not in ("", "ASC", "DESC"):
            raise bad_query(f"Syntax error in order: {part.strip()}")
        order.append((name, way.strip().upper() == "DESC"))
    return order


def value_of(data: Json, path: str) -> Any:
    """Give a field, by its path, in a form that compares: dates as dates, numbers as Decimal."""
    value: Any = data
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, str) and value.startswith("/Date("):
        return date.fromisoformat(day_of(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return value


class _Parser:
    def __init__(self, text: str, fields: Sequence[str]) -> None:
        self._fields = fields
        self._tokens: list[tuple[str, str]] = []
        position = 0
        stripped = text.rstrip()
        while position < len(stripped):
            match = _TOKEN.match(stripped, position)
            if match is None:
                raise bad_query(f"Syntax error at position {position} of the filter")
            self._tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            position = match.end()
        self._at = 0

    def whole(self) -> Test:
        test = self._any()
        if self._at < len(self._tokens):
            raise bad_query(f"Syntax error at '{self._tokens[self._at][1]}'")
        return test

    def _any(self) -> Test:
        tests = [self._every()]
        while self._take("||", "or"):
            tests.append(self._every())
        return tests[0] if len(tests) == 1 else lambda data: any(test(data) for test in tests)

    def _every(self) -> Test:
        tests = [self._one()]
        while self._take("&&", "and"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda data: all(test(data) for test in tests)

    def _one(self) -> Test:
        if self._take("("):
            test = self._any()
            self._need(")")
            return test
        kind, name = self._next()
        if kind != "name":
            raise bad_query(f"Syntax error at '{name}'")
        path, _, method = name.rpartition(".")
        if method.lower() in _METHODS and self._take("("):
            compare_text = _METHODS[method.lower()]
            part = str(self._value())
            self._need(")")
            self._known(path)
            return lambda data: compare_text(str(value_of(data, path) or ""), part)
        self._known(name)
        operator = self._next()[1]
        if operator not in _COMPARE:
            raise bad_query(f"Operator expected after {name}")
        compare, wanted = _COMPARE[operator], self._value()
        return lambda data: compare(_same_kind(value_of(data, name), wanted), wanted)

    def _value(self) -> Any:
        kind, text = self._next()
        if kind == "text":
            return text[1:-1]
        if kind == "number":
            return Decimal(text)
        word = text.lower()
        if word in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[word]
        if word == "guid":
            self._need("(")
            number = str(self._value()).lower()
            self._need(")")
            return number
        if word == "datetime":
            return self._date()
        raise bad_query(f"A value is expected, not '{text}'")

    def _date(self) -> date:
        self._need("(")
        parts = [self._value()]
        while self._take(","):
            parts.append(self._value())
        self._need(")")
        try:
            return date(*(int(part) for part in parts[:3]))
        except (TypeError, ValueError) as error:
            raise bad_query("DateTime needs year, month and day") from error

    def _known(self, path: str) -> None:
        if path.partition(".")[0] not in self._fields:
            raise bad_query(f"No property or field '{path}' exists")

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise bad_query("The filter ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, *words: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at][1].lower() in words:
            self._at += 1
            return True
        return False

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise bad_query(f"'{word}' is expected")


def _same_kind(value: Any, wanted: Any) -> Any:
    """Let identifiers compare whatever the case of their letters, and values of another kind compare as absent."""
    if isinstance(wanted, str) and isinstance(value, str):
        return value.lower() if wanted == wanted.lower() and len(wanted) == 36 and value.lower() == wanted else value
    return value if wanted is None or type(value) is type(wanted) else None
