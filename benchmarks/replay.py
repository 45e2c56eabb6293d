"""A rule tried on 100,000 past events, and the replay of a whole ledger: how fast, and in how much memory."""

import resource
import time
from collections.abc import Iterator
from datetime import date

from benchmarks.company import make_company, sell_contracts
from benchmarks.report import Result

CONTRACTS = 9_500
_MONTHS = tuple(date(2026, month, 1) for month in range(1, 6))
_DAYS = {"first_day": _MONTHS[0], "last_day": date(2026, 5, 31)}


def measure(url: str) -> Iterator[Result]:
    """Bill and recognize five months of 9,500 contracts; try a change of the invoices' rule on them; replay everything."""
    from django.utils import timezone

    from accounting.models import AccountingRule
    from accounting.previews import preview_version
    from accounting.recognition import recognize_revenue
    from accounting.replaying import replay_ledger
    from accounting.rule_versions import draft_version
    from billing.models import BusinessEvent
    from billing.periods import end_of_month
    from billing.services.billing_run import run_billing
    from billing.tenancy import tenant_scope

    warm, company = make_company("warm-replay"), make_company("replay")
    for each, count in ((warm, 500), (company, CONTRACTS)):
        with tenant_scope(each.tenant_id):
            sell_contracts(count)
            for month in _MONTHS:
                run_billing(through=month, finalize=True)
                recognize_revenue(through=end_of_month(month))
            rule = AccountingRule.objects.get(code="invoice-finalized")
            lines = rule.versions.get().lines
            swapped = [{**line, "role": line["role"].replace("deferred_revenue", "suspense")} for line in lines]
            draft = draft_version(rule=rule, effective_from=_MONTHS[0], description="Tried", lines=swapped)
            if each is warm:
                preview_version(version_id=draft.pk, at=timezone.now(), **_DAYS)
                replay_ledger()
    with tenant_scope(company.tenant_id):
        events = BusinessEvent.objects.count()
        before = _peak_megabytes()
        started = time.perf_counter()
        preview = preview_version(version_id=draft.pk, at=timezone.now(), **_DAYS)
        seconds = time.perf_counter() - started
        assert preview.changed_events >= CONTRACTS * len(_MONTHS)
        detail = f"{preview.changed_events:,} changed; {seconds:.0f} s, {events / seconds:,.0f} events/s"
        grown = _peak_megabytes() - before
        yield Result(f"megabytes grown while a rule was tried on {events:,} events", grown, "<=", 100, detail)
        started = time.perf_counter()
        report = replay_ledger()
        seconds = time.perf_counter() - started
        assert report.agrees, report.differences
        detail = f"{report.entries:,} entries the same; {seconds:.0f} s, {report.events / seconds:,.0f} events/s"
        grown = _peak_megabytes() - before
        yield Result(
            f"megabytes grown while a ledger of {report.events:,} events was replayed", grown, "<=", 100, detail
        )


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
