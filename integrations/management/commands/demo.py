import logging
import secrets
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from accounting.checks import check_ledger
from billing.models import Membership, Role, Tenant
from billing.services.people import add_person
from billing.tenancy import tenant_scope
from integrations.connectors.base import DeliveryError
from integrations.demo import erp, serving
from integrations.demo.companies import COMPANIES, DemoCompany
from integrations.demo.story import tell
from integrations.demo.summary import summary
from integrations.sandbox.server import RunningSandbox, start_in_thread
from integrations.schedules import ensure_schedules
from integrations.vault import VaultError

_LOCK = 7_205_119
_LOGIN = "demo"


class Command(BaseCommand):
    """Two invented companies, made once; their stand-in ERPs are filled anew at every start."""

    help = (
        "Try Counterfoil out: two companies with a quarter of business, each with a stand-in QuickBooks. Run again it adds "
        "nothing to them. With --once it prints a summary and ends; else it serves the web until Ctrl-C."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="make it, print the summary, end")
        parser.add_argument("--port", type=int, default=8000, help="the web's port (default 8000)")
        parser.add_argument("--erp-port", type=int, default=8801, help="the first stand-in ERP's port (default 8801)")
        parser.add_argument("--customers", type=int, metavar="N", help="customers per company, at least 12")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("The demo is for trying out. It makes nothing where COUNTERFOIL_ENV is production.")
        if options["customers"] is not None and not 12 <= options["customers"] <= 400:
            raise CommandError("--customers must be between 12 and 400.")
        logging.getLogger("django-q").setLevel(logging.WARNING)
        once = options["once"]
        with ExitStack() as held:
            held.enter_context(self._alone())
            try:
                boxes = self._sandboxes(held, None if once else options["erp_port"])
                if not once:
                    serving.check_free(options["port"], option="--port")
                clean = self._run(boxes, customers=options["customers"])
            except (ValueError, DeliveryError, VaultError) as error:
                raise CommandError(str(error)) from error
            if not clean:
                raise CommandError("check_ledger found problems; see above.")
            if not once:
                self._serve(boxes, options["port"])

    def _run(self, boxes: dict[str, RunningSandbox], *, customers: int | None) -> bool:
        clean = True
        today = timezone.localdate()
        for company in COMPANIES:
            tenant = self._tenant(company, customers)
            self.stderr.write(f"{company.name}: delivering to the stand-in QuickBooks at {boxes[company.slug].url}")
            with tenant_scope(tenant.pk):
                synced = erp.sync(url=boxes[company.slug].url)
            ledger = check_ledger(tenant)
            with tenant_scope(tenant.pk):
                self.stdout.write("\n".join(["", *summary(tenant, synced=synced, ledger=ledger, today=today), ""]))
            clean = clean and not ledger.problems
        ensure_schedules()
        return clean

    def _tenant(self, company: DemoCompany, customers: int | None) -> Tenant:
        tenant = Tenant.objects.filter(slug=company.slug).first()
        if tenant:
            self.stderr.write(f"{company.name} exists already; nothing is added to it.")
            return tenant
        self.stderr.write(f"{company.name}: contracts, invoices, payments, revenue of four months")
        return tell(company, today=timezone.localdate(), now=timezone.now(), customers=customers)

    def _sandboxes(self, held: ExitStack, first_port: int | None) -> dict[str, RunningSandbox]:
        boxes = {}
        for place, company in enumerate(COMPANIES):
            port = first_port + place if first_port else 0
            if port:
                serving.check_free(port, option="--erp-port")
            boxes[company.slug] = held.enter_context(start_in_thread("quickbooks", port=port))
        return boxes

    def _serve(self, boxes: dict[str, RunningSandbox], port: int) -> None:
        password = _demo_login()

        def ready() -> None:
            self.stdout.write(f"Counterfoil    http://127.0.0.1:{port}/    user {_LOGIN}, password {password}")
            self.stdout.write(f"API            http://127.0.0.1:{port}/api/v1/")
            for company in COMPANIES:
                self.stdout.write(f"QuickBooks of {company.slug:<9} {boxes[company.slug].url}/")
            self.stdout.write("Ctrl-C stops all of it. What you do is kept; `make clean` deletes it.")

        def stopping() -> None:
            self.stderr.write("Stopping the web server and the worker …")

        if code := serving.serve(port=port, ready=ready, stopping=stopping):
            raise CommandError("The web server or the worker stopped; see above.", returncode=code)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one demo run at a time: two would send the same companies to two different books."""
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
            if not cursor.fetchone()[0]:
                raise CommandError("A demo runs in another window. Stop it there with Ctrl-C first.")
        try:
            yield
        finally:
            with database.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


@transaction.atomic
def _demo_login() -> str:
    """Give the demo's person a new password, and administrator's rights in both companies where they have none."""
    password = secrets.token_urlsafe(9)
    tenants = list(Tenant.objects.filter(slug__in=[company.slug for company in COMPANIES]).order_by("slug"))
    user = get_user_model().objects.filter(username=_LOGIN).first()
    if user is None:
        user = add_person(
            tenant_id=tenants[0].pk, username=_LOGIN, password=password, role=Role.ADMIN, first_name="Demo"
        ).user
    else:
        user.set_password(password)
        user.save(update_fields=["password"])
    for tenant in tenants:
        Membership.objects.get_or_create(tenant=tenant, user=user, defaults={"role": Role.ADMIN})
    return password
