"""Integrations' long work, as jobs: reading the ERP's lists, creating accounts there, reconciling with it."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from billing.periods import day_words
from billing.services.jobs import JobKind, JobResult, Progress, register
from billing.wording import counted
from integrations import mapping
from integrations.models import Connection
from integrations.reconciliation import reconcile

_SHOWN = 100
_CONNECTION, _ONWARD = "integrations.connection", "Go on with the connection"
_RECONCILIATION = "integrations.reconciliation"


def _import_lists(parameters: Mapping[str, Any], progress: Progress) -> JobResult:
    connection = Connection.objects.get(pk=parameters["connection"])
    count = mapping.import_lists(connection)
    words = f"{count:,} accounts, customers, products and tax codes read from {connection.realm_name}."
    return JobResult(words, about=(_CONNECTION, connection.pk), onward=_ONWARD)


def _create_accounts(parameters: Mapping[str, Any], progress: Progress) -> JobResult:
    connection = Connection.objects.get(pk=parameters["connection"])
    count = mapping.create_missing(connection, progress=progress)
    if not count:
        words = "Nothing was missing: every account has a counterpart."
    else:
        words = f"{count:,} records created in {connection.realm_name} and mapped."
    return JobResult(words, about=(_CONNECTION, connection.pk), onward=_ONWARD)


def _reconcile(parameters: Mapping[str, Any], progress: Progress) -> JobResult:
    connection = Connection.objects.get(pk=parameters["connection"])
    since = parameters.get("since")
    kept, _ = reconcile(
        connection,
        through=date.fromisoformat(parameters["through"]),
        since=date.fromisoformat(since) if since else None,
    )
    if not kept.difference_count:
        return JobResult(
            f"{kept.compared:,} documents compared through {day_words(kept.through)}: both sides agree to the cent.",
            about=(_RECONCILIATION, kept.pk),
        )
    details = [f"{each['document']}: {each['cause']}" for each in kept.differences[:_SHOWN]]
    if kept.difference_count > len(details):
        details.append(f"… and {kept.difference_count - len(details):,} more on the page of the reconciliation.")
    found = counted(kept.difference_count, "difference", "differences")
    return JobResult(
        f"{kept.compared:,} documents compared through {day_words(kept.through)}: {found}.",
        tuple(details),
        about=(_RECONCILIATION, kept.pk),
    )


register(JobKind("import_erp_lists", "Import of the ERP's lists", _import_lists))
register(JobKind("create_erp_accounts", "Create accounts in the ERP", _create_accounts))
register(JobKind("reconcile_erp", "Reconciliation with the ERP", _reconcile))
