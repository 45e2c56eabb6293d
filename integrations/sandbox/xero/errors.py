"""The vendor's refusals: what is wrong with one element, and what is wrong with a whole request."""

from collections.abc import Sequence
from html import escape
from typing import Any

from integrations.sandbox.messages import Json, Response


class Invalid(Exception):
    """An element breaks rules of the books; the vendor says all of them at once."""

    def __init__(self, *words: str) -> None:
        super().__init__("; ".join(words))
        self.words = words


class Refused(Exception):
    """A request is refused as a whole."""

    def __init__(self, answer: Response) -> None:
        super().__init__(f"{answer.status}")
        self.answer = answer


def errors_of(words: Sequence[str]) -> list[Json]:
    """Give messages as the vendor lists them."""
    return [{"Message": each} for each in words]


def api_exception(number: int, kind: str, message: str, *, status: int = 400, elements: Any = None) -> Refused:
    """Refuse with the vendor's exception object."""
    body: Json = {"ErrorNumber": number, "Type": kind, "Message": message}
    if elements is not None:
        body["Elements"] = elements
    return Refused(Response.json(body, status))


def validation(elements: Sequence[Json]) -> Refused:
    """Refuse elements that break rules."""
    return api_exception(10, "ValidationException", "A validation exception occurred", elements=list(elements))


def bad_data(message: str) -> Refused:
    """Refuse a body that cannot be read."""
    return api_exception(14, "PostDataInvalidException", message)


def bad_query(message: str) -> Refused:
    """Refuse a filter or an order that cannot be read."""
    return api_exception(16, "QueryParseException", message)


def not_found() -> Refused:
    """Say that there is no such thing; the vendor answers in plain words."""
    return Refused(Response(404, b"The resource you're looking for cannot be found", "text/html; charset=utf-8"))


def unauthorized(detail: str, *, status: int = 401) -> Response:
    """Refuse a caller; the shape differs from all other errors."""
    title = "Unauthorized" if status == 401 else "Forbidden"
    body: Json = {"Type": None, "Title": title, "Status": status, "Detail": detail, "Instance": "", "Extensions": {}}
    return Response.json(body, status)


def plain(status: int, words: str) -> Response:
    """Answer in plain text."""
    return Response(status, escape(words).encode(), "text/plain; charset=utf-8")
