"""A change of where books go moves the tenant's stamp: what a process remembers of connections is read anew."""

from django.db import migrations

STAMP = """
CREATE TRIGGER stamped AFTER INSERT OR DELETE
    OR UPDATE OF business_entity_id, status, sync_mode, send_payments, options ON integrations_connection
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_move_stamp();
"""


class Migration(migrations.Migration):
    dependencies = [("integrations", "0003_protocol"), ("accounting", "0002_walls_and_guards")]

    operations = [migrations.RunSQL(STAMP, "DROP TRIGGER stamped ON integrations_connection")]
