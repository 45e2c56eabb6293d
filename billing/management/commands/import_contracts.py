from pathlib import Path
from typing import Any

from billing.importing.column_map import load_column_map
from billing.importing.contracts import import_contracts, rejected_as_dicts
from billing.management.base import TenantCommand
from billing.models import Tenant


class Command(TenantCommand):
    help = "Import customers, products and contracts from a CSV file: all of it, or nothing when a row is bad."

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, metavar="FILE", help="the CSV file, UTF-8, with a heading")
        parser.add_argument("--columns", type=Path, required=True, metavar="MAP.toml", help="the column map")
        parser.add_argument(
            "--entity", default="", metavar="CODE", help="whose customers; needed where there are several"
        )
        parser.add_argument("--skip-bad-rows", action="store_true", help="import the good rows, report the bad ones")

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        result = import_contracts(
            path=options["file"],
            columns=load_column_map(options["columns"]),
            business_entity=options["entity"],
            skip_bad_rows=options["skip_bad_rows"],
            on_progress=self.progress,
        )
        return {
            "customers": result.customers,
            "contracts": result.contracts,
            "products": result.products,
            "unchanged": result.unchanged,
            "rejected": rejected_as_dicts(result.rejected),
            "exit_code": 0 if result.imported else 1,
        }
