"""Read request bodies."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

_MAX_DEPTH = 32


class StrictJSONParser(JSONParser):
    """JSON of reasonable depth, and without the characters that PostgreSQL cannot store or an answer cannot repeat."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            data = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None
        _check(data, 0)
        return data


def _check(value: Any, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ParseError("The JSON is nested too deeply.")
    if isinstance(value, dict):
        for name, below in value.items():
            _check(name, depth)
            _check(below, depth + 1)
    elif isinstance(value, list):
        for below in value:
            _check(below, depth + 1)
    elif isinstance(value, str) and any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value):
        raise ParseError("The JSON has null characters or half a Unicode character; send readable text.")
