"""A tenant's rules and defaults, compiled once and kept while they hold.

Rules, accounts, defaults, policies and periods change rarely and are asked thousands of times a second. Each change moves the
tenant's stamp (a trigger takes it from a sequence, so that no value comes twice); a compiled copy is used as long as its
stamp is the stored one. One small query instead of seven.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import date

from django.db import connection

from accounting.defaults import Hierarchy, load_hierarchy
from accounting.engine import RuleBook, compile_rule
from accounting.models import AccountingPeriod, AccountingPolicy, ContractStartTreatment, RuleVersion
from billing.models import BusinessEntity
from billing.tenancy import current_tenant_id

_KEPT = 200
_compiled: "OrderedDict[int, tuple[int, Books]]" = OrderedDict()


class BooksNotSetUp(RuntimeError):
    """The tenant has no chart and rules yet."""


@dataclass(frozen=True, slots=True)
class Books:
    """What posting needs to know of a tenant."""

    rules: RuleBook
    hierarchy: Hierarchy
    base_currency: dict[int, str]
    contract_start: str
    has_obligations: bool
    credit_adjustment: str
    period_status: dict[tuple[int, date], str]

    @property
    def grosses_up(self) -> bool:
        return self.contract_start == ContractStartTreatment.GROSS_UP


def books() -> Books:
    """Give the compiled books of the tenant in scope. Raises BooksNotSetUp."""
    tenant_id = current_tenant_id()
    with connection.cursor() as cursor:
        cursor.execute("SELECT stamp FROM accounting_accountingpolicy WHERE tenant_id = %s", [tenant_id])
        row = cursor.fetchone()
    if row is None:
        raise BooksNotSetUp("This company has no books yet: create its chart of accounts and rules first.")
    kept = _compiled.get(tenant_id)
    if kept is None or kept[0] != row[0]:
        kept = _compiled[tenant_id] = (row[0], _compile())
        if len(_compiled) > _KEPT:
            _compiled.popitem(last=False)
    return kept[1]


def _compile() -> Books:
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
    policy = AccountingPolicy.objects.get()
    return Books(
        rules=rules,
        hierarchy=load_hierarchy(),
        base_currency=dict(BusinessEntity.objects.values_list("id", "base_currency")),
        contract_start=policy.contract_start,
        has_obligations=policy.has_obligations,
        credit_adjustment=policy.credit_adjustment,
        period_status={
            (entity, start): status
            for entity, start, status in AccountingPeriod.objects.values_list("business_entity_id", "start", "status")
        },
    )
