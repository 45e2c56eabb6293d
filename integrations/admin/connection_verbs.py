"""What is done with a connection, each after a confirmation."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.admin.document import Verb, VerbForm
from billing.admin.forms import DayField, dress
from billing.admin.shown import change_url, list_url
from billing.models import Job, Role
from billing.services.jobs import start_job
from integrations import disconnecting, mapping, outbox, sign_in, switching, upkeep
from integrations.admin.shown import erp_name, sends
from integrations.backfill import backfill
from integrations.connectors import base
from integrations.connectors.base import DeliveryError, SecretField
from integrations.models import Connection, ConnectionStatus, Mapping, OutboxItem, OutboxState, SyncMode
from integrations.readiness import needs_default_customer
from integrations.tokens import SignInError, is_fed_by_files, way_of
from integrations.vault import VaultError


def mapping_url(connection: Connection) -> str:
    """Give the address of a connection's mapping page."""
    return list_url(Mapping, f"connection={connection.pk}")


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
        webhooks = base.get(self.subject.erp).webhooks
        for wanted in (*way_of(self.subject).fields, *([webhooks.key_field] if webhooks else [])):
            self.fields[wanted.name] = _entry(wanted)
            dress(self.fields[wanted.name])


def _entry(wanted: SecretField) -> forms.Field:
    """Give the form field for something a person enters; a secret's value never comes back to the page."""
    shared: dict[str, Any] = {"label": wanted.label, "help_text": wanted.help, "required": not wanted.is_optional}
    if wanted.choices:
        return forms.ChoiceField(choices=wanted.choices, **shared)
    if wanted.is_long:
        return PemField(**shared)
    if wanted.is_secret:
        attributes = {"autocomplete": "new-password", "class": "cf-file"}
        return forms.CharField(
            max_length=500, widget=forms.PasswordInput(render_value=False, attrs=attributes), **shared
        )
    return forms.CharField(max_length=500, **shared)


class PemField(forms.CharField):
    """A key or certificate as pasted text; what was typed is not shown again."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=20_000, widget=_NotShownAgain(attrs={"rows": 6, "autocomplete": "off"}), **kwargs)


class _NotShownAgain(forms.Textarea):
    def format_value(self, value: Any) -> str:
        return ""


class CompanyForm(VerbForm):
    company = forms.ChoiceField(label="Company")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        try:
            offered = sign_in.companies(self.subject)
        except DeliveryError as error:
            raise SignInError(error.words) from error
        self.fields["company"].choices = [  # type: ignore[attr-defined]
            (each.external_id, f"{each.name} {each.detail}".strip()) for each in offered
        ]


class SinceForm(VerbForm):
    since = DayField(label="Everything dated from")


class SuggestForm(VerbForm):
    confirm = forms.BooleanField(
        label="Confirm all suggestions at once",
        required=False,
        help_text="Otherwise you look at them first on the mapping page. Only a confirmed mapping is used.",
    )


def _credentials(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    upkeep.enter_credentials(connection.pk, given={name: value for name, value in given.items() if value})
    return "What you entered is kept, encrypted. Connect now."


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
    outbox.hurry(connection.pk)
    outbox.wake(tenant_id=connection.tenant_id, connection_id=connection.pk)
    return "The workers were woken. Look again in a moment."


def _backfill(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    added = backfill(connection, since=given["since"])
    upkeep.compare_from(connection.pk, given["since"])
    return f"{added:,} items were added to the outbox." if added else "Nothing was missing since that day."


def _mode(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    # A page is not kept waiting for a long run: it says so, and is asked again.
    switching.change_mode(connection, mode=given["mode"], send_payments=given["send_payments"], patience=2.0)
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


def _has_lists(connection: Connection) -> bool:
    return _is_open(connection) and not is_fed_by_files(connection)


def _has_to_choose(connection: Connection) -> bool:
    return bool(connection.status == ConnectionStatus.CHOOSE_COMPANY)


def _is_on(connection: Connection) -> bool:
    return bool(connection.status != ConnectionStatus.DISABLED)


def _takes_credentials(connection: Connection) -> bool:
    return _is_on(connection) and bool(way_of(connection).fields)


def _choose_company(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    chosen = sign_in.choose_company(connection, given["company"])
    return f"{chosen.name} is connected to {chosen.realm_name}. Next: import the ERP's lists, then see to the mapping."


def _what_is_created(connection: Connection) -> str:
    name = erp_name(connection.erp)
    words = f"Creates in {name} every account that has no counterpart, not even a suggested one, and maps it."
    if needs_default_customer(connection):
        words += " So it does with the customer that stands on receivable lines."
    if connection.sync_mode == SyncMode.DOCUMENTS and connection.send_payments:
        words += " So it does with the account that payments go to, where it has none for that."
    return f"{words} Accounts there can be made inactive later, but not deleted."


class DisconnectForm(VerbForm):
    even_untold = forms.BooleanField(
        label="Forget the credentials even if the vendor cannot be told",
        required=False,
        help_text="Only if it cannot be reached: the sign-in then has to be ended there by you.",
    )


def _disconnect(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    words = disconnecting.disconnect(connection.pk, by=str(request.user), even_untold=given["even_untold"])
    return f"{connection.name} is disconnected. {words}"


def _holds_credentials(connection: Connection) -> bool:
    if is_fed_by_files(connection):
        return False
    try:
        return bool(connection.credentials)
    except VaultError:
        return True


VERBS = (
    Verb(
        "company", "Choose company", _choose_company, role=Role.ADMIN, form=CompanyForm, allowed=_has_to_choose,
        explain=lambda connection: "Your sign-in opens more than one company. This connection sends to the one you "
        "choose, for good.",
    ),
    Verb(
        "send-now", "Send waiting items now", _send, role=Role.ACCOUNTANT, allowed=_is_open,
        explain=lambda connection: "Wakes a worker, which sends what waits, also what waits for a later try or for locked "
        "books. Where no answer came it is first looked whether the ERP has it, when it is time; parked items need a person.",
    ),
    Verb(
        "import-lists", "Import lists", _import_lists, role=Role.ACCOUNTANT, allowed=_has_lists,
        explain=lambda connection: f"Reads the accounts, customers, products and tax codes of {erp_name(connection.erp)} again. "
        "Nothing is changed there.",
    ),
    Verb(
        "suggest", "Suggest mapping", _suggest, role=Role.ACCOUNTANT, form=SuggestForm, allowed=_is_open,
        explain=lambda connection: "Looks for a counterpart of everything that has none, by number, name and type.",
    ),
    Verb(
        "create-missing", "Create what is missing", _create_missing, role=Role.ACCOUNTANT, allowed=_is_open,
        explain=_what_is_created,
    ),
    Verb(
        "backfill", "Back-fill", _backfill, role=Role.ACCOUNTANT, form=SinceForm, allowed=_is_on,
        explain=lambda connection: f"Puts {sends(connection).lower()} dated from a day on into the outbox, as far as they are "
        "not there yet. What the ERP already has from another source would be there twice.",
    ),
    Verb(
        "credentials", "Enter credentials", _credentials, role=Role.ADMIN, form=CredentialsForm, allowed=_takes_credentials,
        explain=lambda connection: f"What {erp_name(connection.erp)} gave you for connecting. It is encrypted, and no secret is "
        f"ever shown again. {way_of(connection).note}".strip(),
    ),
    Verb(
        "mode", "Change what it sends", _mode, role=Role.ADMIN, form=ModeForm, allowed=_is_on,
        explain=lambda connection: f"{connection.name} sends {sends(connection).lower()} now. What happened before the change "
        "stays in the form in which it was sent.",
    ),
    Verb(
        "switch-off", "Switch off", _switch_off, role=Role.ADMIN, danger=True, allowed=_is_on,
        explain=lambda connection: "Nothing more is sent, and nothing more is collected for sending."
        f"{_undelivered(connection)} It can be switched on again.",
    ),
    Verb(
        "disconnect", "Disconnect", _disconnect, role=Role.ADMIN, form=DisconnectForm, danger=True,
        allowed=_holds_credentials,
        explain=lambda connection: f"The sign-in at {erp_name(connection.erp)} is revoked, as far as it lets us, and all "
        "credentials are forgotten: client id, secrets, tokens, and the key of its webhooks. "
        f"{way_of(connection).by_hand} {disconnecting.what_becomes(connection)}".replace("  ", " "),
    ),
    Verb(
        "switch-on", "Switch on again", _switch_on, role=Role.ADMIN, allowed=lambda connection: not _is_on(connection),
        explain=lambda connection: "The connection goes on as the one it was: what it delivered is not sent again."
        f"{_undelivered(connection)} What happened while it was off is added with “Back-fill”.",
    ),
)  # fmt: skip
