"""Signing in to an ERP in any of the ways that vendors have, up to the company that the connection belongs to."""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlencode

from django.db import transaction
from django.utils import timezone

from integrations import tokens
from integrations.connectors import base
from integrations.connectors.base import Call, CompanyChoice, CompanyFrom, DeliveryError, SignIn, SignInKind
from integrations.models import Connection, ConnectionStatus, OAuthState
from integrations.tokens import SignInError, way_of
from integrations.vault import Secrets
from integrations.wiring import open_connector

_COMPANY_ID = re.compile(r"[A-Za-z0-9_.-]{1,50}")
_STATE_LIVES = timedelta(minutes=15)


def begin(connection: Connection, *, redirect_uri: str) -> str:
    """Begin a sign-in by a person; give the address to send them to. Raises SignInError before everything is entered."""
    way = way_of(connection)
    _check_entered(connection, way)
    nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    OAuthState.objects.create(
        connection=connection,
        digest=_digest(nonce),
        redirect_uri=redirect_uri,
        verifier=Secrets(verifier=verifier) if way.pkce else Secrets(),
        expires_at=timezone.now() + _STATE_LIVES,
    )
    query = {
        "client_id": connection.credentials["client_id"],
        "response_type": "code",
        "scope": way.scope,
        "redirect_uri": redirect_uri,
        "state": nonce,
        **way.extra,
    }
    if way.pkce:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    return f"{tokens.endpoints(connection).authorize}?{urlencode(query)}"


def complete(callback: Mapping[str, str]) -> Connection:
    """Finish a sign-in from the callback's parameters. Raises SignInError in words."""
    now, digest = timezone.now(), _digest(callback.get("state", ""))
    found = OAuthState.objects.filter(digest=digest).select_related("connection").first()
    used = OAuthState.objects.filter(digest=digest, used_at=None, expires_at__gt=now).update(used_at=now)
    if found is None or not used:
        raise SignInError("This sign-in has expired or was used already. Start it again from the connection.")
    connection = found.connection
    way = way_of(connection)
    if way.company_from is CompanyFrom.CALLBACK:
        _check_company(connection, callback.get(way.company_name, ""))
    form = {
        "grant_type": "authorization_code",
        "code": callback.get("code", ""),
        "redirect_uri": found.redirect_uri,
        **({"code_verifier": found.verifier["verifier"]} if way.pkce else {}),
    }
    try:
        told = way.remember(callback, {})
    except ValueError as error:
        raise SignInError(str(error)) from error
    answer = tokens.exchange(connection, form, found=told)
    if answer is None:
        raise SignInError("The ERP did not accept the sign-in. Check the client id and secret, then start it again.")
    with transaction.atomic():
        locked = _lock(connection)
        if way.company_from is CompanyFrom.CALLBACK:
            locked.realm_id = callback[way.company_name]
        _signed_in(locked)
        tokens.keep(locked, answer, found={**told, **way.remember(callback, answer)})
    return _settle_company(locked, way)


def connect(connection: Connection) -> Connection:
    """Sign in with what was entered, where no person has to agree at the vendor. Raises SignInError in words."""
    way = way_of(connection)
    _check_entered(connection, way)
    answer = tokens.exchange(connection, {}) if way.kind is SignInKind.CLIENT else {}
    if answer is None:
        raise SignInError("The ERP did not accept these credentials. Check them, then connect again.")
    with transaction.atomic():
        locked = _lock(connection)
        _signed_in(locked)
        if answer:
            tokens.keep(locked, answer, found=way.remember({}, answer))
        else:
            locked.save(update_fields=["status", "status_reason", "updated_at"])
    return _settle_company(locked, way)


def companies(connection: Connection) -> list[CompanyChoice]:
    """List the companies that the sign-in opened. Raises DeliveryError."""
    return open_connector(connection, on_call=_ignore).companies()


def choose_company(connection: Connection, external_id: str) -> Connection:
    """Say which company the connection belongs to. Raises SignInError for one that the sign-in did not open, DeliveryError."""
    offered = {each.external_id: each for each in companies(connection)}
    if external_id not in offered:
        open_ones = ", ".join(f"{key} ({each.name})" for key, each in offered.items()) or "none"
        raise SignInError(
            f"This sign-in does not open that company ({external_id}). It opens: {open_ones}. Choose one, or sign in again."
        )
    with transaction.atomic():
        locked = _lock(connection)
        if locked.realm_id and locked.realm_id != external_id:
            raise SignInError(_belongs(locked))
        locked.realm_id, locked.realm_name = external_id, offered[external_id].name
        locked.status, locked.status_reason = ConnectionStatus.CONNECTED, ""
        locked.save(update_fields=["realm_id", "realm_name", "status", "status_reason", "updated_at"])
    return locked


def _settle_company(connection: Connection, way: SignIn) -> Connection:
    """Find out which company was signed in to; where several are open, a person has to choose."""
    if way.company_from is CompanyFrom.CALLBACK:
        return connection
    try:
        if way.company_from is CompanyFrom.CHOICE:
            offered = companies(connection)
            if not offered:
                raise SignInError("This sign-in opens no company. Sign in as somebody who may use one.")
            wanted = connection.realm_id or (offered[0].external_id if len(offered) == 1 else "")
            return choose_company(connection, wanted) if wanted else connection
        realm_id = str(connection.credentials.get(way.company_name, "")) or "local"
        _check_company(connection, realm_id)
        connection.realm_id = realm_id
        company = open_connector(connection, on_call=_ignore).company()
    except DeliveryError as error:
        _fail(connection, error.words)
        raise SignInError(error.words) from error
    except SignInError as error:
        _fail(connection, str(error))
        raise
    connection.realm_name = company.name or realm_id
    connection.status, connection.status_reason = ConnectionStatus.CONNECTED, ""
    connection.save(update_fields=["realm_id", "realm_name", "status", "status_reason", "updated_at"])
    return connection


def _signed_in(connection: Connection) -> None:
    known = bool(connection.realm_id)
    connection.status = ConnectionStatus.CONNECTED if known else ConnectionStatus.CHOOSE_COMPANY
    connection.status_reason = "" if known else "The sign-in opens more than one company. Choose the one to connect."


def _fail(connection: Connection, words: str) -> None:
    Connection.objects.filter(pk=connection.pk).update(
        status=ConnectionStatus.RECONNECT_NEEDED if connection.realm_name else ConnectionStatus.NEW, status_reason=words
    )


def _check_entered(connection: Connection, way: SignIn) -> None:
    lacking = [each.label for each in way.fields if not each.is_optional and not connection.credentials.get(each.name)]
    if lacking:
        raise SignInError(f"Enter first: {', '.join(lacking)}. The ERP's developer or set-up pages show them.")


def _check_company(connection: Connection, realm_id: str) -> None:
    if not _COMPANY_ID.fullmatch(realm_id):
        raise SignInError("The ERP did not say which company was chosen. Start the sign-in again.")
    if connection.realm_id and connection.realm_id != realm_id:
        raise SignInError(_belongs(connection))


def _belongs(connection: Connection) -> str:
    return (
        f"This connection belongs to the company {connection.realm_name or connection.realm_id}, but another one was "
        "chosen. Sign in again and choose the same company, or make a new connection."
    )


def _lock(connection: Connection) -> Connection:
    return Connection.objects.select_for_update(no_key=True).get(pk=connection.pk)


def _ignore(call: Call) -> None:
    """Signing in is not a delivery and is not logged as one."""


def _digest(nonce: str) -> str:
    return hashlib.sha256(nonce.encode()).hexdigest()


def offered(erp: str) -> list[tuple[str, str]]:
    """List the ways of signing in to an ERP, for a drop-down."""
    return [(each.code, each.label) for each in base.get(erp).sign_ins]
