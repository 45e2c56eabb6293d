from argparse import ArgumentParser
from typing import Any

from accounting.replaying import replay_ledger
from billing.management.base import TenantCommand
from billing.models import Tenant


class Command(TenantCommand):
    help = (
        "Make a company's journal again from its events and compare it with the ledger; exit code 1 on any difference."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--most", type=int, default=100, metavar="N", help="list at most N differences (100)")

    def run(self, *, tenant: Tenant | None, most: int = 100, **options: Any) -> dict[str, Any]:
        report = replay_ledger(on_progress=self.progress, most=most)
        return {
            "ok": report.agrees,
            "events": report.events,
            "entries": report.entries,
            "different": report.different,
            "differences": report.differences,
            "exit_code": 0 if report.agrees else 1,
        }

    def words(self, result: dict[str, Any]) -> str:
        """Say it for people."""
        if result["ok"]:
            return f"{result['events']:,} events give the same {result['entries']:,} entries again, line for line."
        listed = "\n".join(f"  {each}" for each in result["differences"])
        return f"The ledger differs from what its events give, in {result['different']:,} places:\n{listed}"
