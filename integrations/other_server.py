"""Connect to a server that speaks a vendor's protocol and is neither the vendor's nor one of our sandboxes.

Nothing but the vendor's own protocol is asked of it: it is signed in to with credentials that it knows, and paced as the
vendor is. Each part of the protocol may be at an address of its own.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from integrations import mapping, setup, tokens
from integrations import sign_in as signing_in
from integrations.connectors.base import Endpoints, SignInKind
from integrations.consent import CALLBACK, SetupError, consent
from integrations.models import Connection, ConnectionStatus
from integrations.readiness import readiness
from integrations.tokens import TOKENS
from integrations.vault import Secrets

PARTS = tuple(each.name for each in fields(Endpoints))
_MEANT = "refresh_token", "access_token", "realm_id"


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
    `url` with the vendor's path. One that is signed in there and ready is only mapped anew.
    """
    root = url.rstrip("/")
    if connection.realm_id and not connection.base_url:
        raise SetupError(f"{connection.name} is connected to the vendor itself. Switch that connection off first.")
    if connection.status != ConnectionStatus.CONNECTED or connection.base_url != root:
        connection = _sign_in(connection, root, credentials, addresses, way=way, paced=paced)
    elif not readiness(connection):
        return connection
    mapping.import_lists(connection)
    mapping.suggest(connection)
    mapping.confirm(connection)
    mapping.create_missing(connection)
    return connection


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
    entered = {name: value for name, value in credentials.items() if name not in (*TOKENS, "realm_id")}
    connection.credentials = Secrets(entered)
    connection.save()
    if tokens.way_of(connection).kind is not SignInKind.CODE:
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
