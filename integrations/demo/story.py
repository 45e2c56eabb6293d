"""A quarter and a bit in a company's life, through the same services that people and the API use.

Three whole months are billed, paid, recognized; the current one is billed and waits for people: drafts to finalize,
overdue invoices, revenue to recognize, months to close.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from accounting.models import AccountingPeriod
from accounting.periods import close_period
from accounting.recognition import recognize_revenue
from billing.models import (
    BillingTiming,
    BusinessEntity,
    Contract,
    ContractItem,
    ContractPhase,
    Customer,
    Invoice,
    InvoiceStatus,
    PhaseKind,
    Renewal,
    Tenant,
)
from billing.periods import DateRange, add_months, end_of_month, first_of_month
from billing.services.billing_run import run_billing
from billing.services.contracts import add_item, draft_contract, start_contracts
from billing.services.gateways import add_gateway
from billing.services.invoices import finalize_invoices
from billing.services.usage import Usage, record_usages
from billing.tenancy import tenant_scope
from integrations.demo import abroad, paying
from integrations.demo.companies import Catalog, DemoCompany, fill_catalog, found, tell_accounts_apart
from integrations.demo.generator import CustomerPlan, ItemPlan, generate, units_used
from integrations.demo.offers import OFFERS

MONTHS = 4  # The last one is the current month.
_DRAFTS_LEFT = 6
_USAGE_DAYS = (6, 16, 26)


@dataclass(slots=True)
class _Cast:
    """Who and what appears in the story."""

    seed: str
    catalog: Catalog
    plans: list[CustomerPlan]
    customers: dict[str, Customer] = field(default_factory=dict)


@transaction.atomic
def tell(company: DemoCompany, *, today: date, now: datetime, customers: int | None = None) -> Tenant:
    """Tell the whole story in one transaction: a demo that is interrupted leaves nothing half done."""
    tenant = found(company)
    first_month = add_months(first_of_month(today), 1 - MONTHS)
    with tenant_scope(tenant.pk):
        entity = BusinessEntity.objects.get()
        plans = generate(seed=company.slug, customers=customers or company.customers, first_month=first_month)
        cast = _Cast(company.slug, fill_catalog(), plans)
        tell_accounts_apart(entity)
        add_gateway(business_entity=entity, code=paying.GATEWAY, name="Card gateway")
        if company.sells_abroad:
            abroad.record_rates(since=first_month - timedelta(days=7), until=today)
            abroad.sign(entity, cast.catalog, start=first_month)
        for number in range(MONTHS - 1):
            start = add_months(first_month, number)
            _whole_month(cast, entity, number, DateRange(start, add_months(start, 1)))
        if company.sells_abroad:
            abroad.pay_in_part(on=add_months(first_month, 1) + timedelta(days=9))
            abroad.revalue_months(first_month, months=MONTHS - 1)
        _current_month(cast, first_of_month(today), today)
        close_period(period_id=AccountingPeriod.objects.get(start=first_month).pk, at=now)
    return tenant


def _whole_month(cast: _Cast, entity: BusinessEntity, number: int, month: DateRange) -> None:
    _sign_contracts(cast, entity, month)
    run_billing(through=month.start, finalize=True)
    if number == 2:
        paying.void_one(on=month.start + timedelta(days=2))
    _record_usage(cast, month, until=month.last_day)
    run_billing(through=month.last_day, finalize=True)
    paying.receive(cast.plans, cast.customers, month=month, until=month.last_day)
    paying.pay_out(entity, on=month.last_day)
    if number == 1:
        paying.credit_one(on=month.last_day)
    if number == 2:
        paying.allocate_unapplied(on=month.last_day)
    recognize_revenue(through=month.last_day)


def _current_month(cast: _Cast, start: date, today: date) -> None:
    month = DateRange(start, add_months(start, 1))
    run_billing(through=start)
    drafts = Invoice.objects.filter(status=InvoiceStatus.DRAFT).order_by("issued_on", "id")
    finalize_invoices(list(drafts.values_list("id", flat=True))[:-_DRAFTS_LEFT])
    _record_usage(cast, month, until=today)
    paying.receive(cast.plans, cast.customers, month=month, until=today)


def _sign_contracts(cast: _Cast, entity: BusinessEntity, month: DateRange) -> None:
    signed = [plan for plan in cast.plans if month.start <= plan.start < month.end]
    contracts = []
    for plan in signed:
        cast.customers[plan.external_id] = customer = Customer.objects.create(
            business_entity=entity,
            external_id=plan.external_id,
            name=plan.name,
            email=plan.email,
            currency=entity.base_currency,
            address=plan.address,
            country="US",
        )
        contracts.append(_draft(cast, plan, customer))
    start_contracts([contract.pk for contract in contracts])


def _draft(cast: _Cast, plan: CustomerPlan, customer: Customer) -> Contract:
    items = [_item(cast, plan, item) for item in plan.items]
    contract = draft_contract(
        customer=customer,
        number=plan.external_id.replace("C-", "K-"),
        start=plan.start,
        items=items,
        term_months=plan.term_months,
        renewal=Renewal.SAME_TERMS if plan.renews else Renewal.NONE,
        payment_terms_days=plan.payment_terms_days,
    )
    if plan.trial_months:
        _try_first(contract, items, until=add_months(plan.start, plan.trial_months))
    return contract


def _item(cast: _Cast, plan: CustomerPlan, item: ItemPlan) -> dict[str, Any]:
    offer, price = OFFERS[item.offer], cast.catalog.prices[item.offer]
    terms: dict[str, Any] = {"end": add_months(plan.start, offer.interval_months)} if offer.once else {}
    return terms | {
        "product": price.product,
        "price": price,
        "quantity": item.quantity,
        "interval_months": offer.interval_months,
        "timing": BillingTiming(offer.timing),
        "is_metered": offer.is_metered,
        "tax_rate": cast.catalog.tax_rate if item.taxed else None,
    }


def _try_first(contract: Contract, items: Sequence[dict[str, Any]], *, until: date) -> None:
    """Make the contract's one phase a free trial, and let the term follow it."""
    trial = contract.phases.get()
    trial.name, trial.kind, trial.end = "Trial", PhaseKind.TRIAL, until
    trial.save(update_fields=["name", "kind", "end"])
    term = ContractPhase.objects.create(contract=contract, start=until, end=contract.end)
    for item in items:
        add_item(contract=contract, phase=term, **item)


def _record_usage(cast: _Cast, month: DateRange, *, until: date) -> None:
    days = [month.start + timedelta(days=day - 1) for day in _USAGE_DAYS]
    metered = ContractItem.objects.filter(is_metered=True, billed_until__lt=month.end).select_related("contract")
    usages = []
    for item in metered.order_by("pk"):
        offer = next(code for code, price in cast.catalog.prices.items() if price.pk == item.price_id)
        for day in days:
            if item.start <= day <= until and day >= item.billed_until:
                name = f"{item.contract.number}-{offer}"
                quantity = units_used(seed=cast.seed, offer=offer, item=name, day=day)
                usages.append(Usage(item.pk, day, quantity, key=f"{name}-{day}"))
    record_usages(usages)


def months_told(first_month: date) -> list[date]:
    """Give the last days of the story's whole months."""
    return [end_of_month(add_months(first_month, number)) for number in range(MONTHS - 1)]
