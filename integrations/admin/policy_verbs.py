"""The policies of a connection: what is sent how, from when, and what happens where the ERP's books are locked."""

from datetime import date
from typing import Any

from django import forms
from django.http import HttpRequest

from billing.admin.document import Verb, VerbForm
from billing.admin.forms import DayField
from billing.admin.shown import day
from billing.models import Role
from billing.wording import counted
from integrations import outbox, upkeep
from integrations.connectors import base
from integrations.models import Connection, ConnectionStatus, OutboxItem, OutboxState, SyncMode
from integrations.policy import Policy, Unit, WhenLocked

_UNITS = [(Unit.EACH, "One by one"), (Unit.DAY, "One sum a day"), (Unit.MONTH, "One sum a month")]
_LOCKED = [
    (WhenLocked.ASK, "Ask: park it for a person"),
    (WhenLocked.HOLD, "Hold it until the books are open"),
    (WhenLocked.FIRST_OPEN, "Send it with the first open day"),
]
_CHUNK = 5000
_NOT_SET = {"start": "the beginning"}


class PolicyForm(VerbForm):
    """Only what the connection's mode and its ERP know is asked."""

    start = DayField(
        label="Live from",
        required=False,
        help_text="What happened before that day is never sent by itself. Empty: everything.",
    )
    approval = forms.BooleanField(
        label="A person approves what is sent",
        required=False,
        help_text="Items then wait in the outbox until approved.",
    )
    draft = forms.BooleanField(label="Leave as drafts in the ERP", required=False)
    summarize_payments = forms.ChoiceField(label="Entries of payments and refunds", choices=_UNITS)
    summarize_others = forms.ChoiceField(label="All other entries", choices=_UNITS)
    when_locked = forms.ChoiceField(label="When the ERP's books are locked on the date", choices=_LOCKED)
    pull_payments = forms.BooleanField(
        label="Take payments recorded in the ERP over into Counterfoil", required=False,
    )  # fmt: skip
    warn_to = forms.CharField(
        label="Warn by e-mail", required=False, max_length=500, help_text="Addresses, separated by commas."
    )
    warn_url = forms.URLField(
        label="Warn by webhook",
        required=False,
        assume_scheme="https",
        help_text="An address on the public internet that begins with https://. It is sent JSON: connection, code, words.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        connection: Connection = self.subject
        if connection.sync_mode == SyncMode.DOCUMENTS:
            del self.fields["summarize_payments"], self.fields["summarize_others"]
        if connection.sync_mode != SyncMode.DOCUMENTS or connection.send_payments:
            del self.fields["pull_payments"]
        if connection.sync_mode not in base.get(connection.erp).drafts:
            del self.fields["draft"]
        policy = Policy.of(connection.options)
        self.initial |= {
            name: getattr(policy, name) for name in ("start", "approval", "draft", "when_locked", "pull_payments")
        }
        self.initial |= {"summarize_payments": policy.payments, "summarize_others": policy.others}
        self.initial |= {name: connection.option(name, "") for name in ("warn_to", "warn_url")}

    def clean_warn_url(self) -> str:
        url: str = self.cleaned_data["warn_url"]
        if url and not url.startswith("https://"):
            raise forms.ValidationError("Give an address that begins with https://: warnings name documents.")
        return url

    def clean_warn_to(self) -> str:
        addresses = [each.strip() for each in self.cleaned_data["warn_to"].split(",") if each.strip()]
        for each in addresses:
            forms.EmailField().clean(each)
        return ", ".join(addresses)


POLICY_OPTIONS = (*PolicyForm.base_fields, "reconcile_from")


def policy_words(connection: Connection) -> list[tuple[object, object]]:
    """Say how the connection sends, in the words of the form, and only what its mode and its ERP know."""
    form = PolicyForm(subject=connection)
    rows: list[tuple[object, object]] = []
    for name, field in form.fields.items():
        value = form.initial.get(name)
        if isinstance(field, forms.ChoiceField):
            shown: object = dict(field.choices)[value]
        elif isinstance(field, forms.BooleanField):
            shown = "yes" if value else "no"
        else:
            shown = day(value) if isinstance(value, date) else value or _NOT_SET.get(name, "nobody")
        rows.append((field.label, shown))
    since = connection.option("reconcile_from", "")
    return [*rows, *([("Compared from", day(date.fromisoformat(since)))] if since else [])]


def _set(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    start = given.pop("start", None)
    upkeep.set_options(connection.pk, {**given, "start": start.isoformat() if start else None})
    outbox.hurry(connection.pk)  # What waits for locked books may go now.
    outbox.wake(tenant_id=connection.tenant_id, connection_id=connection.pk)
    return "The policies are kept. They hold for what happens from now on; the rules for locked books for everything."


def _approve_all(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    waiting = OutboxItem.objects.filter(connection=connection, state=OutboxState.APPROVAL)
    ids = list(waiting.order_by("id").values_list("id", flat=True))
    count = sum(outbox.approve(ids[start : start + _CHUNK]) for start in range(0, len(ids), _CHUNK))
    outbox.wake(tenant_id=connection.tenant_id, connection_id=connection.pk)
    return f"{counted(count, 'item is', 'items are')} approved and will be sent."


def _waits_for_approval(connection: Connection) -> bool:
    return OutboxItem.objects.filter(connection=connection, state=OutboxState.APPROVAL).exists()


POLICY_VERBS = (
    Verb(
        "approve-all", "Approve all", _approve_all, role=Role.ACCOUNTANT, allowed=_waits_for_approval,
        explain=lambda connection: "Everything that waits for approval is sent. Look at it in the outbox first.",
    ),
    Verb(
        "policies", "Policies", _set, role=Role.ADMIN, form=PolicyForm, submit="Save policies",
        allowed=lambda connection: connection.status != ConnectionStatus.DISABLED,
        explain=lambda connection: "How this connection sends. Sums keep their entries: the page of a sum lists them, and the "
        "page of an entry says in which sum it went.",
    ),
)  # fmt: skip
