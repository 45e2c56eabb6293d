"""What the commands share: a tenant in scope, progress for people on standard error, one JSON object for programs."""

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from contextlib import ExitStack
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.models import Tenant
from billing.money import format_money
from billing.tenancy import Actor, tenant_scope


def iso_date(text: str) -> date:
    """Read a date of the command line."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"“{text}” is not a date such as 2026-01-31.") from None


def as_text(value: Any) -> Any:
    """Money and dates travel as text in JSON."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a command's answer.")


class TenantCommand(BaseCommand):
    """A command for one tenant. `run` answers a dict; with `--json` it is printed as one object, else as `words`.

    `tenant_required` False makes `--tenant` optional: without it `run` gets None and no tenant is in scope.
    A `ValueError` of the domain becomes a clean message and exit code 1 (2 for wrong arguments). A dict with
    `exit_code` sets the exit code and is printed without it.
    """

    tenant_required = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", metavar="SLUG", required=self.tenant_required, help="the company to work for")
        parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        as_json, slug = options.pop("json"), options.pop("tenant", None)
        with ExitStack() as scope:
            tenant = self.find_tenant(slug) if slug else None
            if tenant:
                command = type(self).__module__.rpartition(".")[2]
                scope.enter_context(tenant_scope(tenant.pk, actor=Actor(via=f"command {command}")))
            try:
                result = self.run(tenant=tenant, **options)
            except ValueError as error:
                raise CommandError(str(error)) from error
        exit_code = result.pop("exit_code", 0)
        if as_json:
            self.stdout.write(json.dumps(result, default=as_text))
        else:
            self.stdout.write(self.words(result))
        if exit_code:
            sys.exit(exit_code)

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        """Do the work."""
        raise NotImplementedError

    def words(self, result: dict[str, Any]) -> str:
        """Write the result for a person."""
        return "\n".join(f"{key.replace('_', ' ')}: {_in_words(value)}" for key, value in result.items())

    def find_tenant(self, slug: str) -> Tenant:
        tenant = Tenant.objects.filter(slug=slug).first()
        if tenant is None:
            raise CommandError(
                f"There is no tenant “{slug}”. Create it with: manage.py create_tenant {slug} --currency USD"
            )
        return tenant

    def progress(self, done: int, total: int) -> None:
        """Show how far the work is, on one line where a person watches, on few lines in a log."""
        if self.stderr.isatty():
            self.stderr.write(f"\r{done:,} of {total:,}", ending="\n" if done >= total else "")
        elif done >= total or done % 10_000 == 0:
            self.stderr.write(f"{done:,} of {total:,}")


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        parts = [
            format_money(each, str(key)) if isinstance(each, Decimal) else f"{key} {each}"
            for key, each in value.items()
        ]
        return ", ".join(parts) or "none"
    if isinstance(value, list):
        return f"{len(value):,}" + "".join(
            f"\n  {_in_words(each) if isinstance(each, dict) else each}" for each in value[:50]
        )
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
