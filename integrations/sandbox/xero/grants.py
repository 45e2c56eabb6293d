"""Tokens: access tokens of thirty minutes, refresh tokens that are replaced at each use, with the vendor's grace."""

import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field
from uuid import uuid4

from integrations.sandbox.jsontext import dumps
from integrations.sandbox.messages import Json
from integrations.sandbox.xero import facts

ACCESS_SECONDS, REFRESH_SECONDS, GRACE_SECONDS, CODE_SECONDS = 1800, 60 * 86400, 1800, 300


@dataclass(frozen=True)
class Code:
    """A code for one use. `challenge` is empty where the app did not use PKCE."""

    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str
    expires: float


@dataclass
class Grant:
    """What an access token may do, and whether it was ever used."""

    client_id: str
    scopes: tuple[str, ...]
    event_id: str
    expires: float
    custom: bool = False
    used: bool = False


@dataclass
class Refresh:
    """A refresh token. After its use it works again for a while, as long as what it gave was not used."""

    scopes: tuple[str, ...]
    event_id: str
    expires: float
    replaced_at: float = 0.0
    gave: list[str] = field(default_factory=list)  # access and refresh tokens
    used: bool = False


class Grants:
    """All tokens of the organisation's apps."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._access: dict[str, Grant] = {}
        self._refresh: dict[str, Refresh] = {}

    def grant(self, authorization: str) -> Grant | None:
        """Give what the bearer of a header may do, or None."""
        scheme, _, token = authorization.partition(" ")
        found = self._access.get(token.strip()) if scheme.lower() == "bearer" else None
        if found is None or found.expires < time.monotonic():
            return None
        found.used = True
        return found

    def issue(self, *, client_id: str, scopes: tuple[str, ...], event_id: str, custom: bool = False) -> Json:
        """Give new tokens; a refresh token only with `offline_access`."""
        access = self._jwt(client_id, scopes, "" if custom else event_id)
        self._access[access] = Grant(client_id, scopes, event_id, time.monotonic() + ACCESS_SECONDS, custom)
        answer: Json = {
            "access_token": access,
            "expires_in": ACCESS_SECONDS,
            "token_type": "Bearer",
            "scope": " ".join(scopes),
        }
        if "offline_access" in scopes and not custom:
            refresh = secrets.token_urlsafe(32)
            self._refresh[refresh] = Refresh(scopes, event_id, time.monotonic() + REFRESH_SECONDS)
            answer["refresh_token"] = refresh
        return answer

    def refresh(self, token: str, *, client_id: str) -> Json | None:
        """Replace a refresh token; None for one that does not work."""
        known = self._refresh.get(token)
        now = time.monotonic()
        if known is None or known.expires < now:
            return None
        if known.replaced_at:
            if now - known.replaced_at > GRACE_SECONDS or any(self._was_used(each) for each in known.gave):
                return None
            for each in known.gave:  # the answer was lost; what it gave is worth nothing
                self._access.pop(each, None)
                self._refresh.pop(each, None)
        known.used = True
        answer = self.issue(client_id=client_id, scopes=known.scopes, event_id=known.event_id)
        known.replaced_at = known.replaced_at or now
        known.gave = [answer["access_token"], answer["refresh_token"]]
        return answer

    def revoke(self, refresh_token: str) -> bool:
        """End a sign-in; False for a token that is not known."""
        if self._refresh.pop(refresh_token, None) is None:
            return False
        self._refresh.clear()
        self._access = {token: grant for token, grant in self._access.items() if grant.custom}
        return True

    def expire(self, *, refresh: bool) -> int:
        """End all access tokens, and the refresh tokens too if asked; give how many ended."""
        ended = len(self._access) + (len(self._refresh) if refresh else 0)
        self._access.clear()
        if refresh:
            self._refresh.clear()
        return ended

    def _was_used(self, token: str) -> bool:
        found = self._access.get(token) or self._refresh.get(token)
        return found is not None and found.used

    def _jwt(self, client_id: str, scopes: tuple[str, ...], event_id: str) -> str:
        now = int(time.time())
        claims: Json = {
            "nbf": now,
            "exp": now + ACCESS_SECONDS,
            "iss": "https://identity.xero.com",
            "aud": "https://identity.xero.com/resources",
            "client_id": client_id,
            "jti": secrets.token_hex(16),
            "scope": list(scopes),
        }
        if event_id:
            claims |= {
                "sub": uuid4().hex,
                "auth_time": now,
                "xero_userid": facts.ORGANISATION["user_id"],
                "authentication_event_id": event_id,
            }
        signed = b".".join(_encoded(dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
        signature = hmac.new(self._key, signed, hashlib.sha256).digest()
        return b".".join((signed, _encoded(signature))).decode()


def _encoded(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def challenge_of(verifier: str) -> str:
    """Give the S256 challenge of a PKCE verifier."""
    return _encoded(hashlib.sha256(verifier.encode()).digest()).decode()
