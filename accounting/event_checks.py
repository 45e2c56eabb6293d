"""Do the stored events still say what the documents say? A rule reads part of a payload; the rest no journal proves.

This compares what event and document both say. What of a payload reached the books is proved by a replay; what only the event
says and no rule reads, the owner of the tables can write.
"""

# Head fields are stored twice: as columns, by which events are found, and in the payload, by which they are read.
HEADS = """
SELECT b.kind, b.key FROM billing_businessevent b
WHERE b.occurred_on::text <> b.payload->>'occurred_on' OR b.business_entity_id::text <> b.payload->>'business_entity_id'
    OR b.tenant_id::text <> b.payload->>'tenant_id' OR b.key <> b.payload->>'key'
"""

_OF_ONE = """
SELECT '{name} ' || {number}, d.field, d.event, d.document FROM {table} x
JOIN billing_businessevent b ON b.tenant_id = x.tenant_id AND b.kind = '{kind}' AND b.key = x.id::text
CROSS JOIN LATERAL (VALUES {fields}) d(field, event, document)
WHERE d.event IS DISTINCT FROM d.document
"""


def _compared(kind: str, name: str, table: str, number: str, texts: dict[str, str], amounts: tuple[str, ...]) -> str:
    """Compare texts (field of the event to column) and amounts, whose zeros after the last decimal say nothing."""
    fields = [f"('{field}', b.payload->>'{field}', x.{column}::text)" for field, column in texts.items()]
    fields += [
        f"('{each}', trim_scale((b.payload->>'{each}')::numeric)::text, trim_scale(x.{each})::text)" for each in amounts
    ]
    return _OF_ONE.format(kind=kind, name=name, table=table, number=number, fields=", ".join(fields))


_PAYMENT = {"customer_id": "customer_id", "occurred_on": "received_on", "currency": "currency"}

DOCUMENTS = "SELECT * FROM ({}) every".format(
    " UNION ALL ".join(
        (
            _compared(
                "invoice_finalized",
                "Invoice",
                "billing_invoice",
                "x.number",
                {
                    "invoice_number": "number",
                    "customer_id": "customer_id",
                    "occurred_on": "issued_on",
                    "due_on": "due_on",
                    "currency": "currency",
                },
                ("net", "tax", "total"),
            ),
            _compared(
                "credit_note_issued",
                "Credit note",
                "billing_creditnote",
                "x.number",
                {
                    "credit_note_number": "number",
                    "invoice_id": "invoice_id",
                    "customer_id": "customer_id",
                    "occurred_on": "issued_on",
                    "currency": "currency",
                },
                ("net", "tax", "total"),
            ),
            _compared("payment_received", "Payment", "billing_payment", "x.id", _PAYMENT, ("amount", "withheld")),
            _compared("payment_captured", "Payment", "billing_payment", "x.id", _PAYMENT, ("amount",)),
        )
    )
)
