"""Bring what happened before a connection existed into its outbox: chosen by a person, from a date on."""

from collections.abc import Mapping
from datetime import date

from django.db import connection as database
from django.db import transaction
from django.db.models import Exists, OuterRef

from accounting.models import JournalEntry
from billing.bulk import insert_rows
from integrations.connectors import base
from integrations.documents import STAGES, Kind, as_sent
from integrations.models import Connection, OutboxItem, SummarizedEntry, SyncMode
from integrations.outbox import wake
from integrations.policy import Policy, Unit
from integrations.serving import entity_ids

_PUT = """
INSERT INTO integrations_outboxitem (tenant_id, connection_id, kind, subject_id, group_key, stage)
SELECT %(tenant)s::bigint, %(connection)s::bigint, %(kind)s::text, f.subject, f.subject_group, %(stage)s::int
  FROM ({facts}) AS f
 WHERE NOT EXISTS (SELECT 1 FROM integrations_mapping m WHERE m.connection_id = %(connection)s::bigint
                      AND m.kind = %(kind)s::text AND m.internal_id = f.subject AND m.status = 'confirmed')
   AND (%(kind)s::text <> 'journal_entry' OR NOT EXISTS (
       SELECT 1 FROM integrations_summarizedentry s
        WHERE s.connection_id = %(connection)s::bigint AND s.entry_id = f.subject))
 ORDER BY {order}
ON CONFLICT (connection_id, kind, subject_id) DO NOTHING
"""
# A reversal goes behind what it reverses, whichever process had the lower ids.
_AS_POSTED = "(SELECT e.posted_at FROM accounting_journalentry e WHERE e.id = f.subject), f.subject"
_OURS = "{0}.business_entity_id = ANY(%(entities)s::bigint[]) AND {0}.{1} >= %(since)s::date"
_INVOICES = f"FROM billing_invoice i WHERE i.status <> 'draft' AND {_OURS.format('i', 'issued_on')}"

_ENTRIES = {
    Kind.JOURNAL_ENTRY: "SELECT e.id AS subject, NULL::bigint AS subject_group FROM accounting_journalentry e "
    f"WHERE {_OURS.format('e', 'date')}",
}
_CUSTOMER_FIRST = {
    Kind.CUSTOMER: "SELECT DISTINCT l.customer_id AS subject, l.customer_id AS subject_group "
    f"FROM accounting_journalline l WHERE l.customer_id IS NOT NULL AND {_OURS.format('l', 'date')}",
    Kind.JOURNAL_ENTRY: "SELECT l.entry_id AS subject, min(l.customer_id) AS subject_group "
    f"FROM accounting_journalline l WHERE {_OURS.format('l', 'date')} GROUP BY l.entry_id",
}
_THERE = "SELECT o.subject_id FROM integrations_outboxitem o WHERE o.connection_id = %(connection)s::bigint AND o.kind = '{}'"


def _of(invoice: str, day: str) -> str:
    """Choose what is about an invoice dated from the day on, or was done since then to an older one that the ERP has or gets."""
    there = f"{day} >= %(since)s::date AND {invoice} IN ({_THERE.format('invoice')})"
    return f"({invoice} IN (SELECT i.id {_INVOICES}) OR ({there}))"


# A credit note is sent by its own date, also where the ERP has another invoice in the place of ours.
_NOTED = (
    f"(c.invoice_id IN (SELECT i.id {_INVOICES}) OR (c.issued_on >= %(since)s::date AND c.invoice_id IN "
    "(SELECT i.id FROM billing_invoice i WHERE i.business_entity_id = ANY(%(entities)s::bigint[]))))"
)
_NOTES = "SELECT c.id AS subject, c.customer_id AS subject_group FROM billing_creditnote c WHERE "
_CUSTOMERS = (
    f"SELECT i.customer_id AS subject, i.customer_id AS subject_group {_INVOICES} "
    f"UNION SELECT c.customer_id, c.customer_id FROM billing_creditnote c WHERE {_NOTED}"
)
_DOCUMENTS = {
    Kind.CUSTOMER: _CUSTOMERS,
    Kind.PRODUCT: "SELECT l.product_id AS subject, NULL::bigint AS subject_group FROM billing_invoiceline l "
    f"WHERE l.invoice_id IN (SELECT i.id {_INVOICES}) UNION SELECT l.product_id, NULL::bigint FROM billing_creditnoteline l "
    f"WHERE l.credit_note_id IN (SELECT c.id FROM billing_creditnote c WHERE {_NOTED})",
    Kind.INVOICE: f"SELECT i.id AS subject, i.customer_id AS subject_group {_INVOICES}",
    Kind.INVOICE_VOID: "SELECT i.id AS subject, i.customer_id AS subject_group FROM billing_invoice i "
    f"WHERE i.status = 'void' AND {_of('i.id', 'i.voided_on')}",
    Kind.CREDIT_NOTE: f"{_NOTES}{_NOTED}",
    Kind.CREDIT_NOTE_VOID: f"{_NOTES}c.voided_on IS NOT NULL AND ({_NOTED} OR (c.voided_on >= %(since)s::date "
    f"AND c.id IN ({_THERE.format('credit_note')})))",
    Kind.CREDIT_ALLOCATION: f"{_NOTES}{_of('c.invoice_id', 'c.issued_on')} AND c.total > c.to_wallet + c.to_refund",
}
_DOCUMENTS[Kind.WRITE_OFF] = (
    "SELECT w.id AS subject, w.customer_id AS subject_group FROM billing_writeoff w "
    f"WHERE {_of('w.invoice_id', 'w.written_off_on')}"
)
_DOCUMENTS[Kind.WRITE_OFF_ALLOCATION] = _DOCUMENTS[Kind.WRITE_OFF]
_INVOICE_OF_EVENT = "(v.payload->>'invoice_id')::bigint"
_DOCUMENTS[Kind.RECOVERY] = (
    "SELECT v.id AS subject, (v.payload->>'customer_id')::bigint AS subject_group FROM billing_businessevent v "
    f"WHERE v.kind = 'write_off_recovered' AND {_of(_INVOICE_OF_EVENT, 'v.occurred_on')}"
)
_APPLIED = f"e.kind = 'applied' AND {_of('e.invoice_id', 'e.on')}"
_WALLET_USES = f"FROM billing_walletentry e JOIN billing_wallet w ON w.id = e.wallet_id WHERE {_APPLIED}"
_DOCUMENTS[Kind.WALLET_BONUS] = f"SELECT e.id AS subject, w.customer_id AS subject_group {_WALLET_USES} AND e.bonus < 0"
_DOCUMENTS[Kind.WALLET_BONUS_USE] = _DOCUMENTS[Kind.WALLET_BONUS]
_DRAWS = (
    "SELECT d.id AS subject, w.customer_id AS subject_group FROM billing_walletdraw d "
    "JOIN billing_walletentry s ON s.id = d.source_id JOIN billing_walletentry e ON e.id = d.entry_id "
    "JOIN billing_wallet w ON w.id = e.wallet_id WHERE "
)
_DOCUMENTS[Kind.WALLET_CREDIT] = f"{_DRAWS} {_APPLIED} AND s.credit_note_id IS NOT NULL"
_DISPUTES = (
    "SELECT d.id AS subject, d.customer_id AS subject_group FROM billing_dispute d "
    f"WHERE {_OURS.format('d', 'opened_on')}"
)
_WON = f"{_DISPUTES.replace('opened_on', 'resolved_on')} AND d.status = 'won'"
_REFUNDS = (
    "SELECT r.id AS subject, r.customer_id AS subject_group FROM billing_refund r "
    f"WHERE {_OURS.format('r', 'refunded_on')}"
)
_ALLOCATION = "(t->>'allocation_id')::bigint"
_WITHHELD = (  # The allocations of which tax was withheld, as the payment's event says.
    f"SELECT {_ALLOCATION} AS subject, p.customer_id AS subject_group FROM billing_payment p "
    "JOIN billing_businessevent v ON v.kind IN ('payment_received', 'payment_captured') AND v.key = p.id::text "
    "AND v.tenant_id = p.tenant_id CROSS JOIN LATERAL jsonb_array_elements(v.payload->'lines') t "
    "WHERE p.withheld > 0 AND (t->>'withheld')::numeric > 0 AND "
)
_VOIDS = {
    Kind.PAYMENT: Kind.PAYMENT_VOID,
    Kind.WITHHELD: Kind.WITHHELD_VOID,
    Kind.WITHHELD_LOSS: Kind.WITHHELD_LOSS_VOID,
}
_WITH_PAYMENTS = {
    Kind.CUSTOMER: f"{_CUSTOMERS} UNION SELECT p.customer_id, p.customer_id FROM billing_payment p "
    f"WHERE {_OURS.format('p', 'received_on')}",
    Kind.WALLET_PAYMENT: f"{_DRAWS} {_APPLIED} AND s.payment_id IS NOT NULL",
    Kind.REFUND: f"{_REFUNDS} AND (r.credit_note_id IS NOT NULL OR r.from_unapplied > 0)",
    Kind.REFUND_LOSS: f"{_REFUNDS} AND r.payment_id IS NOT NULL AND r.amount > r.from_unapplied",
    Kind.WALLET_REFUND: f"{_DRAWS} e.refund_id IN (SELECT r.subject FROM ({_REFUNDS}) AS r)",
    Kind.DISPUTE: f"{_DISPUTES} AND d.amount > d.from_unapplied",
    Kind.DISPUTE_REFUND: f"{_DISPUTES} AND d.from_unapplied > 0",
    Kind.DISPUTE_FEE: f"{_DISPUTES} AND d.fee > 0",
    Kind.DISPUTE_WON: f"{_WON} AND d.amount > d.from_unapplied",
    Kind.DISPUTE_FEE_WON: f"{_WON} AND d.fee_returned > 0",
    Kind.DISPUTE_RETURN: f"{_WON} AND d.from_unapplied > 0",
}


def facts_of(connection: Connection) -> Mapping[Kind, str]:
    """Give, for each kind that the connection sends, the query of its subjects; it takes `entities`, `since`, `connection`."""
    if connection.sync_mode == SyncMode.JOURNAL_ENTRIES:
        facts = _CUSTOMER_FIRST if connection.option("ar_customer", "one") == "each" else _ENTRIES
    else:
        facts = _DOCUMENTS | (_with_payments(connection) if connection.send_payments else {})
    return {kind: select for kind, select in facts.items() if as_sent(kind) in base.get(connection.erp).batch_size}


def payments_of(connection: Connection, chosen: str) -> dict[Kind, str]:
    """Give the queries of payments and of the tax withheld of them; `chosen` narrows down the payments p.

    Where payments carry the tax themselves it is sent with them; elsewhere one of nothing but tax is no payment.
    """
    carried = base.get(connection.erp).withholds
    facts = {
        Kind.PAYMENT: "SELECT p.id AS subject, p.customer_id AS subject_group FROM billing_payment p "
        f"WHERE {'TRUE' if carried else 'p.amount > 0'} AND {chosen}",
        Kind.WITHHELD: f"{_WITHHELD} p.withheld_is_recoverable AND {chosen}",
        Kind.WITHHELD_LOSS: f"{_WITHHELD} NOT p.withheld_is_recoverable AND {chosen}",
    }
    facts[Kind.WITHHELD_LOSS_USE] = facts[Kind.WITHHELD_LOSS]
    if carried:
        del facts[Kind.WITHHELD]
    return facts


def _with_payments(connection: Connection) -> dict[Kind, str]:
    ours = _OURS.format("p", "received_on")
    facts = payments_of(connection, ours)
    for kind, void in _VOIDS.items():
        subject = "p.id" if kind is Kind.PAYMENT else _ALLOCATION
        since = f"({ours} OR (p.voided_on >= %(since)s::date AND {subject} IN ({_THERE.format(kind.value)})))"
        if kind in facts:
            facts[void] = payments_of(connection, f"p.voided_on IS NOT NULL AND {since}")[kind]
    return {**facts, **_WITH_PAYMENTS}


@transaction.atomic
def backfill(connection: Connection, *, since: date) -> int:
    """Put everything dated from `since` on into the outbox that is not there yet; give how many items were added.

    Entries that the connection's policies add up are collected for their day or month instead, and counted too.
    """
    facts = dict(facts_of(connection))
    policy = Policy.of(connection.options)
    added = 0
    if connection.sync_mode == SyncMode.JOURNAL_ENTRIES and {policy.payments, policy.others} != {Unit.EACH}:
        added += _collect(connection, policy, since)
    added += put(connection, facts, since=since)
    if added:
        wake(tenant_id=connection.tenant_id, connection_id=connection.pk)
    return added


def put(connection: Connection, facts: Mapping[Kind, str], *, since: date) -> int:
    """Write an outbox item for every fact that has none yet; give how many."""
    added, entities = 0, entity_ids(connection)
    with database.cursor() as cursor:
        for kind, select in facts.items():
            cursor.execute(
                _PUT.format(facts=select, order=_AS_POSTED if kind is Kind.JOURNAL_ENTRY else "f.subject"),
                {
                    "tenant": connection.tenant_id,
                    "connection": connection.pk,
                    "kind": kind.value,
                    "stage": STAGES[kind],
                    "entities": entities,
                    "since": since,
                },
            )
            added += cursor.rowcount
    return added


def _collect(connection: Connection, policy: Policy, since: date) -> int:
    """Note the entries that go out in a sum of their day or month, unless they went out already."""
    sent = OutboxItem.objects.filter(connection=connection, kind=Kind.JOURNAL_ENTRY.value, subject_id=OuterRef("pk"))
    noted = SummarizedEntry.objects.filter(connection=connection, entry_id=OuterRef("pk"))
    ours = JournalEntry.objects.filter(business_entity_id__in=entity_ids(connection))
    entries = ours.filter(~Exists(sent), ~Exists(noted), date__gte=since).order_by("id")
    rows = [
        (connection.tenant_id, connection.pk, pk, unit.value)
        for pk, kind in entries.values_list("id", "event__kind")
        if (unit := policy.unit(kind)) is not Unit.EACH
    ]
    insert_rows(SummarizedEntry, ("tenant_id", "connection_id", "entry_id", "unit"), rows)
    return len(rows)
