"""Lines say which refund and which obligation they are about; the digest of a period says so too, from format 2 on.

What a correction took from obligations is remembered, so that it goes back to them when the correction is undone.
"""

from django.db import migrations, models

SEALS = """
-- The digest of one period. JSON, because it is written the same way under every setting of a connection. Seals of format 1
-- were made before lines had a refund and an obligation.
CREATE FUNCTION counterfoil_period_digest(entity bigint, since date, until date, previous text, format int)
RETURNS text LANGUAGE sql STABLE
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
    SELECT encode(sha256(convert_to(previous || coalesce(string_agg(d.digest, '' ORDER BY d.date, d.id), ''), 'UTF8')), 'hex')
    FROM (
        SELECT e.date, e.id, encode(sha256(convert_to(jsonb_build_array(
            e.id, e.date, e.currency, e.kind, e.description, e.event_id, e.part, e.rule_version_id, e.reverses_id,
            (SELECT jsonb_agg(jsonb_build_array(l.position, l.date, l.account_id, l.currency, l.debit, l.credit,
                l.base_debit, l.base_credit, l.role, l.resolved_by, l.customer_id, l.contract_id, l.contract_item_id,
                l.product_id, l.invoice_id, l.credit_note_id, l.payment_id, l.tax_rate_id)
                || CASE WHEN format = 1 THEN '[]' ELSE jsonb_build_array(l.refund_id, l.obligation_id) END ORDER BY l.position)
             FROM accounting_journalline l WHERE l.entry_id = e.id)
        )::text, 'UTF8')), 'hex') AS digest
        FROM accounting_journalentry e
        WHERE e.business_entity_id = entity AND e.date >= since AND e.date < until
    ) d
$$;

DO $$
DECLARE
    definition text := pg_get_functiondef('counterfoil_seal'::regproc);
    wanted text := replace(replace(definition,
        'WHERE period_id = p.id), 1,', 'WHERE period_id = p.id), 2,'),
        'p."end", previous), previous,', 'p."end", previous, 2), previous,');
BEGIN
    IF wanted NOT LIKE '%p.id), 2,%previous, 2), previous,%' THEN
        RAISE EXCEPTION 'counterfoil_seal is not what this migration knows';
    END IF;
    EXECUTE wanted;
END $$;
DROP FUNCTION counterfoil_period_digest(bigint, date, date, text);
"""


class Migration(migrations.Migration):
    dependencies = [("accounting", "0016_rule_drafts_and_previews")]

    operations = [
        migrations.AddField("journalline", "refund_id", models.BigIntegerField(null=True)),
        migrations.AddField("journalline", "obligation_id", models.BigIntegerField(null=True)),
        migrations.AddField(
            "correctionsplit",
            "obligations",
            models.JSONField(
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                help_text="Of the unearned part: how much each obligation lost, by its id.",
            ),
        ),
        migrations.RunSQL(SEALS),
    ]
