"""What two sessions could do to each other: close a month without what was just posted, change what is just submitted."""

from django.db import migrations

from billing.guards import Guards

# A transaction that looks at the books as they were when it began would seal them without what was posted since.
PERIOD = """
CREATE FUNCTION counterfoil_guard_snapshot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'An accounting period is made, closed and reopened in a READ COMMITTED transaction, not in a % one: '
            'that would not see what others have just posted.', upper(current_setting('transaction_isolation'))
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER sees_the_latest BEFORE INSERT OR UPDATE ON accounting_accountingperiod
    FOR EACH ROW EXECUTE FUNCTION counterfoil_guard_snapshot();
"""

# Triggers of a table are called by name: the entry is held before `guarded_lines` and `guarded_attachment` ask for its status.
MANUAL = """
CREATE FUNCTION counterfoil_hold_manual_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM accounting_manualentry
        WHERE id = CASE WHEN TG_OP = 'INSERT' THEN NEW.entry_id ELSE OLD.entry_id END FOR NO KEY UPDATE;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER entry_held BEFORE INSERT OR UPDATE OR DELETE ON accounting_manualentryline
    FOR EACH ROW EXECUTE FUNCTION counterfoil_hold_manual_entry();
CREATE TRIGGER entry_held BEFORE DELETE ON accounting_attachment
    FOR EACH ROW EXECUTE FUNCTION counterfoil_hold_manual_entry();
"""


class Migration(migrations.Migration):
    dependencies = [("accounting", "0011_under_the_books")]

    operations = [Guards(PERIOD), Guards(MANUAL)]
