from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from accounting.currency.importing import import_rates
from accounting.currency.rate_files import UnreadableRates
from accounting.models import Quotation
from billing.clock import today
from billing.management.base import TenantCommand, iso_date
from billing.models import BusinessEntity, Tenant


class Command(TenantCommand):
    help = (
        "Import exchange rates from a CSV file in a central bank's layout (a row a day and a column a currency, or a row for "
        "each day and currency): all of it, or nothing when a line is bad. What is there already is left as it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, metavar="FILE", help="the CSV file, UTF-8, with a heading")
        parser.add_argument("--source", default="ECB", help="who published it (ECB)")
        parser.add_argument("--bank-currency", default="EUR", metavar="CODE", help="what the rates compare with (EUR)")
        parser.add_argument(
            "--quotation",
            choices=Quotation.values,
            default=Quotation.FOREIGN_PER_BANK.value,
            help="what a rate counts: foreign units for one of the bank's (as the ECB), or the other way round",
        )
        parser.add_argument("--since", type=iso_date, metavar="DATE", help="leave out what is before")
        parser.add_argument("--correct", action="store_true", help="record rates that differ as corrections")

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        try:
            content = options["file"].read_bytes()
        except OSError as error:
            raise UnreadableRates(f"{options['file']} cannot be read: {error.strerror}.") from error
        result = import_rates(
            content,
            source=options["source"],
            today=max(today(entity) for entity in BusinessEntity.objects.all()),
            bank_currency=options["bank_currency"],
            quotation=options["quotation"],
            correct=options["correct"],
            since=options["since"],
        )
        written = not result.rejected
        return {
            "added": len(result.added) if written else 0,
            "corrected": len(result.corrections) if written else 0,
            "unchanged": result.unchanged,
            "left_out": result.unknown,
            "rejected": [{"line": bad.line, "reason": bad.reason} for bad in result.rejected],
            "exit_code": 0 if written else 1,
        }
