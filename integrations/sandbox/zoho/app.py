"""Zoho Books at its addresses: who may call, what is counted, and what each answer is."""

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from integrations.sandbox.jsontext import loads
from integrations.sandbox.messages import Call, Json, Request, Response
from integrations.sandbox.zoho import changes, facts, oauth, pages, routes
from integrations.sandbox.zoho.errors import (
    INTERNAL,
    INVALID,
    NOT_JSON,
    PARALLEL,
    PER_DAY,
    PER_MINUTE,
    ZohoError,
    invalid,
    missing,
    unauthorised,
)
from integrations.sandbox.zoho.organization import Organization
from integrations.sandbox.zoho.routing import ROUTES, Asked, Route

_API = "/books/v3"
_OAUTH_CALLS = {
    oauth.AUTHORIZE: "oauth authorize",
    oauth.TOKEN: "oauth token",
    oauth.REVOKE: "oauth revoke",
    oauth.SERVERS: "oauth serverinfo",
}
_WITHOUT_ORGANIZATION = re.compile(r"^/organizations(/\d+)?$")
_DAY = 86400.0
_COUNTED = {"chartofaccounts": "Account", "contacts": "Customer", "items": "Item"}
routes.serve_all()


class ZohoSandbox:
    """One Zoho Books organisation behind its API, and the accounts server that opens it."""

    code = "zoho"
    windows: Mapping[str, tuple[float, int]] = {"per_minute": (60.0, 100)}
    concurrent = 10

    def __init__(self) -> None:
        self._oauth = oauth.OAuth()
        self.reset(keep_tokens=False)

    def reset(self, *, keep_tokens: bool) -> None:
        """Start over with the books of a new organisation."""
        self._org = Organization()
        self._today: list[float] = []
        if not keep_tokens:
            self._oauth = oauth.OAuth()

    def classify(self, request: Request) -> Call:
        """Tell what a request is, from its method and address alone."""
        if request.path in _OAUTH_CALLS:
            return Call(_OAUTH_CALLS[request.path], "oauth")
        if not request.path.startswith(f"{_API}/"):
            return Call("page", "page")
        found = _find(request.method, request.path.removeprefix(_API))
        return Call(found[0].kind if found else "other", "api")

    def handle(self, request: Request) -> Response:
        """Answer a call to the accounts server or the API."""
        if request.path in _OAUTH_CALLS:
            return self._oauth.handle(request, limited=bool(self._org.preferences["TokenLimits"]))
        try:
            status, body = self._answer(request)
        except ZohoError as error:
            return self._later(error) if error.status == 429 else error.answer()
        return Response.json(body, status)

    def page(self, request: Request) -> Response:
        """Show the books to a person."""
        return pages.show(self._org, request)

    def failure(self, kind: str) -> Response:
        """Give the vendor's body for a failure."""
        if kind == "html_error":
            return Response.html("<html><head><title>502 Bad Gateway</title></head><body>502</body></html>", 502)
        if kind.startswith("429"):
            return self.refuse("per_minute")
        words = "We are unable to process your request. Please try again after some time."
        return ZohoError(INTERNAL, words, status=int(kind)).answer()

    def refuse(self, limit: str) -> Response:
        """Answer a call that is over a limit."""
        return self._later(_over(limit))

    def finish(self, answer: Response, left: Mapping[str, int]) -> Response:
        """Add nothing: the vendor tells in no header what is left."""
        return answer

    def describe(self, base_url: str) -> Json:
        """Give what a client needs to connect, and how many records there are."""
        tables = self._org.books.tables
        counts = {path: len(rows) for path, rows in tables.items()}
        return {
            "company": facts.ORGANIZATION["name"],
            "realm_id": facts.ORGANIZATION_ID,
            "oauth": {
                "client_id": facts.OAUTH["client_id"],
                "client_secret": facts.OAUTH["client_secret"],
                "authorize_url": base_url + oauth.AUTHORIZE,
                "token_url": base_url + oauth.TOKEN,
            },
            "sign_in": {
                "code": "oauth",
                "fields": {name: facts.OAUTH[name] for name in ("client_id", "client_secret")},
            },
            "counts": counts | {name: len(tables[path]) for path, name in _COUNTED.items()},
        }

    def objects(self) -> Json:
        """Give everything held, by the vendor's names of its lists."""
        return {path: list(rows.values()) for path, rows in self._org.books.tables.items()}

    def control(self, action: str, body: Json) -> Json | None:
        """Do a control action of Zoho's own."""
        if action == "expire_tokens":
            return {"expired": self._oauth.expire(refresh=bool(body.get("refresh", False)))}
        if action == "forget_tokens_made":
            return {"forgotten": self._oauth.forget_made()}
        if action == "new_day":
            self._today.clear()
            return {"ok": True}
        if action == "preferences":
            return changes.prefer(self._org, body)
        if action == "edit":
            return changes.edit_by_hand(self._org, body)
        return None

    def _answer(self, request: Request) -> tuple[int, Json]:
        self._count_today()
        scope = self._oauth.scope_of(request.headers.get("authorization", ""))
        if scope is None:
            raise unauthorised()
        path = request.path.removeprefix(_API)
        found = _find(request.method, path)
        if found is None:
            known = any(each.pattern.match(path) for each in ROUTES)
            raise ZohoError(INVALID, "Invalid URL Passed", status=405 if known else 404)
        route, parts = found
        if not _covers(scope, route.scope):
            raise unauthorised()
        if not _WITHOUT_ORGANIZATION.match(path):
            given = request.params.get("organization_id")
            if not given:
                raise missing("organization_id")
            if given != facts.ORGANIZATION_ID:
                raise ZohoError(6041, "This user is not associated with the CompanyID/CompanyName:")
        if route.takes is not None:
            unknown = set(request.params) - {"organization_id", *route.takes}
            if unknown:
                raise invalid(sorted(unknown)[0])
        return route.run(Asked(self._org, request.params, request.headers, _body(request), parts))

    def _later(self, error: ZohoError) -> Response:
        answer, seconds = error.answer(), self._org.preferences["RetryAfter"]
        return replace(answer, headers=(("Retry-After", str(seconds)),)) if seconds else answer

    def _count_today(self) -> None:
        """Keep to the day's number of calls, where the preferences give one."""
        now = time.monotonic()
        most = self._org.preferences["DailyLimit"]
        self._today = [each for each in self._today if each > now - _DAY]
        if most and len(self._today) >= most:
            raise ZohoError(
                PER_DAY, f"You have crossed the maximum call rate limit of {most} calls per day.", status=429
            )
        self._today.append(now)


def _over(limit: str) -> ZohoError:
    if limit == "concurrent":
        return ZohoError(PARALLEL, "Too many requests are being processed at the same time.", status=429)
    words = (
        "For security reasons you have been blocked for some time as you have exceeded the maximum number of requests "
        "per minute that can be requested from one account."
    )
    return ZohoError(PER_MINUTE, words, status=429)


def _find(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    for route in ROUTES:
        match = route.pattern.match(path) if route.method == method else None
        if match:
            return route, match.groups()
    return None


def _covers(granted: str, needed: str) -> bool:
    scopes = granted.split(",")
    return "ZohoBooks.fullaccess.all" in scopes or needed in scopes or f"{needed.rpartition('.')[0]}.ALL" in scopes


def _body(request: Request) -> Any:
    if request.method not in ("POST", "PUT") or not request.body.strip():
        return None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind != "application/json":
            raise ValueError(kind)
        return loads(request.body)
    except ValueError:
        raise ZohoError(NOT_JSON, "JSON is not well formed") from None


SANDBOX = ZohoSandbox
