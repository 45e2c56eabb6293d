from typing import Any

from django.utils import timezone

from accounting.unmatched import post_unmatched
from billing.management.base import TenantCommand
from billing.models import Tenant


class Command(TenantCommand):
    help = "Post the events that waited for a rule by the rules of today. Done again, it finds nothing to do."

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        outcome = post_unmatched(at=timezone.now())
        return {"ok": True, "events": outcome.events, "entries": outcome.entries, "waiting": outcome.waiting}

    def words(self, result: dict[str, Any]) -> str:
        """Say it for people."""
        waiting = f" No rule speaks of {result['waiting']:,} yet." if result["waiting"] else ""
        return f"{result['events']:,} events posted, {result['entries']:,} entries.{waiting}"
