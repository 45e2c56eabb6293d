"""The accounting policy, and the events that no rule spoke of."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from accounting.models import AccountingPolicy, AccountingRule, UnmatchedEvent
from billing.admin.document import Document, DocumentAdmin, Verb
from billing.admin.events import event_label
from billing.admin.shown import change_url, day, list_url, to
from billing.models import Role


def _change_tax_relief(request: HttpRequest, policy: AccountingPolicy, given: dict[str, Any]) -> str:
    policy.bad_debt_tax_relief = not policy.bad_debt_tax_relief
    policy.save(update_fields=["bad_debt_tax_relief"])
    return "The policy is changed."


@admin.register(AccountingPolicy)
class AccountingPolicyAdmin(DocumentAdmin):
    list_display = ("__str__", "contract_start", "bad_debt_tax_relief")
    verbs = (
        Verb(
            "change-tax-relief",
            "Change tax of bad debt",
            _change_tax_relief,
            explain=lambda policy: (
                "From now on the sales tax of written-off invoices "
                + ("stays owed to the state, and is lost." if policy.bad_debt_tax_relief else "is claimed back.")
                + " What is written off already, and its recoveries, stay as they were posted."
            ),
            role=Role.ACCOUNTANT,
        ),
    )
    empty_hint = "The policy is chosen when the company's books are set up."

    def document(self, request: HttpRequest, subject: AccountingPolicy) -> Document:
        return Document(
            title="Accounting policy",
            lead="The treatment of contract starts was chosen when the books were set up; entries depend on it, so it stays.",
            facts=[
                ("When a contract starts", subject.get_contract_start_display()),
                ("Sales tax of bad debt", "Claimed back" if subject.bad_debt_tax_relief else "Lost with the debt"),
                ("A credit changes the revenue that is left", subject.get_credit_adjustment_display()),
                ("A change of price is large above", f"{subject.large_change_percent.normalize():f} %"),
                (
                    "A large change must be front loaded",
                    "Yes" if subject.large_change_must_front_load else "No, a warning",
                ),
            ],
        )


@admin.register(UnmatchedEvent)
class UnmatchedEventAdmin(DocumentAdmin):
    list_display = ("what_happened", "happened_on", "event_shown")
    list_select_related = ("event",)
    empty_hint = "Good: every business event was spoken of by a rule."

    def get_queryset(self, request: HttpRequest) -> QuerySet[UnmatchedEvent]:
        return super().get_queryset(request).select_related("event")

    @display(description="What happened", ordering="event__kind")
    def what_happened(self, unmatched: UnmatchedEvent) -> str:
        return event_label(unmatched.event.kind)

    @display(description="On", ordering="event__occurred_on")
    def happened_on(self, unmatched: UnmatchedEvent) -> str:
        return day(unmatched.event.occurred_on)

    @display(description="Event")
    def event_shown(self, unmatched: UnmatchedEvent) -> str:
        return to(change_url(type(unmatched.event), unmatched.event_id), "Look at it")

    def document(self, request: HttpRequest, subject: UnmatchedEvent) -> Document:
        kind = subject.event.kind
        return Document(
            title=f"No rule for: {event_label(kind).lower()}",
            note="Nothing is posted for this event yet. Make a rule for events of this kind, or widen the conditions of one.",
            facts=[
                ("Event", to(change_url(type(subject.event), subject.event_id), event_label(kind))),
                ("On", day(subject.event.occurred_on)),
                ("Rules", to(list_url(AccountingRule, f"q={kind}"), "Rules for such events")),
            ],
        )
