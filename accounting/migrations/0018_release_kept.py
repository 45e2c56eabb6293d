"""What a month says of the months ahead is kept with its seal: schedules change later, a closed month must not."""

from django.db import migrations, models

SEAL = """
-- Handed over by who closes, since the schedules are read in one place only; a month closed in another way has none.
DO $$
DECLARE
    definition text := pg_get_functiondef('counterfoil_seal'::regproc);
    wanted text := replace(replace(definition,
        'closed_by_id, checks)', 'closed_by_id, checks, release)'),
        'p.closed_by_id, p.close_checks', 'p.closed_by_id, p.close_checks,
            nullif(current_setting(''counterfoil.release'', true), '''')::jsonb');
BEGIN
    IF wanted NOT LIKE '%checks, release)%p.close_checks,%counterfoil.release%' THEN
        RAISE EXCEPTION 'counterfoil_seal is not what this migration knows';
    END IF;
    EXECUTE wanted;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("accounting", "0017_refund_and_obligation")]

    operations = [
        migrations.AddField(
            "periodseal",
            "release",
            models.JSONField(
                help_text="By month, how much of deferred revenue was to become revenue, as the schedules stood.",
                null=True,
            ),
        ),
        migrations.RunSQL(SEAL),
    ]
