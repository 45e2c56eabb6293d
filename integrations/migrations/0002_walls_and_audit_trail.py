"""Row-level security on every tenant's table, and integrations' part of the audit trail."""

from django.db import migrations

from billing.audit import RecordChanges, Recorded
from billing.guards import Guards
from billing.walls import RaiseWalls

WALLED = [
    "integrations_connection",
    "integrations_oauthstate",
    "integrations_throttlegate",
    "integrations_outboxitem",
    "integrations_deliveryattempt",
    "integrations_exportfile",
    "integrations_exporteddocument",
    "integrations_reporteddocument",
    "integrations_erprecord",
    "integrations_mapping",
    "integrations_dimensionmapping",
    "integrations_noticedchange",
    "integrations_reconciliation",
    "integrations_externalreference",
    "integrations_journalsummary",
    "integrations_summarizedentry",
    "integrations_connectionwarning",
]

# A change of where books go moves the tenant's stamp: what a process remembers of connections is read anew.
STAMP = """
CREATE TRIGGER stamped AFTER INSERT OR DELETE
    OR UPDATE OF business_entity_id, status, sync_mode, send_payments, options ON integrations_connection
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_move_stamp();
"""

RECORDED = [
    # What the sync engine notes down for itself is no news.
    Recorded(
        "integrations.connection",
        ignored=(
            "company",
            "company_read_at",
            "lists_read_at",
            "polled_at",
            "swept_through",
            "paused_until",
            "updated_at",
        ),
        secret=("credentials",),
    ),
    Recorded("integrations.mapping"),
    Recorded("integrations.dimensionmapping"),
]


class Migration(migrations.Migration):
    replaces = [
        ("integrations", "0002_walls"),
        ("integrations", "0004_connections_move_the_stamp"),
        ("integrations", "0013_record_changes"),
        ("integrations", "0014_record_dimensions"),
    ]
    dependencies = [
        ("integrations", "0001_tables"),
        # The last that the tables stand for: Django refuses a database which had only some of them.
        ("integrations", "0017_money_and_wallets"),
        ("accounting", "0005_charts_and_rules"),
        ("billing", "0004_audit_trail"),
    ]

    operations = [RaiseWalls(WALLED), Guards(STAMP), RecordChanges(RECORDED)]
