"""The addresses of the Xero sandbox, and which answer each gives."""

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from integrations.sandbox.jsontext import Rendered, dumps
from integrations.sandbox.messages import Call, Json, Request, Response
from integrations.sandbox.xero import changes, facts, oauth, pages, reading, writing
from integrations.sandbox.xero.errors import Invalid, Refused, errors_of, not_found, plain, unauthorized, validation
from integrations.sandbox.xero.idempotency import IdempotencyKeys
from integrations.sandbox.xero.organisation import Organisation
from integrations.sandbox.xero.resources import RESOURCES, Resource, needed_scopes

_API = "/api.xro/2.0/"
_OAUTH_CALLS = {oauth.AUTHORIZE: "oauth authorize", oauth.TOKEN: "oauth token", oauth.REVOKE: "oauth revoke"}
_LARGEST = 3_500_000
_HEADERS = {"minute": "X-MinLimit-Remaining", "day": "X-DayLimit-Remaining", "app_minute": "X-AppMinLimit-Remaining"}
_PROBLEMS = {"minute": "minute", "day": "day", "app_minute": "appminute", "concurrent": "concurrent"}
_WAIT = {"minute": "60", "day": "3600"}


class XeroSandbox:
    """One Xero organisation behind its API."""

    code = "xero"
    windows: Mapping[str, tuple[float, int]] = {
        "minute": (60.0, 60),
        "day": (86_400.0, 5000),
        "app_minute": (60.0, 10_000),
    }
    concurrent = 5

    def __init__(self) -> None:
        self._oauth = oauth.OAuth()
        self._current = threading.local()
        self.reset(keep_tokens=False)

    def reset(self, *, keep_tokens: bool) -> None:
        """Start over with the books of a new organisation."""
        self._organisation = Organisation()
        self._keys = IdempotencyKeys()
        self._tells_wait = True
        if not keep_tokens:
            self._oauth = oauth.OAuth()

    def classify(self, request: Request) -> Call:
        """Tell what a request is, from its address alone."""
        self._current.request = request  # each request has its thread; `failure` needs to know which one it befalls
        if request.path in _OAUTH_CALLS:
            return Call(_OAUTH_CALLS[request.path], "oauth")
        if oauth.is_connections(request.path):
            return Call("connections", "oauth")
        if not request.path.startswith(_API):
            return Call("page", "page")
        resource, parts = _resource(request)
        if resource is None:
            return Call("other", "api")
        words = {"GET": "read" if parts else "list", "PUT": "create", "DELETE": "delete"}
        verb = words.get(request.method, "update" if parts else "upsert")
        what = "Allocation" if len(parts) > 1 else resource.entity
        return Call(f"{verb} {what}", "api")

    def handle(self, request: Request) -> Response:
        """Answer an OAuth or API call."""
        if not request.path.startswith(_API):
            return self._oauth.handle(request)
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        try:
            if request.method in ("PUT", "POST", "PATCH"):
                return self._keys.once(request, lambda: self._answer(request))
            return self._answer(request)
        except Refused as refused:
            return refused.answer

    def page(self, request: Request) -> Response:
        """Show the books to a person."""
        return pages.show(self._organisation, request)

    def failure(self, kind: str) -> Response:
        """Give the vendor's body for a failure; its own errors are remembered under the idempotency key."""
        if kind == "429":
            return self.refuse("minute")
        if kind == "html_error":
            return Response.html(
                "<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>", 502
            )
        if kind == "503":
            return plain(503, "The Organisation is offline")
        body = {"ErrorNumber": 500, "Type": "InternalErrorException", "Message": "An error occurred in Xero."}
        answer = Response.json(body, int(kind))
        request: Request = self._current.request
        if request.method == "GET" or not request.path.startswith(_API):
            return answer
        try:
            return self._keys.once(request, lambda: answer)
        except Refused as refused:
            return refused.answer

    def refuse(self, limit: str) -> Response:
        """Answer a call that is over a limit; how long to wait is told for minute and day only."""
        headers = [("X-Rate-Limit-Problem", _PROBLEMS[limit])]
        if limit in _WAIT and self._tells_wait:
            headers.append(("Retry-After", _WAIT[limit]))
        return replace(plain(429, "Rate limit exceeded"), headers=tuple(headers))

    def finish(self, answer: Response, left: Mapping[str, int]) -> Response:
        """Add what is left of the limits, and a number for the vendor's support."""
        added = [(_HEADERS[name], str(count)) for name, count in left.items()]
        return replace(answer, headers=(*answer.headers, *added, ("xero-correlation-id", str(uuid.uuid4()))))

    def describe(self, base_url: str) -> Json:
        """Give what a client needs to connect, and how many objects there are."""
        known = {name: facts.OAUTH[name] for name in ("client_id", "client_secret")}
        return {
            "company": facts.ORGANISATION["name"],
            "realm_id": facts.TENANT_ID,
            "sign_in": {"code": "app", "fields": known},
            "custom_connection": {
                "client_id": facts.OAUTH["custom_client_id"],
                "client_secret": facts.OAUTH["custom_client_secret"],
            },
            "oauth": {
                **known,
                "authorize_url": base_url + oauth.AUTHORIZE,
                "token_url": base_url + oauth.TOKEN,
                "revoke_url": base_url + oauth.REVOKE,
            },
            "counts": {entity: len(rows) for entity, rows in self._organisation.books.tables.items()},
        }

    def objects(self) -> Json:
        """Give everything held."""
        books = self._organisation.books
        return {entity: [books.render(record) for record in rows.values()] for entity, rows in books.tables.items()}

    def control(self, action: str, body: Json) -> Json | None:
        """Do a control action of Xero's own."""
        if action == "expire_tokens":
            return {"expired": self._oauth.grants.expire(refresh=bool(body.get("refresh", False)))}
        if action == "forget_keys":
            return {"forgotten": self._keys.forget()}
        if action == "retry_after":
            self._tells_wait = bool(body.get("told", True))
            return {"told": self._tells_wait}
        if action == "disconnect":
            self._oauth.disconnect()
            return {"connected": False}
        return changes.do(self._organisation, action, body)

    def _refusal(self, request: Request) -> Response | None:
        """Refuse what the vendor would before the books are asked."""
        grant = self._oauth.grants.grant(request.headers.get("authorization", ""))
        if grant is None:
            return unauthorized("TokenExpired: token expired")
        tenant = request.headers.get("xero-tenant-id", "") or (facts.TENANT_ID if grant.custom else "")
        if tenant != facts.TENANT_ID or not self._oauth.is_connected(grant):
            return unauthorized("AuthenticationUnsuccessful", status=403)
        resource, _ = _resource(request)
        if resource is None:
            return not_found().answer
        status = int(self._organisation.preferences["ScopeStatus"])
        if not needed_scopes(resource, request.method) & set(grant.scopes):
            return unauthorized("AuthorizationUnsuccessful: insufficient_scope", status=status)
        writes = request.method not in ("GET", "HEAD", "DELETE")
        if writes and resource.entity == "ManualJournal" and not self._organisation.preferences["MayPostJournals"]:
            return unauthorized("AuthorizationUnsuccessful: the user's role does not allow this", status=status)
        if "application/json" not in request.headers.get("accept", ""):
            return Response(
                400, b"<Response>Without Accept: application/json Xero answers in XML.</Response>", "text/xml"
            )
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if writes and kind != "application/json":
            return plain(415, "Unsupported media type")
        return plain(413, "The request is too large") if len(request.body) > _LARGEST else None

    def _answer(self, request: Request) -> Response:
        try:
            return self._done(request)
        except Refused as refused:
            return refused.answer
        except Invalid as error:
            return validation([{"ValidationErrors": errors_of(error.words)}]).answer

    def _done(self, request: Request) -> Response:
        resource, parts = _resource(request)
        if resource is None or len(parts) > 3 or (len(parts) > 1 and parts[1].lower() != "allocations"):
            raise not_found()
        books = self._organisation
        if request.method == "GET":
            return self._read(resource, parts, request)
        if request.method == "DELETE" and len(parts) == 3:
            return Response.json(writing.unallocate(books, resource, parts[0], parts[2]))
        actions: dict[tuple[str, int], Callable[[], list[Rendered | Json]]] = {
            ("PUT", 0): lambda: writing.write(books, resource, request),
            ("POST", 0): lambda: writing.write(books, resource, request),
            ("POST", 1): lambda: writing.change(books, resource, parts[0], request),
            ("PUT", 2): lambda: writing.allocate(books, resource, parts[0], request),
        }
        action = actions.get((request.method, len(parts)))
        if action is None:
            raise Refused(plain(405, "Method not allowed"))
        return _wrapped("Allocations" if len(parts) == 2 else resource.path, action())

    def _read(self, resource: Resource, parts: list[str], request: Request) -> Response:
        books = self._organisation
        if resource.entity == "Organisation":
            if parts and parts[0].lower() == "actions":
                return _wrapped("Actions", reading.actions(books))
            return _wrapped("Organisations", [reading.organisation_facts(books)])
        if parts:
            return _wrapped(resource.path, [books.books.render(reading.find(books, resource, parts[0]))])
        rows, pages_told = reading.listed(books, resource, request)
        return _wrapped(resource.path, rows, pages_told)


def _wrapped(name: str, rows: list[Any], pagination: Json | None = None) -> Response:
    head: Json = {
        "Id": str(uuid.uuid4()),
        "Status": "OK",
        "ProviderName": "Counterfoil sandbox",
        "DateTimeUTC": reading.stamp(),
        **({"pagination": pagination} if pagination else {}),
    }
    return Response(200, dumps({**head, name: rows}).encode(errors="replace"))


def _resource(request: Request) -> tuple[Resource | None, list[str]]:
    """Give what an API address names, and what follows it."""
    parts = [unquote(part) for part in request.path.removeprefix(_API).strip("/").split("/")]
    return RESOURCES.get(parts[0].lower()), parts[1:]


SANDBOX = XeroSandbox
