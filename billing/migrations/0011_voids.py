"""Payments and credit notes can be voided once, and a payment taken off an invoice."""

import django.db.models.deletion
from django.db import migrations, models

GUARDS = """
-- A credit note changes once, when it is voided.
CREATE FUNCTION counterfoil_guard_credit_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.voided_on IS NOT NULL OR NEW.voided_on IS NULL
        OR to_jsonb(NEW) - '{voided_on,void_reason}'::text[] <> to_jsonb(OLD) - '{voided_on,void_reason}'::text[]
    THEN
        RAISE EXCEPTION 'billing_creditnote is append-only: % is refused. A credit note can only be voided, once.', TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER append_only ON billing_creditnote;
CREATE TRIGGER final_credit_note BEFORE UPDATE ON billing_creditnote
    FOR EACH ROW EXECUTE FUNCTION counterfoil_guard_credit_note();
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON billing_creditnote
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();

-- A payment changes only in what is still unapplied, and once when it is voided.
CREATE OR REPLACE FUNCTION counterfoil_guard_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR OLD.voided_on IS NOT NULL
        OR to_jsonb(NEW) - '{unapplied,voided_on,void_reason}'::text[]
            <> to_jsonb(OLD) - '{unapplied,voided_on,void_reason}'::text[]
    THEN
        RAISE EXCEPTION 'A recorded payment cannot be changed or deleted. Void it.'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""

UNGUARD = """
CREATE OR REPLACE FUNCTION counterfoil_guard_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR to_jsonb(NEW) - 'unapplied' <> to_jsonb(OLD) - 'unapplied' THEN
        RAISE EXCEPTION 'A recorded payment cannot be changed or deleted.'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER kept ON billing_creditnote;
DROP FUNCTION counterfoil_guard_credit_note CASCADE;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_creditnote
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0010_entity_of_event"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="paymentallocation",
            name="allocation_is_positive",
        ),
        migrations.AddField(
            model_name="creditnote",
            name="void_reason",
            field=models.CharField(blank=True, editable=False, max_length=200),
        ),
        migrations.AddField(
            model_name="creditnote",
            name="voided_on",
            field=models.DateField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="payment",
            name="void_reason",
            field=models.CharField(blank=True, editable=False, max_length=200),
        ),
        migrations.AddField(
            model_name="payment",
            name="voided_on",
            field=models.DateField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="paymentallocation",
            name="undoes",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="undone_by",
                to="billing.paymentallocation",
            ),
        ),
        migrations.AlterField(
            model_name="walletentry",
            name="kind",
            field=models.CharField(
                choices=[
                    ("top_up", "Topped up"),
                    ("credit_note", "Credit note kept"),
                    ("credit_note_voided", "Credit note voided"),
                    ("bonus", "Bonus granted"),
                    ("withdrawn", "Bonus withdrawn"),
                    ("applied", "Applied to an invoice"),
                    ("refunded", "Refunded"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentallocation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("amount__gt", 0), ("undoes", None)),
                    models.Q(("amount__lt", 0), ("undoes__isnull", False)),
                    _connector="OR",
                ),
                name="allocation_is_positive",
            ),
        ),
        migrations.RunSQL(GUARDS, UNGUARD),
    ]
