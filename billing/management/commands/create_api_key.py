"""Make a key for the REST API."""

from argparse import ArgumentParser
from typing import Any

from billing.management.base import TenantCommand
from billing.models import Tenant
from billing.services.api_keys import issue_key


class Command(TenantCommand):
    help = "Make an API key for one company and print it. It is shown this once; only a digest is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--name", required=True, help="the system that will use it, such as “web shop”")
        parser.add_argument("--read-only", action="store_true", help="the key may look at everything, change nothing")
        parser.add_argument("--may-reopen", action="store_true", help="the key may open closed months again")

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        assert tenant is not None
        issued = issue_key(
            tenant_id=tenant.pk,
            name=options["name"],
            may_write=not options["read_only"],
            may_reopen=options["may_reopen"],
        )
        return {
            "tenant": tenant.slug,
            "name": issued.key.name,
            "prefix": issued.key.prefix,
            "access": "read and write" if issued.key.may_write else "read only",
            "may_reopen": issued.key.may_reopen,
            "key": issued.plain,
        }
