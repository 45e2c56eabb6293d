"""Signing in as at Xero: consent page, codes for one use, PKCE, custom connections, and the list of connections."""

import base64
import binascii
import hmac
import re
import secrets
import time
from datetime import UTC, datetime
from html import escape
from urllib.parse import urlsplit
from uuid import uuid4

from integrations.sandbox.html import sign_in_page
from integrations.sandbox.messages import Json, Request, Response
from integrations.sandbox.xero import facts
from integrations.sandbox.xero.errors import unauthorized
from integrations.sandbox.xero.grants import CODE_SECONDS, Code, Grant, Grants, challenge_of

AUTHORIZE, TOKEN, REVOKE = "/identity/connect/authorize", "/connect/token", "/connect/revocation"
CONNECTIONS = "/connections"
_COLOUR = "#0f6a9a"
_ASKED = ("client_id", "redirect_uri", "response_type", "scope")
_KEPT = (*_ASKED, "state", "code_challenge", "code_challenge_method")
_NAMES = "invoices payments banktransactions manualjournals contacts settings attachments journals budgets"
# Apps made since March 2026 get these granular scopes only.
SCOPES = {"openid", "profile", "email", "offline_access"} | {
    f"accounting.{name}{ending}" for name in _NAMES.split() for ending in ("", ".read")
}
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class OAuth:
    """The identity server, as far as one organisation's apps see it."""

    def __init__(self) -> None:
        self.grants = Grants()
        self._codes: dict[str, Code] = {}
        self._connected: dict[str, str] = {}  # by authorisation event: when
        self._first = _now_text()

    def handle(self, request: Request) -> Response:
        """Answer one of the identity server's addresses."""
        if request.path == AUTHORIZE:
            return self._authorize(request)
        if is_connections(request.path):
            return self._connections(request)
        if request.method != "POST":
            return _error("invalid_request", status=405)
        if request.path == REVOKE:
            return self._revoke(request)
        return self._token(request)

    def is_connected(self, grant: Grant) -> bool:
        """Tell whether the person who gave a token has the organisation connected."""
        return grant.custom or bool(self._connected)

    def disconnect(self) -> None:
        """Drop the connection, as a person does in Xero's settings."""
        self._connected.clear()

    def _authorize(self, request: Request) -> Response:
        asked = {**request.params, **(request.form() if request.method == "POST" else {})}
        problem = _problem(asked)
        if problem:
            return Response.html(
                sign_in_page("Sorry, something went wrong", f"<p>{escape(problem)}</p>", colour=_COLOUR), 400
            )
        if request.method != "POST":
            return Response.html(_consent(asked))
        state = {"state": asked["state"]} if asked.get("state") else {}
        if asked.get("decision") == "deny":
            return Response.back_to(asked["redirect_uri"], {"error": "access_denied", **state})
        code = secrets.token_urlsafe(24)
        scopes = tuple(asked["scope"].split())
        expires = time.monotonic() + CODE_SECONDS
        self._codes[code] = Code(asked["redirect_uri"], scopes, asked.get("code_challenge", ""), expires)
        return Response.back_to(asked["redirect_uri"], {"code": code, "scope": " ".join(scopes), **state})

    def _token(self, request: Request) -> Response:
        form = request.form()
        client_id, secret = _client(request)
        kind = form.get("grant_type")
        if kind == "client_credentials":
            return self._custom(client_id, secret, form)
        if client_id != facts.OAUTH["client_id"]:
            return _error("invalid_client")
        if not hmac.compare_digest(secret.encode(), facts.OAUTH["client_secret"].encode()):
            return _error("invalid_client")
        if kind == "authorization_code":
            return self._first_tokens(client_id, form)
        if kind != "refresh_token":
            return _error("unsupported_grant_type")
        answer = self.grants.refresh(form.get("refresh_token", ""), client_id=client_id)
        return _error("invalid_grant") if answer is None else Response.json(answer)

    def _first_tokens(self, client_id: str, form: dict[str, str]) -> Response:
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.expires < time.monotonic() or code.redirect_uri != form.get("redirect_uri"):
            return _error("invalid_grant")
        verifier = form.get("code_verifier", "")
        if code.challenge and (not _VERIFIER.fullmatch(verifier) or challenge_of(verifier) != code.challenge):
            return _error("invalid_grant")
        event_id = str(uuid4())
        self._connected[event_id] = _now_text()
        return Response.json(self.grants.issue(client_id=client_id, scopes=code.scopes, event_id=event_id))

    def _custom(self, client_id: str, secret: str, form: dict[str, str]) -> Response:
        known = client_id == facts.OAUTH["custom_client_id"]
        if not known or not hmac.compare_digest(secret.encode(), facts.OAUTH["custom_client_secret"].encode()):
            return _error("invalid_client")
        scopes = tuple(form.get("scope", "").split()) or tuple(sorted(SCOPES))
        if set(scopes) - SCOPES or "offline_access" in form.get("scope", "").split():
            return _error("invalid_scope")
        return Response.json(self.grants.issue(client_id=client_id, scopes=scopes, event_id="", custom=True))

    def _revoke(self, request: Request) -> Response:
        form = request.form()
        if _client(request) != (facts.OAUTH["client_id"], facts.OAUTH["client_secret"]):
            return _error("invalid_client")
        if self.grants.revoke(form.get("token", "")):
            self._connected.clear()
        return Response(200)

    def _connections(self, request: Request) -> Response:
        grant = self.grants.grant(request.headers.get("authorization", ""))
        if grant is None:
            return unauthorized("TokenExpired: token expired")
        number = request.path[len(CONNECTIONS) :].strip("/")
        if request.method == "DELETE":
            if number != facts.ORGANISATION["connection_id"] or not self.is_connected(grant):
                return Response(404)
            self.disconnect()
            return Response(204)
        event = request.params.get("authEventId")
        # A custom connection was never chosen from a list, and has none.
        shown = not grant.custom and self.is_connected(grant) and (event is None or event in self._connected)
        return Response.json([self._connection(event or grant.event_id)] if shown else [])

    def _connection(self, event_id: str) -> Json:
        return {
            "id": facts.ORGANISATION["connection_id"],
            "authEventId": event_id or None,
            "tenantId": facts.TENANT_ID,
            "tenantType": "ORGANISATION",
            "tenantName": facts.ORGANISATION["name"],
            "createdDateUtc": self._first,
            "updatedDateUtc": self._connected.get(event_id, self._first),
        }


def is_connections(path: str) -> bool:
    """Tell the address of connections, in whatever case; the vendor's own library writes it with a capital."""
    return path.lower() == CONNECTIONS or path.lower().startswith(f"{CONNECTIONS}/")


def _client(request: Request) -> tuple[str, str]:
    """Read the app's id and secret from the header; the vendor documents HTTP Basic alone."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        known, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return known, secret


def _problem(asked: dict[str, str]) -> str:
    lacking = [name for name in _ASKED if not asked.get(name)]
    if lacking:
        return f"unauthorized_client: the address lacks {', '.join(lacking)}."
    if asked["client_id"] != facts.OAUTH["client_id"]:
        return f"unauthorized_client: {asked['client_id']} is not known. The sandbox knows {facts.OAUTH['client_id']}."
    if asked["response_type"] != "code":
        return "unsupported_response_type: it must be code."
    unknown = sorted(set(asked["scope"].split()) - SCOPES)
    if unknown:
        return f"invalid_scope: {', '.join(unknown)}. New apps get granular scopes only."
    method = asked.get("code_challenge_method", "")
    if bool(asked.get("code_challenge")) != (method == "S256") or (method and method != "S256"):
        return "invalid_request: PKCE needs code_challenge and code_challenge_method=S256."
    uri = urlsplit(asked["redirect_uri"])
    if uri.scheme != "https" and not (uri.scheme == "http" and uri.hostname == "localhost"):
        return "invalid_redirect_uri: it must be https; of http only localhost is allowed, 127.0.0.1 is not."
    return ""


def _error(code: str, *, status: int = 400) -> Response:
    return Response.json({"error": code}, status)


def _now_text() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def _consent(asked: dict[str, str]) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(asked[name])}">' for name in _KEPT if asked.get(name)
    )
    name, scopes = escape(facts.ORGANISATION["name"]), escape(asked["scope"].replace(" ", ", "))
    form = (
        f"<p>The application at <b>{escape(urlsplit(asked['redirect_uri']).netloc)}</b> wants access to the organisation "
        f"<b>{name}</b>: {scopes}. It is a sandbox: nothing here is real.</p>"
        f'<form method="post" action="{AUTHORIZE}">{hidden}<p><button name="decision" value="allow">Allow access'
        '</button> <button name="decision" value="deny" class="plain">Cancel</button></p></form>'
    )
    return sign_in_page(f"Connect {name}?", form, colour=_COLOUR)
