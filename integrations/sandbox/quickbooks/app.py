"""The addresses of the QuickBooks sandbox, and which answer each gives."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from integrations.sandbox.jsontext import Rendered, dumps, loads
from integrations.sandbox.messages import Call, Json, Request, Response
from integrations.sandbox.quickbooks import batch, changes, entities, facts, fields, oauth, pages, query, reports
from integrations.sandbox.quickbooks.company import Company
from integrations.sandbox.quickbooks.faults import VendorFault, gateway_fault, inactive, missing
from integrations.sandbox.quickbooks.requestids import Answer, RequestIds, check_form
from integrations.sandbox.quickbooks.store import answer_time

_API = "/v3/company/"
_LONGEST_TARGET = 8000  # Bytes of an address. Intuit names no limit; gateways commonly have this one.
_OAUTH_CALLS = {
    oauth.AUTHORIZE: "oauth authorize",
    oauth.TOKEN: "oauth token",
    oauth.REVOKE: "oauth revoke",
    oauth.DISCOVERY: "oauth discovery",
}
_METHODS = {"batch": ("POST",), "cdc": ("GET",), "reports": ("GET",), "exchangerate": ("GET",)}  # others take both
_ENTITIES = {name.lower(): name for name in fields.FILTERABLE}
_THROTTLED = gateway_fault("ThrottleExceeded", 3001, 429, "SERVICE")
_NO_TOKEN = gateway_fault("AuthenticationFailed", 3200, 401, "AUTHENTICATION")
_NO_ACCESS = gateway_fault("ApplicationAuthorizationFailed", 3100, 403, "AUTHORIZATION")


class QuickBooksSandbox:
    """One QuickBooks Online company behind its API."""

    code = "quickbooks"
    windows: Mapping[str, tuple[float, int]] = {
        "per_minute": (60, 500),
        "per_second": (1, 10),
        "batch_per_minute": (60, 40),
    }
    concurrent = 10

    def __init__(self) -> None:
        self._oauth = oauth.OAuth()
        self.reset(keep_tokens=False)

    def reset(self, *, keep_tokens: bool) -> None:
        """Start over with the books of a new company."""
        self._company = Company()
        self._requestids = RequestIds()
        if not keep_tokens:
            self._oauth = oauth.OAuth()

    def classify(self, request: Request) -> Call:
        """Tell what a request is, from its address alone."""
        if request.path in _OAUTH_CALLS:
            return Call(_OAUTH_CALLS[request.path], "oauth")
        if not request.path.startswith("/v3/"):
            return Call("page", "page")
        resource, rest = _resource(request)
        if resource == "batch":
            return Call("batch", "api", is_batch=True)
        if resource == "query":
            words = _query_text(request).split()
            lowered = [word.lower() for word in words]
            at = lowered.index("from") + 1 if "from" in lowered else len(words)
            return Call(f"query {_ENTITIES.get(lowered[at], 'other')}" if at < len(words) else "query other", "api")
        name = _ENTITIES.get(resource)
        if name is None:
            return Call(resource if resource in ("cdc", "exchangerate") else "other", "api")
        if request.method == "GET" or rest:
            return Call(f"read {name}", "api")
        operation = request.params.get("operation") or ("update" if b'"SyncToken"' in request.body else "create")
        return Call(f"{operation} {name}", "api")

    def handle(self, request: Request) -> Response:
        """Answer an OAuth or API call. An API call without `Accept: application/json` gets 400; the vendor answers XML."""
        if request.path in _OAUTH_CALLS:
            return self._oauth.handle(request, rotate=self._company.preferences["RotateRefreshTokens"])
        refusal = self._refusal(request)
        if refusal is not None:
            return replace(refusal, headers=(*refusal.headers, _trace()))
        try:
            status, text = self._answer(request)
        except VendorFault as fault:
            status, text = fault.status, dumps({"Fault": fault.body()})
        body = f'{text[:-1]},"time":"{answer_time()}"}}' if text != "{}" else "{}"
        return Response(status, body.encode(errors="replace"), headers=(_trace(),))

    def page(self, request: Request) -> Response:
        """Show the books to a person."""
        return pages.show(self._company, request)

    def failure(self, kind: str) -> Response:
        """Give the vendor's body for a failure."""
        if kind == "429":
            return Response.json(_THROTTLED, 429)
        if kind == "html_error":
            return Response.html(
                "<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>", 502
            )
        fault = VendorFault("10000", "System Failure Error: please try again later", status=int(kind))
        return Response.json({"Fault": fault.body(), "time": answer_time()}, int(kind))

    def refuse(self, limit: str) -> Response:
        """Answer a call over a limit: the vendor does not say which."""
        return self.failure("429")

    def finish(self, answer: Response, left: Mapping[str, int]) -> Response:
        """Add nothing: the vendor tells no remaining quota."""
        return answer

    def describe(self, base_url: str) -> Json:
        """Give what a client needs to connect, and how many objects there are."""
        return {
            "company": facts.COMPANY["name"],
            "realm_id": facts.REALM_ID,
            "sign_in": {
                "code": "oauth2",
                "fields": {name: facts.OAUTH[name] for name in ("client_id", "client_secret")},
            },
            "oauth": {
                "client_id": facts.OAUTH["client_id"],
                "client_secret": facts.OAUTH["client_secret"],
                "authorize_url": base_url + oauth.AUTHORIZE,
                "token_url": base_url + oauth.TOKEN,
                "revoke_url": base_url + oauth.REVOKE,
            },
            "counts": {entity: len(rows) for entity, rows in self._company.books.tables.items()},
        }

    def objects(self) -> Json:
        """Give everything held."""
        books = self._company.books
        return {entity: [books.render(record) for record in rows.values()] for entity, rows in books.tables.items()}

    def control(self, action: str, body: Json) -> Json | None:
        """Do a control action of QuickBooks' own."""
        if action == "expire_tokens":
            return {"expired": self._oauth.expire(refresh=bool(body.get("refresh", False)))}
        if action == "forget_requestids":
            return {"forgotten": self._requestids.forget()}
        if action == "preferences":
            return changes.prefer(self._company, body)
        if action == "edit":
            return changes.edit_by_hand(self._company, body)
        return None

    def _refusal(self, request: Request) -> Response | None:
        """Refuse what the vendor's gateway would, before the books are asked."""
        if not self._oauth.accepts(request.headers.get("authorization", "")):
            challenge = (("WWW-Authenticate", 'Bearer realm="Intuit", error="invalid_token"'),)
            return Response(401, dumps(_NO_TOKEN).encode(), headers=challenge)
        if not request.path.startswith(f"{_API}{facts.REALM_ID}/"):
            return Response.json(_NO_ACCESS, 403)
        if len(request.target) > _LONGEST_TARGET:
            return Response.html("<html><head><title>414 Request-URI Too Large</title></head></html>", 414)
        if "application/json" not in request.headers.get("accept", ""):
            words = "Without Accept: application/json the vendor answers in XML, which this sandbox does not speak."
            return Response(400, f"<IntuitResponse><Fault>{words}</Fault></IntuitResponse>".encode(), "application/xml")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        is_query = _resource(request)[0] == "query"
        if request.method == "POST" and kind != "application/json" and not (is_query and kind == "application/text"):
            return Response.json({"Fault": VendorFault("2010", "Unsupported Content-Type").body()}, 415)
        return None

    def _answer(self, request: Request) -> Answer:
        resource, rest = _resource(request)
        requestid = request.params.get("requestid")
        if request.method not in _METHODS.get(resource, ("GET", "POST")):
            raise VendorFault("2010", f"Unsupported operation: {request.method} {resource}", status=405)
        if resource == "batch":
            return 200, dumps(batch.run(self._company, _json(request), requestid, self._requestids))
        if resource == "query":
            return 200, dumps({"QueryResponse": query.run(self._company, _query_text(request))})
        if resource == "cdc":
            return 200, dumps(changes.since(self._company, request.params))
        if resource == "reports":
            return 200, dumps(reports.run(self._company, rest, request.params))
        if resource == "exchangerate":
            return 200, dumps({"ExchangeRate": changes.exchange_rate(request.params)})
        entity = _ENTITIES.get(resource)
        if entity is None:
            raise VendorFault("2010", f"Unsupported operation: {request.method} {resource}", status=404)
        if request.method == "GET":
            return 200, dumps({entity: self._read(entity, rest)})
        if rest:
            raise VendorFault("2010", f"Unsupported operation: POST {resource}/{rest}", status=404)
        return self._write(request, entity, requestid)

    def _read(self, entity: str, rest: str) -> Rendered:
        if entity in ("CompanyInfo", "Preferences"):
            if rest != (facts.REALM_ID if entity == "CompanyInfo" else ""):
                raise inactive()
            return self._company.books.render(next(self._company.books.all(entity)))
        if not rest:
            raise missing("Id")
        return entities.read(self._company, entity, rest)

    def _write(self, request: Request, entity: str, requestid: str | None) -> Answer:
        body = _json(request)
        has_id = isinstance(body, dict) and "Id" in body and "SyncToken" in body
        operation = request.params.get("operation") or ("update" if has_id else "create")
        if request.params.get("include") == "void" and operation == "update":
            operation = "void via update"

        def work() -> Answer:
            try:
                return 200, dumps({entity: entities.write(self._company, entity, operation, body)})
            except VendorFault as fault:
                return fault.status, dumps({"Fault": fault.body()})

        if requestid is None:
            return work()
        check_form(requestid)
        return self._requestids.once(requestid, f"{operation} {entity} ".encode() + request.body, work)


def _trace() -> tuple[str, str]:
    """Give the header by which the vendor's support finds a call."""
    return ("intuit_tid", f"1-{uuid.uuid4()}")


def _resource(request: Request) -> tuple[str, str]:
    """Give the lower-case resource of an API address and what follows it."""
    parts = request.path.removeprefix(_API).split("/")
    return (parts[1].lower() if len(parts) > 1 else ""), "/".join(parts[2:])


def _query_text(request: Request) -> str:
    return request.params.get("query") or request.body.decode("utf-8", "replace")


def _json(request: Request) -> Any:
    try:
        return loads(request.body)
    except ValueError as error:
        raise VendorFault("2010", f"The body is not JSON: {error}") from error


SANDBOX = QuickBooksSandbox
