"""Let a database role use the tables without owning them."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.grants import NoSuchRole, grant_use


class Command(BaseCommand):
    help = (
        "Give a database role the rights that the running application needs, and no more: it cannot switch off guards, walls "
        "or constraints. Run it as the role that owns the tables, after migrate."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role", help="a role that owns nothing, made with CREATE ROLE … LOGIN")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            grant_use(options["role"])
        except NoSuchRole as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"“{options['role']}” may use the tables. Put it into DATABASE_URL of web and worker processes."
        )
