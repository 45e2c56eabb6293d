import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from accounting.models import ContractStartTreatment
from accounting.setup import set_up_books
from billing.management.base import TenantCommand
from billing.models import BusinessEntity, Tenant
from billing.services.tenants import create_tenant
from billing.tenancy import tenant_scope
from integrations import setup
from integrations.connectors import base
from integrations.connectors.base import DeliveryError, SignInKind
from integrations.models import Connection, SyncMode
from integrations.other_server import PARTS, connect_server, refuse_unfit
from integrations.readiness import readiness
from integrations.schedules import ensure_schedules
from integrations.tokens import is_fed_by_files
from integrations.upkeep import forget


class Command(TenantCommand):
    help = (
        "Create a tenant with its business entity, chart of accounts and rules, and its ERP connection. Run again it "
        "changes nothing; asked for another currency or mode it refuses."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.set_defaults(tenant=None)
        parser.add_argument("slug", metavar="SLUG", help="the company's short name, as in --tenant elsewhere")
        parser.add_argument("--currency", required=True, help="the currency of its books, such as USD")
        parser.add_argument("--name", default="", help="the company's full name")
        parser.add_argument(
            "--time-zone", default="", metavar="ZONE", help="whose days the books go by, such as Europe/Berlin"
        )
        parser.add_argument("--contract-start", choices=ContractStartTreatment.values, default="memo")
        parser.add_argument("--erp", choices=[code for code, _ in base.choices()])
        parser.add_argument("--mode", choices=SyncMode.values)
        parser.add_argument("--payments", action="store_true", help="documents mode: send payments too")
        parser.add_argument("--erp-url", metavar="URL", help="a sandbox, or another server, to sign in to")
        parser.add_argument(
            "--erp-credentials", metavar="FILE", help="JSON: what another server knows us by (-: standard input)"
        )
        parser.add_argument(
            "--erp-address",
            metavar="PART=URL",
            action="append",
            default=[],
            help=f"where one part is: {', '.join(PARTS)}",
        )
        parser.add_argument(
            "--erp-sign-in", metavar="CODE", default="", help="the way of signing in, where there are several"
        )
        parser.add_argument("--erp-unpaced", action="store_true", help="another server without the vendor's limits")
        parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        erp = options["erp"]
        if not erp and (options["mode"] or options["payments"] or options["erp_url"]):
            raise CommandError("--mode, --payments and --erp-url belong to a connection: name it with --erp.")
        if erp and not options["mode"]:
            raise CommandError(f"Say with --mode what {erp} shall get: {' or '.join(SyncMode.values)}.")
        if options["erp_url"] and base.get(erp).sign_in().kind is SignInKind.NONE:
            raise CommandError(
                f"{base.get(erp).label} have no address: leave --erp-url out, they are connected at once."
            )
        credentials, addresses = _credentials(options["erp_credentials"]), _addresses(options["erp_address"])
        if (credentials or addresses) and not options["erp_url"]:
            raise CommandError("--erp-credentials and --erp-address belong to another server: name it with --erp-url.")
        if credentials:
            refuse_unfit(options["erp"], options["erp_url"], credentials, options["erp_sign_in"])
        with transaction.atomic():
            result = self._create(options)
            connection = self._connection(options, result) if erp else None
        if connection:
            with tenant_scope(connection.tenant_id), ExitStack() as undo:
                if result["connection_created"]:
                    undo.callback(forget, connection.pk)  # What came to nothing must not be in the way of the next try.
                result |= self._connect(connection, options, credentials, addresses)
                undo.pop_all()
        ensure_schedules()
        return result

    def _create(self, options: dict[str, Any]) -> dict[str, Any]:
        slug = options["slug"]
        is_new = not Tenant.objects.filter(slug=slug).exists()
        tenant = create_tenant(
            slug=slug, name=options["name"] or slug, currency=options["currency"], time_zone=options["time_zone"]
        )
        with tenant_scope(tenant.pk):
            entity = BusinessEntity.objects.get(code="main")
            set_up_books(business_entity=entity, contract_start=options["contract_start"])
        return {
            "tenant": tenant.slug,
            "created": is_new,
            "business_entity": entity.code,
            "currency": entity.base_currency,
        }

    def _connection(self, options: dict[str, Any], result: dict[str, Any]) -> Connection:
        with tenant_scope(Tenant.objects.get(slug=options["slug"]).pk):
            connection, result["connection_created"] = setup.create_connection(
                business_entity=BusinessEntity.objects.get(code="main"),
                erp=options["erp"],
                mode=options["mode"],
                send_payments=options["payments"],
            )
        return connection

    def _connect(
        self, connection: Connection, options: dict[str, Any], credentials: dict[str, Any], addresses: dict[str, str]
    ) -> dict[str, Any]:
        url = options["erp_url"]
        try:
            if url and credentials:
                connection = connect_server(
                    connection,
                    url,
                    credentials=credentials,
                    addresses=addresses,
                    way=options["erp_sign_in"],
                    paced=not options["erp_unpaced"],
                )
            elif url:
                connection = setup.connect_sandbox(connection, url)
            elif is_fed_by_files(connection):
                connection = setup.connect_files(connection)
        except DeliveryError as error:
            raise CommandError(error.words) from error
        return {
            "connection": connection.pk,
            "mode": connection.sync_mode,
            "status": connection.status,
            "to_do": readiness(connection),
        }


def _credentials(name: str | None) -> dict[str, Any]:
    if not name:
        return {}
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        found = json.loads(text)
    except (OSError, ValueError) as error:
        raise CommandError(f"The credentials cannot be read from {name}: {error}") from error
    if not isinstance(found, dict) or not found:
        raise CommandError('The credentials must be a JSON object, such as {"client_id": "…", "client_secret": "…"}.')
    return found


def _addresses(given: list[str]) -> dict[str, str]:
    found = {}
    for each in given:
        part, _, url = each.partition("=")
        if part not in PARTS or not url.startswith(("http://", "https://")):
            raise CommandError(
                f"{each} is no address of a part: write it like token=https://host/path. Parts: {', '.join(PARTS)}."
            )
        found[part] = url
    return found
