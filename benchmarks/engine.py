"""The rules engine alone: invoices as measured units in, balanced drafts out, on one core. No database."""

import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from benchmarks.report import Result

if TYPE_CHECKING:
    from accounting.engine import MeasuredEvent, RuleBook

EVENTS = 20_000
_ON = date(2026, 1, 1)


def measure() -> Iterator[Result]:
    """Draft the invoices of 20,000 contracts, each with two lines and tax, by the standard rules and one with conditions."""
    from accounting.engine import draft_entries

    for what, book, events in (
        ("the standard rules", _rules(conditional=False), _invoices()),
        ("rules with conditions on each line", _rules(conditional=True), _invoices()),
    ):
        seconds = []
        for _ in range(5):
            started = time.process_time()
            drafts, unmatched = draft_entries(events, book)
            seconds.append(time.process_time() - started)
        assert not unmatched
        lines = sum(len(draft.lines) for draft in drafts)
        rate = len(drafts) / min(seconds)
        detail = f"{len(drafts):,} entries of {lines / len(drafts):.0f} lines in {min(seconds):.2f} s"
        yield Result(f"events to drafts by {what}, entries a second", rate, ">=", 50_000, detail)


def _rules(*, conditional: bool) -> "RuleBook":
    from accounting.engine import RuleBook, compile_rule
    from accounting.setup import standard_rules

    row = next(each for each in standard_rules() if each["event"] == "invoice_finalized")
    terms = {"effective_from": date(1970, 1, 1), "event_kind": row["event"], "description": row["description"]}
    rules = [
        compile_rule(version_id=1, code=row["code"], priority=100, lines=row["lines"], conditions=[], **terms)
    ]  # fmt: skip
    if conditional:
        conditions = [
            {"field": "product_id", "operator": "in", "value": [7, 8, 9]},
            {"field": "currency", "operator": "is", "value": "EUR"},
        ]
        rules.append(
            compile_rule(version_id=2, code="own", priority=50, lines=row["lines"], conditions=conditions, **terms)
        )
    return RuleBook({row["event"]: rules})


def _invoices() -> "list[MeasuredEvent]":
    from accounting.engine import Dimensions, MeasuredEvent, Unit
    from billing.events import InvoiceFinalized

    zero, tax, net = Decimal(0), Decimal("38.00"), Decimal("200.00")
    measured = []
    for number in range(EVENTS):
        event = InvoiceFinalized(
            tenant_id=1, business_entity_id=1, occurred_on=_ON, currency="USD", key=str(number), invoice_id=number,
            invoice_number=f"INV-{number}", customer_id=number, contract_id=number, due_on=_ON, net=2 * net, tax=2 * tax,
            total=2 * (net + tax), lines=(),
        )  # fmt: skip
        units = [
            Unit(
                {"tax": tax, "net_committed": zero, "net_from_unbilled": zero, "net_deferred": net},
                Dimensions(number, number, number * 2 + line, 5 + line, 3, number),
                "flat_fee",
                "straight_line_days",
            )
            for line in range(2)
        ]
        measured.append(MeasuredEvent(event, Dimensions(customer_id=number, invoice_id=number), units))
    return measured
