"""Lines are changed after whoever is finalizing their invoice, or before: the guard asks for the status and keeps it so."""

from django.db import migrations

from billing.guards import Guards

# An invoice made in the same transaction is nobody else's yet; holding it costs a write of what is in memory anyway.
LINES = """
CREATE OR REPLACE FUNCTION counterfoil_guard_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The status is asked of what is held: as a condition it would be asked first, and only finalized ones held.
    IF (SELECT bool_or(held.status <> 'draft') FROM (SELECT i.status FROM billing_invoice i
            WHERE i.id IN (SELECT f.invoice_id FROM fresh f) ORDER BY i.id FOR NO KEY UPDATE) held)
    THEN
        RAISE EXCEPTION 'The lines of a finalized invoice cannot change. Void it or issue a credit note.'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
"""

LINES_BEFORE = """
CREATE OR REPLACE FUNCTION counterfoil_guard_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM billing_invoice i JOIN fresh f ON i.id = f.invoice_id WHERE i.status <> 'draft') THEN
        RAISE EXCEPTION 'The lines of a finalized invoice cannot change. Void it or issue a credit note.'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0007_item_without_days")]

    operations = [Guards(LINES, LINES_BEFORE)]
