"""Accounting's own lines of the close check list. Each is one query per period, however much is in it."""

from datetime import date
from decimal import Decimal

from django.db import connection

from accounting.balances import balances
from accounting.checks import CONTROL_CHECKS, UNPOSTED_EVENTS
from accounting.closing import CloseCheck, Found, register
from accounting.closing.checklist import last_day
from accounting.currency.rates import MissingRate
from accounting.currency.revaluation import value_balances
from accounting.manual_entries import due_count
from accounting.models import AccountingPeriod, ManualEntry, ManualEntryStatus, PeriodStatus, UnmatchedEvent
from accounting.netting import on_the_wrong_side
from accounting.recognition import behind_schedule
from billing.models import Invoice, InvoiceStatus
from billing.money import format_money
from billing.periods import day_words
from billing.wording import counted

_SHOWN = 10


def _month_is_over(period: AccountingPeriod, today: date) -> Found:
    if today >= period.end:
        return Found(0, "The month is over.")
    return Found(1, f"{period} is not over before {day_words(last_day(period))}.")


def _earlier_months_closed(period: AccountingPeriod, today: date) -> Found:
    earlier = AccountingPeriod.objects.filter(
        business_entity=period.business_entity_id, start__lt=period.start, status=PeriodStatus.OPEN
    ).order_by("start")
    names = tuple(str(each) for each in earlier)
    if not names:
        return Found(0, "All earlier months are closed.")
    return Found(len(names), f"Close {names[0]} first: closed months have no open one before them.", names)


def _unposted(period: AccountingPeriod, today: date) -> Found:
    with connection.cursor() as cursor:
        cursor.execute(
            f"{UNPOSTED_EVENTS} AND b.business_entity_id = %s AND b.occurred_on < %s ORDER BY b.id",
            [period.business_entity_id, period.end],
        )
        rows = cursor.fetchall()
    if not rows:
        return Found(0, "Every business event is posted, or a rule says that it is not.")
    what = counted(len(rows), "business event has", "business events have")
    return Found(len(rows), f"{what} no journal entry.", tuple(f"{kind} {key}" for kind, key in rows[:_SHOWN]))


def _unmatched(period: AccountingPeriod, today: date) -> Found:
    waiting = UnmatchedEvent.objects.filter(
        posted_at=None, event__business_entity=period.business_entity_id, event__occurred_on__lt=period.end
    )
    count = waiting.count()
    if not count:
        return Found(0, "A rule spoke of every business event.")
    first = waiting.order_by("id").values_list("event__kind", "event__key")[:_SHOWN]
    what = counted(count, "business event waits", "business events wait")
    return Found(count, f"{what} for a rule.", tuple(f"{kind} {key}" for kind, key in first))


def _drafts(period: AccountingPeriod, today: date) -> Found:
    drafts = Invoice.objects.filter(
        business_entity=period.business_entity_id, status=InvoiceStatus.DRAFT, issued_on__lt=period.end
    )
    count = drafts.count()
    if not count:
        return Found(0, "No draft invoice is dated in the month or before.")
    named = drafts.select_related("customer").order_by("issued_on")[:_SHOWN]
    details = tuple(
        f"{each.customer}, {day_words(each.issued_on)}: {format_money(each.total.amount, each.currency)}"
        for each in named
    )
    what = counted(count, "draft invoice is", "draft invoices are")
    return Found(count, f"{what} dated in the month or before and not finalized.", details, "status__exact=draft")


_UNBILLED_USAGE = """
SELECT c.number, count(*) FROM billing_usagerecord u JOIN billing_contractitem i ON i.id = u.contract_item_id
JOIN billing_contract c ON c.id = i.contract_id WHERE c.business_entity_id = %s AND u.used_on < %s AND NOT EXISTS (
    SELECT 1 FROM billing_invoiceline l JOIN billing_invoice v ON v.id = l.invoice_id
    WHERE l.contract_item_id = i.id AND l.period_start <= u.used_on AND u.used_on < l.period_end
    AND v.status NOT IN ('draft', 'void'))
GROUP BY c.number ORDER BY c.number
"""


def _unbilled_usage(period: AccountingPeriod, today: date) -> Found:
    with connection.cursor() as cursor:
        cursor.execute(_UNBILLED_USAGE, [period.business_entity_id, period.end])
        rows = cursor.fetchall()
    if not rows:
        return Found(0, "All usage of the month is billed.")
    records = sum(count for _, count in rows)
    contracts = counted(len(rows), "contract", "contracts")
    what = counted(records, "usage record", "usage records")
    return Found(
        records,
        f"{what} of {contracts} not on a final invoice. Right where usage is billed later; its revenue must be recognized.",
        tuple(f"{number}: {count:,} records" for number, count in rows[:_SHOWN]),
    )


def _unrecognized(period: AccountingPeriod, today: date) -> Found:
    count = behind_schedule(business_entity_id=period.business_entity_id, through=last_day(period))
    if not count:
        return Found(0, f"Revenue is recognized through {day_words(last_day(period))}.")
    what = counted(count, "service period has", "service periods have")
    return Found(
        count,
        f"{what} revenue to recognize through {day_words(last_day(period))}. Run the recognition through that day.",
    )


def _by_hand(period: AccountingPeriod, today: date) -> Found:
    waiting = ManualEntry.objects.filter(
        business_entity=period.business_entity_id, status=ManualEntryStatus.SUBMITTED, date__lt=period.end
    )
    named = tuple(f"{each}: {each.description}" for each in waiting.order_by("date")[:_SHOWN])
    due = due_count(business_entity_id=period.business_entity_id, through=last_day(period))
    if due:
        what_is_due = counted(due, "repetition or reversal is due", "repetitions or reversals are due")
        named = (*named, f"{what_is_due}: “Post what is due”, or wait for the clock, which does it every hour")
    count = waiting.count() + due
    if not count:
        return Found(0, "No entry by hand waits, and all that repeat or reverse by themselves are posted.")
    what = counted(count, "entry by hand waits", "entries by hand wait")
    return Found(count, f"{what} to be approved or posted.", named, "status__exact=submitted" if waiting else "")


def _suspense(period: AccountingPeriod, today: date) -> Found:
    standing = [
        each
        for each in balances(business_entity_id=period.business_entity_id, at=last_day(period))
        if each.role == "suspense" and each.balance
    ]
    if not standing:
        return Found(0, "Suspense stands at zero.")
    currency = period.business_entity.base_currency
    details = tuple(f"{each.code} {each.name}: {format_money(each.balance, currency)}" for each in standing)
    return Found(
        len(standing), f"Suspense does not stand at zero: {'; '.join(details)}. Post it where it belongs.", details
    )


def _control_accounts(period: AccountingPeriod, today: date) -> Found:
    wrong: list[str] = []
    with connection.cursor() as cursor:
        for check in CONTROL_CHECKS:
            cursor.execute(check.sql)
            rows = [row for row in cursor.fetchall() if row[0] == period.business_entity_id]
            wrong += [check.problem.format(*row) for row in rows]
    if not wrong:
        return Found(0, "The control accounts are what documents and schedules add up to.")
    what = counted(len(wrong), "control account does", "control accounts do")
    return Found(len(wrong), f"{what} not agree with the documents. {wrong[0]}", tuple(wrong))


def _contract_sides(period: AccountingPeriod, today: date) -> Found:
    wrong = on_the_wrong_side(business_entity_id=period.business_entity_id, at=last_day(period))
    if not wrong:
        return Found(0, "No contract has unbilled revenue in credit, or deferred revenue in debit.")
    details = tuple(
        f"{each.contract_number}: {format_money(each.unbilled, each.currency)} unbilled, "
        f"{format_money(each.deferred, each.currency)} deferred"
        for each in wrong[:_SHOWN]
    )
    what = counted(len(wrong), "contract stands", "contracts stand")
    return Found(
        len(wrong),
        f"{what} on the wrong side: an asset or a liability of less than nothing, since something was dated back. Net the "
        "contract balances.",
        details,
        f"at={last_day(period)}",
    )


def _foreign_balances(period: AccountingPeriod, today: date) -> Found:
    at = last_day(period)
    try:
        wrong = [
            each for each in value_balances(at=at, business_entity_id=period.business_entity_id) if not each.is_right
        ]
    except MissingRate as error:
        return Found(1, f"Open foreign balances cannot be valued. {error}", query=f"at={at}")
    if not wrong:
        return Found(0, "Open foreign balances stand at the rate of the month's last day.")
    base = period.business_entity.base_currency
    by_currency: dict[str, Decimal] = {}
    for each in wrong:
        found = by_currency.get(each.balance.currency, Decimal(0))
        by_currency[each.balance.currency] = found + each.difference - each.balance.posted
    details = tuple(f"{currency}: {format_money(amount, base)}" for currency, amount in sorted(by_currency.items()))
    what = counted(len(wrong), "open foreign balance is", "open foreign balances are")
    return Found(len(wrong), f"{what} not revalued at {day_words(at)}.", details, f"at={at}")


register(
    CloseCheck(
        "month_is_over", "The month is over", _month_is_over, "accounting_accountingperiod_changelist", is_fixed=True
    ),
    CloseCheck(
        "earlier_months",
        "Earlier months are closed",
        _earlier_months_closed,
        "accounting_accountingperiod_changelist",
        is_fixed=True,
    ),
    CloseCheck("unposted_events", "Business events are posted", _unposted, "billing_businessevent_changelist"),
    CloseCheck("unmatched_events", "Every event has a rule", _unmatched, "accounting_unmatchedevent_changelist"),
    CloseCheck("draft_invoices", "Invoices are finalized", _drafts, "billing_invoice_changelist", is_blocking=False),
    CloseCheck("unbilled_usage", "Usage is billed", _unbilled_usage, "run_billing", is_blocking=False),
    CloseCheck("unrecognized_revenue", "Revenue is recognized", _unrecognized, "recognize_revenue"),
    CloseCheck(
        "contract_sides",
        "Contract assets and liabilities stand on their side",
        _contract_sides,
        "net_contracts",
        is_blocking=False,
    ),
    CloseCheck("foreign_balances", "Foreign balances are revalued", _foreign_balances, "revalue_balances"),
    CloseCheck("manual_entries", "Entries by hand are posted", _by_hand, "accounting_manualentry_changelist"),
    CloseCheck("suspense", "Suspense is cleared", _suspense, "trial_balance"),
    CloseCheck("control_accounts", "Control accounts agree", _control_accounts, "trial_balance"),
)
