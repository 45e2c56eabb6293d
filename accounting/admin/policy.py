"""The accounting policy, and the events that no rule spoke of: both read-only."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from accounting.models import AccountingPolicy, AccountingRule, UnmatchedEvent
from billing.admin.document import Document, DocumentAdmin
from billing.admin.events import event_label
from billing.admin.shown import change_url, day, list_url, to


@admin.register(AccountingPolicy)
class AccountingPolicyAdmin(DocumentAdmin):
    list_display = ("__str__", "contract_start")
    empty_hint = "The policy is chosen when the company's books are set up."

    def document(self, request: HttpRequest, subject: AccountingPolicy) -> Document:
        return Document(
            title="Accounting policy",
            lead="Chosen when the books were set up. Entries depend on it, so it does not change afterwards.",
            facts=[
                ("When a contract starts", subject.get_contract_start_display()),
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
