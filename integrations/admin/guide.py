"""The guided set-up of a connection: what is done, what comes next, and what is still missing, each with its link."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from billing.access import may
from billing.admin.shown import badge, change_url, list_url, moment
from billing.admin.tables import Table, columns
from billing.models import Job, JobStatus, Role
from billing.wording import counted
from integrations.admin import mapping_rows
from integrations.admin.mapping_rows import DEFAULTS
from integrations.admin.shown import erp_name, sends
from integrations.admin.sign_in import callback_address
from integrations.connectors import base
from integrations.connectors.base import SignInKind
from integrations.connectors.facts import DIMENSIONS
from integrations.going_live import is_being_set_up
from integrations.models import (
    Connection,
    ConnectionStatus,
    DimensionMapping,
    ErpRecord,
    Mapping,
    MappingKind,
    MappingStatus,
    RecordKind,
)
from integrations.readiness import readiness
from integrations.tokens import is_fed_by_files, way_of
from integrations.upkeep import TokenHealth

_IMPORTING, _CREATING = "import_erp_lists", "create_erp_accounts"
_CREATED = (MappingKind.ACCOUNT, DEFAULTS)  # What “Create what is missing” makes in the ERP.


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `links` are (label, address, role); `optional` ones hold nothing up."""

    title: str
    words: str
    done: bool
    links: Sequence[tuple[str, str, str]] = field(default=())
    optional: bool = False


def guide(request: HttpRequest, connection: Connection, health: TokenHealth) -> Table:
    """Draw the steps up to going live; the first open one is marked."""
    rows: list[tuple[object, ...]] = []
    steps = list(steps_of(connection, health, callback=callback_address(request)))
    current = next((step for step in steps if not step.done and not step.optional), None)
    for number, step in enumerate(steps, 1):
        is_now = step is current
        is_ahead = current is not None and not step.done and steps.index(current) < number - 1
        shown = badge("done", "Done") if step.done else badge("pending" if is_now else "queued", _state(step, is_now))
        links = format_html_join(
            " ",
            '<a class="cf-button{}" href="{}">{}</a>',
            (
                (" cf-first" if is_now and place == 0 else "", url, label)
                for place, (label, url, role) in enumerate(step.links)
                if may(request, role) and not is_ahead
            ),
        )
        words = format_html('<strong>{}. {}</strong><div class="cf-muted">{}</div>', number, step.title, step.words)
        rows.append((words, shown, links or _for_whom(step, is_ahead)))
    return Table("Set-up, step by step", columns("Step", "State", ""), rows, "")


def _state(step: Step, is_now: bool) -> str:
    return "If you want" if step.optional else "Now" if is_now else "Later"


def _for_whom(step: Step, is_ahead: bool) -> str:
    return "" if is_ahead or not step.links else f"for the role {Role(step.links[0][2]).name.lower()}"


def steps_of(connection: Connection, health: TokenHealth, *, callback: str) -> Iterator[Step]:
    """Give the steps of a connection, in order. `callback` is the address that the app at the vendor has to know."""
    is_open = connection.status == ConnectionStatus.CONNECTED
    yield Step(
        "Choose the ERP and what it gets",
        f"{erp_name(connection.erp)} gets {sends(connection).lower()} of "
        f"{connection.business_entity or 'all business entities'}.",
        done=True,
        links=[("Change", _verb(connection, "mode"), Role.ADMIN)],
    )
    if is_fed_by_files(connection):
        yield from _by_files(connection, is_open)
    else:
        yield from _signing_in(connection, health, is_open, callback)
        yield _import(connection, is_open)
    has_lists = is_open and connection.lists_read_at is not None
    yield from _mapping(connection, has_lists)
    missing = readiness(connection) if has_lists else ["the steps above."]
    yield Step(
        "Look at what would be sent",
        "A dry run shows the very documents, with nothing sent.",
        done=False,
        links=[("Dry run", reverse("admin:erp_dry_run", args=[connection.pk]), Role.ACCOUNTANT)] if has_lists else (),
        optional=True,
    )
    yield Step(
        "Go live",
        "From a day on, with opening balances or a back-fill. Nothing is sent before."
        if not missing
        else f"Nothing is sent before. Missing: {' '.join(missing[:3])}"
        + (f" And {len(missing) - 3} more." if len(missing) > 3 else ""),
        done=not is_being_set_up(connection),
        links=[("Go live", _verb(connection, "go_live"), Role.ACCOUNTANT)] if has_lists and not missing else (),
    )


def _by_files(connection: Connection, is_open: bool) -> Iterator[Step]:
    """Give the steps of an ERP without an API: nobody signs in, and its chart is a file."""
    yield Step(
        "Connect",
        "No sign-in is needed: files are made here, and you import them into the ERP.",
        done=is_open,
        links=[] if is_open else [("Connect", reverse("admin:connect_erp", args=[connection.pk]), Role.ADMIN)],
    )
    accounts = ErpRecord.objects.filter(connection=connection, kind=RecordKind.ACCOUNT, is_active=True).count()
    yield Step(
        "Upload its chart of accounts",
        f"{counted(accounts, 'account', 'accounts')} to map to."
        if accounts
        else "A CSV file with number and name of each account. Leave it out if our account numbers are used there too: "
        "“Create what is missing” below.",
        done=bool(accounts),
        links=[("Upload again" if accounts else "Upload chart", _verb(connection, "upload_chart"), Role.ACCOUNTANT)]
        if is_open
        else [],
        optional=True,
    )


def _signing_in(connection: Connection, health: TokenHealth, is_open: bool, callback: str) -> Iterator[Step]:
    way = way_of(connection)
    name = erp_name(connection.erp)
    if way.fields:
        words = "Entered, encrypted, never shown again."
        if health.missing:
            words = f"Missing: {', '.join(health.missing)}. {way.note}".strip()
            if way.kind is SignInKind.CODE:
                words += f" The app there must know this address to come back to: {callback}"
        yield Step(
            "Enter the credentials",
            words,
            done=not health.missing and not health.trouble,
            links=[("Enter credentials", _verb(connection, "credentials"), Role.ADMIN)],
        )
    connect = ("Connect", reverse("admin:connect_erp", args=[connection.pk]), Role.ADMIN)
    company = ("Choose company", _verb(connection, "company"), Role.ADMIN)
    chooses = connection.status == ConnectionStatus.CHOOSE_COMPANY
    agreed = f"You agree at {name}, and come back here." if way.kind is SignInKind.CODE else f"{name} is called once."
    if chooses:
        agreed = "You are signed in. Choose the company whose books these are."
    yield Step(
        "Sign in and choose the company",
        f"Connected to {connection.realm_name or connection.realm_id}." if is_open else agreed,
        done=is_open,
        links=[company if chooses else connect] if not is_open else (),
    )


def waits_for(connection: Connection) -> str:
    """Give the address that tells how far the work is that a step waits for; an empty text where none is under way."""
    found = [_unfinished(connection, kind) for kind in (_IMPORTING, _CREATING)]
    running = next((job for job in found if job is not None and job.status != JobStatus.FAILED), None)
    return reverse("admin:job_state", args=[running.pk]) if running else ""


def _unfinished(connection: Connection, kind: str) -> Job | None:
    """Give the last job of a kind for this connection while it is not done, or when it has failed."""
    job = Job.objects.filter(kind=kind, parameters__connection=connection.pk).order_by("-id").first()
    return job if job is not None and job.status != JobStatus.DONE else None


def _told(job: Job) -> str:
    failed = job.status == JobStatus.FAILED
    hint = job.message or ("" if failed else "This page shows by itself when it is done.")
    far = f", {job.done:,} of {job.total:,} done" if job.total and not failed else ""
    return f"{job.title}: {job.get_status_display().lower()}{far}. {hint}"


def _import(connection: Connection, is_open: bool) -> Step:
    running = _unfinished(connection, _IMPORTING)
    again = "Import again" if connection.lists_read_at else "Import lists"
    links = [(again, _verb(connection, "import_lists"), Role.ACCOUNTANT)] if is_open else []
    words = "Accounts, customers, products, tax codes, currencies and dimensions, and until when its books are locked."
    if running is not None:
        failed = running.status == JobStatus.FAILED
        links = [("See how far it is", change_url(Job, running.pk), Role.ACCOUNTANT), *(links if failed else ())]
        words = _told(running)
    elif connection.lists_read_at:
        count = ErpRecord.objects.filter(connection=connection, is_active=True).count()
        closed = connection.company.get("books_closed_through")
        words = f"{count:,} rows read on {moment(connection.lists_read_at)}. " + (
            f"Its books are locked through {closed}." if closed else "Its books are not locked."
        )
    return Step("Import its lists", words, done=is_open and connection.lists_read_at is not None, links=links)


def _mapping(connection: Connection, has_lists: bool) -> Iterator[Step]:
    """Give a step for each tab of the mapping page, and one for the dimensions."""
    open_counts = mapping_rows.open_counts(connection)
    suggested = _suggested(connection)
    for kind, label in mapping_rows.kinds_of(connection):
        wanted, found = open_counts.get(kind, 0), suggested.get(kind, 0)
        words = f"{wanted} without a confirmed counterpart" if wanted else "Nothing is missing"
        words += f"; {counted(found, 'suggestion', 'suggestions')} to look at." if found else "."
        creating = _unfinished(connection, _CREATING) if wanted and kind in _CREATED else None
        if creating is not None:
            words = _told(creating)
        yield Step(
            f"Map the {label.lower()}", f"{words} {mapping_rows.note_of(connection, kind)}", done=has_lists and not wanted,
            links=_mapping_links(connection, kind, wanted=wanted, found=found, creating=creating) if has_lists else (),
            optional=not wanted and not found,
        )  # fmt: skip
    kinds = [kind for kind in base.get(connection.erp).lists if kind in DIMENSIONS]
    if kinds and has_lists:
        rows = ErpRecord.objects.filter(connection=connection, kind__in=kinds, is_active=True)
        have = Counter(RecordKind(kind).label.lower() for kind in rows.values_list("kind", flat=True))
        mapped = DimensionMapping.objects.filter(connection=connection).count()
        there = ", ".join(f"{count:,} of the kind “{label}”" for label, count in sorted(have.items()))
        yield Step(
            "Map the dimensions",
            f"{mapped:,} mapped. The ERP has {there or 'none'}. "
            "Lines carry what their product, customer or business entity is mapped to.",
            done=bool(mapped),
            links=[("Map", dimensions_url(connection), Role.VIEWER)] if have else (),
            optional=True,
        )


def _mapping_links(
    connection: Connection, kind: str, *, wanted: int, found: int, creating: Job | None
) -> list[tuple[str, str, str]]:
    links = [("Map", _tab(connection, kind), Role.VIEWER)]
    if creating is not None:
        links.insert(0, ("See how far it is", change_url(Job, creating.pk), Role.ACCOUNTANT))
        if creating.status != JobStatus.FAILED:
            return links
    if kind == MappingKind.ACCOUNT and wanted and not found:
        links.insert(0, ("Suggest mapping", _verb(connection, "suggest"), Role.ACCOUNTANT))
    if wanted and kind in _CREATED:
        links.append(("Create what is missing", _verb(connection, "create_missing"), Role.ACCOUNTANT))
    return links


def _suggested(connection: Connection) -> dict[str, int]:
    found: dict[str, int] = {}
    rows = Mapping.objects.filter(connection=connection, status=MappingStatus.SUGGESTED)
    for kind, internal_id in rows.values_list("kind", "internal_id"):
        tab = DEFAULTS if internal_id is None else kind
        found[tab] = found.get(tab, 0) + 1
    return found


def dimensions_url(connection: Connection) -> str:
    """Give the address of the page that maps dimensions."""
    return f"{reverse('admin:map_dimensions')}?{urlencode({'connection': connection.pk})}"


def has_dimensions(connection: Connection) -> bool:
    """Tell whether the ERP has any dimension to map."""
    kinds = [kind.value for kind in DIMENSIONS]
    return ErpRecord.objects.filter(connection=connection, kind__in=kinds, is_active=True).exists()


def _tab(connection: Connection, kind: str) -> str:
    return list_url(Mapping, urlencode({"connection": connection.pk, "kind": kind}))


def _verb(connection: Connection, name: str) -> str:
    return reverse(f"admin:integrations_connection_{name}", args=[connection.pk])
