"""Going live: the moment from which a connection that was set up sends, and what it brings along from before.

While a connection is set up (`options["setting_up"]`) nothing is collected for it. At going live collecting begins first,
with events held up for that instant, so that what is back-filled afterwards leaves no gap.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from enum import StrEnum

from django.db import connection as database
from django.db import transaction

from accounting.models import JournalEntry
from billing.bulk import insert_rows
from integrations import outbox, summaries
from integrations.backfill import backfill, put
from integrations.connectors import base
from integrations.documents import Kind
from integrations.models import Connection, ConnectionStatus, SummarizedEntry, SyncMode
from integrations.readiness import readiness
from integrations.serving import entity_ids
from integrations.setup import SetupError
from integrations.upkeep import set_options

OPENING = "open"  # The unit of sums that bring opening balances.

# What was open when the day began, whatever became of it since: what settled it since then is sent too, and refers to it.
_OPEN = """
SELECT i.id FROM billing_invoice i
 WHERE i.status <> 'draft' AND i.issued_on < %(since)s::date AND i.business_entity_id = ANY(%(entities)s::bigint[])
   AND (i.status IN ('finalized', 'partially_paid') OR i.voided_on >= %(since)s::date
        OR EXISTS (SELECT 1 FROM billing_paymentallocation a
                    WHERE a.invoice_id = i.id AND a.allocated_on >= %(since)s::date)
        OR EXISTS (SELECT 1 FROM billing_creditnote c WHERE c.invoice_id = i.id AND c.issued_on >= %(since)s::date
                      AND c.total > c.to_wallet + c.to_refund)
        OR EXISTS (SELECT 1 FROM billing_writeoff w WHERE w.invoice_id = i.id AND w.written_off_on >= %(since)s::date)
        OR EXISTS (SELECT 1 FROM billing_walletentry e WHERE e.invoice_id = i.id AND e.on >= %(since)s::date))
"""
# An open invoice brings what was paid on it, and that payment the other invoices it settled, and so on.
_OPEN_AND_ITS_PAYMENTS = f"""
WITH RECURSIVE reached(invoice) AS (
    {_OPEN}
    UNION
    SELECT other.invoice_id FROM reached r
      JOIN billing_paymentallocation a ON a.invoice_id = r.invoice
      JOIN billing_paymentallocation other ON other.payment_id = a.payment_id
) SELECT invoice FROM reached
"""


class History(StrEnum):
    """What a connection brings along from before the day on which it goes live."""

    NOTHING = "nothing"
    OPENING = "opening"
    BACKFILL = "backfill"


def is_being_set_up(connection: Connection) -> bool:
    """Tell whether a connection has not gone live yet."""
    return bool(connection.option("setting_up", False))


def go_live(connection: Connection, *, start: date, history: History, since: date | None = None) -> int:
    """Send from a day on; give how many items were put into the outbox. Raises SetupError before all is mapped.

    `history`: nothing; the opening balances as of the day before (entries as one sum a calendar year, documents as the
    invoices open then); or everything `since` an earlier day.
    """
    missing = readiness(connection)
    if connection.status != ConnectionStatus.CONNECTED or missing:
        raise SetupError(f"Before going live: {' '.join(missing[:5]) or 'connect to the ERP.'}")
    if history is History.BACKFILL and (since is None or since > start):
        raise SetupError("Say from which day on to back-fill; it cannot be later than the day of going live.")
    first = since if history is History.BACKFILL and since else start
    with transaction.atomic():
        # Whoever is recording a fact now is waited for, and whoever comes after sees that this connection collects.
        with database.cursor() as cursor:
            cursor.execute("LOCK TABLE billing_businessevent IN SHARE ROW EXCLUSIVE MODE")
        everything = history is History.OPENING and connection.sync_mode == SyncMode.JOURNAL_ENTRIES
        since_when = None if everything else first.isoformat()
        set_options(connection.pk, {"start": first.isoformat(), "reconcile_from": since_when, "setting_up": None})
    connection.refresh_from_db()
    with transaction.atomic():
        added = open_with(connection, start) if history is History.OPENING else 0
        return added + backfill(connection, since=first)


def open_with(connection: Connection, start: date) -> int:
    """Bring what stood on the books before a day; give how many items were put into the outbox."""
    if connection.sync_mode == SyncMode.JOURNAL_ENTRIES:
        return _opening_balances(connection, start)
    invoices = _OPEN_AND_ITS_PAYMENTS if connection.send_payments else _OPEN
    chosen = f"FROM billing_invoice i WHERE i.id IN ({invoices})"
    facts = {
        Kind.CUSTOMER: f"SELECT DISTINCT i.customer_id AS subject, i.customer_id AS subject_group {chosen}",
        Kind.PRODUCT: "SELECT DISTINCT l.product_id AS subject, NULL::bigint AS subject_group "
        f"FROM billing_invoiceline l WHERE l.invoice_id IN (SELECT i.id {chosen})",
        Kind.INVOICE: f"SELECT i.id AS subject, i.customer_id AS subject_group {chosen}",
        Kind.CREDIT_NOTE: "SELECT c.id AS subject, c.customer_id AS subject_group FROM billing_creditnote c "
        f"WHERE c.issued_on < %(since)s::date AND c.voided_on IS NULL AND c.invoice_id IN (SELECT i.id {chosen})",
    }
    facts[Kind.CREDIT_ALLOCATION] = f"{facts[Kind.CREDIT_NOTE]} AND c.total > c.to_wallet + c.to_refund"
    if connection.send_payments:
        facts[Kind.PAYMENT] = (
            "SELECT p.id AS subject, p.customer_id AS subject_group FROM billing_payment p "
            "WHERE p.received_on < %(since)s::date AND p.voided_on IS NULL AND p.id IN "
            "(SELECT a.payment_id FROM billing_paymentallocation a "
            f"WHERE a.invoice_id IN (SELECT i.id {chosen}))"
        )
    takes = base.get(connection.erp).batch_size
    return put(connection, {kind: select for kind, select in facts.items() if kind in takes}, since=start)


def _opening_balances(connection: Connection, start: date) -> int:
    """Add up all entries before a day that were not sent, by business entity, currency and calendar year."""
    sent = set(SummarizedEntry.objects.filter(connection=connection).values_list("entry_id", flat=True))
    sent |= outbox.every(connection_id=connection.pk, kind=Kind.JOURNAL_ENTRY)
    entries = JournalEntry.objects.filter(date__lt=start, business_entity_id__in=entity_ids(connection)).order_by("id")
    groups: dict[tuple[int, str, int], list[int]] = defaultdict(list)
    for pk, entity_id, currency, day in entries.values_list("id", "business_entity_id", "currency", "date"):
        if pk not in sent:
            groups[entity_id, currency, day.year].append(pk)
    made = [_opening(connection, start, *key, ids) for key, ids in sorted(groups.items())]
    summaries.send(connection, made)
    return len(made)


def _opening(
    connection: Connection, start: date, entity_id: int, currency: str, year: int, entry_ids: Iterable[int]
) -> int:
    ids = list(entry_ids)
    end = min(date(year, 12, 31), start - timedelta(days=1))
    span = summaries.Span(entity_id, currency, OPENING, date(year, 1, 1), end)
    summary = summaries.make(connection, span, entry_count=len(ids))
    rows = [(connection.tenant_id, connection.pk, pk, OPENING, summary.pk) for pk in ids]
    insert_rows(SummarizedEntry, ("tenant_id", "connection_id", "entry_id", "unit", "summary_id"), rows)
    return int(summary.pk)
