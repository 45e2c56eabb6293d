"""Which money of a wallet each use took, also for what was used before: the oldest first."""

import django.db.models.deletion
from django.db import migrations, models

import billing.fields
from billing.walls import RaiseWalls

# Owners see past a wall that is not forced; migrations know no tenant. What a voided credit note had brought is gone with
# its void; of the rest, what came in and what was used are laid side by side, and where they overlap one took the other.
BACK_FILL = """
ALTER TABLE billing_walletentry NO FORCE ROW LEVEL SECURITY;
WITH voided AS (
    INSERT INTO billing_walletdraw (tenant_id, entry_id, source_id, currency, amount)
    SELECT v.tenant_id, v.id, s.id, v.currency, s.paid
      FROM billing_walletentry v
      JOIN billing_walletentry s ON s.credit_note_id = v.credit_note_id AND s.kind = 'credit_note'
     WHERE v.kind = 'credit_note_voided'
    RETURNING entry_id, source_id
), spans AS (
    SELECT e.tenant_id, e.id, e.wallet_id, e.currency, e.paid,
           sum(abs(e.paid)) OVER (PARTITION BY e.wallet_id, e.paid > 0 ORDER BY e.number) AS upto
      FROM billing_walletentry e
     WHERE e.paid <> 0 AND e.id NOT IN (SELECT entry_id FROM voided UNION SELECT source_id FROM voided)
)
INSERT INTO billing_walletdraw (tenant_id, entry_id, source_id, currency, amount)
SELECT u.tenant_id, u.id, s.id, u.currency, least(u.upto, s.upto) - greatest(u.upto + u.paid, s.upto - s.paid)
  FROM spans u
  JOIN spans s ON s.wallet_id = u.wallet_id AND s.paid > 0
   AND least(u.upto, s.upto) > greatest(u.upto + u.paid, s.upto - s.paid)
 WHERE u.paid < 0;
ALTER TABLE billing_walletentry FORCE ROW LEVEL SECURITY;
"""
GUARD = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_walletdraw
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0014_one_document_for_less")]

    operations = [
        migrations.CreateModel(
            name="WalletDraw",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("currency", billing.fields.CurrencyField()),
                ("amount", billing.fields.AmountField(decimal_places=4, max_digits=19)),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="draws",
                        to="billing.walletentry",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="drawn",
                        to="billing.walletentry",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="billing.tenant",
                    ),
                ),
            ],
            options={
                "ordering": ("id",),
                "constraints": [
                    models.UniqueConstraint(fields=("entry", "source"), name="wallet_draw_once"),
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="wallet_draw_is_positive"),
                ],
            },
        ),
        migrations.RunSQL(BACK_FILL, migrations.RunSQL.noop),
        RaiseWalls(["billing_walletdraw"]),
        migrations.RunSQL(GUARD, migrations.RunSQL.noop),
    ]
