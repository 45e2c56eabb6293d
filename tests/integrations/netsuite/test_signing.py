"""Both ways of signing in, verified by libraries that did not sign: jwcrypto for the assertion, oauthlib for OAuth 1."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS
from oauthlib.oauth1.rfc5849 import signature

from integrations.connectors.base import TryLater
from integrations.connectors.netsuite import signing
from integrations.models import ConnectionStatus
from integrations.sandbox.netsuite.auth import self_signed
from integrations.vault import redact

URL = "https://1234567-sb1.suitetalk.api.netsuite.com"


def pem(key: Any, password: bytes | None = None) -> str:
    cipher = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, cipher).decode()


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 3072)


def entered(key: Any, certificate_id: str = "cert-1") -> dict[str, str]:
    return {"account_id": "1234567_SB1", "client_id": "abc", "certificate_id": certificate_id, "private_key": pem(key)}


@pytest.mark.parametrize(
    ("make", "algorithm"),
    [
        (lambda: ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (lambda: ec.generate_private_key(ec.SECP384R1()), "ES384"),
        (lambda: ec.generate_private_key(ec.SECP521R1()), "ES512"),
        (None, "PS256"),
    ],
)
def test_the_assertion_says_what_oracle_asks_for(rsa_key, make: Callable[[], Any] | None, algorithm) -> None:
    key = make() if make else rsa_key
    text = signing.assertion(entered(key), f"{URL}{signing.TOKEN_PATH}")
    public = JWK.from_pem(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    checked = JWS()
    checked.allowed_algs = [algorithm]
    checked.deserialize(text, public)
    head, claims = json.loads(checked.objects["protected"]), json.loads(checked.payload)
    assert head == {"typ": "JWT", "alg": algorithm, "kid": "cert-1"}
    assert (claims["iss"], claims["scope"], claims["aud"]) == (
        "abc",
        ["rest_webservices"],
        f"{URL}/services/rest/auth/oauth2/v1/token",
    )
    assert 0 < claims["exp"] - claims["iat"] <= 300 and len(claims["jti"]) == 36
    assert set(claims) == {"iss", "scope", "aud", "iat", "exp", "jti"}


def test_the_token_request_is_a_form_without_basic_authentication(rsa_key) -> None:
    request = signing.token_request(entered(rsa_key), {}, f"{URL}{signing.TOKEN_PATH}")
    assert request.basic is None
    assert request.form["grant_type"] == "client_credentials"
    assert request.form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert set(request.form) == {"grant_type", "client_assertion_type", "client_assertion"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no key", "PEM text, from BEGIN to END"),
        (pem(rsa.generate_private_key(65537, 2048)), "2048 bits; NetSuite takes 3072 or 4096"),
        (pem(ec.generate_private_key(ec.SECP256R1()), b"secret"), "has a passphrase"),
        (pem(ec.generate_private_key(ec.SECP256K1())), "EC keys of 256, 384 or 521"),
    ],
)
def test_an_unusable_key_is_refused_in_words(text, words) -> None:
    with pytest.raises(ValueError, match=words):
        signing.assertion({"private_key": text}, URL)


def test_the_addresses_are_made_from_the_account_id_unless_entered() -> None:
    made = signing.endpoints({"account_id": "1234567_SB1"})
    assert (made.api, made.token) == (URL, f"{URL}/services/rest/auth/oauth2/v1/token")
    given = signing.endpoints({"account_id": "1", "service_url": "https://x.suitetalk.api.netsuite.com/services/rest/"})
    assert given.api == "https://x.suitetalk.api.netsuite.com"
    assert signing.endpoints({"service_url": "http://x.example"}).token.startswith("https://x.example/services")


def test_the_sandbox_takes_both_kinds_of_keys(erp, rsa_key) -> None:
    erp.connector().company()
    number = erp.control("certificates", certificate=self_signed(rsa_key, days=300))["certificate_id"]
    erp.login._entered = {**entered(rsa_key, number), "client_id": erp.login._entered["client_id"]}
    assert erp.login.refresh(stale="")


def ask_token(erp, assertion: str) -> requests.Response:
    form = signing.token_request(erp.login.secrets(), {}, f"{erp.url}{signing.TOKEN_PATH}").form
    return requests.post(f"{erp.url}{signing.TOKEN_PATH}", data={**form, "client_assertion": assertion}, timeout=5)


@pytest.mark.parametrize(
    ("changes", "head"),
    [
        ({"aud": "https://elsewhere/token"}, {}),
        ({"iss": "someone"}, {}),
        ({"exp": 10}, {}),
        ({"scope": ["everything"]}, {}),
        ({}, {"kid": "unknown"}),
    ],
)
def test_the_sandbox_refuses_a_wrong_assertion(erp, changes, head) -> None:
    given = erp.login.secrets()
    text = signing.assertion(given, f"{erp.url}{signing.TOKEN_PATH}")
    claims = jwt.decode(text, options={"verify_signature": False}) | changes
    headers = jwt.get_unverified_header(text) | head
    forged = jwt.encode(claims, given["private_key"], algorithm="ES256", headers=headers)
    answer = ask_token(erp, forged)
    assert (answer.status_code, set(answer.json())) == (400, {"error"})
    assert ask_token(erp, text[:-4] + "AAAA").json() == {"error": "invalid_client"}
    assert ask_token(erp, text).status_code == 200
    assert ask_token(erp, text).json() == {"error": "invalid_grant"}  # The same jti again.


def header_of(method: str, url: str, secrets: dict[str, str], **body: Any) -> tuple[str, dict[str, str], Any]:
    request = requests.Request(
        method, url, headers={"Content-Type": "application/json"}, auth=signing.oauth1(secrets), **body
    ).prepare()
    text = request.headers["Authorization"]
    text = text.decode() if isinstance(text, bytes) else text
    return text, {name: unquote(value) for name, value in re.findall(r'(\w+)="([^"]*)"', text)}, request.body


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/services/rest/record/v1/journalEntry/12?expandSubResources=true", {}),
        ("POST", "/services/rest/record/v1/journalEntry", {"data": '{"memo":"Überweisung & 100 %"}'}),
        ("PUT", "/services/rest/record/v1/customer/eid:ABCDE-U1", {"data": "{}"}),
        ("POST", "/services/rest/query/v1/suiteql?limit=1000&offset=0", {"data": '{"q":"SELECT 1"}'}),
    ],
)
def test_oauthlib_verifies_our_oauth_1_signatures(erp, method, path, body) -> None:
    keys = erp.token_keys
    text, given, sent = header_of(method, f"{URL}{path}", keys, **body)
    assert text.startswith("OAuth ") and given["realm"] == "1234567_SB1" and "oauth_body_hash" not in given
    assert given["oauth_signature_method"] == "HMAC-SHA256" and given["oauth_version"] == "1.0"
    assert sent == body.get("data")
    parameters = [(name, value) for name, value in given.items() if name not in ("realm", "oauth_signature")]
    query = signature.collect_parameters(uri_query=path.partition("?")[2])

    class Seen:
        http_method, uri, params, signature = method, f"{URL}{path.partition('?')[0]}", [], ""

    Seen.params, Seen.signature = parameters + query, given["oauth_signature"]
    assert signature.verify_hmac_sha256(Seen, keys["consumer_secret"], keys["token_secret"])
    assert not signature.verify_hmac_sha256(Seen, keys["consumer_secret"], "other")


def test_token_keys_read_and_write(erp) -> None:
    connector = erp.connector(sign_in=signing.TOKEN)
    assert connector.company().home_currency == "USD"
    assert len(list(connector.lists())) > 50
    assert erp.login.asked == 0


@pytest.mark.parametrize("wrong", ["consumer_secret", "token_secret", "token_id", "account_id"])
def test_the_sandbox_refuses_wrong_token_keys(erp, wrong) -> None:
    url = f"{erp.url}/services/rest/record/v1/currency/1"
    good = requests.Request("GET", url, auth=signing.oauth1(erp.token_keys)).prepare()
    assert requests.Session().send(good).status_code == 200
    again = requests.Session().send(good)
    assert (again.status_code, again.json()["o:errorDetails"][0]["o:errorCode"]) == (401, "INVALID_LOGIN")
    bad = signing.oauth1({**erp.token_keys, wrong: "other"})
    assert requests.get(url, auth=bad, timeout=5).status_code == 401


def test_nothing_secret_is_written_down(erp) -> None:
    for way in (signing.CERTIFICATE, signing.TOKEN):
        erp.connector(sign_in=way).company()
    told = "".join(f"{call.request}{call.response}" for call in erp.calls)
    secrets = [erp.login.token(), erp.login.secrets()["private_key"], *erp.token_keys.values()]
    assert not [each for each in secrets if each in told and each != "1234567_SB1"]
    assert erp.login.token() not in redact(f"Authorization: Bearer {erp.login.token()}")
    header = header_of("GET", f"{URL}/x", erp.token_keys)[0]
    hidden = redact(f"{header} client_assertion={'ey' * 20}&private_key=abc")
    assert not [each for each in ("sandbox-consumer-key", "sandbox-token-id", "eyey", "abc") if each in hidden]


@pytest.mark.parametrize("ahead", [400, -400, 90_000])
def test_token_keys_sign_by_the_vendors_clock(erp, ahead) -> None:
    """Signatures of another time are refused like a wrong key; the answer's date tells by how much a clock is wrong."""
    erp.prefer(ClockAhead=ahead)
    connector = erp.connector(sign_in=signing.TOKEN)
    assert [call.status for call in erp.calls].count(401) == 1  # Of the reading client; from then on it is known.
    assert list(connector.lists())


def test_a_wrong_clock_is_named_when_nothing_helps(erp) -> None:
    erp.prefer(ClockAhead=400)
    erp.control("refuse_logins", times=9)
    with pytest.raises(TryLater, match=r"differs from this machine.s by (399|400) seconds"):
        erp.connector(sign_in=signing.TOKEN)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("ahead", [400, -400, 0])
def test_a_certificate_signs_in_by_the_vendors_clock(connect, erp, ahead) -> None:
    erp.prefer(ClockAhead=ahead)
    connection = connect()
    assert connection.status == ConnectionStatus.CONNECTED
    assert "clock_ahead" not in connection.credentials


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("ahead", [400, 0])
def test_an_assertion_is_for_the_address_as_it_is_called_else_for_the_vendors_own(connect, erp, ahead) -> None:
    """A proxy in front of NetSuite hands the assertion on, and NetSuite knows its own address only."""
    erp.prefer(
        Audience="https://1234567-sb1.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/token", ClockAhead=ahead
    )
    assert connect().status == ConnectionStatus.CONNECTED
