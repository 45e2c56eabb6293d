from argparse import ArgumentParser
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounting.models import RulePreview, RuleVersion
from accounting.previews import preview_version
from billing.management.base import TenantCommand, iso_date
from billing.models import Tenant


class Command(TenantCommand):
    help = (
        "Try drafts of accounting rules on past events: what would have been posted, against what was. Nothing is posted. "
        "Without --rule all drafts are tried, one after the other."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--from", dest="first", type=iso_date, required=True, metavar="DATE", help="first day")
        parser.add_argument("--to", dest="last", type=iso_date, required=True, metavar="DATE", help="last day")
        parser.add_argument("--rule", metavar="CODE[:N]", help="a rule's code: its newest draft, or its version N")

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        previews = [
            preview_version(
                version_id=version.pk,
                first_day=options["first"],
                last_day=options["last"],
                at=timezone.now(),
                on_progress=self.progress,
            )
            for version in _chosen(options["rule"])
        ]
        return {"ok": True, "previews": [_shown(preview) for preview in previews]}

    def words(self, result: dict[str, Any]) -> str:
        """Say it for people."""
        parts = []
        for preview in result["previews"]:
            parts.append(
                f"{preview['rule']}, version {preview['version']}: of {preview['events']:,} events "
                f"{preview['changed_events']:,} would have been posted otherwise"
                + (f"; no rule would speak of {preview['unmatched_events']:,}" if preview["unmatched_events"] else "")
                + "."
            )
            parts += [
                f"  {each['code']} {each['name']}: debit {_amount(each['posted_debit'])} -> {_amount(each['tried_debit'])}, "
                f"credit {_amount(each['posted_credit'])} -> {_amount(each['tried_credit'])}"
                for each in preview["accounts"]
            ]
        return "\n".join(parts)


def _amount(text: str) -> str:
    return f"{Decimal(text).normalize():,f}"


def _chosen(rule: str | None) -> list[RuleVersion]:
    versions = RuleVersion.objects.select_related("rule").order_by("rule__code", "-number")
    if rule is None:
        found = list(versions.filter(is_draft=True))
        if not found:
            raise ValueError("There is no draft of any rule. Name the rule to try one that is in force: --rule CODE.")
        return found
    code, _, number = rule.partition(":")
    versions = versions.filter(rule__code=code, **({"number": int(number)} if number.isdecimal() else {}))
    version = versions.filter(is_draft=True).first() or versions.first()
    if version is None:
        raise ValueError(
            f"There is no rule “{rule}”. A rule's code is on its page; a version is named as in “{code}:2”."
        )
    return [version]


def _shown(preview: RulePreview) -> dict[str, Any]:
    return {
        "id": preview.pk,
        "rule": preview.version.rule.code,
        "version": preview.version.number,
        "digest": preview.digest,
        "from": preview.first_day,
        "to": preview.last_day,
        "events": preview.events,
        "changed_events": preview.changed_events,
        "unmatched_events": preview.unmatched_events,
        "accounts": preview.accounts,
    }
