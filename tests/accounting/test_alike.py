"""What is booked by shape, a thousand at a time, is to the last field what a draft for each event gives."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounting import alike
from accounting.checks import check_ledger
from accounting.models import (
    AccountingPeriod,
    AccountingRule,
    DefaultAccount,
    JournalEntry,
    JournalLine,
    Level,
    RuleVersion,
    UnmatchedEvent,
)
from accounting.periods import close_period
from accounting.recognition import open_schedules, recognize_revenue
from billing.models import BusinessEvent, ContractItem, Customer, Product, ProductFamily
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.services.credit_notes import issue_credit_note
from billing.services.usage import record_usage
from integrations.models import Connection, OutboxItem

D = Decimal
JAN, END = date(2026, 1, 1), date(2026, 3, 17)
REVENUE = ("revenue_recognized", "usage_trued_up")
METHODS = ("straight_line_days", "straight_line_months", "equal_per_period", "point_in_time", "on_invoice")


class _Undo(Exception):
    pass


@pytest.fixture
def world(customer: Customer, product: Product) -> list[int]:
    """Contracts of every method, billed yearly or in arrears, by usage with a minimum; two customers, a product family."""
    other = Customer.objects.create(
        business_entity=customer.business_entity, external_id="C-2", name="Initech", currency="USD"
    )
    family = Product.objects.create(code="f", name="F", family=ProductFamily.objects.create(code="f", name="F"))
    flat = {"pricing_model": "flat_fee", "pricing": {"amount": "1000.01"}}
    usage = {"pricing_model": "per_unit", "pricing": {"unit_amount": "1.37"}, "is_metered": True, "timing": "arrears"}
    items: list[dict[str, Any]] = [
        *[{**flat, "product": product, "recognition_method": each, "interval_months": 12} for each in METHODS],
        *[{**flat, "product": family, "recognition_method": each, "timing": "arrears"} for each in METHODS],
        {**usage, "product": product, "minimum": D(500)},
        {**usage, "product": family},
    ]
    started = []
    for number, item in enumerate(items):
        contract = draft_contract(
            customer=other if number % 3 else customer, number=f"K-{number}", start=JAN, items=[item], term_months=12
        )
        start_contracts([contract.pk])
        started.append(contract.pk)
    for number, item in enumerate(ContractItem.objects.filter(is_metered=True)):
        record_usage(contract_item_id=item.pk, used_on=date(2026, 1, 20), quantity=D("100.5"), key=f"u{number}")
    run_billing(through=JAN, finalize=True)
    open_schedules(through=END)  # so that they have the same ids each time
    Connection.objects.create(erp="quickbooks", name="QuickBooks", sync_mode="journal_entries", status="connected")
    return started


def everything_booked() -> dict[str, Any]:
    """Give all that a run wrote, in order, with row ids counted from the first one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT key, kind, occurred_on, payload - 'event_id' FROM billing_businessevent WHERE kind = ANY(%s) "
            "ORDER BY kind, key",
            [list(REVENUE)],
        )
        events = cursor.fetchall()
    entry_fields = [
        field.attname for field in JournalEntry._meta.concrete_fields
        if field.attname not in ("id", "event_id", "posted_at", "posted_xid", "reverses_id")
    ]  # fmt: skip
    line_fields = [
        field.attname for field in JournalLine._meta.concrete_fields if field.attname not in ("id", "entry_id")
    ]
    by_event = ("entry__event__kind", "entry__event__key", "entry__part", "position")
    return {
        "events": events,
        "entries": list(
            JournalEntry.objects.filter(event__kind__in=REVENUE)
            .order_by("event__kind", "event__key", "part")
            .values_list("event__key", *entry_fields)
        ),
        "lines": list(
            JournalLine.objects.filter(entry__event__kind__in=REVENUE)
            .order_by(*by_event)
            .values_list("entry__event__key", *line_fields)
        ),
        "schedules": _rows("SELECT * FROM accounting_recognitionschedule ORDER BY id"),
        "unmatched": sorted(UnmatchedEvent.objects.values_list("event__kind", "event__key")),
        "outbox": sorted(
            _rows(
                "SELECT b.kind, b.key, o.connection_id, o.kind, o.stage, o.state, o.group_key FROM integrations_outboxitem o "
                "JOIN accounting_journalentry j ON j.id = o.subject_id JOIN billing_businessevent b ON b.id = j.event_id "
                "WHERE b.kind IN ('revenue_recognized', 'usage_trued_up')"
            ),
            key=str,
        ),
    }


def _rows(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def booked(run: Any) -> Iterator[dict[str, Any]]:
    """Let a run happen twice from the same state: by shape, and with a draft for each event."""
    for kinds in (alike.KINDS, frozenset[str]()):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(alike, "KINDS", kinds)
            try:
                with transaction.atomic():
                    run()
                    yield everything_booked()
                    raise _Undo
            except _Undo:
                continue


def assert_same(run: Any) -> dict[str, Any]:
    by_shape, one_by_one = booked(run)
    for what, rows in by_shape.items():
        assert rows == one_by_one[what], what
    return by_shape


def test_every_method_in_several_runs_with_a_credit_between_them(world: list[int], tenant: Any) -> None:
    def run() -> None:
        recognize_revenue(through=date(2026, 1, 10))
        recognize_revenue(through=date(2026, 2, 28))
        invoice = next(iter(ContractItem.objects.order_by("id"))).invoice_lines.first()
        issue_credit_note(
            invoice_id=invoice.invoice_id, lines={invoice.pk: D("700")}, on=date(2026, 3, 1), reason="Goodwill"
        )
        recognize_revenue(through=END)
        assert check_ledger(tenant).problems == []

    found = assert_same(run)
    assert len([row for row in found["events"] if row[1] == "revenue_recognized"]) > 20
    assert {row[1] for row in found["events"]} == set(REVENUE)
    assert found["outbox"]


def test_defaults_of_every_level_and_late_events(world: list[int]) -> None:
    item = ContractItem.objects.order_by("id").first()
    assert item
    first, second = Customer.objects.order_by("id")
    for level, code, target in (
        (Level.CONTRACT_ITEM, "4100", {"contract_item": item}),
        (Level.CUSTOMER, "4800", {"customer": second}),
        (Level.PRODUCT_FAMILY, "4000", {"product_family": ProductFamily.objects.get()}),
    ):
        DefaultAccount.objects.create(role="revenue", level=level, account_code=code, **target)
    AccountingPeriod.objects.get_or_create(business_entity=first.business_entity, start=JAN, end=date(2026, 2, 1))
    close_period(period_id=AccountingPeriod.objects.get(start=JAN).pk, at=timezone.now())
    found = assert_same(lambda: recognize_revenue(through=END))
    assert {"contract_item", "product_family", "customer", "tenant"} <= {
        str(value) for row in found["lines"] for value in row
    }
    assert any("whose period is closed" in str(entry) for entry in found["entries"])


def test_rules_with_conditions_that_post_nothing_or_do_not_match(world: list[int]) -> None:
    rule = AccountingRule.objects.get(event_kind="revenue_recognized")
    first, second = Customer.objects.order_by("id")
    standard = rule.versions.get()
    RuleVersion.objects.filter(pk=standard.pk).update(
        conditions=[{"field": "customer_id", "operator": "is", "value": first.pk}]
    )
    nothing = AccountingRule.objects.create(
        code="nothing", name="Nothing", event_kind="revenue_recognized", priority=rule.priority + 1
    )
    RuleVersion.objects.create(
        rule=nothing, effective_from=date(2000, 1, 1), description="Nothing", lines=[],
        conditions=[
            {"field": "recognition_method", "operator": "in", "value": ["point_in_time", "on_invoice"]},
            {"field": "customer_id", "operator": "is", "value": second.pk},
        ],
    )  # fmt: skip
    found = assert_same(lambda: recognize_revenue(through=END))
    assert found["unmatched"] and found["entries"]
    assert len(found["entries"]) + len(found["unmatched"]) < len(found["events"])


def test_a_shape_is_asked_once(world: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    ask = alike._ask
    monkeypatch.setattr(alike, "_ask", lambda *given: asked.append(given) or ask(*given))
    made = recognize_revenue(through=date(2026, 1, 31)).entries
    assert 0 < len(asked) <= made
    assert BusinessEvent.objects.filter(kind__in=REVENUE).count() == made
    assert OutboxItem.objects.count() == JournalEntry.objects.filter(event__kind__in=REVENUE).count() == made
