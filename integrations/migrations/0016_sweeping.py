"""How far documents were looked for in turn; and what the polls note down for themselves is no news in the audit trail."""

from django.db import migrations, models

from billing.audit import RecordChanges, Recorded

RECORDED = [
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
]


class Migration(migrations.Migration):
    dependencies = [("integrations", "0015_documents_of_more_kinds")]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="swept_through",
            field=models.BigIntegerField(default=0, editable=False),
        ),
        RecordChanges(RECORDED),
    ]
