"""The same as `test_properties`, with a customer who is billed in another currency, and revaluations in between."""

import os
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from accounting.currency.revaluation import revalue, value_balances
from accounting.models import ContractStartTreatment, JournalLine
from accounting.recognition import recognize_revenue
from accounting.replaying import replay_ledger
from billing.models import Tenant
from billing.periods import end_of_month, first_of_month
from billing.services.billing_run import run_billing
from billing.tenancy import tenant_scope
from tests.accounting.rates import rates
from tests.company import make_company
from tests.flows.test_properties import (
    TERMS,
    World,
    assert_books_agree,
    assert_finished_schedules_are_earned,
    contracts,
    found,
    steps,
)

MANY = int(os.environ.get("COUNTERFOIL_EXAMPLES", "15"))
FIRST, DAYS = date(2025, 10, 1), 1500
CURRENCIES = {"EUR": "1.1", "KWD": "3.25"}
_MOVES = (100, 97, 103, 110, 92, 101, 105, 88, 99)


class Abroad(World):
    """A world in which a month's end may be revalued."""

    def revalue(self, which: int, share: Decimal) -> None:
        at = first_of_month(self.today) - timedelta(days=1)
        revalue(at=at)
        assert all(valued.is_right for valued in value_balances(at=at))
        assert revalue(at=at).balances == 0


@pytest.fixture
def companies(db: None) -> dict[str, Tenant]:
    made = {}
    for treatment in ContractStartTreatment.values:
        company = made[treatment] = make_company(treatment.replace("_", "-"), name=treatment, contract_start=treatment)
        with tenant_scope(company.pk):
            for currency, start in CURRENCIES.items():
                days = (FIRST + timedelta(days=number) for number in range(DAYS))
                table = [f"{day} {Decimal(start) * _MOVES[day.toordinal() % len(_MOVES)] / 100:f}" for day in days]
                rates("\n".join(["Date USD", *table]), bank_currency=currency)
    return made


@settings(
    max_examples=MANY,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    derandomize=MANY <= 15,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    treatment=st.sampled_from(ContractStartTreatment.values),
    currency=st.sampled_from(list(CURRENCIES)),
    signed=st.lists(contracts, min_size=1, max_size=3),
    story=st.lists(steps | st.tuples(st.just("revalue"), st.integers(0, 45), st.just(0), st.just(1)), min_size=4, max_size=18),
)  # fmt: skip
@example(
    treatment="gross_up",
    currency="EUR",
    signed=[TERMS | {"start": date(2026, 1, 15)}],  # the year's invoice is 0.04 less than its twelve terms
    story=[("recognize", 14, 6, 97), ("revalue", 45, 0, 1), ("revalue", 45, 0, 1), ("recognize", 160, 3, 60)],
)
def test_the_books_agree_in_both_currencies_whatever_happens(
    companies: dict[str, Tenant],
    treatment: str,
    currency: str,
    signed: list[dict[str, Any]],
    story: list[tuple[str, int, int, int]],
) -> None:
    company = companies[treatment]
    with tenant_scope(company.pk), transaction.atomic():
        world = found(company, currency=currency, kind=Abroad)
        for number, terms in enumerate(signed, start=1):
            world.sign(number, terms)
        for step in story:
            world.happen(step)
        told = "\n".join(world.done)
        assert_books_agree(company, told)
        world.today += timedelta(days=400)
        run_billing(through=world.today, finalize=True)
        recognize_revenue(through=world.today)
        revalue(at=end_of_month(world.today))
        assert_books_agree(company, told)
        assert replay_ledger().differences == [], told
        assert_finished_schedules_are_earned(world.today, told)
        _assert_nothing_unrealized_stays(told)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        transaction.set_rollback(True)


def _assert_nothing_unrealized_stays(told: str) -> None:
    lines = JournalLine.objects.filter(role__in=["fx_gain_unrealized", "fx_loss_unrealized"])
    assert sum(line.base_debit - line.base_credit for line in lines) == 0, told
