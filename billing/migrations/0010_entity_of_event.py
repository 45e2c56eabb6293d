"""An event's business entity is checked by a policy, within the insert itself: a trigger costs as much as the insert."""

from django.db import migrations

CHECK_BY_POLICY = """
DROP TRIGGER references_exist ON billing_businessevent;
DROP FUNCTION counterfoil_check_events;
-- The entity's own wall lets only the tenant's entities be seen here.
CREATE POLICY entity_of_tenant ON billing_businessevent AS RESTRICTIVE FOR INSERT
    WITH CHECK (business_entity_id IN (SELECT e.id FROM billing_businessentity e));
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0009_modifications")]

    operations = [migrations.RunSQL(CHECK_BY_POLICY)]
