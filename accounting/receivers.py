"""Where business events enter the books: measured, drafted by the rules, posted, in the event's own transaction."""

from collections.abc import Sequence
from typing import Any

from django.dispatch import Signal

from accounting import signals as accounting_signals
from accounting import unmatched
from accounting.alike import set_apart, tell_shapes
from accounting.books import books, books_and_schedules_of
from accounting.by_hand import BY_HAND
from accounting.entering import enter
from accounting.events import (
    ContractBalancesNetted,
    ContractNettingReversed,
    EntryReversed,
    ForeignBalancesRevalued,
    ManualEntryApproved,
    RevaluationReversed,
    RevenueRecognized,
    UsageTruedUp,
)
from accounting.measures import Known, measure, measured_kinds, read_known
from accounting.models import AccountingPolicy
from accounting.posting import post
from accounting.posting_alike import post_alike
from accounting.setup import set_up_books
from billing import publishing, signals
from billing.events import Event, InvoiceFinalized
from billing.models import BusinessEntity
from billing.refusals import add_race


def book(sender: type[Event], events: Sequence[Event], known: Known, **kwargs: Any) -> None:
    """Turn a batch of events of one kind into posted entries. Events that no rule speaks of are listed, not dropped."""
    current, measured = known.books, measure(events, known)
    measured_alike, others = set_apart(measured, current.rules, current.base_currency)
    alike = tell_shapes(measured_alike, current.rules, names_matter=bool(current.hierarchy.per_batch_levels))
    entries = post_alike(alike, current)
    if alike.unmatched:
        unmatched.keep(measured_alike, alike.unmatched)
    if others:
        entries += enter(others, current, current.rules)
    accounting_signals.events_booked.send(sender=sender, events=events, entries=entries, stamp=current.stamp)


def book_by_hand(sender: type[Event], events: Sequence[Event], **kwargs: Any) -> None:
    """Post what persons approved: no rule speaks of it."""
    current = books()
    entries = post(BY_HAND[sender.kind](events), current)
    accounting_signals.events_booked.send(sender=sender, events=events, entries=entries, stamp=current.stamp)


def give_books(sender: type[BusinessEntity], entity: BusinessEntity, **kwargs: Any) -> None:
    """Set up the books of an entity that joins a company with books; who makes a company sets up those of its first."""
    policy = AccountingPolicy.objects.first()
    if policy:
        set_up_books(business_entity=entity, contract_start=policy.contract_start)


def connect() -> None:
    """Listen to every kind of business event, and to entities that are added."""
    signals.business_entity_added.connect(give_books, dispatch_uid="accounting.give_books")
    # A recognition run and an invoice may both be about to open the same one.
    add_race("one_schedule_per_service_period")
    for event_class in (
        RevenueRecognized,
        UsageTruedUp,
        ContractBalancesNetted,
        ContractNettingReversed,
        ForeignBalancesRevalued,
        RevaluationReversed,
        ManualEntryApproved,
        EntryReversed,
    ):
        publishing.register(event_class, getattr(accounting_signals, event_class.kind))
    publishing.ask_ahead(InvoiceFinalized, books_and_schedules_of)
    for kind in measured_kinds():
        signal: Signal = getattr(signals, kind, None) or getattr(accounting_signals, kind)
        signal.connect(book, dispatch_uid=f"accounting_books_{kind}")
        publishing.read_first(kind, read_known)
    for kind in BY_HAND:
        getattr(accounting_signals, kind).connect(book_by_hand, dispatch_uid=f"accounting_books_{kind}")
