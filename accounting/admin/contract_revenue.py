"""A contract's obligations, modifications, and its billing and revenue by month, as tables and charts."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.http import HttpRequest

from accounting.models import PerformanceObligation, RecognitionSchedule
from accounting.reports.contract_revenue import ContractMonths, contract_months
from accounting.what_if import try_start
from billing.admin.charts import columns_chart
from billing.admin.hooks import add_section
from billing.admin.shown import NONE, change_url, day, figure, money, period, to
from billing.admin.tables import Table, columns
from billing.models import Contract, ContractStatus
from billing.money import format_money
from billing.refusals import refusals

ZERO = Decimal(0)


def months_table(title: str, months: ContractMonths) -> Table:
    """Show billing and revenue by month, the past and what is to come apart."""
    shown = months.months
    billed = [months.billed.get(month, ZERO) for month in shown]
    to_bill = [months.to_bill.get(month, ZERO) for month in shown]
    posted = [months.recognized(month) for month in shown]
    planned = [months.to_recognize(month) for month in shown]
    note = ""
    if months.without_month:
        waiting = format_money(months.without_month, months.currency)
        note = f"{waiting} of revenue waits for a delivery, a milestone or progress to be reported."
    return Table(
        title,
        columns(f"Month, {months.currency}", ">Billed", ">To be billed", ">Recognized", ">To be recognized"),
        [
            (f"{month:%B %Y}", *(figure(column[place], months.currency) for column in (billed, to_bill, posted, planned)))
            for place, month in enumerate(shown)
        ],
        "Nothing is billed or earned yet.",
        totals=(
            "Total", *(figure(sum(column, ZERO), months.currency) for column in (billed, to_bill, posted, planned))
        ),
        note=note or "Net of tax. What is to come follows from the contract's terms; usage to come is not known.",
        chart=_chart(shown, billed, to_bill, posted, planned) if shown else "",
    )  # fmt: skip


def _chart(shown: Sequence[date], *figures: Sequence[Decimal]) -> object:
    labels = ("Billed", "To be billed", "Recognized", "To be recognized")
    stacks = {"Billed": "billing", "To be billed": "billing", "Recognized": "revenue", "To be recognized": "revenue"}
    return columns_chart([f"{month:%b %Y}" for month in shown], dict(zip(labels, figures, strict=True)), stacks=stacks)


def obligations_table(contract: Contract, *, linked: bool = True) -> Table:
    """Show what was promised, at which price, and how far it is fulfilled."""
    found = PerformanceObligation.objects.filter(contract=contract)
    held = {
        each.obligation_id: each
        for each in RecognitionSchedule.objects.filter(obligation_id__in=[each.pk for each in found])
    }
    rows = []
    for each in found:
        schedule = held[each.pk]
        rows.append(
            (
                to(change_url(RecognitionSchedule, schedule.pk), each.name) if linked else each.name,
                period(schedule.service_start, schedule.service_end),
                schedule.get_method_display(),
                money(each.stated_price),
                money(each.standalone_price),
                money(schedule.amount),
                money(schedule.billed),
                money(schedule.recognized),
            )
        )
    return Table(
        "Performance obligations",
        columns(
            "Obligation", "Covers", "Revenue", ">Stated price", ">Standalone price", ">Allocated price", ">Billed", ">Earned"
        ),
        rows,
        "Each service period earns its own price; nothing of this contract is earned as one obligation.",
        note="Prices when they were agreed; the allocated price is today's." if rows else "",
    )  # fmt: skip


def modifications_table(contract: Contract) -> Table:
    """Show what was agreed anew."""
    return Table(
        "Modifications",
        columns("Kind", "Holds from", "Signed", "Revenue", "Adjustment", ">Price to come changes by", "Reason"),
        [
            (
                each.get_kind_display(),
                day(each.effective_on),
                day(each.signed_on),
                each.get_treatment_display().split(":")[0],
                each.get_adjustment_display().split(":")[0],
                money(
                    sum((Decimal(row["after"]) - Decimal(row["before"]) for row in each.changes), ZERO),
                    contract.currency,
                ),
                each.reason or NONE,
            )
            for each in contract.modifications.all()
        ],
        "The contract is as it was signed.",
    )


def _once_started(contract: Contract) -> list[Table]:
    """Show what a draft would bill and earn, or why it cannot start as it is."""
    title = "What it would bill and earn"
    try:
        return try_start(
            contract_id=contract.pk,
            read=lambda each: [months_table(title, contract_months(each)), obligations_table(each, linked=False)],
        )
    except refusals() as error:
        return [Table(title, columns(""), [], str(error))]


def _of_contract(request: HttpRequest, contract: Any) -> list[Table]:
    if contract.status == ContractStatus.DRAFT:
        return _once_started(contract)
    return [
        months_table("Billing and revenue by month", contract_months(contract)),
        obligations_table(contract),
        modifications_table(contract),
    ]


add_section(Contract, _of_contract)
