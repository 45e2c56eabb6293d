"""From events to measured units: what the rules need to know that only the books can tell.

One function per kind of event: a batch in, a list of `MeasuredEvent` out. They keep the recognition schedules and
commitments in step, in the same transaction.
"""

from collections.abc import Callable, Sequence
from typing import Any

from accounting.books import Books
from accounting.engine import MeasuredEvent
from accounting.measures import contracts, credit_notes, invoices, modifications, payments, revenue, voids

Measure = Callable[[Sequence[Any], Books], list[MeasuredEvent]]

MEASURES: dict[str, Measure] = {
    "contract_started": contracts.measure,
    "contract_renewed": contracts.measure,
    "contract_modified": modifications.measure,
    "usage_recorded": contracts.measure_usage,
    "invoice_finalized": invoices.measure,
    "invoice_voided": voids.measure,
    "credit_note_issued": credit_notes.measure,
    "payment_received": payments.measure_received,
    "payment_allocated": payments.measure_allocated,
    "revenue_recognized": revenue.measure,
    "usage_trued_up": revenue.measure,
    "contract_balances_netted": revenue.measure_netted,
    "contract_netting_reversed": revenue.measure_netting_reversed,
}
