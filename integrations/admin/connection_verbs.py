"""What is done with a connection, each after a confirmation."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.admin.document import Verb, VerbForm
from billing.admin.forms import DayField
from billing.admin.shown import change_url, list_url
from billing.models import Job, Role
from billing.services.jobs import start_job
from integrations import mapping, outbox, setup, upkeep
from integrations.admin.shown import erp_name, sends
from integrations.backfill import backfill
from integrations.connectors import base
from integrations.models import Connection, ConnectionStatus, Mapping, OutboxItem, OutboxState, SyncMode

_LABELS = {"client_id": "Client id", "client_secret": "Client secret"}


def mapping_url(connection: Connection, query: str = "") -> str:
    """Give the address of a connection's mapping page."""
    return list_url(Mapping, f"connection={connection.pk}{query}")


class ModeFields(forms.Form):
    """What a connection sends."""

    mode = forms.ChoiceField(label="What it sends", choices=SyncMode.choices)
    send_payments = forms.BooleanField(
        label="Send payments too",
        required=False,
        help_text="With invoices only. Leave it off when your bank feeds the ERP.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("send_payments") and cleaned.get("mode") == SyncMode.JOURNAL_ENTRIES:
            self.add_error("send_payments", "Journal entries contain the payments already; switch this off.")
        return cleaned


class ModeForm(ModeFields, VerbForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = base.get(self.subject.erp).modes
        self.fields["mode"].choices = [each for each in SyncMode.choices if each[0] in offered]  # type: ignore[attr-defined]
        self.initial |= {"mode": self.subject.sync_mode, "send_payments": self.subject.send_payments}


class CredentialsForm(VerbForm):
    """Typed, kept, never shown again: not even what was typed a moment ago comes back with an error."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in base.get(self.subject.erp).secret_fields:
            self.fields[name] = forms.CharField(
                label=_LABELS.get(name, name.replace("_", " ").capitalize()),
                max_length=500,
                widget=forms.PasswordInput(
                    render_value=False, attrs={"autocomplete": "new-password", "class": "cf-file"}
                ),
            )


class SinceForm(VerbForm):
    since = DayField(label="Everything dated from")


class SuggestForm(VerbForm):
    confirm = forms.BooleanField(
        label="Confirm all suggestions at once",
        required=False,
        help_text="Otherwise you look at them first on the mapping page. Only a confirmed mapping is used.",
    )


def _credentials(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    upkeep.enter_credentials(connection.pk, given=given)
    return "The client id and secret are kept, encrypted. Connect now."


def _job(request: HttpRequest, connection: Connection, kind: str, title: str) -> SafeString:
    job = start_job(kind=kind, title=title, parameters={"connection": connection.pk}, user=request.user)
    return format_html(
        '{} is in line. <a class="cf-link" href="{}">See how far it is</a>', title, change_url(Job, job.pk)
    )


def _import_lists(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    return _job(request, connection, "import_erp_lists", f"Import of the lists of {connection.name}")


def _create_missing(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    return _job(request, connection, "create_erp_accounts", f"Creating accounts in {connection.name}")


def _suggest(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    found = mapping.suggest(connection)
    confirmed = mapping.confirm(connection) if given["confirm"] else 0
    link = format_html('<a class="cf-link" href="{}">Look at the mapping</a>', mapping_url(connection))
    return format_html("{} new suggestions, {} confirmed. {}", found, confirmed, link)


def _send(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    outbox.wake(tenant_id=connection.tenant_id, connection_id=connection.pk)
    return "The workers were woken. Look again in a moment."


def _backfill(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    added = backfill(connection, since=given["since"])
    return f"{added:,} items were added to the outbox." if added else "Nothing was missing since that day."


def _mode(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    setup.change_mode(connection, mode=given["mode"], send_payments=given["send_payments"])
    return f"{connection.name} sends {sends(connection).lower()} from now on. See what is missing below."


def _switch_off(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    upkeep.switch_off(connection.pk, reason=f"Switched off by {request.user}.")
    return f"{connection.name} is switched off."


def _switch_on(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    upkeep.switch_on(connection.pk)
    return f"{connection.name} is switched on again. Back-fill what happened in the meantime."


def _undelivered(connection: Connection) -> str:
    count = OutboxItem.objects.filter(
        connection=connection, state__in=(OutboxState.PENDING, OutboxState.IN_FLIGHT, OutboxState.PARKED)
    ).count()
    return f" {count:,} items that are not delivered yet stay where they are." if count else ""


def _is_open(connection: Connection) -> bool:
    return bool(connection.status == ConnectionStatus.CONNECTED)


def _is_on(connection: Connection) -> bool:
    return bool(connection.status != ConnectionStatus.DISABLED)


VERBS = (
    Verb(
        "send-now", "Send waiting items now", _send, role=Role.ACCOUNTANT, allowed=_is_open,
        explain=lambda connection: "Wakes a worker, which sends what is due. Items that wait for their next try go out when "
        "it is time; parked ones need a person.",
    ),
    Verb(
        "import-lists", "Import lists", _import_lists, role=Role.ACCOUNTANT, allowed=_is_open,
        explain=lambda connection: f"Reads the accounts, customers, products and tax codes of {erp_name(connection.erp)} again. "
        "Nothing is changed there.",
    ),
    Verb(
        "suggest", "Suggest mapping", _suggest, role=Role.ACCOUNTANT, form=SuggestForm, allowed=_is_open,
        explain=lambda connection: "Looks for a counterpart of everything that has none, by number, name and type.",
    ),
    Verb(
        "create-missing", "Create missing accounts", _create_missing, role=Role.ACCOUNTANT, allowed=_is_open,
        explain=lambda connection: f"Creates in {erp_name(connection.erp)} every account that has no counterpart, not even a "
        "suggested one, and maps it. Accounts there can be made inactive later, but not deleted.",
    ),
    Verb(
        "backfill", "Back-fill", _backfill, role=Role.ACCOUNTANT, form=SinceForm, allowed=_is_on,
        explain=lambda connection: f"Puts {sends(connection).lower()} dated from a day on into the outbox, as far as they are "
        "not there yet. What the ERP already has from another source would be there twice.",
    ),
    Verb(
        "credentials", "Enter credentials", _credentials, role=Role.ADMIN, form=CredentialsForm, allowed=_is_on,
        explain=lambda connection: f"The client id and secret of your app in {erp_name(connection.erp)}'s developer portal. They "
        "are encrypted, and never shown again.",
    ),
    Verb(
        "mode", "Change mode", _mode, role=Role.ADMIN, form=ModeForm, allowed=_is_on,
        explain=lambda connection: f"{connection.name} sends {sends(connection).lower()} now. What happened before the change "
        "stays in the form in which it was sent.",
    ),
    Verb(
        "switch-off", "Switch off", _switch_off, role=Role.ADMIN, danger=True, allowed=_is_on,
        explain=lambda connection: "Nothing more is sent, and nothing more is collected for sending."
        f"{_undelivered(connection)} It can be switched on again.",
    ),
    Verb(
        "switch-on", "Switch on again", _switch_on, role=Role.ADMIN, allowed=lambda connection: not _is_on(connection),
        explain=lambda connection: "The connection goes on as the one it was: what it delivered is not sent again."
        f"{_undelivered(connection)} What happened while it was off is added with “Back-fill”.",
    ),
)  # fmt: skip
