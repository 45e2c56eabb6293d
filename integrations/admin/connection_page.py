"""The page of a connection: how it is doing, what is missing, and how it is set."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Min
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince

from billing.access import may
from billing.admin.document import Document
from billing.admin.shown import NONE, badge, moment, status, to
from billing.admin.tables import Table, columns
from billing.models import Role
from billing.wording import counted
from integrations.admin.connection_verbs import mapping_url
from integrations.admin.figures import attempts_table, counts_table, throughput_table
from integrations.admin.file_verbs import files_tables, takes_files, waiting_for_files
from integrations.admin.guide import guide, waits_for
from integrations.admin.policy_verbs import POLICY_OPTIONS, policy_words
from integrations.admin.shown import count_link, erp_name, outbox_url, sends
from integrations.connectors import base
from integrations.going_live import is_being_set_up
from integrations.models import (
    Connection,
    ConnectionStatus,
    ConnectionWarning,
    ErpRecord,
    NoticedChange,
    OutboxItem,
    OutboxState,
    SummarizedEntry,
    ThrottleGate,
)
from integrations.readiness import readiness
from integrations.tokens import is_fed_by_files, way_of
from integrations.upkeep import TokenHealth, token_health

_MISSING_SHOWN = 8
_SHOWN_ELSEWHERE = {"setting_up", *POLICY_OPTIONS}
_SOON = timedelta(days=14)
_CERTIFICATE_SOON = timedelta(days=60)  # A new one has to be made, uploaded there and entered here.


def describe(request: HttpRequest, connection: Any) -> Document:
    """Say everything about a connection but its secrets. `connection` carries the figures of `with_figures`."""
    now = timezone.now()
    health = token_health(connection)
    if is_being_set_up(connection) and connection.status != ConnectionStatus.DISABLED:
        return _set_up(request, connection, health)
    return Document(
        title=connection.name,
        badge=status(connection),
        lead=_lead(connection),
        note=_note(connection, health, now),
        headline=[
            ("Waiting", _count(connection, connection.waiting_count, OutboxState.PENDING)),
            ("Parked", _count(connection, connection.parked_count, OutboxState.PARKED)),
            ("Last delivered", moment(connection.last_delivered)),
            ("In no file yet", f"{waiting_for_files(connection):,}")
            if is_fed_by_files(connection)
            else ("Calls in 24 hours", f"{connection.calls_today or 0:,}"),
        ],
        facts=_facts(connection, health, now),
        tables=[
            *_missing(request, connection, health),
            *files_tables(connection),
            *_warnings(connection),
            *_noticed(connection),
            counts_table(connection),
            *(
                []
                if takes_files(connection)
                else [throughput_table(connection, now=now), *_limits(connection), attempts_table(connection)]
            ),
            _policies(request, connection),
            _settings(request, connection),
        ],
    )


def _set_up(request: HttpRequest, connection: Any, health: TokenHealth) -> Document:
    """Show the way to going live, and below it only what tells how the connection is."""
    tables = [guide(request, connection, health), *files_tables(connection), *_warnings(connection)]
    if connection.calls_today:
        tables.append(attempts_table(connection))
    return Document(
        title=connection.name,
        badge=badge("submitted", "Being set up"),
        lead="Nothing is sent to the ERP before you go live. Follow the steps; you can leave and come back at any time.",
        note=health.trouble or connection.status_reason,
        tables=[*tables, _policies(request, connection), _settings(request, connection)],
        waits_for=waits_for(connection),
    )


def _lead(connection: Connection) -> str:
    company = f"the company {connection.realm_name}" if connection.realm_name else "no company yet"
    if is_fed_by_files(connection):
        company = "carried over by a person"
    keeps = "Counterfoil" if sends(connection) == "Journal entries" else "The ERP"
    return (
        f"{erp_name(connection.erp)}, {company}. Receives {sends(connection).lower()} of "
        f"{connection.business_entity or 'all business entities'}. {keeps} keeps the accounting rules."
    )


def _note(connection: Any, health: TokenHealth, now: datetime) -> str:
    if health.trouble:
        return health.trouble
    if connection.status in (ConnectionStatus.RECONNECT_NEEDED, ConnectionStatus.DISABLED):
        return connection.status_reason or str(connection.get_status_display())
    if connection.status == ConnectionStatus.CONNECTED and health.sign_in_until and health.sign_in_until < now + _SOON:
        return f"The sign-in ends on {moment(health.sign_in_until)} unless it is used before. Reconnect to renew it."
    if health.certificate_until and health.certificate_until < now + _CERTIFICATE_SOON:
        ends = "ends " if health.certificate_until >= now else ""
        return (
            f"The certificate {ends}{_days_left(health.certificate_until, now)}. Make a new one, upload it at the vendor, and "
            "enter it here."
        )
    return f"The newest trouble: {connection.last_trouble}" if connection.last_trouble else ""


def _count(connection: Connection, count: int | None, state: OutboxState) -> object:
    return count_link(count or 0, outbox_url(connection=connection.pk, state=state.value))


def _facts(connection: Connection, health: TokenHealth, now: datetime) -> list[tuple[str, object]]:
    calls = not is_fed_by_files(connection)
    entered = "cannot be read" if health.trouble else "entered; never shown"
    if health.missing:
        entered = f"missing: {', '.join(health.missing)}"
    access: object = NONE
    ended = connection.status == ConnectionStatus.RECONNECT_NEEDED
    if ended:
        access = "no longer accepted"
    elif health.access_until:
        expired = health.access_until <= now
        access = (
            "renewed with the next request" if expired else f"until {moment(health.access_until)}, renewed by itself"
        )
    told = [
        ("Company id there", connection.realm_id or NONE),
        ("Home currency there", connection.company.get("home_currency") or NONE),
        ("Their books are closed through", connection.company.get("books_closed_through") or NONE),
        ("Lists last read", moment(connection.company_read_at)),
        ("Credentials", entered),
        ("Access token", access),
        ("Sign-in lasts until", "ended" if ended else moment(health.sign_in_until)),
    ]
    return [
        *(told if calls else []),  # Files are told nothing.
        *([("Certificate ends", _days_left(health.certificate_until, now))] if health.certificate_until else []),
        ("Oldest waiting item", _age(connection, now)),
        *([("Wait for the sum of their day or month", summed)] if (summed := _waiting_for_sums(connection)) else []),
        *([("The ERP asked to pause until", moment(connection.paused_until))] if _is_paused(connection, now) else []),
        ("Made", moment(connection.created_at)),
    ]


def _days_left(until: datetime, now: datetime) -> str:
    """Say when something ends and how many days that is away."""
    days = (until - now).days
    return f"on {moment(until)}, in {days} days" if days >= 0 else f"ended on {moment(until)}"


def _is_paused(connection: Connection, now: datetime) -> bool:
    return connection.paused_until is not None and connection.paused_until > now


def _waiting_for_sums(connection: Connection) -> str:
    count = SummarizedEntry.objects.filter(connection=connection, summary=None).count()
    return f"{counted(count, 'entry', 'entries')}, within the hour after it is over" if count else ""


def _age(connection: Connection, now: datetime) -> str:
    waiting = OutboxItem.objects.filter(connection=connection, state__in=(OutboxState.PENDING, OutboxState.IN_FLIGHT))
    oldest = waiting.aggregate(oldest=Min("created_at"))["oldest"]
    return f"since {moment(oldest)} ({timesince(oldest, now)})" if oldest else "nothing waits"


def _warnings(connection: Connection) -> list[Table]:
    found = ConnectionWarning.objects.filter(connection=connection)
    rows: list[tuple[object, ...]] = [(each.words, moment(each.since), _told(each)) for each in found]
    if not rows:
        return []
    note = "Who is told by e-mail or webhook is set under “Policies”."
    return [Table("Warnings", columns("What", "Since", "Told"), rows, "", note=note)]


def _told(warning: ConnectionWarning) -> str:
    told = [moment(warning.told_at)] if warning.told_at else []
    return " ".join(filter(None, [*told, warning.failed_words])) or "to nobody"


def _webhook_path(connection: Connection) -> str:
    return reverse("erp_webhook", args=[connection.tenant_id, connection.pk])


def _noticed(connection: Connection) -> list[Table]:
    rows: list[tuple[object, ...]] = [
        (moment(each.at), each.get_kind_display(), each.external_id, each.words)
        for each in NoticedChange.objects.filter(connection=connection)[:_MISSING_SHOWN]
    ]
    shown = columns("Noticed", "Kind", "Id in the ERP", "What")
    return [Table("Noticed in the ERP", shown, rows, "", note="A reconciliation shows all of it.")] if rows else []


def _limits(connection: Connection) -> list[Table]:
    gates = ThrottleGate.objects.filter(connection=connection).exclude(left=None).order_by("name")
    rows: list[tuple[object, ...]] = [(each.name, f"{each.left:,}", moment(each.told_at)) for each in gates]
    shown = columns("Limit", ">Calls left", "As the ERP said on")
    return [Table("Limits left", shown, rows, "")] if rows else []


def _missing(request: HttpRequest, connection: Connection, health: TokenHealth) -> list[Table]:
    """List the steps before anything can be sent, each with the link that takes it."""
    if connection.status == ConnectionStatus.DISABLED:
        return []
    steps: list[tuple[object, object]] = []
    if health.missing or health.trouble:
        wanted = ", ".join(health.missing) or "the credentials"
        steps.append((f"Enter: {wanted}.", _step(request, connection, "credentials", Role.ADMIN)))
    if connection.status == ConnectionStatus.CHOOSE_COMPANY:
        url = reverse("admin:integrations_connection_company", args=[connection.pk])
        steps.append(("Choose the company.", to(url, "Choose") if may(request, Role.ADMIN) else "for the role admin"))
    elif connection.status != ConnectionStatus.CONNECTED:
        url = reverse("admin:connect_erp", args=[connection.pk])
        words = "Connect: no sign-in is needed." if is_fed_by_files(connection) else "Sign in to the ERP."
        steps.append((words, to(url, "Connect") if may(request, Role.ADMIN) else "for the role admin"))
    elif takes_files(connection) and not ErpRecord.objects.filter(connection=connection).exists():
        words = "Upload the ERP's chart of accounts, or create the missing accounts by our numbers."
        steps.append((words, _step(request, connection, "upload_chart", Role.ACCOUNTANT)))
    elif not ErpRecord.objects.filter(connection=connection).exists():
        steps.append(
            (
                "Import the ERP's lists of accounts and customers.",
                _step(request, connection, "import_lists", Role.ACCOUNTANT),
            )
        )
    else:
        steps += _unmapped(connection)
    if not steps:
        return []
    return [Table("Missing before everything can be sent", columns("What", "Where"), steps, "")]


def _unmapped(connection: Connection) -> list[tuple[object, object]]:
    missing = readiness(connection)
    link = to(mapping_url(connection), "Mapping")
    steps: list[tuple[object, object]] = [(words, link) for words in missing[:_MISSING_SHOWN]]
    if len(missing) > _MISSING_SHOWN:
        steps.append((f"… and {len(missing) - _MISSING_SHOWN} more.", link))
    return steps


_STEPS = {"credentials": "Enter credentials", "import_lists": "Import lists", "upload_chart": "Upload chart"}


def _step(request: HttpRequest, connection: Connection, verb: str, role: str) -> object:
    if not may(request, role):
        return f"for the role {Role(role).name.lower()}"
    url = reverse(f"admin:integrations_connection_{verb}", args=[connection.pk])
    return to(url, _STEPS[verb])


def _settings(request: HttpRequest, connection: Connection) -> Table:
    spec = base.get(connection.erp)
    vendors = way_of(connection).endpoints({})
    paces = [f"{calls:,} calls in {per:g} s ({name})" for name, (calls, per, _) in spec.limits.items()]
    limits = "; ".join([*paces, f"{spec.concurrency} at once"] if spec.concurrency else paces)
    addresses: list[tuple[object, object]] = [
        ("API address", connection.base_url or f"{vendors.api} (the vendor's own)"),
        ("Sign-in address", connection.auth_url or f"{vendors.authorize or 'none needed'} (the vendor's own)"),
        *(
            [("Address for its webhooks", request.build_absolute_uri(_webhook_path(connection)))]
            if spec.webhooks
            else []
        ),
        ("Pace", limits if connection.throttled else "not limited: a stand-in server"),
    ]
    rows: list[tuple[object, object]] = [
        *([] if is_fed_by_files(connection) else addresses),
        ("Our references begin with", connection.reference_prefix),
        *(
            (name.replace("_", " ").capitalize(), value)
            for name, value in sorted(connection.options.items())
            if name not in _SHOWN_ELSEWHERE
        ),
    ]
    return Table("Settings", columns("Setting", "Value"), rows, "", note="Set when the connection is made.")


def _policies(request: HttpRequest, connection: Connection) -> Table:
    """Say in words how it sends, whatever was never touched included."""
    sent: list[tuple[object, object]] = [
        ("What it sends", sends(connection)),
        ("Of", connection.business_entity or "all business entities that have no connection of their own"),
    ]
    note = "An administrator changes them with “Policies”, and what it sends with “Change what it sends”."
    return Table("Policies", columns("Policy", "Now"), [*sent, *policy_words(connection)], "", note=note)
