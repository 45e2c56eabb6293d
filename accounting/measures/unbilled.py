"""Service periods that are earned before they are billed, of items that end earlier than was agreed.

Their schedules were opened by a recognition run at the price of the days known then. Example: 1,200.00 for a year in arrears,
of which January to June are earned; it ends with June. 595.07 for 181 of 365 days is the price, and all of it is earned.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from accounting import schedules
from billing.charging import charge
from billing.periods import DateRange
from billing.services.terms import read_items

# What was billed and credited whole has no price any more; it does not get one by ending earlier.
_BEYOND = """
s.contract_item_id = ANY(%s) AND s.billed = 0 AND (s.amount <> 0 OR s.is_metered) AND s.obligation_id IS NULL
AND NOT s.is_void AND s.service_end > (
    SELECT v.day FROM unnest(%s::bigint[], %s::date[]) AS v(item, day) WHERE v.item = s.contract_item_id)
"""


def end_unbilled(ends: Mapping[int, date]) -> None:
    """Let what is not billed of contract items end with them: (item, first day no longer served).

    A period that would have begun by then or later is worth nothing. What had been earned beyond the new price is taken
    back by the next recognition run. Metered periods are rated by their usage.
    """
    beyond = schedules.lock_where(_BEYOND, [list(ends), list(ends), list(ends.values())])
    if not beyond:
        return
    terms = {item.id: item.terms for item in read_items("i.id = ANY(%s)", [[s.contract_item_id for s in beyond]])}
    for schedule in beyond:
        item = schedule.contract_item_id or 0
        begun = schedule.service_start < ends[item]
        if begun:
            schedule.service_end = ends[item]
        if not schedule.is_metered:
            period = DateRange(schedule.service_start, schedule.service_end)
            schedule.amount = charge(terms[item], period).net if begun else Decimal(0)
    schedules.save(beyond)
