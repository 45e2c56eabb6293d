"""Sign-in: OAuth 2 client credentials with a signed assertion, and token-based authentication (OAuth 1).

Verified by hand on the primitives of `cryptography` and the standard library, so that a connector's signing library
is not checked by itself.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import NameOID

from integrations.sandbox.messages import ControlError, Json, Request, Response
from integrations.sandbox.netsuite import facts

TOKEN = "/services/rest/auth/oauth2/v1/token"  # noqa: S105 - an address
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SCOPES = {"rest_webservices", "restlets", "suite_analytics"}
_HASHES: dict[str, hashes.HashAlgorithm] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_CURVES = {"ES256": (256, 32), "ES384": (384, 48), "ES512": (521, 66)}
_RSA_BITS, _LONGEST_YEARS, _MOST_CERTIFICATES = (3072, 4096), 2, 5
_SKEW = 300


class Refused(Exception):
    """Raise when a sign-in or a call is not accepted; the text says why."""


@dataclass
class Certificate:
    """A certificate mapped to the integration, role and entity."""

    id: str
    public_key: Any
    until: datetime


@dataclass
class Auth:
    """Certificates, access tokens, and the nonces seen."""

    certificates: dict[str, Certificate] = field(default_factory=dict)
    tokens: dict[str, float] = field(default_factory=dict)
    private_key: str = ""
    certificate: str = ""
    certificate_id: str = ""
    refusals: int = 0
    clock_ahead: float = 0.0  # Seconds by which this server's clock is wrong, or the caller's.
    audience: str = ""  # Whom assertions must name; empty: the token address as it was called.
    _nonces: dict[str, float] = field(default_factory=dict)
    _assertions: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self.private_key = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        self.certificate = self_signed(key, days=365)
        self.certificate_id = self.register(self.certificate)

    def register(self, pem: str) -> str:
        """Map a certificate; give its id. Raises ControlError by the vendor's rules."""
        try:
            found = x509.load_pem_x509_certificate(pem.encode())
        except ValueError as error:
            raise ControlError("The certificate is not a PEM text.") from error
        key = found.public_key()
        if isinstance(key, rsa.RSAPublicKey):
            if key.key_size not in _RSA_BITS:
                raise ControlError(f"An RSA key has {' or '.join(map(str, _RSA_BITS))} bits, this one {key.key_size}.")
        elif not isinstance(key, ec.EllipticCurvePublicKey):
            raise ControlError("The key must be RSA or EC.")
        if len(self.certificates) >= _MOST_CERTIFICATES:
            raise ControlError(f"An integration has at most {_MOST_CERTIFICATES} active certificates.")
        longest = datetime.now(UTC) + timedelta(days=365 * _LONGEST_YEARS)
        certificate = Certificate(secrets.token_urlsafe(32), key, min(found.not_valid_after_utc, longest))
        self.certificates[certificate.id] = certificate
        return certificate.id

    def token(self, request: Request, seconds: int) -> Response:
        """Answer the token endpoint."""
        try:
            if request.method != "POST":
                raise Refused("invalid_request")
            form = request.form()
            if form.get("grant_type") != "client_credentials":
                raise Refused("unsupported_grant_type")
            if form.get("client_assertion_type") != _ASSERTION_TYPE:
                raise Refused("invalid_request")
            self._check_assertion(form.get("client_assertion", ""), self.audience or f"{request.base_url}{TOKEN}")
        except Refused as error:
            return replace(Response.json({"error": str(error)}, 400), headers=self.clock())
        token = secrets.token_urlsafe(48)
        self.tokens[token] = time.time() + seconds
        return Response.json({"access_token": token, "expires_in": seconds, "token_type": "Bearer"})

    def now(self) -> float:
        """Give the time by this server's clock."""
        return time.time() + self.clock_ahead

    def clock(self) -> tuple[tuple[str, str], ...]:
        """Give the header that tells the time."""
        return (("Date", formatdate(self.now(), usegmt=True)),)

    def expire(self) -> int:
        """End all access tokens; give how many."""
        count = len(self.tokens)
        self.tokens.clear()
        return count

    def accepts(self, request: Request) -> bool:
        """Tell whether a call is signed in, by either way."""
        if self.refusals:
            self.refusals -= 1
            return False
        header = request.headers.get("authorization", "")
        if header.startswith("Bearer "):
            return self.tokens.get(header[7:], 0) > time.time()
        try:
            self._check_oauth1(request, header)
        except Refused:
            return False
        return True

    def _check_assertion(self, assertion: str, audience: str) -> None:
        try:
            head64, claims64, signature64 = assertion.split(".")
            head, claims = json.loads(_unbase64(head64)), json.loads(_unbase64(claims64))
            signature = _unbase64(signature64)
        except ValueError as error:
            raise Refused("invalid_client") from error
        certificate = self.certificates.get(str(head.get("kid", "")))
        if certificate is None or head.get("typ") != "JWT" or certificate.until < datetime.now(UTC):
            raise Refused("invalid_client")
        _verify(str(head.get("alg", "")), certificate.public_key, f"{head64}.{claims64}".encode(), signature)
        now = self.now()
        try:
            issued, expires = float(claims["iat"]), float(claims["exp"])
        except (KeyError, TypeError, ValueError) as error:
            raise Refused("invalid_grant") from error
        scope = claims.get("scope")
        scopes = set(scope if isinstance(scope, list) else str(scope or "").split(","))
        jti = str(claims.get("jti", ""))
        if claims.get("iss") != facts.CLIENT_ID or claims.get("aud") != audience or not scopes or not scopes <= _SCOPES:
            raise Refused("invalid_grant")
        if not issued - 60 <= now < expires or expires - issued >= 3600 or (jti and jti in self._assertions):
            raise Refused("invalid_grant")
        self._assertions.add(jti)

    def _check_oauth1(self, request: Request, header: str) -> None:
        if not header.startswith("OAuth "):
            raise Refused("no authorization")
        given = {name: unquote(value) for name, value in re.findall(r'(\w+)="([^"]*)"', header.removeprefix("OAuth "))}
        expected = {
            "realm": facts.ACCOUNT_ID,
            "oauth_token": facts.TOKEN["token_id"],
            "oauth_consumer_key": facts.TOKEN["consumer_key"],
            "oauth_signature_method": "HMAC-SHA256",
            "oauth_version": "1.0",
        }
        if any(given.get(name) != value for name, value in expected.items()) or "oauth_body_hash" in given:
            raise Refused("wrong token or method")
        stamp, nonce = given.get("oauth_timestamp", ""), given.get("oauth_nonce", "")
        if not stamp.isdigit() or abs(self.now() - int(stamp)) > _SKEW or not nonce:
            raise Refused("clock skew")
        if f"{stamp} {nonce}" in self._nonces:
            raise Refused("nonce used")
        signature = sign_oauth1(request.method, f"{request.base_url}{request.target}", given)
        if not hmac.compare_digest(signature, given.get("oauth_signature", "")):
            raise Refused("wrong signature")
        self._nonces[f"{stamp} {nonce}"] = time.time()


def sign_oauth1(method: str, url: str, oauth: dict[str, str]) -> str:
    """Give the HMAC-SHA256 signature of RFC 5849: query and oauth parameters, never the JSON body or the realm."""
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    pairs += [(name, value) for name, value in oauth.items() if name not in ("realm", "oauth_signature")]
    encoded = sorted((_percent(name), _percent(value)) for name, value in pairs)
    text = "&".join(f"{name}={value}" for name, value in encoded)
    where = f"{parts.scheme}://{parts.netloc.lower()}{parts.path}"
    base = "&".join([method.upper(), _percent(where), _percent(text)])
    key = f"{_percent(facts.TOKEN['consumer_secret'])}&{_percent(facts.TOKEN['token_secret'])}"
    return base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()).decode()


def self_signed(key: Any, *, days: int) -> str:
    """Make a certificate for a private key, as a person does before uploading it."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "counterfoil")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
    signed = builder.not_valid_after(now + timedelta(days=days)).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def _verify(algorithm: str, key: Any, signed: bytes, signature: bytes) -> None:
    digest = _HASHES.get(algorithm[2:])
    try:
        if algorithm.startswith("PS") and digest and isinstance(key, rsa.RSAPublicKey):
            salt = padding.PSS(padding.MGF1(digest), digest.digest_size)
            key.verify(signature, signed, salt, digest)
            return
        bits, size = _CURVES.get(algorithm, (0, 0))
        if isinstance(key, ec.EllipticCurvePublicKey) and digest and key.curve.key_size == bits:
            if len(signature) != 2 * size:
                raise Refused("invalid_client")
            r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
            key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(digest))
            return
    except InvalidSignature as error:
        raise Refused("invalid_client") from error
    raise Refused("invalid_client")


def _percent(text: str) -> str:
    return quote(text, safe="-._~")


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def describe(auth: Auth) -> Json:
    """Give what a person would enter to sign in with the certificate that this server made."""
    return {
        "code": "certificate",
        "fields": {
            "account_id": facts.ACCOUNT_ID,
            "client_id": facts.CLIENT_ID,
            "certificate_id": auth.certificate_id,
            "private_key": auth.private_key,
            "certificate": auth.certificate,
        },
    }
