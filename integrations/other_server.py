"""Connect to a server that speaks a vendor's protocol and is neither the vendor's nor one of our sandboxes.

Nothing but the vendor's own protocol is asked of it: it is signed in to with credentials that it knows, and paced as the
vendor is. Each part of the protocol may be at an address of its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from integrations import mapping, setup, tokens
from integrations import sign_in as signing_in
from integrations.connectors import base
from integrations.connectors.base import BadCredentials, CompanyFrom, Endpoints, SignIn, SignInKind, TryLater
from integrations.consent import CALLBACK, SetupError, consent
from integrations.models import Connection, ConnectionStatus
from integrations.readiness import readiness
from integrations.tokens import TOKENS
from integrations.vault import Secrets

PARTS = tuple(each.name for each in fields(Endpoints))
_MEANT = "refresh_token", "access_token", "realm_id"
# What else stands in a token address's answer, which may be pasted whole.
_TOLD = "expires_in", "x_refresh_token_expires_in", "token_type", "scope", "api_domain", "id_token"


def connect_server(
    connection: Connection,
    url: str,
    *,
    credentials: Mapping[str, Any],
    addresses: Mapping[str, str],
    way: str = "",
    paced: bool = True,
) -> Connection:
    """Sign in, read the lists, create what is missing and confirm the suggested mapping. Raises SetupError, DeliveryError.

    `credentials` are the fields of the way of signing in, with `realm_id` (the company) where several are open, and with
    `refresh_token` or `access_token` where nobody has to agree any more. `addresses` are those of `PARTS` that are not
    `url` with the vendor's path. One that is signed in there is only mapped anew; where all that was made there is gone,
    the server was started again, and everything is sent to it once more.
    """
    root = url.rstrip("/")
    refuse_unfit(connection.erp, root, credentials, way)
    if connection.realm_id and not connection.base_url:
        raise SetupError(f"{connection.name} is connected to the vendor itself. Switch that connection off first.")
    if connection.base_url != root or not _is_open(connection):
        connection = _sign_in(connection, root, credentials, addresses, way=way, paced=paced)
        if not _is_open(connection):
            raise SetupError(
                "The server accepts neither these tokens nor their renewal. Give newer ones, or none at all."
            )
    if not setup.holds_what_we_made(connection):
        setup.start_over(connection)
    elif not readiness(connection):
        return connection
    mapping.suggest(connection)
    mapping.confirm(connection)
    mapping.create_missing(connection)
    return connection


def _is_open(connection: Connection) -> bool:
    """Read the lists with the sign-in there is; False where there is none, or it counts no longer. Raises DeliveryError."""
    if connection.status != ConnectionStatus.CONNECTED:
        return False
    for is_last in (False, True):
        try:
            mapping.import_lists(connection)
        except BadCredentials:
            return False
        except TryLater:  # What a renewal is refused with at first; the second refusal is for good.
            if is_last:
                raise
        else:
            break
    return True


def refuse_unfit(erp: str, url: str, credentials: Mapping[str, Any], way: str) -> None:
    """Refuse in words what cannot be meant, by the names that the file has, before anything is asked. Raises SetupError."""
    if not url.startswith(("http://", "https://")):
        raise SetupError(f"{url} is no address: begin it with http:// or https://.")
    ways = {each.code: each for each in base.get(erp).sign_ins}
    if way and way not in ways:
        raise SetupError(f"{way} is no way of signing in there. Known: {_shown(ways)}.")
    chosen = base.get(erp).sign_in(way)
    fields = {each.name: each for each in chosen.fields}
    unknown = sorted(set(credentials) - {*fields, *TOKENS, "realm_id", *_TOLD})
    if unknown:
        raise SetupError(f"Nothing is known by {_shown(unknown)} among the credentials. {_knows(chosen, ways)}")
    lacking = [each.name for each in chosen.fields if not each.is_optional and not credentials.get(each.name)]
    if lacking:
        raise SetupError(f"The credentials lack {_shown(lacking)}. {_knows(chosen, ways)}")
    for name, field in fields.items():
        choices = [code for code, _ in field.choices]
        if choices and credentials.get(name) and credentials[name] not in choices:
            raise SetupError(f"{name} is {credentials[name]}, but can be {_shown(choices)} only.")


def _knows(way: SignIn, ways: Mapping[str, SignIn]) -> str:
    others = [code for code in ways if code != way.code]
    more = f" For another way say --erp-sign-in {' or '.join(others)}." if others else ""
    return f"{way.label} takes {_shown(each.name for each in way.fields)}, and realm_id for the company.{more}"


def _shown(names: Iterable[str]) -> str:
    return ", ".join(names)


def _sign_in(
    connection: Connection,
    root: str,
    credentials: Mapping[str, Any],
    addresses: Mapping[str, str],
    *,
    way: str,
    paced: bool,
) -> Connection:
    connection.base_url = connection.auth_url = root
    connection.sign_in, connection.throttled = way, paced
    connection.options = {**connection.options, "addresses": dict(addresses)}
    if not paced:
        connection.options = {**setup.PATIENT_FOR_TESTS, **connection.options}
    entered = {name: value for name, value in credentials.items() if name not in (*TOKENS, *_TOLD, "realm_id")}
    connection.credentials = Secrets(entered)
    chosen = tokens.way_of(connection)
    if chosen.company_from is CompanyFrom.CHOICE and not connection.realm_name:
        connection.realm_id = str(credentials.get("realm_id", ""))  # Named with every call from the first one on.
    connection.save()
    if chosen.kind is not SignInKind.CODE:
        connection = signing_in.connect(connection)
    elif credentials.get("refresh_token") or credentials.get("access_token"):
        _keep(connection, credentials)
    else:
        connection = signing_in.complete(consent(signing_in.begin(connection, redirect_uri=CALLBACK)))
    if connection.status == ConnectionStatus.CHOOSE_COMPANY:
        connection = _choose(connection, str(credentials.get("realm_id", "")))
    return connection


def _keep(connection: Connection, credentials: Mapping[str, Any]) -> None:
    """Take tokens that somebody else signed in for. Without an access token the first call asks for one."""
    answer = {
        "access_token": "none yet",
        "expires_in": 0,
        **{name: credentials[name] for name in _MEANT if name in credentials},
    }
    if credentials.get("access_token"):
        answer["expires_in"] = credentials.get("expires_in", 1800)
    connection.realm_id = str(credentials.get("realm_id", ""))
    known = bool(connection.realm_id)
    connection.status = ConnectionStatus.CONNECTED if known else ConnectionStatus.CHOOSE_COMPANY
    tokens.keep(connection, answer)


def _choose(connection: Connection, wanted: str) -> Connection:
    offered = signing_in.companies(connection)
    if not wanted and len(offered) != 1:
        names = ", ".join(f"{each.external_id} ({each.name})" for each in offered) or "none"
        raise SetupError(f"Say with realm_id among the credentials which company is meant. The sign-in opens: {names}.")
    return signing_in.choose_company(connection, wanted or offered[0].external_id)
