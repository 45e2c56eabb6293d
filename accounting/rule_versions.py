"""How a rule changes: a draft is made, tried on past events, activated. What is in force changes in no other way.

A preview holds for exactly the content that was tried: the version's digest is compared when it is activated. Who made,
tried, activated and retired a version stands in the audit trail.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import orjson
from django.db import transaction
from django.db.models import Max

from accounting.engine import CompiledRule, InvalidRule, compile_rule
from accounting.models import AccountingPolicy, AccountingRule, DefaultAccount, RulePreview, RuleVersion
from billing.errors import WrongState
from billing.tenancy import current_tenant_id


class NotTried(WrongState):
    """A version cannot be activated: nobody has seen what it would do."""


@transaction.atomic
def draft_version(
    *,
    rule: AccountingRule,
    effective_from: date,
    description: str,
    lines: Sequence[Mapping[str, str]],
    conditions: Sequence[Mapping[str, Any]] = (),
    priority: int = 100,
    reverses: str = "",
) -> RuleVersion:
    """Make a further version of a rule, as a draft. Raises InvalidRule when it could not balance or names an unknown role."""
    AccountingRule.objects.select_for_update(no_key=True).get(pk=rule.pk)  # Two people must not make the same number.
    highest = rule.versions.aggregate(highest=Max("number"))["highest"] or 0
    version = RuleVersion(
        tenant_id=current_tenant_id(),
        rule=rule,
        number=highest + 1,
        effective_from=effective_from,
        is_active=False,
        is_draft=True,
        priority=priority,
        description=description,
        conditions=[dict(each) for each in conditions],
        lines=[dict(each) for each in lines],
        reverses=reverses,
    )
    check(version)
    version.save()
    return version


def check(version: RuleVersion) -> CompiledRule:
    """Refuse a version that could not be used. Raises InvalidRule with what to mend."""
    rule = compiled(version)
    roles = {line["role"] for line in version.lines}
    known = set(DefaultAccount.objects.filter(role__in=roles).values_list("role", flat=True))
    if unknown := sorted(roles - known):
        raise InvalidRule(
            f"No account is set for “{unknown[0]}”. Set a default for the role first, or choose one that has an account."
        )
    if rule.left_out and AccountingPolicy.objects.filter(straight_to_revenue=True).exists():
        raise InvalidRule(
            "The accounting policy takes what is earned on the day it is billed straight to revenue, and this rule says nowhere "
            "where it goes. Add a line that credits “net_earned” to “revenue”, or change the policy first."
        )
    return rule


def compiled(version: RuleVersion, *, effective_from: date | None = None) -> CompiledRule:
    """Make a version ready for the engine. Raises InvalidRule."""
    return compile_rule(
        version_id=version.pk or 0,
        code=version.rule.code,
        priority=version.priority,
        effective_from=effective_from or version.effective_from,
        event_kind=version.rule.event_kind,
        description=version.description,
        conditions=version.conditions,
        lines=version.lines,
        reverses=version.reverses,
    )


def digest(version: RuleVersion) -> str:
    """Fingerprint what a version says: everything that decides which events it posts, how, and from when."""
    content = [
        version.rule.code, version.rule.event_kind, version.priority, version.effective_from, version.description,
        version.conditions, version.lines, version.reverses,
    ]  # fmt: skip
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def preview_of(version: RuleVersion) -> RulePreview | None:
    """Give the newest preview of exactly what the version says now."""
    return RulePreview.objects.filter(version=version.pk, digest=digest(version)).first()


@transaction.atomic
def activate_version(*, version_id: int) -> RuleVersion:
    """Put a version in force. Raises NotTried without a preview of exactly this content, InvalidRule, WrongState."""
    version = RuleVersion.objects.select_for_update(of=("self",), no_key=True).select_related("rule").get(pk=version_id)
    if version.is_active:
        raise WrongState(f"{version} is in force already.")
    check(version)
    if preview_of(version) is None:
        raise NotTried(
            f"{version} was not tried yet. Preview it on past events, look at what would have been posted otherwise, "
            "and activate it then."
        )
    version.is_active, version.is_draft = True, False
    version.save(update_fields=["is_active", "is_draft"])
    return version


@transaction.atomic
def retire_version(*, version_id: int) -> RuleVersion:
    """Take a version out of force; what it posted stays. Raises WrongState."""
    version = RuleVersion.objects.select_for_update(of=("self",), no_key=True).select_related("rule").get(pk=version_id)
    if not version.is_active:
        raise WrongState(f"{version} is not in force.")
    version.is_active = False
    version.save(update_fields=["is_active"])
    return version


@transaction.atomic
def discard_draft(*, version_id: int) -> None:
    """Delete a draft that nobody tried. Raises WrongState."""
    version = RuleVersion.objects.select_for_update(of=("self",), no_key=True).select_related("rule").get(pk=version_id)
    if not version.is_draft:
        raise WrongState(f"{version} is not a draft; retire it instead.")
    if version.previews.exists():
        raise WrongState(f"{version} was tried, and its previews are on record. Leave it as it is.")
    version.delete()
