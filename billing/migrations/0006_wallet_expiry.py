"""What comes into a wallet may have a last day on which it can be used."""

from django.db import migrations, models

_KINDS = [
    ("top_up", "Topped up"),
    ("credit_note", "Credit note kept"),
    ("credit_note_voided", "Credit note voided"),
    ("bonus", "Bonus granted"),
    ("withdrawn", "Bonus withdrawn"),
    ("applied", "Applied to an invoice"),
    ("refunded", "Refunded"),
    ("expired", "Expired"),
]


class Migration(migrations.Migration):
    dependencies = [("billing", "0005_job_files")]

    operations = [
        migrations.AddField(
            model_name="walletentry",
            name="expires_on",
            field=models.DateField(
                help_text="The last day on which what came in with this entry can be used. Empty: it does not expire.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="walletentry",
            name="kind",
            field=models.CharField(choices=_KINDS, max_length=20),
        ),
        migrations.AddIndex(
            model_name="walletentry",
            index=models.Index(
                condition=models.Q(("expires_on__isnull", False)),
                fields=["expires_on"],
                name="wallet_entry_expires",
            ),
        ),
    ]
