"""What a person says about import files and the ERP's exports; tax withheld by customers as documents of its own."""

from django.conf import settings
from django.db import migrations, models

from billing.audit import RecordChanges, Recorded
from billing.walls import RaiseWalls

KINDS = [
    ("customer", "Customer"),
    ("product", "Product"),
    ("journal_entry", "Journal entry"),
    ("journal_summary", "Journal summary"),
    ("invoice", "Invoice"),
    ("invoice_void", "Invoice void"),
    ("credit_note", "Credit note"),
    ("credit_allocation", "Credit allocation"),
    ("credit_note_void", "Credit note void"),
    ("write_off", "Write off"),
    ("write_off_allocation", "Write off allocation"),
    ("payment", "Payment"),
    ("payment_update", "Payment update"),
    ("payment_void", "Payment void"),
    ("withheld", "Withheld"),
    ("withheld_void", "Withheld void"),
    ("withheld_loss", "Withheld loss"),
    ("withheld_loss_use", "Withheld loss use"),
    ("withheld_loss_void", "Withheld loss void"),
    ("refund", "Refund"),
    ("refund_loss", "Refund loss"),
    ("wallet_payment", "Wallet payment"),
    ("wallet_credit", "Wallet credit"),
    ("wallet_bonus", "Wallet bonus"),
    ("wallet_bonus_use", "Wallet bonus use"),
    ("wallet_refund", "Wallet refund"),
    ("recovery", "Recovery"),
    ("dispute", "Dispute"),
    ("dispute_fee", "Dispute fee"),
    ("dispute_refund", "Dispute refund"),
    ("dispute_won", "Dispute won"),
    ("dispute_fee_won", "Dispute fee won"),
    ("dispute_return", "Dispute return"),
    ("money_out", "Money out"),
    ("money_in", "Money in"),
    ("refund_void", "Refund void"),
]
MAPPED = [
    ("account", "Account"),
    ("customer", "Customer"),
    ("product", "Product"),
    ("tax_code", "Tax rate"),
    ("subsidiary", "Business entity"),
    ("default_customer", "Customer on receivable lines"),
    ("default_product", "Product without a counterpart"),
    ("bad_debt_product", "Item for debt that is written off"),
    ("discount_product", "Item for wallet bonus that is used"),
    ("withheld_product", "Item for withheld tax that is lost"),
    ("deposit_account", "Account that payments go to"),
]


def person():
    return models.ForeignKey(null=True, on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0003_dispute_return"),
        ("billing", "0004_audit_trail"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        *(
            migrations.AlterField(name, "kind", models.CharField(choices=KINDS, max_length=20))
            for name in ("exporteddocument", "externalreference", "noticedchange", "outboxitem", "reporteddocument")
        ),
        migrations.AlterField("mapping", "kind", models.CharField(choices=MAPPED, max_length=20)),
        migrations.AddField("exportfile", "imported_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("exportfile", "imported_by", person()),
        migrations.CreateModel(
            name="ReportUpload",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("kind", models.CharField(choices=KINDS, max_length=20)),
                ("at", models.DateTimeField(auto_now=True)),
                ("document_count", models.PositiveIntegerField()),
                ("digest", models.CharField(max_length=64)),
                ("by", person()),
                (
                    "connection",
                    models.ForeignKey(on_delete=models.CASCADE, related_name="uploads", to="integrations.connection"),
                ),
                (
                    "tenant",
                    models.ForeignKey(db_index=False, editable=False, on_delete=models.PROTECT, to="billing.tenant"),
                ),
            ],
            options={
                "ordering": ("id",),
                "constraints": [
                    models.UniqueConstraint(fields=("connection", "kind"), name="uploaded_once_a_kind"),
                ],
            },
        ),
        RaiseWalls(["integrations_reportupload"]),
        RecordChanges(
            [Recorded("integrations.exportfile", ignored=("content",)), Recorded("integrations.reportupload")]
        ),
    ]
