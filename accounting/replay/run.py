"""The driver: what happened goes through measuring, drafting and posting again, into the shadow."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

from accounting.books import books
from accounting.by_hand import BY_HAND, AlreadyReversed
from accounting.engine import CompiledRule, MeasuredEvent, RuleBook
from accounting.entering import enter
from accounting.events import RevenueRecognized, UsageTruedUp
from accounting.measures import measure, read_known
from accounting.models import UnmatchedEvent
from accounting.posting import post
from accounting.replay import state, then
from accounting.replay.order import (
    SLICE,
    Batch,
    Batches,
    Wanted,
    beginning,
    count_events,
    happenings,
    has_foreign_balances,
)
from accounting.replay.shadow import know_rates, shadow_books
from accounting.unmatched import post_rows
from billing.events import Event

Progress = Callable[[int, int], None]
_RECOGNIZED = (RevenueRecognized.kind, UsageTruedUp.kind)
_OBLIGING = ("contract_started", "contract_renewed", "contract_modified")


@dataclass(frozen=True, slots=True)
class Trial:
    """A version of a rule that is tried: it speaks for its rule on these days, whatever other versions say."""

    rule: CompiledRule
    event_kind: str
    first_day: date
    last_day: date

    def rules(self, book: RuleBook) -> RuleBook:
        """Put the version into a book of rules, in place of all others of its rule."""
        others = [each for each in book.rules.get(self.event_kind, ()) if each.code != self.rule.code]
        return RuleBook({**book.rules, self.event_kind: [*others, self.rule]})

    def covers(self, event: Event) -> bool:
        return event.kind == self.event_kind and self.first_day <= event.occurred_on <= self.last_day


@dataclass(slots=True)
class Replayed:
    """A history that has happened again, in the shadow of the real tables in `schema`."""

    schema: str
    events: int = 0
    wrong: list[tuple[Event, str]] = field(default_factory=list)
    wrong_count: int = 0

    def note(self, wrong: Sequence[tuple[Event, str]], *, most: int) -> None:
        """Remember what is wrong with events; the first ones in words, all in number."""
        self.wrong_count += len(wrong)
        self.wrong += wrong[: max(most - len(self.wrong), 0)]


@contextmanager
def replayed(
    wanted: Wanted, *, trial: Trial | None = None, on_progress: Progress | None = None, most: int = 100
) -> Iterator[Replayed]:
    """Let events happen again, in the shadow; inside the block it can be compared with the ledger. Nothing is posted.

    Raises what posting raises, where the history cannot be posted.
    """
    with shadow_books() as schema:
        outcome = Replayed(schema)
        since = beginning(schema)
        if since is not None:
            then.rewind(schema, since)
            strictly = has_foreign_balances(schema)
            total, batches = count_events(schema, wanted), Batches(strictly=strictly)
            run = _Run(outcome, trial, most, strictly=strictly)
            for happening in happenings(schema, wanted, since):
                if happening.change is not None:
                    run.do(batches.take())
                    then.redo(schema, happening.change)
                    continue
                batches.add(happening)
                outcome.events += happening.event is not None and not happening.is_late
                if batches.events >= SLICE:
                    run.do(batches.take())
                    if on_progress:
                        on_progress(min(outcome.events, total), total)
            run.do(batches.take())
        yield outcome


class _Run:
    def __init__(self, outcome: Replayed, trial: Trial | None, most: int, *, strictly: bool) -> None:
        self._outcome = outcome
        self._schema = outcome.schema
        self._trial = trial
        self._most = most
        self._strictly = strictly
        self._tried: tuple[int, RuleBook] | None = None

    def do(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            if batch.told:
                state.tell(self._schema, batch.kind, batch.told)
            else:
                self._book(batch)

    def _book(self, batch: Batch) -> None:
        events, kind = batch.events, batch.kind
        if self._strictly:
            know_rates(batch.at)
        if batch.is_late:
            self._post_late(events)
            return
        if kind in BY_HAND:
            try:
                post(BY_HAND[kind](events), books())
            except AlreadyReversed as error:
                # By a rule that is tried, what was reversed by hand need not come about at all.
                if self._trial is None:
                    self._outcome.note([(events[0], str(error))], most=self._most)
            return
        if kind == "invoice_finalized":
            state.seed_billed(self._schema, events)  # type: ignore[arg-type]
        elif kind in _RECOGNIZED:
            self._outcome.note(state.recognize(self._schema, events), most=self._most)  # type: ignore[arg-type]
        known = read_known(events)
        current, measured = known.books, measure(events, known)
        if kind in _OBLIGING:
            state.adopt_obligations(self._schema, measured)
        tried = [each for each in measured if self._trial and self._trial.covers(each.event)]
        if tried:
            enter(tried, current, self._rules(current.stamp, current.rules))
            measured = _without(measured, tried)
        enter(measured, current, current.rules)

    def _rules(self, stamp: int, book: RuleBook) -> RuleBook:
        assert self._trial is not None
        if self._tried is None or self._tried[0] != stamp:
            self._tried = stamp, self._trial.rules(book)
        return self._tried[1]

    def _post_late(self, events: Sequence[Event]) -> None:
        rows = UnmatchedEvent.objects.filter(event__in=[event.event_id for event in events], posted_at=None)
        covered = {event.event_id for event in events if self._trial and self._trial.covers(event)}
        current = books() if covered else None
        for row in rows.select_related("event"):
            tried = self._rules(current.stamp, current.rules) if current and row.event_id in covered else None
            post_rows([row], at=row.event.recorded_at, rules=tried)


def _without(measured: Sequence[MeasuredEvent], taken: Sequence[MeasuredEvent]) -> list[MeasuredEvent]:
    gone = {id(each) for each in taken}
    return [each for each in measured if id(each) not in gone]
