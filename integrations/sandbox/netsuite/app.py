"""The addresses of the NetSuite sandbox, and which answer each gives."""

from collections.abc import Callable, Mapping
from typing import Any

from integrations.sandbox.jsontext import loads
from integrations.sandbox.messages import Call, ControlError, Json, Request, Response
from integrations.sandbox.netsuite import auth, facts, jobs, pages, records, suiteql
from integrations.sandbox.netsuite.company import Company
from integrations.sandbox.netsuite.faults import VendorFault, content
from integrations.sandbox.netsuite.fields import Shape, mode
from integrations.sandbox.netsuite.store import TRANSACTIONS, Record

_RECORD = "/services/rest/record/v1/"
_SUITEQL = "/services/rest/query/v1/suiteql"
_LARGEST_BATCH = 100
_LARGEST_PAGE = 1000
_COLLECTION = "type=collection"
_FORM = {"fields", "expandSubResources", "expand", "replace", "limit", "offset", "q"}
# By the REST API Browser; "one": of a single record.
_PARAMS = {
    "GET": {"q", "limit", "offset", "expandRecords", "ids"},
    "GET one": {"expandSubResources", "simpleEnumFormat", "fields"},
    "POST": _FORM,
    "PUT": {"replace", "replaceSelectedFields"},
    "PATCH": _FORM | {"replaceSelectedFields"},
    "DELETE": {"ids"},
    "DELETE one": set(),
}
_NO_LOGIN = VendorFault(
    "INVALID_LOGIN",
    "Invalid login attempt. For more details, see the Login Audit Trail in the NetSuite UI at Setup > Users/Roles > User "
    "Management > View Login Audit Trail.",
    status=401,
)
_BUSY = VendorFault(
    "CONCURRENCY_LIMIT_EXCEEDED",
    "Concurrent request limit exceeded. Request blocked.",
    status=429,
)


class NetSuiteSandbox:
    """One NetSuite account behind its REST web services."""

    code = "netsuite"
    windows: Mapping[str, tuple[float, int]] = {}  # No rate is published, only how many requests run at once.
    concurrent = 5

    def __init__(self) -> None:
        self._auth = auth.Auth()
        self.reset(keep_tokens=False)

    def reset(self, *, keep_tokens: bool) -> None:
        """Start over with the books of a new account."""
        self._company = Company()
        self._jobs = jobs.Jobs()
        self._auth.refusals, self._auth.clock_ahead = 0, 0.0
        if not keep_tokens:
            self._auth.expire()

    def classify(self, request: Request) -> Call:
        """Tell what a request is, from its address alone."""
        if request.path == auth.TOKEN:
            return Call("oauth token", "oauth")
        if not request.path.startswith("/services/"):
            return Call("page", "page")
        if request.path == _SUITEQL:
            return Call("suiteql", "api")
        if request.path.startswith(jobs.ROOT):
            return Call("job result" if request.path.endswith("/result") else "job", "api")
        kind, key, action = _parts(request)
        if not kind:
            return Call("other", "api")
        if _COLLECTION in request.headers.get("content-type", ""):
            return Call(f"batch {kind}", "api", is_batch=True)
        if action:
            return Call(f"transform {kind}", "api")
        verb = {"POST": "create", "PUT": "upsert", "PATCH": "update", "DELETE": "delete"}.get(request.method, "read")
        return Call(f"{'list' if verb == 'read' and not key else verb} {kind}", "api")

    def handle(self, request: Request) -> Response:
        """Answer a sign-in or an API call."""
        self._jobs.run_due()
        if request.path == auth.TOKEN:
            return self._auth.token(request, int(self._company.preferences["TokenSeconds"]))
        if not self._auth.accepts(request):
            told = (("WWW-Authenticate", 'OAuth realm="restlets", error="invalid_token"'), *self._auth.clock())
            return _refusal(_NO_LOGIN, told)
        return self._guarded(lambda: self._answer(request))

    def page(self, request: Request) -> Response:
        """Show the books to a person."""
        self._jobs.run_due()
        return pages.show(self._company, request)

    def failure(self, kind: str) -> Response:
        """Give the vendor's body for a failure."""
        if kind == "429":
            return self.refuse("concurrent")
        if kind == "html_error":
            return Response.html("<html><head><title>Notice</title></head><body>Bad Gateway</body></html>", 502)
        words = "An unexpected error occurred. Error ID: kf5w2m8q1x"
        return _refusal(VendorFault("UNEXPECTED_ERROR", words, status=int(kind)))

    def refuse(self, limit: str) -> Response:
        """Answer a call that is over the account's concurrency."""
        seconds = self._company.preferences["RetryAfter"]
        return _refusal(_BUSY, (("Retry-After", str(seconds)),) if seconds else ())

    def finish(self, answer: Response, left: Mapping[str, int]) -> Response:
        """Add nothing: the vendor tells no limits in its answers."""
        return answer

    def describe(self, base_url: str) -> Json:
        """Give what a client needs to connect, and how many records there are."""
        self._jobs.run_due()
        counts = {kind: len(rows) for kind, rows in self._company.books.records.items()}
        return {
            "company": facts.COMPANY["name"],
            "realm_id": facts.ACCOUNT_ID,
            "sign_in": auth.describe(self._auth),
            "token": facts.TOKEN,
            "counts": counts
            | {kind: counts.get(kind, 0) for kind in (*TRANSACTIONS, "customer")}
            | {"Account": counts["account"]},
        }

    def objects(self) -> Json:
        """Give everything held."""
        books = self._company.books
        return {
            kind: [records.render(self._company, record, "", expand=True) for record in rows.values()]
            for kind, rows in books.records.items()
        }

    def control(self, action: str, body: Json) -> Json | None:
        """Do a control action of NetSuite's own."""
        if action == "expire_tokens":
            return {"expired": self._auth.expire()}
        if action == "forget_requestids":
            return {"forgotten": self._jobs.forget_keys()}
        if action == "refuse_logins":
            self._auth.refusals = int(body.get("times", 1))
            return {"times": self._auth.refusals}
        if action == "certificates":
            return {"certificate_id": self._auth.register(str(body.get("certificate", "")))}
        if action == "preferences":
            unknown = sorted(set(body) - set(facts.PREFERENCES))
            if unknown:
                raise ControlError(f"Unknown preference {', '.join(unknown)}. Known: {', '.join(facts.PREFERENCES)}.")
            self._company.prefer(body)
            self._auth.clock_ahead = float(self._company.preferences["ClockAhead"])
            self._auth.audience = str(self._company.preferences["Audience"])
            return dict(self._company.preferences)
        if action == "edit":
            return self._edit(body)
        return None

    def _edit(self, body: Json) -> Json:
        kind, key = str(body.get("entity", "")), str(body.get("id", ""))
        try:
            record = records.find(self._company, kind, key)
            if body.get("delete"):
                self._company.books.remove(record)
                return {"deleted": {"entity": kind, "id": key}}
            record = records.edit_by_hand(self._company, kind, key, body.get("changes") or {})
        except VendorFault as fault:
            raise ControlError(fault.detail) from fault
        return {kind: records.render(self._company, record, "", expand=True)}

    def _guarded(self, work: Callable[[], Response]) -> Response:
        try:
            return work()
        except VendorFault as fault:
            return _refusal(fault)

    def _answer(self, request: Request) -> Response:
        if request.path == _SUITEQL:
            if request.method != "POST":
                raise VendorFault("INVALID_REQUEST", "SuiteQL queries are sent with POST.", status=405)
            numbers = bool(self._company.preferences["AccountColumns"])
            return Response.json(suiteql.run(self._company.books.tables, request, _json(request), numbers=numbers))
        if request.path.startswith(jobs.ROOT):
            return self._jobs.answer(request)
        kind, key, action = _parts(request)
        if kind not in records.KINDS.values():
            raise VendorFault("NONEXISTENT_ID", f"Record type '{kind}' does not exist.", status=404)
        _known_params(request, key, action)
        is_async = "respond-async" in request.headers.get("prefer", "").lower()
        if _COLLECTION in request.headers.get("content-type", ""):
            return self._batch(request, kind, is_async)
        if request.method in ("POST", "PUT", "PATCH") and (request.body or not action):
            self._json_only(request)
        body = _json(request) if request.body else None

        def work() -> Response:
            return self._guarded(lambda: self._one(request, kind, key, action, body))

        if is_async:
            return self._jobs.submit(request, [work], seconds=float(self._company.preferences["JobSeconds"]))
        return work()

    def _batch(self, request: Request, kind: str, is_async: bool) -> Response:
        if not is_async:
            raise VendorFault("INVALID_HEADER", "Batch operations need the header 'Prefer: respond-async'.")
        if request.method == "POST" and not self._company.preferences["BatchesByPost"]:
            raise VendorFault(
                "INVALID_HEADER", "Invalid value of header 'Content-Type'. Use application/json.", status=415
            )
        body = _json(request)
        items = body.get("items") if isinstance(body, dict) else None
        if not isinstance(items, list) or not items or request.method not in ("POST", "PUT", "PATCH"):
            raise content("A batch needs the property 'items' with at least one record.", "items")
        if len(items) > _LARGEST_BATCH:
            raise content(f"A batch holds at most {_LARGEST_BATCH} records.", "items")

        def task(item: Any) -> Callable[[], Response]:
            name = "id" if request.method == "PATCH" else "externalId"
            given = item.get(name) if isinstance(item, dict) else None
            key = "" if request.method == "POST" else f"{'' if name == 'id' else 'eid:'}{given or ''}"
            return lambda: self._guarded(lambda: self._one(request, kind, key, "", item))

        tasks = [task(item) for item in items]
        return self._jobs.submit(request, tasks, seconds=float(self._company.preferences["JobSeconds"]))

    def _one(self, request: Request, kind: str, key: str, action: str, body: Any) -> Response:
        company = self._company
        names = mode(request.headers, "X-NetSuite-PropertyNameValidation", "Warning")
        mode(request.headers, "X-NetSuite-PropertyValueValidation", "Error")
        shape = Shape(company.books, names)
        how = records.Writing(shape, tuple(filter(None, request.params.get("replace", "").split(","))))
        if request.method == "GET":
            return self._read(request, kind, key)
        if request.method == "POST" and action:
            made = records.transform(company, records.find(company, kind, key), action, body, how)
        elif request.method == "POST" and not key:
            made = records.create(company, kind, body, how)
        elif request.method == "PUT" and key:
            made = records.upsert(company, kind, key, body, how)
        elif request.method == "PATCH" and key:
            made = records.update(company, records.find(company, kind, key), body, how)
        elif request.method == "DELETE" and key:
            records.delete(company, records.find(company, kind, key))
            return Response(204)
        else:
            raise VendorFault("INVALID_REQUEST", "This method is not supported here.", status=405)
        return Response(204, headers=(_location(request, made), *(("Warning", f'299 - "{w}"') for w in shape.warnings)))

    def _read(self, request: Request, kind: str, key: str) -> Response:
        company, base = self._company, request.base_url
        if key:
            expand = request.params.get("expandSubResources", "false") == "true"
            only = set(request.params["fields"].split(",")) if request.params.get("fields") else None
            record = records.find(company, kind, key)
            return Response.json(records.render(company, record, base, expand=expand, only=only))
        if "q" in request.params:
            raise VendorFault("INVALID_PARAMETER", "This sandbox filters by SuiteQL only, not by 'q'.")
        rows = list(company.books.all(kind))
        limit, offset = int(request.params.get("limit", _LARGEST_PAGE)), int(request.params.get("offset", 0))
        if not 1 <= limit <= _LARGEST_PAGE or offset % limit:
            raise VendorFault("INVALID_PARAMETER", "The limit is at most 1000, the offset divisible by the limit.")
        page = rows[offset : offset + limit]
        items = [{"links": [{"rel": "self", "href": f"{base}{_RECORD}{kind}/{row.id}"}], "id": row.id} for row in page]
        found: Json = {"links": [], "count": len(page), "hasMore": offset + len(page) < len(rows), "items": items}
        return Response.json(found | {"offset": offset, "totalResults": len(rows)})

    def _json_only(self, request: Request) -> None:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in ("application/json", "application/vnd.oracle.resource+json"):
            raise VendorFault("INVALID_CONTENT", "Unsupported Content-Type. Use application/json.", status=415)


def _known_params(request: Request, key: str, action: str) -> None:
    """Refuse a query parameter that the operation does not have. Raises VendorFault."""
    method = f"{request.method} one" if key and request.method in ("GET", "DELETE") and not action else request.method
    unknown = sorted(set(request.params) - _PARAMS.get(method, set()))
    if unknown:
        raise VendorFault("INVALID_PARAMETER", f"Invalid query parameter '{unknown[0]}'.")


def _parts(request: Request) -> tuple[str, str, str]:
    """Give record type, key and the target of a transformation."""
    if not request.path.startswith(_RECORD):
        return "", "", ""
    parts = request.path.removeprefix(_RECORD).split("/")
    kind = records.KINDS.get(parts[0].lower(), parts[0])
    action = ""
    if len(parts) == 4 and parts[2] == "!transform":
        action = records.KINDS.get(parts[3].lower(), parts[3])
    elif len(parts) > 2:
        return f"{kind}/{parts[1]}/{parts[2]}", "", ""
    return kind, parts[1] if len(parts) > 1 else "", action


def _location(request: Request, record: Record) -> tuple[str, str]:
    return "Location", f"{request.base_url}{_RECORD}{record.type}/{record.id}"


def _refusal(fault: VendorFault, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    answer = Response.json(fault.body(), fault.status)
    return Response(
        answer.status, answer.body, "application/vnd.oracle.resource+json; type=error", (*fault.headers, *headers)
    )


def _json(request: Request) -> Any:
    try:
        return loads(request.body)
    except ValueError as error:
        raise content(f"Invalid content in the request body: {error}") from error


SANDBOX = NetSuiteSandbox
