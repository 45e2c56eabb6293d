"""Tenant walls around every table of the app."""

from django.db import migrations

from billing.walls import RaiseWalls


class Migration(migrations.Migration):
    dependencies = [("integrations", "0001_initial"), ("billing", "0002_walls_and_guards")]

    operations = [
        RaiseWalls(
            [
                "integrations_connection",
                "integrations_oauthstate",
                "integrations_throttlegate",
                "integrations_erprecord",
                "integrations_mapping",
                "integrations_outboxitem",
                "integrations_deliveryattempt",
                "integrations_externalreference",
                "integrations_reconciliation",
            ]
        )
    ]
