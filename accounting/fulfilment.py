"""What people tell the books about obligations: deliveries, milestones, percentages, and schedules written by hand.

Each is on the record for good. The next recognition run posts what it means.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounting import schedules
from accounting.books import books
from accounting.models import ProgressReport, ScheduleRevision
from accounting.revisions import RevisionRefused, Revisions
from accounting.schedules import Schedule
from accounting.spreading import Part
from billing.errors import BillingError, NotFound, WrongState
from billing.models import REPORTED_METHODS, RecognitionMethod
from billing.money import round_money
from billing.periods import day_words
from billing.tenancy import current_tenant_id

_HUNDRED = Decimal(100)


@transaction.atomic
def report_progress(
    *, schedule_id: int, reached_on: date, percent: Decimal, evidence: str, by: Any = None
) -> ProgressReport:
    """Record that an obligation was fulfilled up to a share of its price by the end of a day.

    A delivery is always 100; a milestone's percent is its own share, added to those reached before; a percentage of
    completion is cumulative, and may be corrected downwards. Raises NotFound, WrongState, BillingError.
    """
    schedule = _lock(schedule_id)
    if schedule.method not in REPORTED_METHODS:
        raise WrongState(
            f"This revenue is recognized “{RecognitionMethod(schedule.method).label.lower()}”; nothing is reported for it."
        )
    if not evidence.strip():
        raise BillingError(
            "Say what proves it, such as the delivery note or the milestone's name; an auditor will ask."
        )
    if reached_on < schedule.service_start:
        raise BillingError(
            f"The obligation begins on {day_words(schedule.service_start)}; nothing of it was fulfilled before."
        )
    if schedule.method == RecognitionMethod.ON_DELIVERY and percent != _HUNDRED:
        raise BillingError("A delivery fulfils the whole obligation: report 100 percent.")
    reports = ProgressReport.objects.filter(schedule=schedule_id).order_by("-reached_on", "-id")
    if schedule.method == RecognitionMethod.MILESTONES:
        last = reports.first()
        if last and reached_on < last.reached_on:
            raise BillingError(
                f"A milestone of {day_words(last.reached_on)} is reported already; report milestones in their order."
            )
        percent += last.percent if last else 0
    if not 0 <= percent <= _HUNDRED or (percent == 0 and not reports.exists()):
        raise BillingError(f"That makes {percent.normalize():f} percent in all; it must come to between 0 and 100.")
    return ProgressReport.objects.create(
        tenant_id=current_tenant_id(),
        schedule_id=schedule_id,
        reached_on=reached_on,
        percent=percent,
        evidence=evidence.strip(),
        reported_by=by,
    )


@transaction.atomic
def override_schedule(*, schedule_id: int, parts: Sequence[Part], reason: str, on: date, by: Any) -> ScheduleRevision:
    """Write by hand when what is left of a price becomes revenue. What is recognized stays.

    `by`: who does; it tells the revision from those that events made.

    Raises NotFound, WrongState, RevisionRefused when the parts do not add up, overlap or lie in what is closed.
    """
    schedule = _lock(schedule_id)
    if schedule.is_metered:
        raise WrongState("Usage is earned as it is used; its schedule cannot be written by hand.")
    if not reason.strip():
        raise RevisionRefused("Say why the schedule is written by hand; an auditor will ask.")
    if not parts:
        raise RevisionRefused("Give at least one part.")
    for part, share in parts:
        if share != round_money(share, schedule.currency):
            raise RevisionRefused(f"{share} from {part.start} is not an amount of {schedule.currency}.")
    revisions = Revisions(books(), [schedule])
    ordered = sorted(parts, key=lambda each: each[0].start)
    revisions.write_by_hand(schedule, ordered, on=on, reason=reason.strip())
    schedule.service_end = max(schedule.service_end, ordered[-1][0].end)
    revisions.save(made_by=by)
    schedules.save([schedule])
    return ScheduleRevision.objects.filter(schedule=schedule_id).latest("id")


def _lock(schedule_id: int) -> Schedule:
    found = schedules.lock_where("s.id = %s", [schedule_id])
    if not found:
        raise NotFound(f"There is no recognition schedule with the id {schedule_id}.")
    if found[0].is_void:
        raise WrongState("The invoice behind this schedule was voided; there is nothing to recognize.")
    return found[0]
