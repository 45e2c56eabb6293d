"""What a schedule's page shows: its parts before and after the fact, the reported progress, how it was changed."""

from datetime import date
from decimal import Decimal

from accounting.earning import Earning
from accounting.models import RecognitionSchedule
from accounting.reports.contract_revenue import parts_to_come, posted_revenue, schedule_of
from billing.admin.charts import columns_chart
from billing.admin.shown import day, figure, quantity
from billing.admin.tables import Table, columns
from billing.models import REPORTED_METHODS, RecognitionMethod
from billing.periods import first_of_month

ZERO = Decimal(0)


def parts_table(subject: RecognitionSchedule) -> Table:
    """Show what was posted when, and what is to come."""
    schedule = schedule_of(subject)
    posted = posted_revenue([schedule]).get(schedule.id, [])
    to_come = parts_to_come(schedule, Earning([schedule]))
    currency, earned = schedule.currency, ZERO
    rows: list[tuple[object, ...]] = []
    for on, amount in posted:
        earned += amount
        rows.append((day(on), "Recognized", figure(amount, currency), figure(earned, currency)))
    state = "When used, else it expires" if subject.method == RecognitionMethod.AS_CONSUMED else "To come"
    for due, amount in to_come:
        earned += amount
        rows.append((day(due) if due else "when reported", state, figure(amount, currency), figure(earned, currency)))
    months: dict[date, list[Decimal]] = {}
    for place, parts in enumerate((posted, to_come)):
        for due, amount in parts:
            if due:
                months.setdefault(first_of_month(due), [ZERO, ZERO])[place] += amount
    shown = sorted(months)
    series = {
        "Recognized": [months[month][0] for month in shown],
        "To come": [months[month][1] for month in shown],
    }
    chart = columns_chart(
        [f"{month:%b %Y}" for month in shown], series, stacks={"Recognized": "revenue", "To come": "revenue"}
    )
    return Table(
        "Schedule",
        columns("Earned through", "State", f">Revenue, {currency}", ">In all"),
        rows,
        "Nothing is earned and nothing is to come.",
        chart=chart if len(shown) > 1 else "",
    )


def progress_table(subject: RecognitionSchedule) -> Table:
    """Show what was reported, where revenue waits for that."""
    reports = list(subject.progress.select_related("reported_by")) if subject.method in REPORTED_METHODS else []
    return Table(
        "Reported progress",
        columns("By the end of", ">Fulfilled in all, %", "Evidence", "Reported by"),
        [(day(each.reached_on), quantity(each.percent), each.evidence, each.reported_by or "API") for each in reports],
        "Nothing is reported yet; the revenue waits for it."
        if subject.method in REPORTED_METHODS
        else "This revenue does not depend on reports.",
    )


def revisions_table(subject: RecognitionSchedule) -> Table:
    """Show how the schedule was changed, and by whom."""
    return Table(
        "Changes of the schedule",
        columns("Holds from", "Why", ">Price before", ">Price after", "Ends before", "By"),
        [
            (
                day(each.effective_on),
                each.reason,
                figure(Decimal(each.before["price"]), subject.currency),
                figure(Decimal(each.after["price"]), subject.currency),
                day(date.fromisoformat(each.after["end"])),
                each.made_by or "a document",
            )
            for each in subject.revisions.select_related("made_by")
        ],
        "The schedule follows its method from the start.",
    )
