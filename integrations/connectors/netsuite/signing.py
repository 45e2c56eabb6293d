"""The two ways into NetSuite: a certificate (OAuth 2 client credentials), or token keys (OAuth 1, HMAC-SHA256).

Neither needs a browser. Facts: Oracle's pages section_162755359851, section_162790605110 (certificate) and
section_1534941295 (token-based authentication, which new integrations can no longer use from release 2027.1 on).
"""

import time
import uuid
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from requests_oauthlib import OAuth1

from integrations.connectors.base import CompanyFrom, Endpoints, SecretField, SignIn, SignInKind, TokenRequest
from integrations.connectors.timing import CLOCK

TOKEN_PATH = "/services/rest/auth/oauth2/v1/token"  # noqa: S105 - an address
CERTIFICATE, TOKEN = "certificate", "token"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIVES = 300  # Seconds; the vendor takes less than an hour.
_RSA_BITS = (3072, 4096)
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_ACCOUNT = SecretField(
    "account_id",
    "Account ID",
    "As in Setup > Company > Company Information, such as 1234567 or 1234567_SB1.",
    is_secret=False,
)
_SERVICE_URL = SecretField(
    "service_url",
    "SuiteTalk URL",
    "As in Company Information > Company URLs. Empty: made from the account ID.",
    is_secret=False,
    is_optional=True,
)

Secrets = Mapping[str, Any]


def host_of(account_id: str) -> str:
    """Give the part of the host names that stands for an account: lower case, with a hyphen for the underscore."""
    return account_id.strip().lower().replace("_", "-")


def endpoints(secrets: Secrets) -> Endpoints:
    """Give the addresses: on the host that was entered, else the one made from the account id; always with TLS."""
    account = host_of(str(secrets.get("account_id", ""))) or "account"
    entered = str(secrets.get("service_url") or "").strip().rpartition("://")[2].partition("/")[0]
    api = f"https://{entered or f'{account}.suitetalk.api.netsuite.com'}"
    return Endpoints(api=api, token=f"{api}{TOKEN_PATH}")


def token_request(secrets: Secrets, form: Mapping[str, str], token_url: str) -> TokenRequest:
    """Ask for an access token with a signed assertion. Raises ValueError in words for an unusable key."""
    return TokenRequest(
        {
            "grant_type": "client_credentials",
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": assertion(secrets, token_url),
        }
    )


def assertion(secrets: Secrets, token_url: str) -> str:
    """Give the signed assertion for a token address, by NetSuite's clock. Raises ValueError in words for an unusable key."""
    key = _private_key(str(secrets.get("private_key", "")))
    now = int(time.time() + secrets.get(CLOCK, 0.0))
    claims = {
        "iss": str(secrets.get("client_id", "")).strip(),
        "scope": ["rest_webservices"],
        "aud": token_url,
        "iat": now,
        "exp": now + _LIVES,
        "jti": str(uuid.uuid4()),
    }
    headers = {"typ": "JWT", "kid": str(secrets.get("certificate_id", "")).strip()}
    return jwt.encode(claims, key, algorithm=_algorithm(key), headers=headers)


def oauth1(secrets: Secrets, clock_ahead: float = 0.0) -> OAuth1:
    """Give what signs a request with the token keys: HMAC-SHA256, realm the account id, the JSON body left out.

    `clock_ahead`: seconds by which NetSuite's clock is ahead of ours.
    """
    return OAuth1(
        client_key=str(secrets.get("consumer_key", "")).strip(),
        client_secret=str(secrets.get("consumer_secret", "")).strip(),
        resource_owner_key=str(secrets.get("token_id", "")).strip(),
        resource_owner_secret=str(secrets.get("token_secret", "")).strip(),
        realm=str(secrets.get("account_id", "")).strip(),
        signature_method="HMAC-SHA256",
        timestamp=str(int(time.time() + clock_ahead)),
    )


def _private_key(text: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(text.strip().encode(), password=None)
    except TypeError as error:
        raise ValueError(
            "The private key has a passphrase. Enter it without one: it is kept encrypted here."
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("The private key cannot be read. Enter it as PEM text, from BEGIN to END.") from error
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size not in _RSA_BITS:
            raise ValueError(f"The RSA key has {key.key_size} bits; NetSuite takes 3072 or 4096.")
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return key
    raise ValueError("NetSuite takes RSA keys of 3072 or 4096 bits and EC keys of 256, 384 or 521 bits.")


def _algorithm(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return "PS256" if isinstance(key, rsa.RSAPrivateKey) else _CURVES[key.curve.name]


SIGN_INS = (
    SignIn(
        code=CERTIFICATE,
        kind=SignInKind.CLIENT,
        label="Certificate (OAuth 2.0 client credentials)",
        fields=(
            _ACCOUNT,
            SecretField("client_id", "Client ID", "Shown once when the integration record is saved.", is_secret=False),
            SecretField(
                "certificate_id",
                "Certificate ID",
                "Shown in OAuth 2.0 Client Credentials Setup after the certificate was uploaded.",
                is_secret=False,
            ),
            SecretField("private_key", "Private key", "The PEM text that belongs to the certificate.", is_long=True),
            SecretField(
                "certificate",
                "Certificate",
                "The PEM text that was uploaded. With it the page counts down to its last day, at most two years.",
                is_secret=False,
                is_long=True,
                is_optional=True,
                ends_with_certificate=True,
            ),
            _SERVICE_URL,
        ),
        endpoints=endpoints,
        token_request=token_request,
        company_from=CompanyFrom.FIELD,
        company_name="account_id",
        by_hand="NetSuite revokes no such sign-in for an application: revoke the certificate there (Setup > Integration > OAuth "
        "2.0 Client Credentials Setup). The last access token ends within the hour.",
        note="Setup > Integration > Manage Integrations: a record with Client Credentials and REST Web Services; then "
        "Setup > Integration > OAuth 2.0 Client Credentials Setup: map it to an entity and a role and upload the "
        "certificate. The role needs REST Web Services, Log in using OAuth 2.0 Access Tokens, SuiteAnalytics Workbook and the "
        "records that are sent. A refresh of a sandbox account wipes the mapping.",
    ),
    SignIn(
        code=TOKEN,
        kind=SignInKind.SIGNED,
        label="Token keys (token-based authentication)",
        fields=(
            _ACCOUNT,
            SecretField("consumer_key", "Consumer key"),
            SecretField("consumer_secret", "Consumer secret"),
            SecretField("token_id", "Token ID"),
            SecretField("token_secret", "Token secret"),
            _SERVICE_URL,
        ),
        endpoints=endpoints,
        company_from=CompanyFrom.FIELD,
        company_name="account_id",
        by_hand="NetSuite revokes no such token for an application: revoke it there (Setup > Users/Roles > Access Tokens).",
        note="For accounts that have it: from release 2027.1 NetSuite takes no new integrations this way, and it will end.",
    ),
)
