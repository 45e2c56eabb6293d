"""Make a connection, and bring one to a stand-in server all the way to a confirmed mapping."""

from collections.abc import Mapping as Options
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from billing.models import BusinessEntity
from integrations import mapping, tokens
from integrations import sign_in as signing_in
from integrations.connectors import base
from integrations.connectors.base import SignInKind
from integrations.consent import CALLBACK, SetupError, ask, consent
from integrations.models import (
    Connection,
    ConnectionStatus,
    ErpRecord,
    ExternalReference,
    Mapping,
    MappingKind,
    MappingOrigin,
    OutboxItem,
    OutboxState,
    RecordKind,
    SyncMode,
)
from integrations.readiness import readiness
from integrations.vault import Secrets

_HINT = "Start a sandbox with: manage.py erp_sandbox <erp> --port N. Another server needs --erp-credentials (docs/SANDBOX.md)."
# Twelve tries are over in seconds at such a pace, where they take hours at a vendor's.
PATIENT_FOR_TESTS = {
    "backoff_base": 0.05,
    "backoff_cap": 2.0,
    "settle_seconds": 0.2,
    "read_timeout": 30.0,
    "max_attempts": 40,
}


@transaction.atomic
def create_connection(
    *,
    business_entity: BusinessEntity | None,
    erp: str,
    mode: str = SyncMode.JOURNAL_ENTRIES,
    send_payments: bool = False,
    name: str = "",
    sign_in: str = "",
    options: Options[str, Any] | None = None,
    address: str = "",
) -> tuple[Connection, bool]:
    """Make the entity's connection, or give the one it has, and whether it is new. Raises SetupError for another choice.

    None is all entities that have no connection of their own. `address` is a stand-in server's; empty: the vendor's own.
    """
    spec = base.get(erp)
    if mode not in spec.modes:
        raise SetupError(f"{spec.label} takes {' or '.join(spec.modes)}, not {mode}.")
    if send_payments and mode != SyncMode.DOCUMENTS:
        raise SetupError("Payments are sent in documents mode only; journal entries contain them already.")
    existing = (
        Connection.objects.filter(business_entity=business_entity).exclude(status=ConnectionStatus.DISABLED).first()
    )
    if existing is None:
        return (
            Connection.objects.create(
                business_entity=business_entity,
                erp=erp,
                name=name or spec.label,
                sync_mode=mode,
                send_payments=send_payments,
                sign_in=sign_in,
                options=dict(options or {}),
                base_url=address.rstrip("/"),
                auth_url=address.rstrip("/"),
            ),
            True,
        )
    if (existing.erp, existing.sync_mode, existing.send_payments) != (erp, mode, send_payments):
        raise SetupError(
            f"{business_entity or 'The company'} is connected to {existing.erp} already, sending {existing.sync_mode}"
            f"{' with payments' if existing.send_payments else ''}. Changing that is a decision of its own: deliver or skip "
            "what waits, switch that connection off, then make another."
        )
    return existing, False


def connect_files(connection: Connection) -> Connection:
    """Open a connection whose documents a person carries over: accounts go by our own numbers until a chart is uploaded.

    What is new here is mapped as well; of one that is ready nothing is changed. Raises SignInError in words.
    """
    if connection.status != ConnectionStatus.CONNECTED:
        connection = signing_in.connect(connection)
    mapping.import_lists(connection)
    mapping.suggest(connection)  # First to the chart that was uploaded, if one was.
    mapping.create_missing(connection)
    mapping.suggest(connection)  # The account of payments is one of those that were made.
    mapping.confirm(connection)
    return connection


def connect_sandbox(connection: Connection, url: str) -> Connection:
    """Sign in to a stand-in server as a person would, read its lists, and confirm the suggested mapping.

    Asks nothing more of a connection that is signed in there and ready; what is new here is mapped. A server that was
    started again, there or elsewhere, has new books: everything is sent to it once more. Raises SetupError, DeliveryError.
    """
    root = url.rstrip("/")
    if connection.realm_id and not connection.base_url:
        raise SetupError(f"{connection.name} is connected to the vendor itself. Switch that connection off first.")
    state = ask("GET", f"{root}/_sandbox/state", hint=_HINT).json()
    if state["vendor"] != connection.erp:
        raise SetupError(
            f"The sandbox at {root} stands in for {state['vendor']}, but the connection is to {connection.erp}."
        )
    is_signed_in = connection.status == ConnectionStatus.CONNECTED and connection.base_url == root
    if is_signed_in and not _was_restarted(connection, state):
        mapping.suggest(connection)  # What was added here since, such as a tax rate.
        mapping.confirm(connection)
        if not readiness(connection):
            return connection
    else:
        connection = _sign_in(connection, root, state)
    connector = mapping.connector_of(connection)
    mapping.import_lists(connection, connector)
    if not holds_what_we_made(connection):
        start_over(connection)
    mapping.suggest(connection)
    mapping.confirm(connection)
    mapping.create_missing(connection)  # Opened anew: what was just mapped, such as a subsidiary, counts.
    return connection


def _was_restarted(connection: Connection, state: dict[str, Any]) -> bool:
    """Accounts are never deleted there, so fewer than we have read mean new books."""
    read = ErpRecord.objects.filter(connection=connection, kind=RecordKind.ACCOUNT).count()
    return bool(state["counts"].get("Account", 0) < read)


def _sign_in(connection: Connection, root: str, state: dict[str, Any]) -> Connection:
    connection.base_url = connection.auth_url = root
    connection.throttled = state["limits"]["mode"] == "real"
    connection.options = {**PATIENT_FOR_TESTS, **connection.options}
    if connection.throttled:
        connection.options = {**connection.options, "backoff_cap": 60.0, "backoff_base": 1.0}
    connection.sign_in = state["sign_in"]["code"]
    connection.credentials = Secrets(state["sign_in"]["fields"])
    connection.save()
    if tokens.way_of(connection).kind is SignInKind.CODE:
        connection = signing_in.complete(consent(signing_in.begin(connection, redirect_uri=CALLBACK)))
    else:
        connection = signing_in.connect(connection)
    if connection.status == ConnectionStatus.CHOOSE_COMPANY:
        connection = signing_in.choose_company(connection, str(state["realm_id"]))
    return connection


def holds_what_we_made(connection: Connection) -> bool:
    """Tell whether any list entry that Counterfoil created is still there: lists are never deleted."""
    kinds = {MappingKind.DEFAULT_CUSTOMER.value: RecordKind.CUSTOMER.value}
    created = Mapping.objects.filter(connection=connection, origin=MappingOrigin.CREATED)
    ours = {
        (kinds.get(kind, kind), external_id, name)
        for kind, external_id, name in created.values_list("kind", "external_id", "external_name")
    }
    theirs = ErpRecord.objects.filter(connection=connection, is_active=True)
    return not ours or not ours.isdisjoint(theirs.values_list("kind", "external_id", "name"))


@transaction.atomic
def start_over(connection: Connection) -> None:
    """Forget what the books before held; what was skipped stays skipped."""
    ErpRecord.objects.filter(connection=connection, is_active=False).delete()
    Mapping.objects.filter(connection=connection, origin=MappingOrigin.CREATED).delete()
    ExternalReference.objects.filter(connection=connection).delete()
    OutboxItem.objects.filter(connection=connection).exclude(state=OutboxState.SKIPPED).update(
        state=OutboxState.PENDING,
        attempts=0,
        available_at=Now(),
        request_id=None,
        batch_position=None,
        request_body="",
        outcome_unknown=False,
        worker_id=None,
        leased_until=None,
        delivered_at=None,
        reason_code="",
        reason="",
    )
