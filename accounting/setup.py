"""A new business entity's books: chart of accounts, default accounts, standard rules, policy."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from django.db import transaction

from accounting.models import (
    Account,
    AccountingPolicy,
    AccountingRule,
    Category,
    ContractStartTreatment,
    DefaultAccount,
    Level,
    RuleVersion,
    Side,
)
from accounting.rule_versions import compiled
from billing.models import BusinessEntity
from billing.periods import ALWAYS

_HERE = Path(__file__).parent


class BooksDiffer(ValueError):
    """The books exist with another choice than the one asked for."""


@cache
def starter_chart() -> list[dict[str, Any]]:
    return tomllib.loads((_HERE / "charts/starter.toml").read_text())["account"]


@cache
def standard_rules() -> list[dict[str, Any]]:
    return tomllib.loads((_HERE / "rules/standard.toml").read_text())["rule"]


@transaction.atomic
def set_up_books(*, business_entity: BusinessEntity, contract_start: str = ContractStartTreatment.MEMO) -> None:
    """Give the entity the starter chart, and the tenant the standard rules and defaults, as far as they are missing.

    Raises BooksDiffer when the tenant has chosen the other treatment of contract starts before.
    """
    policy, _ = AccountingPolicy.objects.get_or_create(
        tenant_id=business_entity.tenant_id, defaults={"contract_start": contract_start}
    )
    if policy.contract_start != contract_start:
        raise BooksDiffer(
            f"This company's books treat a contract start as “{policy.get_contract_start_display()}”. "
            "Entries may depend on it, so it is not changed by setting up again."
        )
    _copy_chart(business_entity)
    _copy_defaults(business_entity)
    _copy_rules(business_entity.tenant_id, contract_start)


def _copy_chart(entity: BusinessEntity) -> None:
    existing = dict(Account.objects.filter(business_entity=entity).values_list("code", "id"))
    groups = {row["parent"] for row in starter_chart() if "parent" in row}
    missing = [row for row in starter_chart() if row["code"] not in existing]
    while missing:  # Level by level: an account is made after the one that groups it.
        level = [row for row in missing if row.get("parent") is None or row["parent"] in existing]
        missing = [row for row in missing if row not in level]
        made = Account.objects.bulk_create(_starter_account(entity, row, existing, groups) for row in level)
        existing |= {account.code: account.pk for account in made}


def _starter_account(
    entity: BusinessEntity, row: dict[str, Any], existing: dict[str, int], groups: set[str]
) -> Account:
    category = Category(row["category"])
    usual = Side.DEBIT if category in (Category.ASSETS, Category.EXPENSES) else Side.CREDIT
    return Account(
        tenant_id=entity.tenant_id,
        business_entity=entity,
        code=row["code"],
        name=row["name"],
        category=category,
        normal_balance=row.get("normal_balance", usual),
        parent_id=existing.get(row.get("parent", "")),
        is_group=row["code"] in groups,
        role=row.get("role", ""),
    )


def _copy_defaults(entity: BusinessEntity) -> None:
    known = set(DefaultAccount.objects.filter(level=Level.TENANT).values_list("role", flat=True))
    DefaultAccount.objects.bulk_create(
        DefaultAccount(tenant_id=entity.tenant_id, role=row["role"], level=Level.TENANT, account_code=row["code"])
        for row in starter_chart()
        if row.get("role") and row["role"] not in known
    )


def _copy_rules(tenant_id: int, contract_start: str) -> None:
    known = {rule.code: rule for rule in AccountingRule.objects.prefetch_related("versions")}
    rows = [row for row in standard_rules() if row.get("treatment", contract_start) == contract_start]
    added = AccountingRule.objects.bulk_create(
        AccountingRule(
            tenant_id=tenant_id, code=row["code"], name=row["name"], event_kind=row["event"], is_standard=True
        )
        for row in rows
        if row["code"] not in known
    )
    new = {rule.code: rule for rule in added}
    outdated = [row["code"] for row in rows if row["code"] in known and _is_outdated(known[row["code"]], row)]
    earlier = {code: list(known[code].versions.all()) for code in outdated}
    versions = RuleVersion.objects.bulk_create(
        RuleVersion(
            tenant_id=tenant_id,
            rule=new.get(row["code"]) or known[row["code"]],
            number=len(earlier.get(row["code"], ())) + 1,
            effective_from=ALWAYS,
            description=row["description"],
            conditions=row.get("conditions", []),
            lines=row.get("lines", []),
            reverses=row.get("reverses", ""),
        )
        for row in rows
        if row["code"] in new or row["code"] in earlier
    )
    for version in versions:
        compiled(version)  # Refuses a rule that could not be used.
    # A standard rule that nobody changed follows the file; its new version posts old events as the old one did.
    replaced = [version.pk for older in earlier.values() for version in older]
    RuleVersion.objects.filter(pk__in=replaced).update(is_active=False)


def _is_outdated(rule: AccountingRule, row: dict[str, Any]) -> bool:
    versions = list(rule.versions.all())
    if not rule.is_standard or any(version.effective_from != ALWAYS for version in versions):
        return False
    newest = max(versions, key=lambda version: version.number)
    return newest.is_active and newest.lines != row.get("lines", [])
