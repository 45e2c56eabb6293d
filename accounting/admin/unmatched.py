"""The events that no rule spoke of: looked at, and posted by the rules of today."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from accounting.models import AccountingRule, UnmatchedEvent
from accounting.unmatched import LatePosting, post_unmatched
from billing.admin.bulk_actions import confirmed_action
from billing.admin.document import Document, DocumentAdmin, Verb
from billing.admin.events import EventList, event_label, named_after
from billing.admin.shown import NONE, badge, change_url, day, list_url, moment, to
from billing.models import Role
from billing.wording import counted

_WHAT_POSTING_DOES = (
    "Each event is posted as the rules of today say, dated on its own day, or on the first open day where its month is closed. "
    "Events that still no rule speaks of go on waiting."
)


def _words(outcome: LatePosting) -> str:
    waiting = f" No rule speaks of {outcome.waiting:,} yet." if outcome.waiting else ""
    events, entries = counted(outcome.events, "event", "events"), counted(outcome.entries, "entry", "entries")
    return f"{events} posted, {entries}.{waiting}"


def _post_chosen(request: HttpRequest, chosen: QuerySet[UnmatchedEvent]) -> str:
    ids = list(chosen.values_list("pk", flat=True))
    return _words(post_unmatched(at=timezone.now(), by=request.user, ids=ids))


def _post_one(request: HttpRequest, unmatched: UnmatchedEvent, given: dict[str, Any]) -> str:
    return _words(post_unmatched(at=timezone.now(), by=request.user, ids=[unmatched.pk]))


class WaitingFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("posted", "Posted since"), ("all", "All")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "all":
            return queryset
        return queryset.filter(posted_at__isnull=self.value() != "posted")

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        yield {**first, "display": "Waiting"}
        yield from others


@admin.register(UnmatchedEvent)
class UnmatchedEventAdmin(DocumentAdmin):
    list_display = ("what_happened", "happened_on", "about", "customer_shown", "state_shown")
    list_select_related = ("event",)
    list_filter = (WaitingFilter,)
    empty_hint = "Good: every business event was spoken of by a rule."
    actions = (
        confirmed_action(
            name="post_chosen",
            label="Post these with the rules of today",
            explain=lambda chosen: f"{chosen.count():,} chosen. {_WHAT_POSTING_DOES}",
            do=_post_chosen,
            role=Role.ACCOUNTANT,
        ),
    )
    verbs = (
        Verb(
            "post", "Post with the rules of today", _post_one, explain=lambda unmatched: _WHAT_POSTING_DOES,
            role=Role.ACCOUNTANT, allowed=lambda unmatched: unmatched.posted_at is None,
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[UnmatchedEvent]:
        return super().get_queryset(request).select_related("event", "posted_by")

    @display(description="What happened", ordering="event__kind")
    def what_happened(self, unmatched: UnmatchedEvent) -> str:
        return event_label(unmatched.event.kind)

    @display(description="On", ordering="event__occurred_on")
    def happened_on(self, unmatched: UnmatchedEvent) -> str:
        return day(unmatched.event.occurred_on)

    @display(description="State", ordering="posted_at")
    def state_shown(self, unmatched: UnmatchedEvent) -> str:
        return badge("posted", "Posted since") if unmatched.posted_at else badge("pending", "Waits for a rule")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[EventList]:
        return EventList

    @display(description="About")
    def about(self, unmatched: Any) -> object:
        return named_after(unmatched.event, unmatched.references)

    @display(description="Customer")
    def customer_shown(self, unmatched: Any) -> object:
        return unmatched.references.show("customer_id", unmatched.event.payload.get("customer_id"))

    def document(self, request: HttpRequest, subject: UnmatchedEvent) -> Document:
        kind = subject.event.kind
        posted = subject.posted_at
        return Document(
            title=f"No rule for: {event_label(kind).lower()}",
            badge=self.state_shown(subject),
            note=""
            if posted
            else "Nothing is posted for this event yet. Make a rule for events of this kind, or widen the conditions of one; "
            "then post the event here. If nothing is to be posted, a rule without lines says so.",
            facts=[
                ("Event", to(change_url(type(subject.event), subject.event_id), event_label(kind))),
                ("On", day(subject.event.occurred_on)),
                ("Rules", to(list_url(AccountingRule, f"q={kind}"), "Rules for such events")),
                ("Posted", f"{moment(posted)} by {subject.posted_by or 'command'}" if posted else NONE),
            ],
        )
