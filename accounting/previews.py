"""A version of a rule, tried on past events: what would have been posted, and the difference against what was.

The events happen again in the shadow of the books (`accounting.replay`), with the version in place of all others of its rule
on the chosen days. Nothing is posted. Where measuring an event depends on what was billed and recognized before, the whole
history happens again.
"""

from datetime import date, datetime
from typing import Any

from django.db import transaction

from accounting.measures import WITHOUT_STATE
from accounting.models import CarryingAmount, PreviewedEvent, RulePreview, RuleVersion, UnmatchedEvent
from accounting.replay.effects import account_differences, changed_events, find_changed, lines_of
from accounting.replay.order import Wanted
from accounting.replay.run import Progress, Trial, replayed
from accounting.rule_versions import check, compiled, digest
from billing.errors import BillingError
from billing.models import BusinessEvent
from billing.periods import day_words
from billing.tenancy import current_tenant_id

KEPT_EVENTS = 1_000  # So many changed events can be looked at one by one; the accounts speak of all.


def preview_version(
    *,
    version_id: int,
    first_day: date,
    last_day: date,
    at: datetime,
    by: Any = None,
    on_progress: Progress | None = None,
) -> RulePreview:
    """Try a version, draft or not, on the events of these days, and record what it would have changed.

    The date from which the version holds is passed over: it is tried as if it had held. Raises BillingError for days that
    are none, InvalidRule, and what posting raises (an account that does not exist).
    """
    if last_day < first_day:
        raise BillingError(f"{day_words(last_day)} lies before {day_words(first_day)}; choose days in their order.")
    version = RuleVersion.objects.select_related("rule").get(pk=version_id)
    check(version)
    kind = version.rule.event_kind
    trial = Trial(compiled(version, effective_from=date.min), kind, first_day, last_day)
    tried = {"kind": kind, "occurred_on__gte": first_day, "occurred_on__lte": last_day}
    wanted = _needed(trial)
    with replayed(wanted, trial=trial, on_progress=on_progress) as outcome:
        changed = find_changed(outcome.schema, wanted)
        accounts = account_differences(outcome.schema)
        shown = changed_events(KEPT_EVENTS)
        posted = lines_of(shown, books=f"{outcome.schema}.")
        drafted = lines_of(shown, books="pg_temp.")
        events = BusinessEvent.objects.filter(**tried).count()
        unmatched = UnmatchedEvent.objects.filter(
            posted_at=None, **{f"event__{name}": value for name, value in tried.items()}
        ).count()
    with transaction.atomic():
        preview = RulePreview.objects.create(
            version=version,
            digest=digest(version),
            first_day=first_day,
            last_day=last_day,
            events=events,
            changed_events=changed,
            unmatched_events=unmatched,
            accounts=accounts,
            made_at=at,
            made_by=by,
        )
        PreviewedEvent.objects.bulk_create(
            PreviewedEvent(
                tenant_id=current_tenant_id(), preview=preview, event_id=event, posted=posted[event], drafted=drafted[event]
            )
            for event in shown
        )  # fmt: skip
    return preview


def _needed(trial: Trial) -> Wanted:
    """Say which events have to happen again: those of the days, or all that move the sub-ledger, before and after them.

    What came after can be a consequence: the void of an invoice mirrors the entry it had.
    """
    if CarryingAmount.objects.exists():
        return Wanted()  # Payments, too, depend on what a foreign balance was carried at.
    if trial.event_kind in WITHOUT_STATE:
        days = (trial.event_kind, trial.first_day, trial.last_day)
        return Wanted("b.kind = %s AND b.occurred_on BETWEEN %s AND %s", days)
    return Wanted("b.kind <> ALL(%s)", (sorted(WITHOUT_STATE),))
