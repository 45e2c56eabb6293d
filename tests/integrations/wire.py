"""Holds requests against what a vendor publishes: addresses, parameters, headers, and bodies with names, kinds and lengths.

The facts are written out by hand, one file a vendor in `contracts`, with their sources. They are no part of the stand-in
servers, so that both may not have the same thing wrong.
"""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import HTTPAdapter

Check = Callable[[requests.PreparedRequest], str]
_OF_HTTP = {"user-agent", "accept-encoding", "connection", "content-length"}
_FOLDER = Path(__file__).parent / "contracts"


class Checking(HTTPAdapter):
    """Checks every request on its way out; what is wrong is also kept, should somebody catch it."""

    def __init__(self, check: Check, seen: set[str], wrong: list[str]) -> None:
        super().__init__()
        self._check, self._seen, self._wrong = check, seen, wrong

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        """Check, then send."""
        try:
            operation = self._check(request)
        except AssertionError as error:
            self._wrong.append(f"{request.method} {request.url}: {error}")
            raise
        if operation:
            self._seen.add(operation)
        return super().send(request, *args, **more)


class Contract:
    """One vendor's requests, as its file has them."""

    def __init__(self, vendor: str) -> None:
        facts = tomllib.loads((_FOLDER / f"{vendor}.toml").read_text(encoding="utf-8"))
        self._requests: list[dict[str, Any]] = facts["requests"]
        self._groups: dict[str, dict[str, str]] = facts["headers"]
        self._shapes: dict[str, dict[str, str]] = facts["shapes"]
        self._extends: dict[str, str] = facts.get("extends", {})

    def check(self, request: requests.PreparedRequest) -> str:
        """Give the name of the operation; an empty text for an address that is not the vendor's. Raises AssertionError."""
        parts = urlsplit(str(request.url))
        if parts.path.startswith("/_sandbox"):
            return ""
        query = parse_qsl(parts.query, keep_blank_values=True)
        told = dict(query)
        assert len(told) == len(query), "a parameter is there twice"
        found = next((each for each in self._requests if _matches(each, str(request.method), parts.path, told)), None)
        assert found, "there is no such operation"
        _named(told, found.get("query", {}), "parameter")
        headers = {_plain(name).lower(): _plain(value) for name, value in request.headers.items()}
        if found.get("batches") and "collection" in headers.get("content-type", ""):
            many = found["body"].replace("object", "items") + " 100"
            found = {**found, "headers": "batch", "body": many}
        _named(
            {name: value for name, value in headers.items() if name not in _OF_HTTP},
            self._groups[found.get("headers", "plain")],
            "header",
        )
        self._body(request, found)
        return str(found["name"])

    def _body(self, request: requests.PreparedRequest, found: dict[str, Any]) -> None:
        raw = _plain(request.body or "")
        if "form" in found:
            _named(dict(parse_qsl(raw, keep_blank_values=True)), found["form"], "form field")
        elif "body" in found:
            assert raw, "there is no body"
            self.value(json.loads(raw, parse_float=Decimal), found["body"], "")
        else:
            assert not raw, "there is a body"

    def value(self, value: Any, kind: str, path: str) -> None:
        """Hold a value against its kind. Raises AssertionError with the path of what is wrong."""
        word, _, argument = kind.partition(" ")
        if word == "object":
            self._object(value, argument, path)
        elif word in ("list", "some"):
            shape, _, most = argument.partition(" ")
            assert isinstance(value, list), f"{path} is no list"
            assert value or word == "list", f"{path} is empty"
            assert not most or len(value) <= int(most), f"{path} has more than {most}"
            for number, each in enumerate(value):
                self.value(each, f"object {shape}", f"{path}[{number}]")
        elif word in ("items", "lines"):  # a sublist of NetSuite's; lines may be none
            assert isinstance(value, dict), f"{path} is no sublist"
            assert value.keys() == {"items"}, f"{path} is no sublist"
            self.value(value["items"], f"{'some' if word == 'items' else 'list'} {argument}", f"{path}.items")
        else:
            _KINDS[word](value, argument, path)

    def _object(self, value: Any, shape: str, path: str) -> None:
        assert isinstance(value, dict), f"{path} is no object"
        known = self._shape(shape)
        for name in value:
            assert name in known, f"{path}.{name} is unknown"
        for name, kind in known.items():
            if name in value:
                self.value(value[name], kind.removesuffix("!"), f"{path}.{name}")
            else:
                assert not kind.endswith("!"), f"{path}.{name} is missing"

    def _shape(self, name: str) -> dict[str, str]:
        own = self._shapes[name]
        return self._shape(self._extends[name]) | own if name in self._extends else own


@cache
def contract(vendor: str) -> Contract:
    """Give a vendor's contract."""
    return Contract(vendor)


def _plain(text: str | bytes) -> str:
    return text.decode() if isinstance(text, bytes) else text


def _matches(known: dict[str, Any], method: str, path: str, query: Mapping[str, str]) -> bool:
    return (
        method == known["method"]
        and re.fullmatch(known["path"], path) is not None
        and all(re.fullmatch(pattern, query.get(name, "")) for name, pattern in known.get("when", {}).items())
    )


def _named(told: Mapping[str, str], known: Mapping[str, str], what: str) -> None:
    """Names end in "?" where they may be left out; values are patterns."""
    patterns = {name.removesuffix("?"): pattern for name, pattern in known.items()}
    for name, value in told.items():
        assert name in patterns, f"the {what} {name} is unknown"
        assert re.fullmatch(patterns[name], value, re.DOTALL), f"the {what} {name} is {value!r}"
    for name in known:
        assert name.endswith("?") or name in told, f"the {what} {name} is missing"


def _text(value: Any, longest: str, path: str) -> None:
    assert isinstance(value, str), f"{path} is no text"
    length = len(value.encode("utf-16-le")) // 2  # as servers in Java and .NET count
    assert not longest or length <= int(longest), f"{path} has {length} characters of {longest}"


def _like(value: Any, pattern: str, path: str) -> None:
    assert isinstance(value, str) and re.fullmatch(pattern, value), f"{path} is {value!r}"


def _id(value: Any, _: str, path: str) -> None:
    """An id that one document has as a number and another as a text."""
    _like(str(value) if isinstance(value, int) else value, r"\d{5,19}", path)


def _one(value: Any, allowed: str, path: str) -> None:
    assert isinstance(value, str) and value in allowed.split("|"), f"{path} is {value!r}"


def _date(value: Any, _: str, path: str) -> None:
    _like(value, r"\d{4}-\d\d-\d\d", path)
    assert date.fromisoformat(value), path


def _number(value: Any, places: str, path: str) -> None:
    """The argument is the most decimals, or "10.2": the most digits before the point, too."""
    assert isinstance(value, int | Decimal) and not isinstance(value, bool), f"{path} is no number"
    digits, _, decimals = places.rpartition(".")
    assert not decimals or round(Decimal(value), int(decimals)) == value, f"{path} has more than {decimals} decimals"
    assert not digits or abs(value) < 10 ** int(digits), f"{path} has more than {digits} digits before the point"


def _amount(value: Any, places: str, path: str) -> None:
    _number(value, places, path)
    assert value >= 0, f"{path} is below zero"


def _whole(value: Any, _: str, path: str) -> None:
    assert isinstance(value, int) and not isinstance(value, bool), f"{path} is no whole number"


def _bool(value: Any, only: str, path: str) -> None:
    assert isinstance(value, bool), f"{path} is no truth value"
    assert not only or value is (only == "true"), f"{path} is {value}"


_KINDS: dict[str, Callable[[Any, str, str], None]] = {
    "text": _text,
    "like": _like,
    "id": _id,
    "one": _one,
    "date": _date,
    "number": _number,
    "amount": _amount,
    "whole": _whole,
    "bool": _bool,
}
