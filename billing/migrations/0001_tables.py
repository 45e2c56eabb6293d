"""The tables of billing, as the models have them."""

from decimal import Decimal

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import migrations, models
from djmoney.money import Money

from billing.fields import AmountField, CurrencyField
from billing.tables import CreateTables

RECOGNITION_METHODS = [
    ("straight_line_days", "Straight line by days"),
    ("straight_line_months", "Straight line by months"),
    ("equal_per_period", "Equal parts: a partial month counts as a whole one"),
    ("point_in_time", "At once, on the first day of service"),
    ("on_invoice", "At once, when invoiced"),
    ("on_delivery", "At once, when delivery is confirmed"),
    ("milestones", "By milestones reached"),
    ("percentage", "By percentage of completion"),
    ("as_consumed", "As prepaid credits are used"),
]
PRICING_MODELS = [("flat_fee", "Flat fee"), ("per_unit", "Per unit"), ("tiered", "Tiered (graduated)")]


def row_id() -> models.Field:
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


def tenant() -> models.Field:
    return models.ForeignKey("billing.tenant", on_delete=models.PROTECT, db_index=False, editable=False)


TABLES = [
    migrations.CreateModel(
        name="Tenant",
        fields=[
            ("id", row_id()),
            ("slug", models.SlugField(unique=True)),
            ("name", models.CharField(max_length=200)),
            ("created_at", models.DateTimeField(auto_now_add=True)),
        ],
        options={"ordering": ("slug",)},
    ),
    migrations.CreateModel(
        name="Change",
        fields=[
            ("id", row_id()),
            ("at", models.DateTimeField()),
            ("via", models.CharField(blank=True, max_length=40)),
            ("model", models.CharField(max_length=60, verbose_name="what")),
            ("object_id", models.BigIntegerField()),
            (
                "action",
                models.CharField(
                    choices=[("added", "Added"), ("changed", "Changed"), ("deleted", "Deleted")], max_length=10
                ),
            ),
            ("before", models.JSONField(null=True)),
            ("after", models.JSONField(null=True)),
            ("tenant", tenant()),
            (
                "user",
                models.ForeignKey(
                    db_constraint=False,
                    null=True,
                    on_delete=models.PROTECT,
                    related_name="+",
                    to=settings.AUTH_USER_MODEL,
                ),
            ),
        ],
        options={
            "ordering": ("-id",),
            "indexes": [models.Index(fields=["tenant", "model", "object_id"], name="change_of_object")],
        },
    ),
    migrations.CreateModel(
        name="BusinessEntity",
        fields=[
            ("id", row_id()),
            ("code", models.SlugField(max_length=30)),
            ("name", models.CharField(max_length=200)),
            ("base_currency", CurrencyField()),
            ("time_zone", models.CharField(default="UTC", max_length=50)),
            (
                "country",
                models.CharField(
                    blank=True,
                    max_length=2,
                    validators=[RegexValidator("^[A-Z]{2}$", "Use a two-letter code such as US.")],
                ),
            ),
            ("tenant", tenant()),
            (
                "wallet_bonus",
                models.CharField(
                    choices=[
                        ("paid_first", "What was paid first, then the bonus"),
                        ("in_proportion", "Both in proportion: the bonus is spread over what was paid"),
                    ],
                    default="paid_first",
                    max_length=20,
                    verbose_name="wallets are drawn on",
                ),
            ),
            ("address", models.TextField(blank=True, help_text="Printed on invoices, without the country.")),
            (
                "payment_details",
                models.TextField(
                    blank=True,
                    help_text="Such as bank, IBAN and BIC. Printed on invoices that are open.",
                    verbose_name="how to pay",
                ),
            ),
            (
                "tax_id",
                models.CharField(
                    blank=True,
                    help_text="Such as a VAT number. Printed on invoices.",
                    max_length=50,
                    verbose_name="tax id",
                ),
            ),
        ],
        options={
            "verbose_name_plural": "business entities",
            "ordering": ("code",),
            "constraints": [models.UniqueConstraint(fields=("tenant", "code"), name="business_entity_code")],
        },
    ),
    migrations.CreateModel(
        name="Membership",
        fields=[
            ("id", row_id()),
            (
                "role",
                models.CharField(
                    choices=[
                        ("admin", "Administrator: people, connections and everything below"),
                        ("accountant", "Accountant: rules, accounts, periods and everything below"),
                        ("finance", "Finance staff: contracts, invoices, payments"),
                        ("viewer", "Viewer: looks at everything, changes nothing"),
                    ],
                    max_length=20,
                ),
            ),
            (
                "user",
                models.ForeignKey(on_delete=models.CASCADE, related_name="memberships", to=settings.AUTH_USER_MODEL),
            ),
            ("tenant", models.ForeignKey(on_delete=models.CASCADE, related_name="memberships", to="billing.tenant")),
        ],
        options={
            "ordering": ("tenant", "user"),
            "constraints": [models.UniqueConstraint(fields=("tenant", "user"), name="one_role_per_tenant")],
        },
    ),
    migrations.CreateModel(
        name="ApiKey",
        fields=[
            ("id", row_id()),
            ("name", models.CharField(max_length=100)),
            ("prefix", models.CharField(max_length=12, unique=True)),
            ("digest", models.CharField(max_length=64)),
            ("may_write", models.BooleanField(default=True)),
            ("expires_at", models.DateTimeField(blank=True, null=True)),
            ("revoked_at", models.DateTimeField(blank=True, null=True)),
            ("created_at", models.DateTimeField(auto_now_add=True)),
            (
                "user",
                models.OneToOneField(on_delete=models.PROTECT, related_name="api_key", to=settings.AUTH_USER_MODEL),
            ),
            ("tenant", models.ForeignKey(on_delete=models.CASCADE, related_name="api_keys", to="billing.tenant")),
            ("may_reopen", models.BooleanField(default=False, verbose_name="may reopen months")),
        ],
        options={"verbose_name": "API key", "ordering": ("-created_at",)},
    ),
    migrations.CreateModel(
        name="IdempotencyRecord",
        fields=[
            ("id", row_id()),
            ("key", models.CharField(max_length=200)),
            ("request_digest", models.CharField(max_length=64)),
            ("status", models.PositiveSmallIntegerField()),
            ("body", models.JSONField(null=True)),
            ("created_at", models.DateTimeField(auto_now_add=True)),
            ("api_key", models.ForeignKey(on_delete=models.CASCADE, to="billing.apikey")),
            ("tenant", tenant()),
        ],
        options={
            "constraints": [models.UniqueConstraint(fields=("tenant", "api_key", "key"), name="idempotency_key_once")]
        },
    ),
    migrations.CreateModel(
        name="Customer",
        fields=[
            ("id", row_id()),
            (
                "external_id",
                models.CharField(
                    help_text="The id your own systems use for this customer; unique within your company.",
                    max_length=100,
                    verbose_name="customer id",
                ),
            ),
            ("name", models.CharField(max_length=200)),
            ("email", models.EmailField(blank=True, max_length=254)),
            ("currency", CurrencyField()),
            ("address", models.TextField(blank=True)),
            (
                "country",
                models.CharField(
                    blank=True, help_text="Two letters, such as US. Printed on invoices abroad.", max_length=2
                ),
            ),
            ("tax_id", models.CharField(blank=True, max_length=50, verbose_name="tax id")),
            ("is_active", models.BooleanField(default=True)),
            ("created_at", models.DateTimeField(auto_now_add=True)),
            (
                "business_entity",
                models.ForeignKey(on_delete=models.PROTECT, related_name="customers", to="billing.businessentity"),
            ),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("name", "id"),
            "constraints": [models.UniqueConstraint(fields=("tenant", "external_id"), name="customer_external_id")],
        },
    ),
    migrations.CreateModel(
        name="ProductFamily",
        fields=[
            ("id", row_id()),
            ("code", models.SlugField()),
            ("name", models.CharField(max_length=200)),
            ("tenant", tenant()),
        ],
        options={
            "verbose_name_plural": "product families",
            "ordering": ("code",),
            "constraints": [models.UniqueConstraint(fields=("tenant", "code"), name="product_family_code")],
        },
    ),
    migrations.CreateModel(
        name="Product",
        fields=[
            ("id", row_id()),
            ("code", models.SlugField()),
            ("name", models.CharField(max_length=200)),
            ("description", models.TextField(blank=True)),
            (
                "recognition_method",
                models.CharField(choices=RECOGNITION_METHODS, default="straight_line_days", max_length=30),
            ),
            ("is_active", models.BooleanField(default=True)),
            (
                "family",
                models.ForeignKey(
                    blank=True, null=True, on_delete=models.PROTECT, related_name="products", to="billing.productfamily"
                ),
            ),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("code",),
            "constraints": [models.UniqueConstraint(fields=("tenant", "code"), name="product_code")],
        },
    ),
    migrations.CreateModel(
        name="Price",
        fields=[
            ("id", row_id()),
            ("name", models.CharField(max_length=100)),
            ("currency", CurrencyField()),
            ("pricing_model", models.CharField(choices=PRICING_MODELS, max_length=30)),
            (
                "pricing",
                models.JSONField(
                    help_text='Amounts as text. Flat fee: {"amount": "500.00"}; per unit: {"unit_amount": "2.00"}; tiered: {"tiers": [{"up_to": "500", "unit_amount": "2.00"}, {"up_to": null, "unit_amount": "1.50"}]}.'
                ),
            ),
            ("is_active", models.BooleanField(default=True)),
            ("product", models.ForeignKey(on_delete=models.PROTECT, related_name="prices", to="billing.product")),
            ("tenant", tenant()),
            (
                "standalone_price",
                models.DecimalField(
                    blank=True,
                    decimal_places=4,
                    help_text="Of one unit for one billing interval, sold alone. Empty: the list price itself.",
                    max_digits=19,
                    null=True,
                    verbose_name="standalone selling price",
                ),
            ),
        ],
        options={
            "ordering": ("product", "name"),
            "constraints": [
                models.UniqueConstraint(fields=("tenant", "product", "name", "currency"), name="price_name")
            ],
        },
    ),
    migrations.CreateModel(
        name="TaxRate",
        fields=[
            ("id", row_id()),
            ("code", models.SlugField(max_length=30)),
            ("name", models.CharField(max_length=100)),
            (
                "percent",
                models.DecimalField(
                    decimal_places=4, help_text="In percent of the net amount: 20 is 20 %.", max_digits=7
                ),
            ),
            ("jurisdiction", models.CharField(blank=True, max_length=100)),
            ("is_active", models.BooleanField(default=True)),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("code",),
            "constraints": [
                models.UniqueConstraint(fields=("tenant", "code"), name="tax_rate_code"),
                models.CheckConstraint(
                    condition=models.Q(("percent__gte", 0), ("percent__lte", 100)), name="tax_rate_in_percent"
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="Contract",
        fields=[
            ("id", row_id()),
            ("number", models.CharField(max_length=100)),
            (
                "status",
                models.CharField(
                    choices=[("draft", "Draft"), ("active", "Active"), ("ended", "Ended")],
                    default="draft",
                    editable=False,
                    max_length=10,
                ),
            ),
            ("currency", CurrencyField()),
            ("start", models.DateField(verbose_name="starts on")),
            (
                "end",
                models.DateField(
                    blank=True, help_text="The first day no longer covered.", null=True, verbose_name="ends before"
                ),
            ),
            (
                "term_months",
                models.PositiveSmallIntegerField(
                    blank=True, help_text="Empty: open-ended.", null=True, verbose_name="term in months"
                ),
            ),
            (
                "renewal",
                models.CharField(
                    choices=[
                        ("none", "Ends with its term"),
                        ("same_terms", "Renews for another term on the same terms"),
                    ],
                    default="none",
                    max_length=20,
                ),
            ),
            ("payment_terms_days", models.PositiveSmallIntegerField(default=30, verbose_name="payment terms in days")),
            (
                "reference",
                models.CharField(blank=True, help_text="Shown on invoices, such as a purchase order.", max_length=200),
            ),
            ("attributes", models.JSONField(blank=True, default=dict)),
            ("import_digest", models.CharField(blank=True, editable=False, max_length=64)),
            ("terms_renewed", models.PositiveSmallIntegerField(default=0, editable=False)),
            ("created_at", models.DateTimeField(auto_now_add=True)),
            (
                "business_entity",
                models.ForeignKey(on_delete=models.PROTECT, related_name="contracts", to="billing.businessentity"),
            ),
            ("customer", models.ForeignKey(on_delete=models.PROTECT, related_name="contracts", to="billing.customer")),
            ("tenant", tenant()),
            ("modifications_made", models.PositiveSmallIntegerField(db_default=0, default=0, editable=False)),
            (
                "price_allocation",
                models.CharField(
                    choices=[
                        ("stated", "Each item keeps its stated price"),
                        ("standalone", "By standalone selling prices, discounts included"),
                    ],
                    db_default="stated",
                    default="stated",
                    max_length=20,
                    verbose_name="transaction price",
                ),
            ),
            (
                "revenue_span",
                models.CharField(
                    choices=[
                        ("service_period", "Each service period earns its own price; what is free earns nothing"),
                        ("term", "One obligation over the whole term, free months included"),
                    ],
                    db_default="service_period",
                    default="service_period",
                    max_length=20,
                    verbose_name="revenue is earned over",
                ),
            ),
        ],
        options={
            "ordering": ("number",),
            "indexes": [models.Index(fields=["tenant", "status", "end"], name="contract_due_renewal")],
            "constraints": [
                models.UniqueConstraint(fields=("tenant", "number"), name="contract_number"),
                models.CheckConstraint(
                    condition=models.Q(("end", None), ("end__gt", models.F("start")), _connector="OR"),
                    name="contract_ends_after_start",
                ),
                models.CheckConstraint(
                    condition=models.Q(
                        models.Q(("renewal", "same_terms"), _negated=True),
                        models.Q(("term_months__gt", 0), ("end__isnull", False)),
                        _connector="OR",
                    ),
                    name="contract_renews_with_a_term",
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="ContractPhase",
        fields=[
            ("id", row_id()),
            ("name", models.CharField(default="Term", max_length=100)),
            (
                "kind",
                models.CharField(
                    choices=[
                        ("active", "Active"),
                        ("trial", "Free trial: not billed"),
                        ("pause", "Paused: not billed"),
                    ],
                    default="active",
                    max_length=10,
                ),
            ),
            ("start", models.DateField(verbose_name="starts on")),
            ("end", models.DateField(blank=True, null=True, verbose_name="ends before")),
            ("contract", models.ForeignKey(on_delete=models.PROTECT, related_name="phases", to="billing.contract")),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("contract", "start"),
            "constraints": [
                models.UniqueConstraint(fields=("contract", "start"), name="phase_start"),
                models.CheckConstraint(
                    condition=models.Q(("end", None), ("end__gt", models.F("start")), _connector="OR"),
                    name="phase_ends_after_start",
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="ContractItem",
        fields=[
            ("id", row_id()),
            (
                "description",
                models.CharField(
                    blank=True, help_text="As printed on invoices; else the product's name.", max_length=200
                ),
            ),
            ("pricing_model", models.CharField(choices=PRICING_MODELS, max_length=30)),
            ("pricing", models.JSONField()),
            ("is_metered", models.BooleanField(default=False, verbose_name="priced by recorded usage")),
            ("quantity", models.DecimalField(decimal_places=6, default=1, max_digits=20)),
            (
                "timing",
                models.CharField(
                    choices=[
                        ("advance", "In advance, on its first day"),
                        ("arrears", "In arrears, on the day after its last"),
                    ],
                    default="advance",
                    max_length=10,
                ),
            ),
            (
                "interval_months",
                models.PositiveSmallIntegerField(
                    choices=[(1, "Monthly"), (3, "Quarterly"), (12, "Yearly")], default=1, verbose_name="billed"
                ),
            ),
            ("recognition_method", models.CharField(choices=RECOGNITION_METHODS, max_length=30)),
            ("start", models.DateField(verbose_name="starts on")),
            ("end", models.DateField(blank=True, null=True, verbose_name="ends before")),
            ("billed_until", models.DateField(editable=False)),
            ("next_billing_on", models.DateField(editable=False, null=True)),
            ("contract", models.ForeignKey(on_delete=models.PROTECT, related_name="items", to="billing.contract")),
            ("phase", models.ForeignKey(on_delete=models.PROTECT, related_name="items", to="billing.contractphase")),
            (
                "price",
                models.ForeignKey(
                    blank=True, null=True, on_delete=models.PROTECT, related_name="+", to="billing.price"
                ),
            ),
            (
                "product",
                models.ForeignKey(on_delete=models.PROTECT, related_name="contract_items", to="billing.product"),
            ),
            (
                "tax_rate",
                models.ForeignKey(
                    blank=True, null=True, on_delete=models.PROTECT, related_name="+", to="billing.taxrate"
                ),
            ),
            ("tenant", tenant()),
            (
                "minimum",
                models.DecimalField(
                    db_default=0,
                    decimal_places=4,
                    default=0,
                    help_text="What is billed and earned at least, whatever the usage.",
                    max_digits=19,
                    verbose_name="minimum per billing interval",
                ),
            ),
            (
                "obligation",
                models.CharField(
                    blank=True,
                    db_default="",
                    help_text="Items of one name are one promise, earned as one. Empty: a promise of its own.",
                    max_length=100,
                    verbose_name="performance obligation",
                ),
            ),
            (
                "standalone_price",
                models.DecimalField(
                    blank=True,
                    decimal_places=4,
                    help_text="Of one unit for one billing interval, sold alone. Empty: that of its list price, else its own price.",
                    max_digits=19,
                    null=True,
                    verbose_name="standalone selling price",
                ),
            ),
        ],
        options={
            "ordering": ("contract", "id"),
            "indexes": [models.Index(fields=["tenant", "next_billing_on"], name="item_due")],
            "constraints": [
                models.CheckConstraint(condition=models.Q(("quantity__gte", 0)), name="item_quantity_not_negative"),
                models.CheckConstraint(
                    condition=models.Q(
                        ("minimum__gte", 0), models.Q(("minimum", 0), ("is_metered", True), _connector="OR")
                    ),
                    name="item_minimum_of_usage",
                ),
                models.CheckConstraint(
                    condition=models.Q(("standalone_price", None), ("standalone_price__gte", 0), _connector="OR"),
                    name="item_standalone_not_negative",
                ),
                models.CheckConstraint(
                    condition=models.Q(("end", None), ("end__gt", models.F("start")), _connector="OR"),
                    name="item_ends_after_start",
                ),
                models.CheckConstraint(
                    condition=models.Q(("is_metered", False), ("timing", "arrears"), _connector="OR"),
                    name="metered_items_bill_in_arrears",
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="UsageRecord",
        fields=[
            ("id", row_id()),
            ("used_on", models.DateField()),
            ("quantity", models.DecimalField(decimal_places=6, max_digits=20)),
            (
                "key",
                models.CharField(
                    help_text="The sender's own id of the record; a second one is refused.", max_length=100
                ),
            ),
            ("recorded_at", models.DateTimeField(auto_now_add=True)),
            (
                "contract_item",
                models.ForeignKey(on_delete=models.PROTECT, related_name="usage", to="billing.contractitem"),
            ),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("-used_on", "-id"),
            "indexes": [models.Index(fields=["contract_item", "used_on"], name="usage_of_item")],
            "constraints": [models.UniqueConstraint(fields=("tenant", "key"), name="usage_key_once")],
        },
    ),
    migrations.CreateModel(
        name="NumberSeries",
        fields=[
            ("id", row_id()),
            (
                "kind",
                models.CharField(choices=[("invoice", "Invoices"), ("credit_note", "Credit notes")], max_length=20),
            ),
            ("prefix", models.CharField(max_length=12)),
            ("next_number", models.PositiveIntegerField(default=1, editable=False)),
            (
                "business_entity",
                models.ForeignKey(db_index=False, on_delete=models.PROTECT, to="billing.businessentity"),
            ),
            ("tenant", tenant()),
        ],
        options={
            "verbose_name_plural": "number series",
            "constraints": [
                models.UniqueConstraint(fields=("business_entity", "kind"), name="one_series_per_kind"),
                models.UniqueConstraint(fields=("tenant", "prefix"), name="series_prefix"),
            ],
        },
    ),
    migrations.CreateModel(
        name="Invoice",
        fields=[
            ("id", row_id()),
            ("number", models.CharField(editable=False, max_length=21, null=True)),
            (
                "status",
                models.CharField(
                    choices=[
                        ("draft", "Draft"),
                        ("finalized", "Finalized"),
                        ("partially_paid", "Partially paid"),
                        ("paid", "Paid"),
                        ("void", "Void"),
                        ("written_off", "Written off"),
                    ],
                    default="draft",
                    max_length=15,
                ),
            ),
            ("currency", CurrencyField()),
            ("issued_on", models.DateField()),
            ("due_on", models.DateField()),
            ("net", AmountField(decimal_places=4, max_digits=19)),
            ("tax", AmountField(decimal_places=4, max_digits=19)),
            ("total", AmountField(decimal_places=4, max_digits=19)),
            ("settled", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            ("bill_to", models.TextField(blank=True, editable=False)),
            ("voided_on", models.DateField(editable=False, null=True)),
            ("void_reason", models.CharField(blank=True, max_length=200)),
            ("created_at", models.DateTimeField(auto_now_add=True)),
            ("finalized_at", models.DateTimeField(editable=False, null=True)),
            (
                "business_entity",
                models.ForeignKey(
                    db_index=False, on_delete=models.PROTECT, related_name="invoices", to="billing.businessentity"
                ),
            ),
            (
                "contract",
                models.ForeignKey(null=True, on_delete=models.PROTECT, related_name="invoices", to="billing.contract"),
            ),
            ("customer", models.ForeignKey(on_delete=models.PROTECT, related_name="invoices", to="billing.customer")),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("-issued_on", "-id"),
            "indexes": [
                models.Index(fields=["tenant", "status", "due_on"], name="invoice_open"),
                models.Index(fields=["tenant", "issued_on"], name="invoice_issued"),
            ],
            "constraints": [
                models.UniqueConstraint(fields=("tenant", "number"), name="invoice_number"),
                models.CheckConstraint(
                    condition=models.Q(("total", models.F("net") + models.F("tax"))), name="invoice_total_adds_up"
                ),
                models.CheckConstraint(
                    condition=models.Q(("settled__gte", Decimal("0.0")), ("settled__lte", models.F("total"))),
                    name="invoice_settled_within",
                ),
                models.CheckConstraint(
                    condition=models.Q(
                        models.Q(("number", None), ("status", "draft")),
                        models.Q(models.Q(("status", "draft"), _negated=True), ("number__isnull", False)),
                        _connector="OR",
                    ),
                    name="invoice_numbered_when_final",
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="InvoiceLine",
        fields=[
            ("id", row_id()),
            ("position", models.PositiveSmallIntegerField()),
            ("description", models.CharField(max_length=300)),
            ("quantity", models.DecimalField(decimal_places=6, max_digits=20)),
            ("currency", CurrencyField()),
            ("unit_amount", AmountField(decimal_places=10, max_digits=24)),
            ("net", AmountField(decimal_places=4, max_digits=19)),
            ("tax_percent", models.DecimalField(decimal_places=4, default=0, max_digits=7)),
            ("tax", AmountField(decimal_places=4, max_digits=19)),
            ("recognition_method", models.CharField(max_length=30)),
            ("period_start", models.DateField(null=True)),
            ("period_end", models.DateField(help_text="The first day no longer covered.", null=True)),
            (
                "contract_item",
                models.ForeignKey(
                    null=True, on_delete=models.PROTECT, related_name="invoice_lines", to="billing.contractitem"
                ),
            ),
            (
                "invoice",
                models.ForeignKey(db_index=False, on_delete=models.CASCADE, related_name="lines", to="billing.invoice"),
            ),
            ("product", models.ForeignKey(on_delete=models.PROTECT, related_name="+", to="billing.product")),
            (
                "tax_rate",
                models.ForeignKey(null=True, on_delete=models.PROTECT, related_name="+", to="billing.taxrate"),
            ),
            ("tenant", tenant()),
            ("discount", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            ("tax_included", models.BooleanField(default=False)),
        ],
        options={
            "ordering": ("invoice", "position"),
            "constraints": [
                models.UniqueConstraint(fields=("invoice", "position"), name="invoice_line_position"),
                models.CheckConstraint(
                    condition=models.Q(
                        models.Q(("period_end", None), ("period_start", None)),
                        ("period_end__gt", models.F("period_start")),
                        _connector="OR",
                    ),
                    name="invoice_line_period",
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="CreditNote",
        fields=[
            ("id", row_id()),
            ("number", models.CharField(max_length=21)),
            ("currency", CurrencyField()),
            ("issued_on", models.DateField()),
            ("net", AmountField(decimal_places=4, max_digits=19)),
            ("tax", AmountField(decimal_places=4, max_digits=19)),
            ("total", AmountField(decimal_places=4, max_digits=19)),
            ("reason", models.CharField(max_length=200)),
            ("created_at", models.DateTimeField(auto_now_add=True)),
            (
                "business_entity",
                models.ForeignKey(on_delete=models.PROTECT, related_name="credit_notes", to="billing.businessentity"),
            ),
            (
                "customer",
                models.ForeignKey(on_delete=models.PROTECT, related_name="credit_notes", to="billing.customer"),
            ),
            ("invoice", models.ForeignKey(on_delete=models.PROTECT, related_name="credit_notes", to="billing.invoice")),
            ("tenant", tenant()),
            ("to_refund", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            ("to_wallet", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            ("void_reason", models.CharField(blank=True, editable=False, max_length=200)),
            ("voided_on", models.DateField(editable=False, null=True)),
        ],
        options={
            "ordering": ("-issued_on", "-id"),
            "constraints": [
                models.UniqueConstraint(fields=("tenant", "number"), name="credit_note_number"),
                models.CheckConstraint(
                    condition=models.Q(("total", models.F("net") + models.F("tax"))), name="credit_note_total_adds_up"
                ),
                models.CheckConstraint(condition=models.Q(("total__gt", 0)), name="credit_note_credits_something"),
                models.CheckConstraint(
                    condition=models.Q(
                        ("to_refund__gte", 0),
                        ("to_wallet__gte", 0),
                        ("total__gte", models.F("to_wallet") + models.F("to_refund")),
                    ),
                    name="credit_note_kept_within",
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="CreditNoteLine",
        fields=[
            ("id", row_id()),
            ("description", models.CharField(max_length=300)),
            ("currency", CurrencyField()),
            ("net", AmountField(decimal_places=4, max_digits=19)),
            ("tax", AmountField(decimal_places=4, max_digits=19)),
            ("tax_percent", models.DecimalField(decimal_places=4, default=0, max_digits=7)),
            ("credit_note", models.ForeignKey(on_delete=models.PROTECT, related_name="lines", to="billing.creditnote")),
            (
                "invoice_line",
                models.ForeignKey(on_delete=models.PROTECT, related_name="credits", to="billing.invoiceline"),
            ),
            ("product", models.ForeignKey(on_delete=models.PROTECT, related_name="+", to="billing.product")),
            ("tenant", tenant()),
        ],
        options={"ordering": ("credit_note", "id")},
    ),
    migrations.CreateModel(
        name="CreditUse",
        fields=[
            ("id", row_id()),
            ("kind", models.CharField(choices=[("consumed", "Used"), ("expired", "Expired")], max_length=10)),
            ("on", models.DateField()),
            ("units", models.DecimalField(decimal_places=6, max_digits=20)),
            ("currency", CurrencyField()),
            ("amount", AmountField(decimal_places=4, max_digits=19)),
            (
                "key",
                models.CharField(blank=True, help_text="The sender's own id; a second one is refused.", max_length=100),
            ),
            ("created_at", models.DateTimeField(auto_now_add=True)),
            (
                "invoice_line",
                models.ForeignKey(on_delete=models.PROTECT, related_name="credit_uses", to="billing.invoiceline"),
            ),
            ("tenant", tenant()),
        ],
        options={
            "verbose_name": "credit use",
            "ordering": ("-on", "-id"),
            "constraints": [
                models.CheckConstraint(
                    condition=models.Q(("amount__gte", 0), ("units__gt", 0)), name="credit_use_amounts"
                ),
                models.UniqueConstraint(
                    condition=models.Q(("key", ""), _negated=True),
                    fields=("tenant", "key", "invoice_line"),
                    name="credit_use_key_once",
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="BusinessEvent",
        fields=[
            ("id", row_id()),
            ("kind", models.CharField(max_length=40)),
            ("key", models.CharField(max_length=80)),
            ("occurred_on", models.DateField()),
            ("recorded_at", models.DateTimeField()),
            ("payload", models.JSONField()),
            (
                "business_entity",
                models.ForeignKey(
                    db_constraint=False,
                    db_index=False,
                    on_delete=models.PROTECT,
                    related_name="+",
                    to="billing.businessentity",
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
            "ordering": ("-id",),
            "constraints": [models.UniqueConstraint(fields=("tenant", "kind", "key"), name="event_once")],
        },
    ),
    migrations.CreateModel(
        name="PaymentGateway",
        fields=[
            ("id", row_id()),
            (
                "code",
                models.SlugField(
                    help_text="Short and stable, such as stripe; the API and rules name it.", max_length=30
                ),
            ),
            ("name", models.CharField(max_length=100)),
            ("is_active", models.BooleanField(default=True)),
            (
                "business_entity",
                models.ForeignKey(on_delete=models.PROTECT, related_name="gateways", to="billing.businessentity"),
            ),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("code",),
            "constraints": [models.UniqueConstraint(fields=("tenant", "code"), name="payment_gateway_code")],
        },
    ),
    migrations.CreateModel(
        name="GatewayPayout",
        fields=[
            ("id", row_id()),
            ("paid_on", models.DateField()),
            ("currency", CurrencyField()),
            ("captured", AmountField(decimal_places=4, max_digits=19)),
            ("withheld", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            ("fee", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            ("deposited", AmountField(decimal_places=4, max_digits=19)),
            ("reference", models.CharField(help_text="The gateway's own id of the payout.", max_length=100)),
            ("created_at", models.DateTimeField(auto_now_add=True)),
            (
                "business_entity",
                models.ForeignKey(on_delete=models.PROTECT, related_name="payouts", to="billing.businessentity"),
            ),
            ("tenant", tenant()),
            (
                "gateway",
                models.ForeignKey(on_delete=models.PROTECT, related_name="payouts", to="billing.paymentgateway"),
            ),
        ],
        options={
            "verbose_name": "payout",
            "ordering": ("-paid_on", "-id"),
            "constraints": [
                models.UniqueConstraint(fields=("tenant", "gateway", "reference"), name="payout_once"),
                models.CheckConstraint(
                    condition=models.Q(
                        ("captured__gte", 0),
                        ("fee__gte", 0),
                        ("deposited", models.F("captured") - models.F("withheld") - models.F("fee")),
                    ),
                    name="payout_adds_up",
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="Job",
        fields=[
            ("id", row_id()),
            ("kind", models.CharField(max_length=40)),
            ("title", models.CharField(max_length=200)),
            ("parameters", models.JSONField(default=dict)),
            (
                "status",
                models.CharField(
                    choices=[
                        ("queued", "Waiting for a worker"),
                        ("running", "Running"),
                        ("done", "Done"),
                        ("failed", "Failed"),
                    ],
                    default="queued",
                    max_length=10,
                ),
            ),
            ("done", models.PositiveIntegerField(default=0)),
            ("total", models.PositiveIntegerField(default=0)),
            ("message", models.TextField(blank=True)),
            ("result", models.JSONField(null=True)),
            ("created_at", models.DateTimeField(auto_now_add=True)),
            ("started_at", models.DateTimeField(null=True)),
            ("finished_at", models.DateTimeField(null=True)),
            (
                "created_by",
                models.ForeignKey(null=True, on_delete=models.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL),
            ),
            ("tenant", tenant()),
        ],
        options={"ordering": ("-id",)},
    ),
    migrations.CreateModel(
        name="ContractModification",
        fields=[
            ("id", row_id()),
            ("number", models.PositiveSmallIntegerField()),
            (
                "kind",
                models.CharField(
                    choices=[
                        ("upgrade", "Upgrade"),
                        ("downgrade", "Downgrade"),
                        ("price_change", "Price change"),
                        ("extension", "Extension"),
                        ("termination", "Termination"),
                    ],
                    max_length=20,
                ),
            ),
            ("effective_on", models.DateField(verbose_name="holds from")),
            ("signed_on", models.DateField()),
            (
                "treatment",
                models.CharField(
                    choices=[
                        ("prospective", "Prospective: what is left is earned over the time that is left"),
                        ("catch_up", "Cumulative catch-up: as if it had been so from the start"),
                        ("separate", "Separate contract: what is added stands by itself, at its standalone price"),
                    ],
                    max_length=20,
                ),
            ),
            (
                "adjustment",
                models.CharField(
                    choices=[
                        ("straight_line", "Straight line: evenly over what is left"),
                        ("front_load", "Front load: into the first open period"),
                        ("back_load", "Back load: into the last period"),
                    ],
                    max_length=20,
                ),
            ),
            ("reason", models.CharField(max_length=200)),
            ("changes", models.JSONField(help_text="Per contract item: what was left of its price before and after.")),
            ("created_at", models.DateTimeField(auto_now_add=True)),
            (
                "contract",
                models.ForeignKey(on_delete=models.PROTECT, related_name="modifications", to="billing.contract"),
            ),
            (
                "made_by",
                models.ForeignKey(null=True, on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
            ),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("contract", "number"),
            "constraints": [models.UniqueConstraint(fields=("contract", "number"), name="modification_number")],
        },
    ),
    migrations.CreateModel(
        name="Payment",
        fields=[
            ("id", row_id()),
            ("received_on", models.DateField()),
            ("currency", CurrencyField()),
            ("amount", AmountField(decimal_places=4, max_digits=19)),
            ("unapplied", AmountField(decimal_places=4, max_digits=19)),
            (
                "method",
                models.CharField(
                    choices=[
                        ("bank_transfer", "Bank transfer"),
                        ("card", "Card"),
                        ("check", "Check"),
                        ("cash", "Cash"),
                        ("direct_debit", "Direct debit"),
                        ("other", "Other"),
                    ],
                    default="bank_transfer",
                    max_length=20,
                ),
            ),
            (
                "reference",
                models.CharField(
                    blank=True, help_text="The bank's or the gateway's own id. A second one is refused.", max_length=100
                ),
            ),
            ("created_at", models.DateTimeField(auto_now_add=True)),
            (
                "business_entity",
                models.ForeignKey(on_delete=models.PROTECT, related_name="payments", to="billing.businessentity"),
            ),
            ("customer", models.ForeignKey(on_delete=models.PROTECT, related_name="payments", to="billing.customer")),
            ("tenant", tenant()),
            ("withheld", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            ("withheld_is_recoverable", models.BooleanField(default=True)),
            (
                "gateway",
                models.ForeignKey(
                    null=True, on_delete=models.PROTECT, related_name="payments", to="billing.paymentgateway"
                ),
            ),
            ("void_reason", models.CharField(blank=True, editable=False, max_length=200)),
            ("voided_on", models.DateField(editable=False, null=True)),
        ],
        options={
            "ordering": ("-received_on", "-id"),
            "constraints": [
                models.CheckConstraint(
                    condition=models.Q(
                        ("amount__gte", 0),
                        ("withheld__gte", 0),
                        models.Q(("amount", 0), ("withheld", 0), _negated=True),
                    ),
                    name="payment_is_positive",
                ),
                models.CheckConstraint(
                    condition=models.Q(("unapplied__gte", 0), ("unapplied__lte", models.F("amount"))),
                    name="payment_unapplied_within",
                ),
                models.UniqueConstraint(
                    condition=models.Q(("reference", ""), _negated=True),
                    fields=("tenant", "reference"),
                    name="payment_reference_once",
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="PaymentAllocation",
        fields=[
            ("id", row_id()),
            ("currency", CurrencyField()),
            ("amount", AmountField(decimal_places=4, max_digits=19)),
            ("allocated_on", models.DateField()),
            ("invoice", models.ForeignKey(on_delete=models.PROTECT, related_name="allocations", to="billing.invoice")),
            ("payment", models.ForeignKey(on_delete=models.PROTECT, related_name="allocations", to="billing.payment")),
            ("tenant", tenant()),
            (
                "undoes",
                models.OneToOneField(
                    null=True, on_delete=models.PROTECT, related_name="undone_by", to="billing.paymentallocation"
                ),
            ),
        ],
        options={
            "ordering": ("payment", "id"),
            "constraints": [
                models.CheckConstraint(
                    condition=models.Q(
                        models.Q(("amount__gt", 0), ("undoes", None)),
                        models.Q(("amount__lt", 0), ("undoes__isnull", False)),
                        _connector="OR",
                    ),
                    name="allocation_is_positive",
                )
            ],
        },
    ),
    migrations.CreateModel(
        name="Dispute",
        fields=[
            ("id", row_id()),
            ("opened_on", models.DateField()),
            ("currency", CurrencyField()),
            ("amount", AmountField(decimal_places=4, max_digits=19)),
            ("fee", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            ("from_unapplied", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            ("reason", models.CharField(max_length=200)),
            ("reference", models.CharField(blank=True, max_length=100)),
            (
                "status",
                models.CharField(
                    choices=[
                        ("open", "Open"),
                        ("won", "Won: the money came back"),
                        ("lost", "Lost: the money stays with the customer"),
                    ],
                    default="open",
                    max_length=10,
                ),
            ),
            ("resolved_on", models.DateField(null=True)),
            ("fee_returned", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            ("created_at", models.DateTimeField(auto_now_add=True)),
            (
                "business_entity",
                models.ForeignKey(on_delete=models.PROTECT, related_name="disputes", to="billing.businessentity"),
            ),
            ("customer", models.ForeignKey(on_delete=models.PROTECT, related_name="disputes", to="billing.customer")),
            ("payment", models.ForeignKey(on_delete=models.PROTECT, related_name="disputes", to="billing.payment")),
            ("tenant", tenant()),
            (
                "gateway",
                models.ForeignKey(
                    null=True, on_delete=models.PROTECT, related_name="disputes", to="billing.paymentgateway"
                ),
            ),
        ],
        options={
            "ordering": ("-opened_on", "-id"),
            "constraints": [
                models.CheckConstraint(
                    condition=models.Q(
                        ("amount__gt", 0),
                        ("fee__gte", 0),
                        ("from_unapplied__gte", 0),
                        ("from_unapplied__lte", models.F("amount")),
                    ),
                    name="dispute_amounts",
                ),
                models.CheckConstraint(
                    condition=models.Q(("fee_returned__gte", 0), ("fee_returned__lte", models.F("fee"))),
                    name="dispute_fee_returned",
                ),
                models.CheckConstraint(
                    condition=models.Q(
                        models.Q(("resolved_on", None), ("status", "open")),
                        models.Q(models.Q(("status", "open"), _negated=True), ("resolved_on__isnull", False)),
                        _connector="OR",
                    ),
                    name="dispute_resolved_on",
                ),
                models.UniqueConstraint(
                    condition=models.Q(("reference", ""), _negated=True),
                    fields=("tenant", "reference"),
                    name="dispute_reference_once",
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="Refund",
        fields=[
            ("id", row_id()),
            ("refunded_on", models.DateField()),
            ("currency", CurrencyField()),
            ("amount", AmountField(decimal_places=4, max_digits=19)),
            ("from_unapplied", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            ("reason", models.CharField(blank=True, max_length=200)),
            (
                "reference",
                models.CharField(
                    blank=True, help_text="The bank's or the gateway's own id. A second one is refused.", max_length=100
                ),
            ),
            ("created_at", models.DateTimeField(auto_now_add=True)),
            (
                "business_entity",
                models.ForeignKey(on_delete=models.PROTECT, related_name="refunds", to="billing.businessentity"),
            ),
            (
                "credit_note",
                models.ForeignKey(null=True, on_delete=models.PROTECT, related_name="refunds", to="billing.creditnote"),
            ),
            ("customer", models.ForeignKey(on_delete=models.PROTECT, related_name="refunds", to="billing.customer")),
            (
                "gateway",
                models.ForeignKey(
                    null=True, on_delete=models.PROTECT, related_name="refunds", to="billing.paymentgateway"
                ),
            ),
            (
                "payment",
                models.ForeignKey(null=True, on_delete=models.PROTECT, related_name="refunds", to="billing.payment"),
            ),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("-refunded_on", "-id"),
            "constraints": [
                models.CheckConstraint(
                    condition=models.Q(
                        ("amount__gt", 0), ("from_unapplied__gte", 0), ("from_unapplied__lte", models.F("amount"))
                    ),
                    name="refund_amounts",
                ),
                models.CheckConstraint(
                    condition=models.Q(("credit_note", None), ("payment", None), _connector="OR"),
                    name="refund_has_one_source",
                ),
                models.UniqueConstraint(
                    condition=models.Q(("reference", ""), _negated=True),
                    fields=("tenant", "reference"),
                    name="refund_reference_once",
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="ReturnedPart",
        fields=[
            ("id", row_id()),
            ("currency", CurrencyField()),
            ("amount", AmountField(decimal_places=4, max_digits=19)),
            (
                "dispute",
                models.ForeignKey(null=True, on_delete=models.PROTECT, related_name="parts", to="billing.dispute"),
            ),
            (
                "invoice",
                models.ForeignKey(on_delete=models.PROTECT, related_name="returned_parts", to="billing.invoice"),
            ),
            (
                "payment",
                models.ForeignKey(on_delete=models.PROTECT, related_name="returned_parts", to="billing.payment"),
            ),
            (
                "refund",
                models.ForeignKey(null=True, on_delete=models.PROTECT, related_name="parts", to="billing.refund"),
            ),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("id",),
            "constraints": [
                models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="returned_part_is_positive"),
                models.CheckConstraint(
                    condition=models.Q(
                        models.Q(("dispute", None), ("refund__isnull", False)),
                        models.Q(("dispute__isnull", False), ("refund", None)),
                        _connector="OR",
                    ),
                    name="returned_part_has_one_cause",
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="Wallet",
        fields=[
            ("id", row_id()),
            ("currency", CurrencyField()),
            ("created_at", models.DateTimeField(auto_now_add=True)),
            (
                "business_entity",
                models.ForeignKey(on_delete=models.PROTECT, related_name="wallets", to="billing.businessentity"),
            ),
            ("customer", models.ForeignKey(on_delete=models.PROTECT, related_name="wallets", to="billing.customer")),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("customer", "currency"),
            "constraints": [models.UniqueConstraint(fields=("customer", "currency"), name="one_wallet_per_currency")],
        },
    ),
    migrations.CreateModel(
        name="WalletEntry",
        fields=[
            ("id", row_id()),
            ("number", models.PositiveIntegerField(help_text="1, 2, 3 … in each wallet.")),
            (
                "kind",
                models.CharField(
                    choices=[
                        ("top_up", "Topped up"),
                        ("credit_note", "Credit note kept"),
                        ("credit_note_voided", "Credit note voided"),
                        ("bonus", "Bonus granted"),
                        ("withdrawn", "Bonus withdrawn"),
                        ("applied", "Applied to an invoice"),
                        ("refunded", "Refunded"),
                    ],
                    max_length=20,
                ),
            ),
            ("on", models.DateField()),
            ("currency", CurrencyField()),
            ("paid", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            ("bonus", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            ("paid_balance", AmountField(decimal_places=4, max_digits=19)),
            ("bonus_balance", AmountField(decimal_places=4, max_digits=19)),
            ("reason", models.CharField(blank=True, max_length=200)),
            ("created_at", models.DateTimeField(auto_now_add=True)),
            (
                "credit_note",
                models.ForeignKey(
                    null=True, on_delete=models.PROTECT, related_name="wallet_entries", to="billing.creditnote"
                ),
            ),
            (
                "invoice",
                models.ForeignKey(
                    null=True, on_delete=models.PROTECT, related_name="wallet_entries", to="billing.invoice"
                ),
            ),
            (
                "payment",
                models.ForeignKey(
                    null=True, on_delete=models.PROTECT, related_name="wallet_entries", to="billing.payment"
                ),
            ),
            (
                "refund",
                models.ForeignKey(
                    null=True, on_delete=models.PROTECT, related_name="wallet_entries", to="billing.refund"
                ),
            ),
            ("tenant", tenant()),
            ("wallet", models.ForeignKey(on_delete=models.PROTECT, related_name="entries", to="billing.wallet")),
        ],
        options={
            "verbose_name_plural": "wallet entries",
            "ordering": ("wallet", "-number"),
            "constraints": [
                models.UniqueConstraint(fields=("wallet", "number"), name="wallet_entry_number"),
                models.CheckConstraint(
                    condition=models.Q(("bonus_balance__gte", 0), ("paid_balance__gte", 0)),
                    name="wallet_never_overdrawn",
                ),
                models.CheckConstraint(
                    condition=models.Q(
                        models.Q(
                            ("number", 1), ("bonus_balance", models.F("bonus")), ("paid_balance", models.F("paid"))
                        ),
                        ("number__gt", 1),
                        _connector="OR",
                    ),
                    name="wallet_starts_at_zero",
                ),
                models.CheckConstraint(
                    condition=models.Q(("bonus", 0), ("paid", 0), _negated=True), name="wallet_entry_moves_something"
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="WalletDraw",
        fields=[
            ("id", row_id()),
            ("currency", CurrencyField()),
            ("amount", AmountField(decimal_places=4, max_digits=19)),
            ("entry", models.ForeignKey(on_delete=models.PROTECT, related_name="draws", to="billing.walletentry")),
            ("source", models.ForeignKey(on_delete=models.PROTECT, related_name="drawn", to="billing.walletentry")),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("id",),
            "constraints": [
                models.UniqueConstraint(fields=("entry", "source"), name="wallet_draw_once"),
                models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="wallet_draw_is_positive"),
            ],
        },
    ),
    migrations.CreateModel(
        name="WriteOff",
        fields=[
            ("id", row_id()),
            ("written_off_on", models.DateField()),
            ("currency", CurrencyField()),
            ("amount", AmountField(decimal_places=4, max_digits=19)),
            ("recovered", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            ("recoveries", models.PositiveIntegerField(default=0)),
            ("reason", models.CharField(max_length=200)),
            ("created_at", models.DateTimeField(auto_now_add=True)),
            (
                "business_entity",
                models.ForeignKey(on_delete=models.PROTECT, related_name="write_offs", to="billing.businessentity"),
            ),
            ("customer", models.ForeignKey(on_delete=models.PROTECT, related_name="write_offs", to="billing.customer")),
            ("invoice", models.OneToOneField(on_delete=models.PROTECT, related_name="write_off", to="billing.invoice")),
            ("tenant", tenant()),
        ],
        options={
            "verbose_name": "write-off",
            "ordering": ("-written_off_on", "-id"),
            "constraints": [
                models.CheckConstraint(
                    condition=models.Q(
                        ("amount__gt", 0), ("recovered__gte", 0), ("recovered__lte", models.F("amount"))
                    ),
                    name="write_off_amounts",
                )
            ],
        },
    ),
]


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("billing", "0001_initial"),
        ("billing", "0003_money_beyond_payments"),
        ("billing", "0005_write_offs"),
        ("billing", "0006_prepaid_and_discounts"),
        ("billing", "0007_change"),
        ("billing", "0009_modifications"),
        ("billing", "0011_voids"),
        ("billing", "0012_keys_that_reopen"),
        ("billing", "0013_printed_documents"),
        ("billing", "0014_one_document_for_less"),
        ("billing", "0015_wallet_draws"),
    ]
    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [CreateTables(TABLES)]
