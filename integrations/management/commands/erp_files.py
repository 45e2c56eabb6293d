from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from billing.management.base import TenantCommand
from billing.models import Tenant
from integrations import archive
from integrations.models import Connection, ConnectionStatus, ExportFile
from integrations.tokens import is_fed_by_files


class Command(TenantCommand):
    help = (
        "Carry documents to an ERP that is fed by files, and its word back: write what is new as a ZIP of import files, mark "
        "files as imported, read the ERP's chart of accounts or its export. Does what is asked in that order."
    )

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--chart", type=Path, metavar="FILE", help="the ERP's chart of accounts (CSV)")
        parser.add_argument("--out", type=Path, metavar="ZIP", help="write what is in no file yet to this ZIP")
        parser.add_argument("--imported", type=int, metavar="ID", help="say that these files are in the ERP now")
        parser.add_argument(
            "--export", nargs=2, action="append", metavar=("KIND", "FILE"),
            help="what the ERP holds of a kind, such as journal_entry or invoice (CSV)",
        )  # fmt: skip

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        if not any(options[name] for name in ("chart", "out", "imported", "export")):
            raise CommandError("Say what to do: --chart FILE, --out ZIP, --imported ID or --export KIND FILE.")
        result: dict[str, Any] = {}
        connection = self._connection()
        if options["chart"]:
            result["accounts"] = archive.upload_accounts(connection, _content(options["chart"]))
        if options["out"]:
            result |= self._write(connection, options["out"])
        if options["imported"]:
            file = ExportFile.objects.filter(connection=connection, pk=options["imported"]).first()
            if file is None:
                raise CommandError(f"There are no import files {options['imported']}.")
            archive.mark_imported(file, user=None)
            result["imported"] = file.pk
        for kind, path in options["export"] or ():
            known = {each.value: each for each in archive.reported_kinds(connection)}
            if kind not in known:
                raise CommandError(f"“{kind}” is not compared here. An export lists: {', '.join(known)}.")
            result.setdefault("read", {})[kind] = archive.upload_report(
                connection, known[kind], _content(Path(path)), user=None
            )
        return result

    def _connection(self) -> Connection:
        found = Connection.objects.exclude(status=ConnectionStatus.DISABLED).order_by("id")
        fed = [each for each in found if is_fed_by_files(each)]
        if len(fed) != 1:
            raise CommandError(
                "No connection of this company is fed by files. Make one: create_tenant SLUG --erp csv_export."
                if not fed
                else "Several connections of this company are fed by files; use their pages in the admin."
            )
        return fed[0]

    @staticmethod
    def _write(connection: Connection, path: Path) -> dict[str, Any]:
        with transaction.atomic():  # What could not be written waits for the next files.
            made = archive.make_files(connection, user=None)
            if made is None:
                return {"documents": 0}
            try:
                with path.open("xb") as file:
                    file.write(bytes(made.content))
            except OSError as error:
                raise CommandError(f"{path} cannot be written: {error.strerror}. Name a new file.") from error
        return {"files": made.pk, "documents": made.document_count, "sha256": made.digest}


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
