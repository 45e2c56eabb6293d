"""Integrations' part of the audit trail. What the sync engine notes down for itself is no news."""

from django.db import migrations

from billing.audit import RecordChanges, Recorded

RECORDED = [
    Recorded(
        "integrations.connection",
        ignored=("company", "company_read_at", "lists_read_at", "paused_until", "limits_left", "updated_at"),
        secret=("credentials",),
    ),
    Recorded("integrations.mapping"),
]


class Migration(migrations.Migration):
    dependencies = [("integrations", "0012_noticed_changes"), ("billing", "0008_record_changes")]

    operations = [RecordChanges(RECORDED)]
