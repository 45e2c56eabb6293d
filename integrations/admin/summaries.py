"""Sums of entries as they were sent: the drill-down behind one journal in the ERP."""

from typing import Any

from django.contrib import admin
from django.db.models import F, Sum
from django.http import HttpRequest
from unfold.decorators import display

from accounting.models import AS_POSTED, Account, JournalEntry, JournalLine
from billing.admin.document import Document, DocumentAdmin
from billing.admin.shown import day, figure, link
from billing.admin.tables import Table, columns
from integrations.admin.outbox import ConnectionFilter
from integrations.models import JournalSummary

_SHOWN = 500


@admin.register(JournalSummary)
class JournalSummaryAdmin(DocumentAdmin):
    list_display = ("name", "connection", "entry_count")
    list_filter = (ConnectionFilter,)
    list_select_related = ("connection",)
    empty_hint = "Entries are added up where the policies of a connection say so, when their day or month is over."

    def document(self, request: HttpRequest, subject: Any) -> Document:
        return describe(subject)

    @display(description="What", ordering="end")
    def name(self, summary: JournalSummary) -> str:
        return str(summary)


def describe(summary: JournalSummary) -> Document:
    """List the accounts of a sum and the entries it is made of."""
    ids = list(summary.entries.values_list("entry_id", flat=True))
    sums = list(
        JournalLine.objects.filter(entry_id__in=ids)
        .order_by("account__code")
        .values("account")
        .annotate(debits=Sum("debit"), credits=Sum("credit"), first=F("account__code"))
    )
    accounts = Account.objects.in_bulk([row["account"] for row in sums])
    entries = JournalEntry.objects.filter(id__in=ids).order_by(*AS_POSTED)[:_SHOWN]
    currency = summary.currency
    return Document(
        title=f"Sum of {summary}",
        lead="One journal in the ERP stands for all of these entries.",
        facts=[
            ("Connection", link(summary.connection)),
            ("Business entity", str(summary.business_entity)),
            ("Dated there", day(summary.end)),
        ],
        tables=[
            Table(
                f"Accounts, in {currency}",
                columns("Account", ">Debit", ">Credit"),
                [
                    (link(accounts[row["account"]]), figure(row["debits"], currency), figure(row["credits"], currency))
                    for row in sums
                ],
                "",
            ),
            Table(
                "Entries in it",
                columns("Entry", "Date", "Description"),
                [(link(entry), day(entry.date), entry.description) for entry in entries],
                "",
                note=f"The first {_SHOWN:,} of {len(ids):,}." if len(ids) > _SHOWN else "",
            ),
        ],
    )
