"""Asking an ERP for changes is no news of the connection; which dimensions lines carry is a decision like any mapping."""

from django.db import migrations

from billing.audit import RecordChanges, Recorded

RECORDED = [
    Recorded(
        "integrations.connection",
        ignored=("company", "company_read_at", "lists_read_at", "paused_until", "polled_at", "updated_at"),
        secret=("credentials",),
    ),
    Recorded("integrations.dimensionmapping"),
]


class Migration(migrations.Migration):
    dependencies = [("integrations", "0013_record_changes")]

    operations = [RecordChanges(RECORDED)]
