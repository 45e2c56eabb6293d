"""OAuth 2 as Intuit does it: consent page, codes for one use, refresh tokens whose value changes."""

import base64
import binascii
import hmac
import secrets
import time
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import urlsplit

from integrations.sandbox.html import sign_in_page
from integrations.sandbox.jsontext import loads
from integrations.sandbox.messages import Json, Request, Response
from integrations.sandbox.quickbooks import facts

AUTHORIZE, TOKEN, REVOKE = "/connect/oauth2", "/oauth2/v1/tokens/bearer", "/v2/oauth2/tokens/revoke"
DISCOVERY = "/.well-known/openid_sandbox_configuration"
_ACCESS_SECONDS, _REFRESH_SECONDS, _HARD_SECONDS, _CODE_SECONDS = 3600, 8_640_000, 157_680_000, 600
_OLDEST_UNCHANGED = 86_400  # seconds after which a refresh gives the refresh token a new value in any case
_COLOUR = "#2a6f3f"
_FORM = "application/x-www-form-urlencoded"
_REVOKES_BY = ("application/json", _FORM)
_ASKED = ("client_id", "redirect_uri", "response_type", "scope", "state")


@dataclass(frozen=True)
class _Code:
    redirect_uri: str
    expires: float


@dataclass
class _Refresh:
    issued: float
    expires: float


class OAuth:
    """The authorization server of one company."""

    def __init__(self) -> None:
        self._codes: dict[str, _Code] = {}
        self._access: dict[str, float] = {}
        self._refresh: dict[str, _Refresh] = {}

    def accepts(self, authorization: str) -> bool:
        """Tell whether an Authorization header holds a living access token."""
        scheme, _, token = authorization.partition(" ")
        return scheme.lower() == "bearer" and self._access.get(token.strip(), 0.0) > time.monotonic()

    def expire(self, *, refresh: bool) -> int:
        """End all access tokens, and the refresh tokens too if asked; give how many ended."""
        ended = len(self._access) + (len(self._refresh) if refresh else 0)
        self._access.clear()
        if refresh:
            self._refresh.clear()
        return ended

    def handle(self, request: Request, *, rotate: bool) -> Response:
        """Answer one of the OAuth addresses; `rotate` gives a refresh token a new value at each use, not just each day."""
        if request.path == DISCOVERY:
            return Response.json(discovery(request.base_url))
        if request.path == AUTHORIZE:
            return self._authorize(request)
        if request.method != "POST":
            return Response.json({"error": "invalid_request", "error_description": "Use POST."}, 405)
        if not _is_client(request.headers.get("authorization", "")):
            return Response.json({"error": "invalid_client"}, 401)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.path == REVOKE:
            return self._revoke(request) if kind in _REVOKES_BY else _unread(kind)
        if kind != _FORM:
            return _unread(kind)
        return self._token(request, rotate=rotate)

    def _authorize(self, request: Request) -> Response:
        asked = {**request.params, **(request.form() if request.method == "POST" else {})}
        problem = _problem(asked)
        if problem:
            return Response.html(
                sign_in_page("Sorry, this cannot be connected", f"<p>{escape(problem)}</p>", colour=_COLOUR), 400
            )
        if request.method != "POST":
            return Response.html(_consent(asked))
        if asked.get("decision") == "deny":
            return Response.back_to(asked["redirect_uri"], {"error": "access_denied", "state": asked["state"]})
        code = secrets.token_urlsafe(24)
        self._codes[code] = _Code(asked["redirect_uri"], time.monotonic() + _CODE_SECONDS)
        return Response.back_to(
            asked["redirect_uri"], {"code": code, "state": asked["state"], "realmId": facts.REALM_ID}
        )

    def _token(self, request: Request, *, rotate: bool) -> Response:
        form = request.form()
        kind = form.get("grant_type")
        if kind == "authorization_code":
            code = self._codes.pop(form.get("code", ""), None)
            if code is None or code.expires < time.monotonic() or code.redirect_uri != form.get("redirect_uri"):
                return _invalid_grant("Invalid authorization code")
            refresh = self._new_refresh()
        elif kind == "refresh_token":
            refresh = self._refreshed(form.get("refresh_token", ""), rotate=rotate)
            if not refresh:
                return _invalid_grant("Incorrect or invalid refresh token")
        else:
            return Response.json({"error": "unsupported_grant_type"}, 400)
        access = secrets.token_urlsafe(32)
        self._access[access] = time.monotonic() + _ACCESS_SECONDS
        answer: Json = {
            "token_type": "bearer",
            "access_token": access,
            "expires_in": _ACCESS_SECONDS,
            "refresh_token": refresh,
            "x_refresh_token_expires_in": _REFRESH_SECONDS,
        }
        if request.headers.get("x-include-refresh-token-hard-expires-in", "").lower() == "true":
            answer["x_refresh_token_hard_expires_in"] = _HARD_SECONDS
        return Response.json(answer)

    def _refreshed(self, token: str, *, rotate: bool) -> str:
        """Give the refresh token that holds from now on, or an empty text for one that does not work."""
        known = self._refresh.get(token)
        now = time.monotonic()
        if known is None or known.expires < now:
            return ""
        if rotate or now - known.issued > _OLDEST_UNCHANGED:
            del self._refresh[token]
            return self._new_refresh()
        known.expires = now + _REFRESH_SECONDS
        return token

    def _new_refresh(self) -> str:
        token = "AB" + secrets.token_urlsafe(32)
        now = time.monotonic()
        self._refresh[token] = _Refresh(issued=now, expires=now + _REFRESH_SECONDS)
        return token

    def _revoke(self, request: Request) -> Response:
        try:
            body: Any = loads(request.body)
        except ValueError:
            body = request.form()
        token = str(body.get("token", "")) if isinstance(body, dict) else ""
        if token in self._refresh:  # the sign-in ends with it
            del self._refresh[token]
            self._access.clear()
        elif self._access.pop(token, None) is None:
            return Response.json({"error": "invalid_request", "error_description": "Unknown token"}, 400)
        return Response(200)


def _unread(kind: str) -> Response:
    words = f"A body of the type {kind or '(none)'} is not read here."
    return Response.json({"error": "invalid_request", "error_description": words}, 400)


def discovery(base_url: str) -> Json:
    """Give the discovery document."""
    return {
        "issuer": base_url,
        "authorization_endpoint": base_url + AUTHORIZE,
        "token_endpoint": base_url + TOKEN,
        "revocation_endpoint": base_url + REVOKE,
        "response_types_supported": ["code"],
        "scopes_supported": [facts.OAUTH["scope"]],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
    }


def _is_client(authorization: str) -> bool:
    scheme, _, encoded = authorization.partition(" ")
    try:
        given = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    expected = f"{facts.OAUTH['client_id']}:{facts.OAUTH['client_secret']}".encode()
    return scheme.lower() == "basic" and hmac.compare_digest(given, expected)


def _problem(asked: dict[str, str]) -> str:
    lacking = [name for name in _ASKED if not asked.get(name)]
    if lacking:
        return f"The address lacks {', '.join(lacking)}."
    if asked["client_id"] != facts.OAUTH["client_id"]:
        return f"The client id {asked['client_id']} is not known. The sandbox knows {facts.OAUTH['client_id']}."
    if asked["response_type"] != "code":
        return "response_type must be code."
    if facts.OAUTH["scope"] not in asked["scope"].split():
        return f"The scope must hold {facts.OAUTH['scope']}."
    uri = urlsplit(asked["redirect_uri"])
    if uri.scheme not in ("http", "https") or not uri.netloc:
        return "redirect_uri must be a full http or https address."
    return ""


def _invalid_grant(words: str) -> Response:
    return Response.json({"error": "invalid_grant", "error_description": words}, 400)


def _consent(asked: dict[str, str]) -> str:
    hidden = "".join(f'<input type="hidden" name="{name}" value="{escape(asked[name])}">' for name in _ASKED)
    company = escape(facts.COMPANY["name"])
    form = (
        f"<p>This lets the application at <b>{escape(urlsplit(asked['redirect_uri']).netloc)}</b> read and write the "
        f"books of <b>{company}</b> (company {facts.REALM_ID}). It is a sandbox: nothing here is real.</p>"
        f'<form method="post" action="{AUTHORIZE}">{hidden}<p><button name="decision" value="allow">Authorize {company}'
        '</button> <button name="decision" value="deny" class="plain">No, thanks</button></p></form>'
    )
    return sign_in_page(f"Connect to {company}?", form, colour=_COLOUR)
