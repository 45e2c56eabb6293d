"""What goes in and out of a sandbox, and what the server needs of a vendor."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

from integrations.sandbox.jsontext import dumps

Json = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One HTTP request. `target` is the path with its query string, as sent; header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    path: str = field(init=False)
    params: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.target)
        object.__setattr__(self, "path", parts.path)
        object.__setattr__(self, "params", dict(parse_qsl(parts.query, keep_blank_values=True)))

    @property
    def base_url(self) -> str:
        """Give the server's address as the caller knows it."""
        return f"http://{self.headers.get('host', 'localhost')}"

    def form(self) -> dict[str, str]:
        """Read a body of form fields."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))


@dataclass(frozen=True)
class Response:
    """One HTTP answer."""

    status: int
    body: bytes = b""
    content_type: str = "application/json;charset=UTF-8"
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def json(cls, value: Any, status: int = 200) -> "Response":
        """Answer with JSON."""
        return cls(status, dumps(value).encode(errors="replace"))

    @classmethod
    def back_to(cls, address: str, answer: Mapping[str, str]) -> "Response":
        """Send a browser back to where it came from, with the answer in the address."""
        uri = urlsplit(address)
        location = uri._replace(query=urlencode([*parse_qsl(uri.query), *answer.items()])).geturl()
        return cls(302, headers=(("Location", location),))

    @classmethod
    def html(cls, text: str, status: int = 200) -> "Response":
        """Answer with a page for a person."""
        return cls(status, text.encode(errors="replace"), "text/html; charset=utf-8")


@dataclass(frozen=True)
class Call:
    """What a request is, before anything is done: how it is counted and what may befall it."""

    kind: str
    group: Literal["api", "oauth", "page"]
    is_batch: bool = False
    window: str = ""


class ControlError(Exception):
    """Raise when a control request cannot be done; the text says what to send instead."""


class Vendor(Protocol):
    """One vendor's server. The caller holds the lock around every method.

    `windows`: the published limits, by name (seconds, calls); `concurrent`: calls at once. See `sandbox.limits`.
    """

    code: str
    windows: Mapping[str, tuple[float, int]]
    concurrent: int

    def classify(self, request: Request) -> Call:
        """Tell what a request is."""

    def handle(self, request: Request) -> Response:
        """Answer a call."""

    def page(self, request: Request) -> Response:
        """Answer a person's browser."""

    def failure(self, kind: str) -> Response:
        """Give the vendor's own body for "500", "503", "429" or "html_error"."""

    def refuse(self, limit: str) -> Response:
        """Answer a call that is over a limit, named as in `windows`, or "concurrent"."""

    def finish(self, answer: Response, left: Mapping[str, int]) -> Response:
        """Add what every answer of the vendor carries, such as headers that tell what is left of the limits."""

    def describe(self, base_url: str) -> Json:
        """Give company, realm_id, counts (per list and document, accounts as "Account") and sign_in.

        `sign_in` is {"code": the spec's way of signing in, "fields": {name: value}}: what a person would enter there.
        """

    def objects(self) -> Json:
        """Give everything held, per entity."""

    def control(self, action: str, body: Json) -> Json | None:
        """Do one of the vendor's own control actions; None if there is none of that name. Raises ControlError."""

    def reset(self, *, keep_tokens: bool) -> None:
        """Empty the books."""
