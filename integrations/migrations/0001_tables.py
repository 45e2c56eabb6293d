"""The tables of integrations, as the models have them."""

import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models
from django.db.models.functions import Now

import integrations.models.connection
import integrations.vault
from billing.fields import CurrencyField
from billing.tables import CreateTables

OUTBOX_KINDS = [
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
    ("money_out", "Money out"),
    ("money_in", "Money in"),
]
MAPPED_KINDS = [
    ("account", "Account"),
    ("customer", "Customer"),
    ("product", "Product or service"),
    ("tax_code", "Tax code"),
    ("currency", "Currency"),
    ("class", "Class"),
    ("department", "Department"),
    ("location", "Location"),
    ("tracking", "Tracking category option"),
    ("subsidiary", "Subsidiary"),
]


def row_id() -> models.Field:
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


def tenant() -> models.Field:
    return models.ForeignKey("billing.tenant", on_delete=models.PROTECT, db_index=False, editable=False)


TABLES = [
    migrations.CreateModel(
        name="Connection",
        fields=[
            ("id", row_id()),
            ("erp", models.CharField(max_length=30, verbose_name="ERP")),
            ("name", models.CharField(max_length=100)),
            (
                "sync_mode",
                models.CharField(
                    choices=[
                        ("journal_entries", "Journal entries: Counterfoil keeps the rules"),
                        ("documents", "Invoices and credit notes: the ERP keeps the rules"),
                    ],
                    max_length=20,
                ),
            ),
            (
                "send_payments",
                models.BooleanField(
                    default=False,
                    help_text="Invoices and credit notes only: send payments too. Off when your bank feeds the ERP.",
                ),
            ),
            (
                "status",
                models.CharField(
                    choices=[
                        ("new", "Not connected yet"),
                        ("connected", "Connected"),
                        ("choose_company", "Signed in: choose a company"),
                        ("reconnect_needed", "Sign in again"),
                        ("disabled", "Switched off"),
                    ],
                    default="new",
                    editable=False,
                    max_length=20,
                ),
            ),
            ("status_reason", models.TextField(blank=True, editable=False)),
            ("base_url", models.URLField(blank=True, help_text="Empty: the vendor's own.", verbose_name="API address")),
            (
                "auth_url",
                models.URLField(blank=True, help_text="Empty: the vendor's own.", verbose_name="sign-in address"),
            ),
            ("options", models.JSONField(blank=True, default=dict)),
            (
                "credentials",
                integrations.vault.EncryptedField(blank=True, default=integrations.vault.Secrets, editable=False),
            ),
            ("realm_id", models.CharField(blank=True, editable=False, max_length=50, verbose_name="company id")),
            ("realm_name", models.CharField(blank=True, editable=False, max_length=200, verbose_name="company")),
            ("company", models.JSONField(default=dict, editable=False)),
            ("company_read_at", models.DateTimeField(editable=False, null=True)),
            ("throttled", models.BooleanField(default=True, help_text="Keep to the vendor's published limits.")),
            (
                "reference_prefix",
                models.CharField(default=integrations.models.connection.new_prefix, editable=False, max_length=5),
            ),
            ("created_at", models.DateTimeField(auto_now_add=True)),
            ("updated_at", models.DateTimeField(auto_now=True)),
            (
                "business_entity",
                models.ForeignKey(
                    blank=True,
                    null=True,
                    on_delete=models.PROTECT,
                    related_name="connections",
                    to="billing.businessentity",
                ),
            ),
            ("tenant", tenant()),
            ("lists_read_at", models.DateTimeField(editable=False, null=True)),
            ("paused_until", models.DateTimeField(editable=False, null=True)),
            (
                "sign_in",
                models.CharField(
                    blank=True, help_text="The way of signing in. Empty: the vendor's usual one.", max_length=30
                ),
            ),
            ("polled_at", models.DateTimeField(editable=False, null=True)),
            ("swept_through", models.BigIntegerField(default=0, editable=False)),
        ],
        options={
            "ordering": ("name", "id"),
            "constraints": [
                models.UniqueConstraint(
                    condition=models.Q(("status", "disabled"), _negated=True),
                    fields=("tenant", "business_entity"),
                    name="one_active_connection",
                    nulls_distinct=False,
                    violation_error_message="This business entity already has a connection. Switch that one off first.",
                )
            ],
        },
    ),
    migrations.CreateModel(
        name="OAuthState",
        fields=[
            ("id", row_id()),
            ("digest", models.CharField(max_length=64, unique=True)),
            ("redirect_uri", models.URLField()),
            ("expires_at", models.DateTimeField()),
            ("used_at", models.DateTimeField(null=True)),
            ("connection", models.ForeignKey(on_delete=models.CASCADE, related_name="+", to="integrations.connection")),
            ("tenant", tenant()),
            (
                "verifier",
                integrations.vault.EncryptedField(blank=True, default=integrations.vault.Secrets, editable=False),
            ),
        ],
        options={"abstract": False},
    ),
    migrations.CreateModel(
        name="ThrottleGate",
        fields=[
            ("id", row_id()),
            ("name", models.CharField(max_length=20)),
            ("next_at", models.DateTimeField(default=datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC))),
            ("connection", models.ForeignKey(on_delete=models.CASCADE, related_name="+", to="integrations.connection")),
            ("tenant", tenant()),
            ("left", models.IntegerField(null=True)),
            ("told_at", models.DateTimeField(null=True)),
        ],
        options={"constraints": [models.UniqueConstraint(fields=("connection", "name"), name="gate_once")]},
    ),
    migrations.CreateModel(
        name="OutboxItem",
        fields=[
            ("id", row_id()),
            ("kind", models.CharField(choices=OUTBOX_KINDS, max_length=20)),
            ("subject_id", models.BigIntegerField()),
            ("group_key", models.BigIntegerField(null=True)),
            ("stage", models.SmallIntegerField()),
            (
                "state",
                models.CharField(
                    choices=[
                        ("pending", "Waiting"),
                        ("in_flight", "Being sent"),
                        ("delivered", "Delivered"),
                        ("parked", "Parked: a person has to decide"),
                        ("skipped", "Skipped"),
                        ("approval", "Waits for approval"),
                    ],
                    db_default="pending",
                    max_length=10,
                ),
            ),
            ("attempts", models.SmallIntegerField(db_default=0)),
            ("available_at", models.DateTimeField(db_default=Now())),
            ("leased_until", models.DateTimeField(null=True)),
            ("worker_id", models.BigIntegerField(null=True)),
            ("request_id", models.UUIDField(null=True)),
            ("batch_position", models.SmallIntegerField(null=True)),
            ("request_body", models.TextField(db_default="")),
            ("outcome_unknown", models.BooleanField(db_default=False)),
            ("reason_code", models.CharField(db_default="", max_length=40)),
            ("reason", models.TextField(db_default="")),
            ("delivered_at", models.DateTimeField(null=True)),
            ("created_at", models.DateTimeField(db_default=Now())),
            (
                "connection",
                models.ForeignKey(
                    db_constraint=False,
                    db_index=False,
                    on_delete=models.PROTECT,
                    related_name="items",
                    to="integrations.connection",
                ),
            ),
            (
                "tenant",
                models.ForeignKey(
                    db_constraint=False, db_index=False, editable=False, on_delete=models.PROTECT, to="billing.tenant"
                ),
            ),
            ("ticket", models.CharField(db_default="", max_length=300)),
            ("to_first_open_day", models.BooleanField(db_default=False)),
        ],
        options={
            "ordering": ("stage", "id"),
            "indexes": [
                models.Index(
                    condition=models.Q(("state__in", ("pending", "in_flight", "parked", "approval"))),
                    fields=["connection", "stage", "id"],
                    name="outbox_undelivered",
                ),
                models.Index(
                    condition=models.Q(("state", "in_flight")), fields=["connection"], name="outbox_in_flight"
                ),
            ],
            "constraints": [models.UniqueConstraint(fields=("connection", "kind", "subject_id"), name="outbox_once")],
        },
    ),
    migrations.CreateModel(
        name="DeliveryAttempt",
        fields=[
            ("id", row_id()),
            ("at", models.DateTimeField(db_default=Now())),
            ("item_ids", ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
            ("operation", models.CharField(max_length=30)),
            ("request_id", models.CharField(blank=True, max_length=50)),
            ("http_status", models.SmallIntegerField(null=True)),
            ("outcome", models.CharField(max_length=50)),
            ("seconds", models.FloatField()),
            ("request", models.TextField(blank=True)),
            ("response", models.TextField(blank=True)),
            (
                "connection",
                models.ForeignKey(
                    db_index=False, on_delete=models.CASCADE, related_name="attempts", to="integrations.connection"
                ),
            ),
            (
                "tenant",
                models.ForeignKey(
                    db_constraint=False, db_index=False, editable=False, on_delete=models.PROTECT, to="billing.tenant"
                ),
            ),
        ],
        options={"ordering": ("-id",), "indexes": [models.Index(fields=["connection", "at"], name="attempt_at")]},
    ),
    migrations.CreateModel(
        name="ExportFile",
        fields=[
            ("id", row_id()),
            ("made_at", models.DateTimeField(auto_now_add=True)),
            ("document_count", models.PositiveIntegerField()),
            ("digest", models.CharField(max_length=64)),
            ("content", models.BinaryField()),
            (
                "connection",
                models.ForeignKey(on_delete=models.PROTECT, related_name="files", to="integrations.connection"),
            ),
            (
                "made_by",
                models.ForeignKey(null=True, on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
            ),
            ("tenant", tenant()),
        ],
        options={"ordering": ("-id",)},
    ),
    migrations.CreateModel(
        name="ExportedDocument",
        fields=[
            ("id", row_id()),
            ("kind", models.CharField(choices=OUTBOX_KINDS, max_length=20)),
            ("reference", models.CharField(max_length=50)),
            ("rows", models.JSONField()),
            ("created_at", models.DateTimeField(auto_now_add=True)),
            (
                "connection",
                models.ForeignKey(on_delete=models.PROTECT, related_name="exported", to="integrations.connection"),
            ),
            ("tenant", tenant()),
            (
                "file",
                models.ForeignKey(
                    null=True, on_delete=models.PROTECT, related_name="documents", to="integrations.exportfile"
                ),
            ),
        ],
        options={
            "ordering": ("id",),
            "constraints": [models.UniqueConstraint(fields=("connection", "kind", "reference"), name="exported_once")],
        },
    ),
    migrations.CreateModel(
        name="ReportedDocument",
        fields=[
            ("id", row_id()),
            ("kind", models.CharField(choices=OUTBOX_KINDS, max_length=20)),
            ("external_id", models.CharField(max_length=100)),
            ("reference", models.CharField(blank=True, max_length=50)),
            ("number", models.CharField(blank=True, max_length=100)),
            ("date", models.DateField()),
            ("currency", models.CharField(max_length=3)),
            ("customer", models.CharField(blank=True, max_length=200)),
            ("account", models.CharField(blank=True, max_length=50)),
            ("total", models.DecimalField(decimal_places=4, max_digits=19)),
            ("tax", models.DecimalField(decimal_places=4, max_digits=19)),
            ("postings", models.JSONField(default=list)),
            (
                "connection",
                models.ForeignKey(on_delete=models.CASCADE, related_name="reported", to="integrations.connection"),
            ),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("id",),
            "constraints": [
                models.UniqueConstraint(fields=("connection", "kind", "external_id"), name="reported_once")
            ],
        },
    ),
    migrations.CreateModel(
        name="ErpRecord",
        fields=[
            ("id", row_id()),
            ("kind", models.CharField(choices=MAPPED_KINDS, max_length=20)),
            ("external_id", models.CharField(max_length=50)),
            ("name", models.CharField(max_length=500)),
            ("number", models.CharField(blank=True, max_length=100)),
            ("type", models.CharField(blank=True, max_length=100)),
            ("subtype", models.CharField(blank=True, max_length=100)),
            ("is_active", models.BooleanField(default=True)),
            ("data", models.JSONField(default=dict)),
            (
                "connection",
                models.ForeignKey(on_delete=models.CASCADE, related_name="records", to="integrations.connection"),
            ),
            ("tenant", tenant()),
        ],
        options={
            "verbose_name": "ERP record",
            "ordering": ("kind", "name"),
            "constraints": [
                models.UniqueConstraint(fields=("connection", "kind", "external_id"), name="erp_record_once")
            ],
        },
    ),
    migrations.CreateModel(
        name="Mapping",
        fields=[
            ("id", row_id()),
            (
                "kind",
                models.CharField(
                    choices=[
                        ("account", "Account"),
                        ("customer", "Customer"),
                        ("product", "Product"),
                        ("tax_code", "Tax rate"),
                        ("subsidiary", "Business entity"),
                        ("default_customer", "Customer on receivable lines"),
                        ("default_product", "Product without a counterpart"),
                        ("bad_debt_product", "Item for debt that is written off"),
                        ("discount_product", "Item for wallet bonus that is used"),
                        ("deposit_account", "Account that payments go to"),
                    ],
                    max_length=20,
                ),
            ),
            ("internal_id", models.BigIntegerField(blank=True, null=True)),
            ("external_id", models.CharField(max_length=50)),
            ("external_name", models.CharField(blank=True, max_length=500)),
            (
                "status",
                models.CharField(
                    choices=[("suggested", "Suggested"), ("confirmed", "Confirmed")], default="suggested", max_length=10
                ),
            ),
            (
                "origin",
                models.CharField(
                    choices=[
                        ("imported", "Matched with the ERP's list"),
                        ("created", "Created in the ERP by Counterfoil"),
                        ("manual", "Chosen by a person"),
                    ],
                    default="imported",
                    max_length=10,
                ),
            ),
            (
                "connection",
                models.ForeignKey(on_delete=models.CASCADE, related_name="mappings", to="integrations.connection"),
            ),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("kind", "internal_id"),
            "constraints": [
                models.UniqueConstraint(
                    fields=("connection", "kind", "internal_id"), name="one_mapping_per_record", nulls_distinct=False
                )
            ],
        },
    ),
    migrations.CreateModel(
        name="DimensionMapping",
        fields=[
            ("id", row_id()),
            (
                "ours",
                models.CharField(
                    choices=[
                        ("product", "Product"),
                        ("product_family", "Product family"),
                        ("customer", "Customer"),
                        ("business_entity", "Business entity"),
                    ],
                    max_length=20,
                    verbose_name="of",
                ),
            ),
            ("internal_id", models.BigIntegerField()),
            ("kind", models.CharField(choices=MAPPED_KINDS, max_length=20, verbose_name="dimension")),
            ("group", models.CharField(blank=True, max_length=100, verbose_name="tracking category")),
            ("external_id", models.CharField(max_length=50)),
            ("external_name", models.CharField(blank=True, max_length=500)),
            (
                "connection",
                models.ForeignKey(on_delete=models.CASCADE, related_name="dimensions", to="integrations.connection"),
            ),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("ours", "internal_id", "kind", "group"),
            "constraints": [
                models.UniqueConstraint(
                    fields=("connection", "ours", "internal_id", "kind", "group"), name="dimension_mapped_once"
                )
            ],
        },
    ),
    migrations.CreateModel(
        name="NoticedChange",
        fields=[
            ("id", row_id()),
            ("kind", models.CharField(choices=OUTBOX_KINDS, max_length=20)),
            ("external_id", models.CharField(max_length=50)),
            ("subject_id", models.BigIntegerField(null=True)),
            ("words", models.CharField(max_length=300)),
            ("at", models.DateTimeField()),
            (
                "connection",
                models.ForeignKey(on_delete=models.CASCADE, related_name="noticed", to="integrations.connection"),
            ),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("-at",),
            "constraints": [models.UniqueConstraint(fields=("connection", "kind", "external_id"), name="noticed_once")],
        },
    ),
    migrations.CreateModel(
        name="Reconciliation",
        fields=[
            ("id", row_id()),
            ("through", models.DateField()),
            ("at", models.DateTimeField(auto_now_add=True)),
            ("compared", models.PositiveIntegerField()),
            ("accounts", models.JSONField(default=list)),
            ("differences", models.JSONField(default=list)),
            ("difference_count", models.PositiveIntegerField(default=0)),
            (
                "connection",
                models.ForeignKey(
                    on_delete=models.PROTECT, related_name="reconciliations", to="integrations.connection"
                ),
            ),
            ("tenant", tenant()),
            ("customers", models.JSONField(default=list)),
            ("sign_off_note", models.TextField(blank=True)),
            ("signed_off_at", models.DateTimeField(null=True)),
            (
                "signed_off_by",
                models.ForeignKey(null=True, on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
            ),
            ("since", models.DateField(null=True)),
        ],
        options={"ordering": ("-id",)},
    ),
    migrations.CreateModel(
        name="ExternalReference",
        fields=[
            ("id", row_id()),
            ("kind", models.CharField(choices=OUTBOX_KINDS, max_length=20)),
            ("subject_id", models.BigIntegerField()),
            ("reference", models.CharField(max_length=50)),
            ("external_id", models.CharField(max_length=50)),
            ("sync_token", models.CharField(blank=True, max_length=20)),
            ("url", models.CharField(blank=True, max_length=300)),
            (
                "connection",
                models.ForeignKey(
                    db_constraint=False,
                    db_index=False,
                    on_delete=models.PROTECT,
                    related_name="references",
                    to="integrations.connection",
                ),
            ),
            (
                "tenant",
                models.ForeignKey(
                    db_constraint=False, db_index=False, editable=False, on_delete=models.PROTECT, to="billing.tenant"
                ),
            ),
        ],
        options={
            "ordering": ("kind", "subject_id"),
            "constraints": [
                models.UniqueConstraint(fields=("connection", "kind", "subject_id"), name="external_reference_once")
            ],
        },
    ),
    migrations.CreateModel(
        name="JournalSummary",
        fields=[
            ("id", row_id()),
            ("unit", models.CharField(max_length=5)),
            ("start", models.DateField()),
            ("end", models.DateField(verbose_name="through")),
            ("currency", CurrencyField()),
            ("entry_count", models.PositiveIntegerField()),
            ("created_at", models.DateTimeField(auto_now_add=True)),
            (
                "business_entity",
                models.ForeignKey(on_delete=models.PROTECT, related_name="+", to="billing.businessentity"),
            ),
            (
                "connection",
                models.ForeignKey(on_delete=models.PROTECT, related_name="summaries", to="integrations.connection"),
            ),
            ("tenant", tenant()),
        ],
        options={"verbose_name_plural": "journal summaries", "ordering": ("-end", "-id")},
    ),
    migrations.CreateModel(
        name="SummarizedEntry",
        fields=[
            ("id", row_id()),
            ("entry_id", models.BigIntegerField()),
            ("unit", models.CharField(max_length=5)),
            ("connection", models.ForeignKey(on_delete=models.PROTECT, related_name="+", to="integrations.connection")),
            (
                "summary",
                models.ForeignKey(
                    null=True, on_delete=models.PROTECT, related_name="entries", to="integrations.journalsummary"
                ),
            ),
            ("tenant", tenant()),
        ],
        options={
            "indexes": [
                models.Index(condition=models.Q(("summary", None)), fields=["connection"], name="summary_waiting")
            ],
            "constraints": [models.UniqueConstraint(fields=("connection", "entry_id"), name="summarized_once")],
        },
    ),
    migrations.CreateModel(
        name="ConnectionWarning",
        fields=[
            ("id", row_id()),
            ("code", models.CharField(max_length=30)),
            ("words", models.TextField()),
            ("since", models.DateTimeField()),
            ("told_at", models.DateTimeField(null=True)),
            ("failed_words", models.CharField(blank=True, max_length=300)),
            (
                "connection",
                models.ForeignKey(on_delete=models.CASCADE, related_name="warnings", to="integrations.connection"),
            ),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("since",),
            "constraints": [models.UniqueConstraint(fields=("connection", "code"), name="warned_once")],
        },
    ),
    migrations.CreateModel(
        name="WorkerBeat",
        fields=[
            ("id", row_id()),
            ("cluster", models.CharField(max_length=100, unique=True)),
            ("host", models.CharField(max_length=100)),
            ("started_at", models.DateTimeField()),
            ("beat_at", models.DateTimeField()),
            ("restarts", models.PositiveIntegerField(default=0)),
            ("last_trouble", models.CharField(blank=True, max_length=200)),
        ],
        options={"verbose_name": "background worker", "ordering": ("-beat_at",)},
    ),
]


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("integrations", "0001_initial"),
        ("integrations", "0003_protocol"),
        ("integrations", "0005_dimensions"),
        ("integrations", "0006_import_files"),
        ("integrations", "0007_policies"),
        ("integrations", "0008_limits_left"),
        ("integrations", "0009_signed_reconciliations"),
        ("integrations", "0010_worker_beats"),
        ("integrations", "0011_warnings"),
        ("integrations", "0012_noticed_changes"),
        ("integrations", "0015_documents_of_more_kinds"),
        ("integrations", "0016_sweeping"),
        ("integrations", "0017_money_and_wallets"),
    ]
    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL), ("billing", "0001_tables")]

    operations = [CreateTables(TABLES)]
