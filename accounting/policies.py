"""Change the company's choices among accepted treatments, and which lines of the close check list block."""

from collections.abc import Mapping
from decimal import Decimal

from django.db import transaction

from accounting.closing import CloseCheck, close_checks
from accounting.models import AccountingPolicy, RevenueDate, RuleVersion
from accounting.rule_versions import compiled
from billing.models import Adjustment
from billing.services.tenants import choose_proration

_HUNDRED = Decimal(100)


class PolicyRefused(ValueError):
    """A choice that cannot be meant; the text says what to choose instead."""


@transaction.atomic
def change_policy(
    *,
    credit_adjustment: str,
    large_change_percent: Decimal,
    large_change_must_front_load: bool,
    bad_debt_tax_relief: bool,
    revenue_date: str,
    straight_to_revenue: bool,
    blocks: Mapping[str, bool],
    proration: Mapping[str, str] | None = None,
) -> AccountingPolicy:
    """Set the choices that may change at any time; they hold for what is posted from now on. The audit trail keeps them.

    `blocks` says by code which close checks block; one that is left out keeps the usual answer. `proration` says by code of a
    business entity how what is agreed from now on prices part of a billing period; one that is left out stays as it is. Raises
    PolicyRefused, BillingError; then nothing has changed.
    """
    if credit_adjustment not in Adjustment.values:
        raise PolicyRefused(f"A credit changes revenue in one of these ways: {', '.join(Adjustment.values)}.")
    if not 0 <= large_change_percent <= _HUNDRED:
        raise PolicyRefused("From which share on a change of price is large: give a percentage from 0 to 100.")
    if revenue_date not in RevenueDate.values:
        raise PolicyRefused(f"Revenue earned over time is dated in one of these ways: {', '.join(RevenueDate.values)}.")
    chosen = _differing(blocks)
    policy = AccountingPolicy.objects.select_for_update(no_key=True).get()
    policy.credit_adjustment = credit_adjustment
    policy.large_change_percent = large_change_percent
    policy.large_change_must_front_load = large_change_must_front_load
    policy.bad_debt_tax_relief = bad_debt_tax_relief
    policy.revenue_date = revenue_date
    if straight_to_revenue and not policy.straight_to_revenue:
        _refuse_left_out()
    policy.straight_to_revenue = straight_to_revenue
    policy.close_choices = chosen
    for code, how in (proration or {}).items():
        choose_proration(code=code, how=how)
    policy.save(
        update_fields=[
            "credit_adjustment", "large_change_percent", "large_change_must_front_load", "bad_debt_tax_relief",
            "revenue_date", "straight_to_revenue", "close_choices",
        ]
    )  # fmt: skip
    return policy


def _refuse_left_out() -> None:
    for version in RuleVersion.objects.filter(is_active=True, rule__event_kind="invoice_finalized").select_related(
        "rule"
    ):
        if compiled(version).left_out:
            raise PolicyRefused(
                f"The rule “{version.rule.name}” says nowhere where “net_earned” goes, what is earned on the day it is billed. "
                "Run manage.py update_books if the rule is a standard one, else give it a line that credits it to “revenue”."
            )


def _differing(blocks: Mapping[str, bool]) -> dict[str, bool]:
    """Keep what differs from the usual answer, so that the others follow it."""
    known = {check.code: check for check in close_checks()}
    for code, wanted in blocks.items():
        if code not in known:
            raise PolicyRefused(f"The close check list has no check “{code}”; it has {', '.join(known)}.")
        if known[code].is_fixed and not wanted:
            raise PolicyRefused(f"“{known[code].label}” always blocks: a month could not be sealed otherwise.")
    return {code: wanted for code, wanted in blocks.items() if wanted != known[code].is_blocking}


def close_choices(policy: AccountingPolicy) -> list[tuple[CloseCheck, bool]]:
    """Give each close check with whether it blocks in this company."""
    return [(check, policy.close_choices.get(check.code, check.is_blocking)) for check in close_checks()]
