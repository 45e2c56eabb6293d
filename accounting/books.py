"""A tenant's rules and defaults, compiled once and kept while they hold.

Rules, accounts, defaults, policies and periods change rarely and are asked thousands of times a second. Each change moves the
tenant's stamp (a trigger takes it from a sequence, so that no value comes twice); a compiled copy is used as long as its
stamp is the stored one. One small query instead of seven.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import date

from accounting.defaults import Hierarchy, load_hierarchy
from accounting.engine import RuleBook, compile_rule
from accounting.models import AccountingPeriod, AccountingPolicy, ContractStartTreatment, RuleVersion
from billing.bulk import read_rows
from billing.models import BusinessEntity
from billing.tenancy import current_tenant_id

_KEPT = 200
_STAMP = "SELECT stamp FROM accounting_accountingpolicy WHERE tenant_id = %s"
_compiled: "OrderedDict[int, Books]" = OrderedDict()


class BooksNotSetUp(RuntimeError):
    """The tenant has no chart and rules yet."""


@dataclass(frozen=True, slots=True)
class Books:
    """What posting needs to know of a tenant. `stamp` is another one as soon as any of it changed."""

    stamp: int
    rules: RuleBook
    hierarchy: Hierarchy
    base_currency: dict[int, str]
    contract_start: str
    period_status: dict[tuple[int, date], str]

    @property
    def grosses_up(self) -> bool:
        return self.contract_start == ContractStartTreatment.GROSS_UP


def books() -> Books:
    """Give the compiled books of the tenant in scope. Raises BooksNotSetUp."""
    tenant_id = current_tenant_id()
    rows = read_rows(_STAMP, [tenant_id], table="accounting_accountingpolicy")
    if not rows:
        raise BooksNotSetUp("This company has no books yet: create its chart of accounts and rules first.")
    stamp = rows[0][0]
    kept = _compiled.get(tenant_id)
    if kept is None or kept.stamp != stamp:
        kept = _compiled[tenant_id] = _compile(stamp)
        if len(_compiled) > _KEPT:
            _compiled.popitem(last=False)
    return kept


def _compile(stamp: int) -> Books:
    rules = RuleBook({})
    for version in RuleVersion.objects.filter(is_active=True).select_related("rule"):
        rules.rules.setdefault(version.rule.event_kind, []).append(
            compile_rule(
                version_id=version.pk,
                code=version.rule.code,
                priority=version.rule.priority,
                effective_from=version.effective_from,
                event_kind=version.rule.event_kind,
                description=version.description,
                conditions=version.conditions,
                lines=version.lines,
                reverses=version.reverses,
            )
        )
    return Books(
        stamp=stamp,
        rules=rules,
        hierarchy=load_hierarchy(),
        base_currency=dict(BusinessEntity.objects.values_list("id", "base_currency")),
        contract_start=AccountingPolicy.objects.get().contract_start,
        period_status={
            (entity, start): status
            for entity, start, status in AccountingPeriod.objects.values_list("business_entity_id", "start", "status")
        },
    )
