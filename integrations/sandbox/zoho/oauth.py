"""Zoho's accounts server: consent, codes for one use, refresh tokens that never change, and limits on both."""

import secrets
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from urllib.parse import urlsplit

from integrations.sandbox.html import sign_in_page
from integrations.sandbox.messages import Json, Request, Response
from integrations.sandbox.zoho import facts

AUTHORIZE, TOKEN, REVOKE = "/oauth/v2/auth", "/oauth/v2/token", "/oauth/v2/token/revoke"
SERVERS = "/oauth/serverinfo"
_ACCESS_SECONDS, _CODE_SECONDS = 3600, 120
_WINDOW, _ACCESS_PER_WINDOW = 600.0, 10
_LIVE_ACCESS, _REFRESH_TOKENS = 30, 20
_COLOUR = "#1b5fa8"
_ASKED = ("client_id", "redirect_uri", "response_type", "scope", "state", "access_type")
_SCOPES = {
    f"ZohoBooks.{module}.{verb}"
    for module in (
        "accountants",
        "invoices",
        "creditnotes",
        "customerpayments",
        "contacts",
        "settings",
        "expenses",
        "banking",
    )
    for verb in ("CREATE", "READ", "UPDATE", "DELETE", "ALL")
} | {"ZohoBooks.fullaccess.all"}


@dataclass(frozen=True)
class _Code:
    redirect_uri: str
    scope: str
    is_offline: bool
    expires: float


@dataclass
class _SignIn:
    """One refresh token, with the access tokens made of it."""

    scope: str
    made: deque[float] = field(default_factory=deque)
    blocked_until: float = 0.0
    access: deque[str] = field(default_factory=deque)


class OAuth:
    """The accounts server of one person."""

    def __init__(self) -> None:
        self._codes: dict[str, _Code] = {}
        self._sign_ins: dict[str, _SignIn] = {}
        self._access: dict[str, tuple[float, str]] = {}

    def scope_of(self, authorization: str) -> str | None:
        """Give the scope of an Authorization header's living access token; None for any other header."""
        scheme, _, token = authorization.partition(" ")
        expires, scope = self._access.get(token.strip(), (0.0, ""))
        return scope if scheme == "Zoho-oauthtoken" and expires > time.monotonic() else None

    def expire(self, *, refresh: bool) -> int:
        """End all access tokens, and the refresh tokens too if asked; give how many ended."""
        ended = len(self._access) + (len(self._sign_ins) if refresh else 0)
        self._access.clear()
        for sign_in in self._sign_ins.values():
            sign_in.access.clear()
        if refresh:
            self._sign_ins.clear()
        return ended

    def forget_made(self) -> int:
        """Forget how many access tokens were made lately, as if ten minutes had passed."""
        made = sum(len(each.made) for each in self._sign_ins.values())
        for each in self._sign_ins.values():
            each.made.clear()
            each.blocked_until = 0.0
        return made

    def handle(self, request: Request, *, limited: bool) -> Response:
        """Answer one of the accounts server's addresses; `limited` counts the tokens."""
        if request.path == SERVERS:
            return Response.json({"result": "success", "locations": {facts.OAUTH["location"]: request.base_url}})
        if request.path == AUTHORIZE:
            return self._authorize(request)
        if request.method != "POST":
            return Response.json({"error": "invalid_request"}, 405)
        asked = {**request.params, **request.form()}
        if request.path == REVOKE:
            return self._revoke(asked)
        return self._token(asked, request.base_url, limited=limited)

    def _authorize(self, request: Request) -> Response:
        asked = {"access_type": "online", **request.params}
        if request.method == "POST":
            asked |= request.form()
        problem = _problem(asked)
        if problem:
            return Response.html(
                sign_in_page("This cannot be connected", f"<p>{escape(problem)}</p>", colour=_COLOUR), 400
            )
        if request.method != "POST":
            return Response.html(_consent(asked))
        if asked.get("decision") == "deny":
            return Response.back_to(asked["redirect_uri"], {"error": "access_denied", "state": asked["state"]})
        code = f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}"
        self._codes[code] = _Code(
            asked["redirect_uri"], asked["scope"], asked["access_type"] == "offline", time.monotonic() + _CODE_SECONDS
        )
        answer = {
            "state": asked["state"],
            "code": code,
            "location": facts.OAUTH["location"],
            "accounts-server": request.base_url,
        }
        return Response.back_to(asked["redirect_uri"], answer)

    def _token(self, asked: Mapping[str, str], base_url: str, *, limited: bool) -> Response:
        if (asked.get("client_id"), asked.get("client_secret")) != (
            facts.OAUTH["client_id"],
            facts.OAUTH["client_secret"],
        ):
            return Response.json({"error": "invalid_client"})  # with status 200, as the vendor does
        kind = asked.get("grant_type")
        if kind == "authorization_code":
            return self._from_code(asked, base_url)
        if kind != "refresh_token":
            return Response.json({"error": "unsupported_grant_type"})
        sign_in = self._sign_ins.get(asked.get("refresh_token", ""))
        if sign_in is None:
            return Response.json({"error": "invalid_code"})
        if limited and self._is_over(sign_in):
            words = "You have made too many requests continuously. Please try again after some time."
            return Response.json({"error": "Access Denied", "error_description": words, "status": "failure"}, 400)
        return Response.json(self._grant(sign_in, base_url))

    def _from_code(self, asked: Mapping[str, str], base_url: str) -> Response:
        code = self._codes.pop(asked.get("code", ""), None)
        if code is None or code.expires < time.monotonic():
            return Response.json({"error": "invalid_code"})
        if code.redirect_uri != asked.get("redirect_uri"):
            return Response.json({"error": "invalid_redirect_uri"})
        sign_in = _SignIn(code.scope)
        answer = self._grant(sign_in, base_url)
        if code.is_offline:
            refresh = f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}"
            self._sign_ins[refresh] = sign_in
            while len(self._sign_ins) > _REFRESH_TOKENS:  # the oldest one goes, and nobody is told
                for token in self._sign_ins.pop(next(iter(self._sign_ins))).access:
                    self._access.pop(token, None)
            answer["refresh_token"] = refresh
        return Response.json(answer)

    def _grant(self, sign_in: _SignIn, base_url: str) -> Json:
        access = f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}"
        self._access[access] = (time.monotonic() + _ACCESS_SECONDS, sign_in.scope)
        sign_in.made.append(time.monotonic())
        sign_in.access.append(access)
        while len(sign_in.access) > _LIVE_ACCESS:
            self._access.pop(sign_in.access.popleft(), None)
        return {
            "access_token": access,
            "scope": sign_in.scope.replace(",", " "),
            "api_domain": base_url,
            "token_type": "Bearer",
            "expires_in": _ACCESS_SECONDS,
        }

    def _is_over(self, sign_in: _SignIn) -> bool:
        """Ten in ten minutes, then blocked for what is left of them."""
        now = time.monotonic()
        while sign_in.made and sign_in.made[0] <= now - _WINDOW:
            sign_in.made.popleft()
        if now < sign_in.blocked_until:
            return True
        if len(sign_in.made) >= _ACCESS_PER_WINDOW:
            sign_in.blocked_until = sign_in.made[0] + _WINDOW
            return True
        return False

    def _revoke(self, asked: Mapping[str, str]) -> Response:
        sign_in = self._sign_ins.pop(asked.get("token", ""), None)
        if sign_in is None:
            return Response.json({"status": "failure", "error": "invalid_token"}, 400)
        for token in sign_in.access:
            self._access.pop(token, None)
        return Response.json({"status": "success"})


def _problem(asked: Mapping[str, str]) -> str:
    lacking = [name for name in _ASKED if not asked.get(name)]
    if lacking:
        return f"The address lacks {', '.join(lacking)}."
    if asked["client_id"] != facts.OAUTH["client_id"]:
        return f"The client id {asked['client_id']} is not known. The sandbox knows {facts.OAUTH['client_id']}."
    if asked["response_type"] != "code":
        return "response_type must be code."
    if asked["access_type"] not in ("offline", "online"):
        return "access_type must be offline or online."
    unknown = sorted(set(asked["scope"].split(",")) - _SCOPES)
    if unknown:
        return f"The scope {', '.join(unknown)} does not exist."
    uri = urlsplit(asked["redirect_uri"])
    if uri.scheme not in ("http", "https") or not uri.netloc:
        return "redirect_uri must be a full http or https address."
    return ""


def _consent(asked: Mapping[str, str]) -> str:
    hidden = "".join(f'<input type="hidden" name="{name}" value="{escape(asked[name])}">' for name in _ASKED)
    name = escape(str(facts.ORGANIZATION["name"]))
    scopes = "".join(f"<li>{escape(each)}</li>" for each in asked["scope"].split(","))
    form = (
        f"<p>The application at <b>{escape(urlsplit(asked['redirect_uri']).netloc)}</b> would like to use the books of "
        f"<b>{name}</b> (organisation {facts.ORGANIZATION_ID}). It is a sandbox: nothing here is real.</p><ul>{scopes}</ul>"
        f'<form method="post" action="{AUTHORIZE}">{hidden}<p><button name="decision" value="allow">Accept</button> '
        '<button name="decision" value="deny" class="plain">Reject</button></p></form>'
    )
    return sign_in_page(f"Connect to {name}?", form, colour=_COLOUR)
