"""Money on account that a dispute took and that came back is a kind of its own."""

from django.db import migrations, models

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
]


class Migration(migrations.Migration):
    dependencies = [("integrations", "0002_walls_and_audit_trail")]
    operations = [
        migrations.AlterField(name, "kind", models.CharField(choices=KINDS, max_length=20))
        for name in ("exporteddocument", "externalreference", "noticedchange", "outboxitem", "reporteddocument")
    ]
