"""The tables of accounting, as the models have them."""

from decimal import Decimal

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models
from django.db.models.functions import Cast
from djmoney.money import Money

from billing.fields import AmountField, CurrencyField
from billing.tables import CreateTables


def row_id() -> models.Field:
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


def tenant() -> models.Field:
    return models.ForeignKey("billing.tenant", on_delete=models.PROTECT, db_index=False, editable=False)


TABLES = [
    migrations.CreateModel(
        name="Account",
        fields=[
            ("id", row_id()),
            ("code", models.CharField(max_length=20)),
            ("name", models.CharField(max_length=200)),
            (
                "category",
                models.CharField(
                    choices=[
                        ("assets", "Assets"),
                        ("liabilities", "Liabilities"),
                        ("equity", "Equity"),
                        ("income", "Income"),
                        ("expenses", "Expenses"),
                    ],
                    max_length=20,
                ),
            ),
            ("normal_balance", models.CharField(choices=[("debit", "Debit"), ("credit", "Credit")], max_length=10)),
            ("is_group", models.BooleanField(default=False, verbose_name="groups other accounts")),
            (
                "role",
                models.CharField(
                    blank=True,
                    help_text="What the starter chart made this account for; defaults may say otherwise.",
                    max_length=60,
                ),
            ),
            ("description", models.TextField(blank=True)),
            ("is_active", models.BooleanField(default=True)),
            (
                "business_entity",
                models.ForeignKey(on_delete=models.PROTECT, related_name="accounts", to="billing.businessentity"),
            ),
            (
                "parent",
                models.ForeignKey(
                    blank=True, null=True, on_delete=models.PROTECT, related_name="children", to="accounting.account"
                ),
            ),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("business_entity", "code"),
            "constraints": [models.UniqueConstraint(fields=("business_entity", "code"), name="account_code")],
        },
    ),
    migrations.CreateModel(
        name="DefaultAccount",
        fields=[
            ("id", row_id()),
            ("role", models.CharField(max_length=60)),
            (
                "level",
                models.CharField(
                    choices=[
                        ("contract_item", "Contract item"),
                        ("product", "Product"),
                        ("product_family", "Product family"),
                        ("customer", "Customer"),
                        ("entity_currency", "Business entity and currency"),
                        ("entity", "Business entity"),
                        ("tenant", "Whole company"),
                    ],
                    max_length=20,
                ),
            ),
            ("currency", CurrencyField(blank=True, default="")),
            ("account_code", models.CharField(max_length=20)),
            (
                "business_entity",
                models.ForeignKey(
                    blank=True, null=True, on_delete=models.PROTECT, related_name="+", to="billing.businessentity"
                ),
            ),
            (
                "contract_item",
                models.ForeignKey(
                    blank=True, null=True, on_delete=models.PROTECT, related_name="+", to="billing.contractitem"
                ),
            ),
            (
                "customer",
                models.ForeignKey(
                    blank=True, null=True, on_delete=models.PROTECT, related_name="+", to="billing.customer"
                ),
            ),
            (
                "product",
                models.ForeignKey(
                    blank=True, null=True, on_delete=models.PROTECT, related_name="+", to="billing.product"
                ),
            ),
            (
                "product_family",
                models.ForeignKey(
                    blank=True, null=True, on_delete=models.PROTECT, related_name="+", to="billing.productfamily"
                ),
            ),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("role", "level"),
            "constraints": [
                models.UniqueConstraint(
                    fields=(
                        "tenant",
                        "role",
                        "level",
                        "contract_item",
                        "product",
                        "product_family",
                        "customer",
                        "business_entity",
                        "currency",
                    ),
                    name="one_default_per_target",
                    nulls_distinct=False,
                ),
                models.CheckConstraint(
                    condition=models.Q(
                        models.Q(
                            ("level", "contract_item"),
                            ("business_entity__isnull", True),
                            ("contract_item__isnull", False),
                            ("customer__isnull", True),
                            ("product__isnull", True),
                            ("product_family__isnull", True),
                            ("currency", ""),
                        ),
                        models.Q(
                            ("level", "product"),
                            ("business_entity__isnull", True),
                            ("contract_item__isnull", True),
                            ("customer__isnull", True),
                            ("product__isnull", False),
                            ("product_family__isnull", True),
                            ("currency", ""),
                        ),
                        models.Q(
                            ("level", "product_family"),
                            ("business_entity__isnull", True),
                            ("contract_item__isnull", True),
                            ("customer__isnull", True),
                            ("product__isnull", True),
                            ("product_family__isnull", False),
                            ("currency", ""),
                        ),
                        models.Q(
                            ("level", "customer"),
                            ("business_entity__isnull", True),
                            ("contract_item__isnull", True),
                            ("customer__isnull", False),
                            ("product__isnull", True),
                            ("product_family__isnull", True),
                            ("currency", ""),
                        ),
                        models.Q(
                            ("level", "entity_currency"),
                            ("business_entity__isnull", False),
                            ("contract_item__isnull", True),
                            ("customer__isnull", True),
                            ("product__isnull", True),
                            ("product_family__isnull", True),
                            models.Q(("currency", ""), _negated=True),
                        ),
                        models.Q(
                            ("level", "entity"),
                            ("business_entity__isnull", False),
                            ("contract_item__isnull", True),
                            ("customer__isnull", True),
                            ("product__isnull", True),
                            ("product_family__isnull", True),
                            ("currency", ""),
                        ),
                        models.Q(
                            ("level", "tenant"),
                            ("business_entity__isnull", True),
                            ("contract_item__isnull", True),
                            ("customer__isnull", True),
                            ("product__isnull", True),
                            ("product_family__isnull", True),
                            ("currency", ""),
                        ),
                        _connector="OR",
                    ),
                    name="default_names_its_target",
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="AccountingRule",
        fields=[
            ("id", row_id()),
            ("code", models.SlugField(max_length=60)),
            ("name", models.CharField(max_length=200)),
            ("event_kind", models.CharField(max_length=40)),
            ("is_standard", models.BooleanField(default=False, editable=False)),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("event_kind", "code"),
            "constraints": [models.UniqueConstraint(fields=("tenant", "code"), name="rule_code")],
        },
    ),
    migrations.CreateModel(
        name="RuleVersion",
        fields=[
            ("id", row_id()),
            ("number", models.PositiveSmallIntegerField(default=1)),
            ("effective_from", models.DateField()),
            ("is_active", models.BooleanField(default=True)),
            ("description", models.CharField(help_text="Becomes the description of the entries.", max_length=200)),
            ("conditions", models.JSONField(blank=True, default=list)),
            ("lines", models.JSONField(blank=True, default=list)),
            ("reverses", models.CharField(blank=True, max_length=40)),
            (
                "rule",
                models.ForeignKey(on_delete=models.PROTECT, related_name="versions", to="accounting.accountingrule"),
            ),
            ("tenant", tenant()),
            ("is_draft", models.BooleanField(db_default=False, default=False)),
            ("priority", models.PositiveSmallIntegerField(db_default=100, default=100)),
        ],
        options={
            "ordering": ("rule", "-number"),
            "constraints": [models.UniqueConstraint(fields=("rule", "number"), name="rule_version_number")],
        },
    ),
    migrations.CreateModel(
        name="AccountingPolicy",
        fields=[
            ("id", row_id()),
            (
                "contract_start",
                models.CharField(
                    choices=[
                        ("memo", "Nothing: a signed contract is no receivable yet"),
                        ("gross_up", "Gross-up: unbilled revenue against deferred revenue for the committed value"),
                    ],
                    default="memo",
                    max_length=20,
                    verbose_name="when a contract starts",
                ),
            ),
            ("stamp", models.BigIntegerField(default=0, editable=False)),
            ("tenant", tenant()),
            (
                "bad_debt_tax_relief",
                models.BooleanField(
                    default=True,
                    help_text="Otherwise it stays owed to the state and is part of the loss.",
                    verbose_name="sales tax of written-off invoices is claimed back",
                ),
            ),
            (
                "credit_adjustment",
                models.CharField(
                    choices=[
                        ("straight_line", "Straight line: evenly over what is left"),
                        ("front_load", "Front load: into the first open period"),
                        ("back_load", "Back load: into the last period"),
                    ],
                    db_default="straight_line",
                    default="straight_line",
                    max_length=20,
                    verbose_name="a credit changes the revenue that is left",
                ),
            ),
            ("has_obligations", models.BooleanField(db_default=False, default=False, editable=False)),
            (
                "large_change_must_front_load",
                models.BooleanField(
                    db_default=False, default=False, verbose_name="a large change must be front loaded"
                ),
            ),
            (
                "large_change_percent",
                models.DecimalField(
                    db_default=5,
                    decimal_places=2,
                    default=5,
                    max_digits=5,
                    verbose_name="a change of price is large above, in percent",
                ),
            ),
            (
                "close_choices",
                models.JSONField(db_default={}, default=dict, editable=False, verbose_name="close checks that differ"),
            ),
        ],
        options={
            "verbose_name_plural": "accounting policies",
            "constraints": [models.UniqueConstraint(fields=("tenant",), name="one_policy_per_tenant")],
        },
    ),
    migrations.CreateModel(
        name="UnmatchedEvent",
        fields=[
            ("id", row_id()),
            ("event", models.OneToOneField(db_constraint=False, on_delete=models.PROTECT, to="billing.businessevent")),
            ("tenant", tenant()),
            ("measured", models.JSONField(editable=False, null=True)),
            ("posted_at", models.DateTimeField(editable=False, null=True)),
            (
                "posted_by",
                models.ForeignKey(
                    editable=False, null=True, on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                ),
            ),
        ],
        options={"abstract": False},
    ),
    migrations.CreateModel(
        name="RulePreview",
        fields=[
            ("id", row_id()),
            ("digest", models.CharField(max_length=64)),
            ("first_day", models.DateField()),
            ("last_day", models.DateField()),
            ("events", models.PositiveIntegerField(help_text="Events of the rule's kind on these days.")),
            ("changed_events", models.PositiveIntegerField(help_text="Events that would have been posted otherwise.")),
            ("unmatched_events", models.PositiveIntegerField(help_text="Events that no rule would speak of.")),
            ("accounts", models.JSONField()),
            ("made_at", models.DateTimeField()),
            (
                "made_by",
                models.ForeignKey(null=True, on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
            ),
            ("tenant", tenant()),
            (
                "version",
                models.ForeignKey(on_delete=models.PROTECT, related_name="previews", to="accounting.ruleversion"),
            ),
        ],
        options={"ordering": ("-id",)},
    ),
    migrations.CreateModel(
        name="PreviewedEvent",
        fields=[
            ("id", row_id()),
            ("posted", models.JSONField()),
            ("drafted", models.JSONField()),
            (
                "event",
                models.ForeignKey(
                    db_constraint=False, on_delete=models.PROTECT, related_name="+", to="billing.businessevent"
                ),
            ),
            ("tenant", tenant()),
            (
                "preview",
                models.ForeignKey(on_delete=models.PROTECT, related_name="differences", to="accounting.rulepreview"),
            ),
        ],
        options={"ordering": ("preview", "id")},
    ),
    migrations.CreateModel(
        name="JournalEntry",
        fields=[
            ("id", row_id()),
            ("date", models.DateField()),
            ("currency", CurrencyField()),
            (
                "kind",
                models.CharField(
                    choices=[("standard", "By rule"), ("manual", "By hand"), ("reversal", "Reversal")], max_length=10
                ),
            ),
            ("description", models.CharField(max_length=200)),
            ("part", models.SmallIntegerField(help_text="Tells the entries of one event apart.")),
            ("line_count", models.SmallIntegerField()),
            ("posted_at", models.DateTimeField()),
            (
                "posted_xid",
                models.BigIntegerField(
                    db_default=Cast(
                        Cast(models.Func(function="pg_current_xact_id"), models.TextField()), models.BigIntegerField()
                    ),
                    editable=False,
                    help_text="The transaction that posted it; its lines can come from no other.",
                ),
            ),
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
                "event",
                models.ForeignKey(
                    db_constraint=False,
                    db_index=False,
                    on_delete=models.PROTECT,
                    related_name="entries",
                    to="billing.businessevent",
                ),
            ),
            (
                "reverses",
                models.ForeignKey(
                    db_constraint=False,
                    db_index=False,
                    null=True,
                    on_delete=models.PROTECT,
                    related_name="reversed_by",
                    to="accounting.journalentry",
                ),
            ),
            (
                "tenant",
                models.ForeignKey(
                    db_constraint=False, db_index=False, editable=False, on_delete=models.PROTECT, to="billing.tenant"
                ),
            ),
            (
                "rule_version",
                models.ForeignKey(
                    db_constraint=False,
                    db_index=False,
                    help_text="Empty for what persons approved: manual entries, and reversals by hand.",
                    null=True,
                    on_delete=models.PROTECT,
                    related_name="+",
                    to="accounting.ruleversion",
                ),
            ),
        ],
        options={
            "verbose_name_plural": "journal entries",
            "ordering": ("-date", "-id"),
            "indexes": [models.Index(fields=["business_entity", "date"], name="entry_by_date")],
            "constraints": [
                models.UniqueConstraint(fields=("event", "part"), name="event_posted_once"),
                models.UniqueConstraint(
                    condition=models.Q(("reverses__isnull", False)), fields=("reverses",), name="reversed_once"
                ),
                models.CheckConstraint(condition=models.Q(("line_count__gte", 2)), name="entry_has_two_sides"),
                models.CheckConstraint(
                    condition=models.Q(
                        ("kind", "reversal"),
                        models.Q(("kind", "manual"), ("rule_version", None)),
                        models.Q(("kind", "standard"), ("rule_version__isnull", False)),
                        _connector="OR",
                    ),
                    name="entry_by_rule_or_by_hand",
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="JournalLine",
        fields=[
            ("id", row_id()),
            ("position", models.SmallIntegerField()),
            ("date", models.DateField(help_text="The entry's, kept here so that balances read one index.")),
            ("currency", CurrencyField()),
            ("debit", models.DecimalField(decimal_places=4, max_digits=19)),
            ("credit", models.DecimalField(decimal_places=4, max_digits=19)),
            ("base_debit", models.DecimalField(decimal_places=4, max_digits=19)),
            ("base_credit", models.DecimalField(decimal_places=4, max_digits=19)),
            ("role", models.CharField(max_length=60)),
            (
                "resolved_by",
                models.CharField(
                    choices=[
                        ("contract_item", "Contract item"),
                        ("product", "Product"),
                        ("product_family", "Product family"),
                        ("customer", "Customer"),
                        ("entity_currency", "Business entity and currency"),
                        ("entity", "Business entity"),
                        ("tenant", "Whole company"),
                        ("person", "Person"),
                    ],
                    help_text="The step that chose the account.",
                    max_length=20,
                ),
            ),
            ("customer_id", models.BigIntegerField(null=True)),
            ("contract_id", models.BigIntegerField(null=True)),
            ("contract_item_id", models.BigIntegerField(null=True)),
            ("product_id", models.BigIntegerField(null=True)),
            ("invoice_id", models.BigIntegerField(null=True)),
            ("credit_note_id", models.BigIntegerField(null=True)),
            ("payment_id", models.BigIntegerField(null=True)),
            ("tax_rate_id", models.BigIntegerField(null=True)),
            (
                "account",
                models.ForeignKey(
                    db_constraint=False,
                    db_index=False,
                    on_delete=models.PROTECT,
                    related_name="lines",
                    to="accounting.account",
                ),
            ),
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
                "entry",
                models.ForeignKey(
                    db_constraint=False,
                    db_index=False,
                    on_delete=models.PROTECT,
                    related_name="lines",
                    to="accounting.journalentry",
                ),
            ),
            (
                "tenant",
                models.ForeignKey(
                    db_constraint=False, db_index=False, editable=False, on_delete=models.PROTECT, to="billing.tenant"
                ),
            ),
            ("refund_id", models.BigIntegerField(null=True)),
            ("obligation_id", models.BigIntegerField(null=True)),
        ],
        options={
            "ordering": ("entry", "position"),
            "indexes": [
                models.Index(fields=["account", "date"], include=("base_debit", "base_credit"), name="line_balance")
            ],
            "constraints": [
                models.UniqueConstraint(fields=("entry", "position"), name="line_position"),
                models.CheckConstraint(
                    condition=models.Q(
                        models.Q(
                            ("base_credit", Decimal("0.0")),
                            ("base_debit__gte", Decimal("0.0")),
                            ("credit", Decimal("0.0")),
                            ("debit__gte", Decimal("0.0")),
                            models.Q(
                                ("debit__gt", Decimal("0.0")), ("base_debit__gt", Decimal("0.0")), _connector="OR"
                            ),
                        ),
                        models.Q(
                            ("base_credit__gte", Decimal("0.0")),
                            ("base_debit", Decimal("0.0")),
                            ("credit__gte", Decimal("0.0")),
                            ("debit", Decimal("0.0")),
                            models.Q(
                                ("credit__gt", Decimal("0.0")), ("base_credit__gt", Decimal("0.0")), _connector="OR"
                            ),
                        ),
                        _connector="OR",
                    ),
                    name="line_is_debit_or_credit",
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="UnsummedEntries",
        fields=[
            ("first_entry", models.BigIntegerField(primary_key=True, serialize=False)),
            ("last_entry", models.BigIntegerField()),
            ("first_date", models.DateField(help_text="No entry of the run is dated before.")),
            ("last_date", models.DateField(help_text="No entry of the run is dated after.")),
            (
                "tenant",
                models.ForeignKey(
                    db_constraint=False, db_index=False, editable=False, on_delete=models.PROTECT, to="billing.tenant"
                ),
            ),
        ],
        options={"verbose_name_plural": "unsummed entries"},
    ),
    migrations.CreateModel(
        name="DailyBalance",
        fields=[
            ("id", row_id()),
            ("currency", CurrencyField()),
            ("debit", models.DecimalField(decimal_places=4, max_digits=24)),
            ("credit", models.DecimalField(decimal_places=4, max_digits=24)),
            ("base_debit", models.DecimalField(decimal_places=4, max_digits=24)),
            ("base_credit", models.DecimalField(decimal_places=4, max_digits=24)),
            ("date", models.DateField()),
            (
                "account",
                models.ForeignKey(db_index=False, on_delete=models.PROTECT, related_name="+", to="accounting.account"),
            ),
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
            ("tenant", tenant()),
        ],
        options={
            "indexes": [models.Index(fields=["business_entity", "date"], name="daily_balance_by_date")],
            "constraints": [models.UniqueConstraint(fields=("account", "date", "currency"), name="daily_balance_once")],
        },
    ),
    migrations.CreateModel(
        name="ExchangeRate",
        fields=[
            ("id", row_id()),
            ("source", models.CharField(help_text="Who published it, such as ECB.", max_length=20)),
            ("date", models.DateField()),
            ("bank_currency", CurrencyField(help_text="The currency that the bank compares the others with.")),
            ("currency", CurrencyField()),
            (
                "quotation",
                models.CharField(
                    choices=[
                        ("foreign_per_bank", "Foreign units for one unit of the bank's currency"),
                        ("bank_per_foreign", "Units of the bank's currency for one foreign unit"),
                    ],
                    max_length=20,
                ),
            ),
            ("rate", models.DecimalField(decimal_places=10, max_digits=24)),
            ("number", models.PositiveSmallIntegerField(default=1, help_text="1; a correction has the next one.")),
            ("recorded_at", models.DateTimeField(auto_now_add=True)),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("-date", "bank_currency", "currency", "-number"),
            "constraints": [
                models.UniqueConstraint(
                    fields=("tenant", "date", "bank_currency", "currency", "number"), name="rate_of_a_day_once"
                ),
                models.CheckConstraint(condition=models.Q(("rate__gt", 0)), name="rate_is_positive"),
                models.CheckConstraint(
                    condition=models.Q(("currency", models.F("bank_currency")), _negated=True),
                    name="rate_of_two_currencies",
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="CarryingAmount",
        fields=[
            ("id", row_id()),
            ("role", models.CharField(max_length=60)),
            ("currency", CurrencyField()),
            ("subject", models.CharField(max_length=60)),
            ("layer", models.BigIntegerField(default=0)),
            ("amount", models.DecimalField(decimal_places=4, max_digits=24)),
            ("base", models.DecimalField(decimal_places=4, max_digits=24)),
            (
                "business_entity",
                models.ForeignKey(
                    db_index=False, on_delete=models.PROTECT, related_name="+", to="billing.businessentity"
                ),
            ),
            ("tenant", tenant()),
        ],
        options={
            "constraints": [
                models.UniqueConstraint(
                    fields=("tenant", "business_entity", "role", "currency", "subject", "layer"), name="carried_once"
                )
            ]
        },
    ),
    migrations.CreateModel(
        name="ManualEntry",
        fields=[
            ("id", row_id()),
            ("date", models.DateField()),
            ("currency", CurrencyField(editable=False)),
            (
                "description",
                models.CharField(help_text="Becomes the description of the journal entry.", max_length=150),
            ),
            (
                "note",
                models.TextField(
                    blank=True, help_text="For whoever approves it, and for the auditor.", verbose_name="why"
                ),
            ),
            (
                "status",
                models.CharField(
                    choices=[("draft", "Draft"), ("submitted", "Waiting for approval"), ("posted", "Posted")],
                    default="draft",
                    editable=False,
                    max_length=10,
                ),
            ),
            (
                "reverse_on",
                models.DateField(
                    blank=True,
                    help_text="For an accrual: usually the first day of the next month.",
                    null=True,
                    verbose_name="reverse by itself on",
                ),
            ),
            (
                "repeat",
                models.PositiveSmallIntegerField(
                    choices=[(0, "Once"), (1, "Every month"), (3, "Every three months"), (12, "Every year")],
                    default=0,
                    verbose_name="post it",
                ),
            ),
            ("repeat_until", models.DateField(blank=True, null=True, verbose_name="last time by")),
            (
                "authors",
                ArrayField(
                    base_field=models.BigIntegerField(),
                    editable=False,
                    help_text="Everybody who wrote or changed it.",
                    size=None,
                ),
            ),
            ("created_at", models.DateTimeField(auto_now_add=True)),
            ("submitted_at", models.DateTimeField(editable=False, null=True)),
            ("approved_at", models.DateTimeField(editable=False, null=True)),
            ("returned_reason", models.CharField(blank=True, editable=False, max_length=200)),
            (
                "approved_by",
                models.ForeignKey(
                    editable=False, null=True, on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                ),
            ),
            (
                "business_entity",
                models.ForeignKey(on_delete=models.PROTECT, related_name="+", to="billing.businessentity"),
            ),
            (
                "created_by",
                models.ForeignKey(
                    editable=False, null=True, on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                ),
            ),
            (
                "series",
                models.ForeignKey(
                    editable=False,
                    null=True,
                    on_delete=models.PROTECT,
                    related_name="occurrences",
                    to="accounting.manualentry",
                ),
            ),
            (
                "submitted_by",
                models.ForeignKey(
                    editable=False, null=True, on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                ),
            ),
            ("tenant", tenant()),
        ],
        options={
            "verbose_name_plural": "manual entries",
            "ordering": ("-date", "-id"),
            "constraints": [
                models.UniqueConstraint(fields=("series", "date"), name="manual_occurrence_once"),
                models.CheckConstraint(
                    condition=models.Q(
                        ("approved_by", None),
                        models.Q(
                            models.Q(("authors__contains", [models.F("approved_by")]), _negated=True),
                            models.Q(("approved_by", models.F("submitted_by")), _negated=True),
                        ),
                        _connector="OR",
                    ),
                    name="manual_entry_approved_by_another",
                ),
                models.CheckConstraint(
                    condition=models.Q(
                        models.Q(("approved_at__isnull", False), ("approved_by__isnull", False), ("status", "posted")),
                        models.Q(
                            models.Q(("status", "posted"), _negated=True), ("approved_at", None), ("approved_by", None)
                        ),
                        _connector="OR",
                    ),
                    name="manual_entry_posted_when_approved",
                ),
                models.CheckConstraint(
                    condition=models.Q(("reverse_on", None), ("reverse_on__gt", models.F("date")), _connector="OR"),
                    name="manual_entry_reversed_later",
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="ManualEntryLine",
        fields=[
            ("id", row_id()),
            ("position", models.PositiveSmallIntegerField()),
            ("debit", models.DecimalField(decimal_places=4, default=0, max_digits=19)),
            ("credit", models.DecimalField(decimal_places=4, default=0, max_digits=19)),
            ("account", models.ForeignKey(on_delete=models.PROTECT, related_name="+", to="accounting.account")),
            (
                "contract",
                models.ForeignKey(
                    blank=True, null=True, on_delete=models.PROTECT, related_name="+", to="billing.contract"
                ),
            ),
            (
                "customer",
                models.ForeignKey(
                    blank=True, null=True, on_delete=models.PROTECT, related_name="+", to="billing.customer"
                ),
            ),
            ("entry", models.ForeignKey(on_delete=models.CASCADE, related_name="lines", to="accounting.manualentry")),
            (
                "product",
                models.ForeignKey(
                    blank=True, null=True, on_delete=models.PROTECT, related_name="+", to="billing.product"
                ),
            ),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("entry", "position"),
            "constraints": [
                models.UniqueConstraint(fields=("entry", "position"), name="manual_line_position"),
                models.CheckConstraint(
                    condition=models.Q(
                        models.Q(("credit", 0), ("debit__gt", 0)),
                        models.Q(("credit__gt", 0), ("debit", 0)),
                        _connector="OR",
                    ),
                    name="manual_line_is_debit_or_credit",
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="Attachment",
        fields=[
            ("id", row_id()),
            ("name", models.CharField(max_length=150)),
            ("content_type", models.CharField(max_length=100)),
            ("size", models.PositiveIntegerField()),
            ("sha256", models.CharField(max_length=64)),
            ("content", models.BinaryField()),
            ("uploaded_at", models.DateTimeField(auto_now_add=True)),
            ("tenant", tenant()),
            (
                "uploaded_by",
                models.ForeignKey(null=True, on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
            ),
            (
                "entry",
                models.ForeignKey(on_delete=models.PROTECT, related_name="attachments", to="accounting.manualentry"),
            ),
        ],
        options={
            "ordering": ("id",),
            "constraints": [models.UniqueConstraint(fields=("entry", "sha256"), name="attachment_once")],
        },
    ),
    migrations.CreateModel(
        name="RecognitionSchedule",
        fields=[
            ("id", row_id()),
            (
                "invoice_line_id",
                models.BigIntegerField(help_text="Set where no contract item stands behind the charge.", null=True),
            ),
            ("product_family_id", models.BigIntegerField(null=True)),
            ("pricing_model", models.CharField(blank=True, max_length=30)),
            (
                "method",
                models.CharField(
                    choices=[
                        ("straight_line_days", "Straight line by days"),
                        ("straight_line_months", "Straight line by months"),
                        ("equal_per_period", "Equal parts: a partial month counts as a whole one"),
                        ("point_in_time", "At once, on the first day of service"),
                        ("on_invoice", "At once, when invoiced"),
                        ("on_delivery", "At once, when delivery is confirmed"),
                        ("milestones", "By milestones reached"),
                        ("percentage", "By percentage of completion"),
                        ("as_consumed", "As prepaid credits are used"),
                    ],
                    max_length=30,
                ),
            ),
            ("service_start", models.DateField()),
            ("service_end", models.DateField(verbose_name="service ends before")),
            ("currency", CurrencyField()),
            ("amount", AmountField(decimal_places=4, max_digits=19)),
            ("billed", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            ("recognized", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            ("released", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            ("spread_from", models.DateField()),
            ("spread_base", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            ("recognized_until", models.DateField(help_text="The first day not yet recognized.", null=True)),
            ("postings", models.SmallIntegerField(default=0)),
            ("is_metered", models.BooleanField(default=False)),
            ("is_committed", models.BooleanField(default=False)),
            ("is_void", models.BooleanField(default=False)),
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
                "contract",
                models.ForeignKey(
                    db_constraint=False,
                    null=True,
                    on_delete=models.PROTECT,
                    related_name="schedules",
                    to="billing.contract",
                ),
            ),
            (
                "contract_item",
                models.ForeignKey(
                    db_constraint=False,
                    db_index=False,
                    null=True,
                    on_delete=models.PROTECT,
                    related_name="schedules",
                    to="billing.contractitem",
                ),
            ),
            (
                "customer",
                models.ForeignKey(
                    db_constraint=False,
                    db_index=False,
                    on_delete=models.PROTECT,
                    related_name="+",
                    to="billing.customer",
                ),
            ),
            (
                "product",
                models.ForeignKey(
                    db_constraint=False,
                    db_index=False,
                    on_delete=models.PROTECT,
                    related_name="+",
                    to="billing.product",
                ),
            ),
            (
                "tenant",
                models.ForeignKey(
                    db_constraint=False, db_index=False, editable=False, on_delete=models.PROTECT, to="billing.tenant"
                ),
            ),
            (
                "is_planned",
                models.BooleanField(
                    default=False, help_text="What is left is earned by written parts, not by the method's formula."
                ),
            ),
            (
                "obligation_id",
                models.BigIntegerField(
                    help_text="Set where the price is that of a performance obligation, not of one service period.",
                    null=True,
                ),
            ),
            (
                "true_up",
                AmountField(
                    decimal_places=4,
                    default=Money(0, "USD"),
                    help_text="The part of the price that tops usage up to the agreed minimum.",
                    max_digits=19,
                ),
            ),
        ],
        options={
            "ordering": ("contract_item", "service_start"),
            "indexes": [
                models.Index(
                    condition=models.Q(models.Q(("recognized", models.F("amount")), _negated=True), ("is_void", False)),
                    fields=["tenant", "service_start"],
                    name="schedule_unfinished",
                )
            ],
            "constraints": [
                models.UniqueConstraint(
                    condition=models.Q(("contract_item__isnull", False), ("obligation_id", None)),
                    fields=("contract_item", "service_start"),
                    name="one_schedule_per_service_period",
                ),
                models.UniqueConstraint(
                    condition=models.Q(("contract_item", None), ("obligation_id", None)),
                    fields=("invoice_line_id",),
                    name="one_schedule_per_line",
                ),
                models.UniqueConstraint(
                    condition=models.Q(("obligation_id", None), _negated=True),
                    fields=("obligation_id",),
                    name="one_schedule_per_obligation",
                ),
                models.CheckConstraint(
                    condition=models.Q(("service_end__gt", models.F("service_start"))), name="schedule_has_days"
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="ContractCommitment",
        fields=[
            ("id", row_id()),
            ("currency", CurrencyField()),
            ("committed", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            ("billed", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            ("recognized", AmountField(decimal_places=4, default=Money(0, "USD"), max_digits=19)),
            (
                "contract_item",
                models.OneToOneField(on_delete=models.PROTECT, related_name="commitment", to="billing.contractitem"),
            ),
            ("tenant", tenant()),
        ],
        options={
            "constraints": [
                models.CheckConstraint(
                    condition=models.Q(
                        ("billed__gte", 0),
                        ("billed__lte", models.F("committed")),
                        ("recognized__gte", 0),
                        ("recognized__lte", models.F("committed")),
                    ),
                    name="commitment_not_exceeded",
                )
            ]
        },
    ),
    migrations.CreateModel(
        name="PerformanceObligation",
        fields=[
            ("id", row_id()),
            ("number", models.PositiveSmallIntegerField()),
            ("pool", models.PositiveSmallIntegerField()),
            ("name", models.CharField(max_length=200)),
            ("currency", CurrencyField()),
            (
                "stated_price",
                AmountField(
                    decimal_places=4, help_text="What its items add up to at the prices of the contract.", max_digits=19
                ),
            ),
            (
                "standalone_price",
                AmountField(decimal_places=4, help_text="What they would add up to sold alone.", max_digits=19),
            ),
            (
                "contract",
                models.ForeignKey(on_delete=models.PROTECT, related_name="obligations", to="billing.contract"),
            ),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("contract", "number"),
            "constraints": [models.UniqueConstraint(fields=("contract", "number"), name="obligation_number")],
        },
    ),
    migrations.CreateModel(
        name="ObligationItem",
        fields=[
            ("id", row_id()),
            ("start", models.DateField()),
            (
                "contract_item",
                models.ForeignKey(on_delete=models.PROTECT, related_name="obligations", to="billing.contractitem"),
            ),
            ("tenant", tenant()),
            (
                "obligation",
                models.ForeignKey(
                    on_delete=models.PROTECT, related_name="items", to="accounting.performanceobligation"
                ),
            ),
        ],
        options={
            "constraints": [models.UniqueConstraint(fields=("contract_item", "start"), name="obligation_of_item_once")]
        },
    ),
    migrations.CreateModel(
        name="SchedulePart",
        fields=[
            ("id", row_id()),
            ("start", models.DateField()),
            ("end", models.DateField()),
            ("currency", CurrencyField()),
            ("amount", AmountField(decimal_places=4, max_digits=19)),
            (
                "schedule",
                models.ForeignKey(on_delete=models.CASCADE, related_name="parts", to="accounting.recognitionschedule"),
            ),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("schedule", "start"),
            "constraints": [
                models.UniqueConstraint(fields=("schedule", "start"), name="schedule_part_start"),
                models.CheckConstraint(
                    condition=models.Q(("end__gt", models.F("start"))), name="schedule_part_has_days"
                ),
            ],
        },
    ),
    migrations.CreateModel(
        name="ScheduleRevision",
        fields=[
            ("id", row_id()),
            ("effective_on", models.DateField()),
            ("reason", models.CharField(max_length=300)),
            ("before", models.JSONField()),
            ("after", models.JSONField()),
            ("made_at", models.DateTimeField(auto_now_add=True)),
            (
                "made_by",
                models.ForeignKey(null=True, on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
            ),
            (
                "schedule",
                models.ForeignKey(
                    on_delete=models.PROTECT, related_name="revisions", to="accounting.recognitionschedule"
                ),
            ),
            ("tenant", tenant()),
        ],
        options={"ordering": ("schedule", "-id")},
    ),
    migrations.CreateModel(
        name="ProgressReport",
        fields=[
            ("id", row_id()),
            ("reached_on", models.DateField()),
            ("percent", models.DecimalField(decimal_places=6, max_digits=9)),
            (
                "evidence",
                models.CharField(help_text="Such as a delivery note, or the milestone's name.", max_length=200),
            ),
            ("reported_at", models.DateTimeField(auto_now_add=True)),
            (
                "reported_by",
                models.ForeignKey(null=True, on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
            ),
            (
                "schedule",
                models.ForeignKey(
                    on_delete=models.PROTECT, related_name="progress", to="accounting.recognitionschedule"
                ),
            ),
            ("tenant", tenant()),
        ],
        options={
            "ordering": ("schedule", "reached_on", "id"),
            "constraints": [
                models.CheckConstraint(
                    condition=models.Q(("percent__gte", 0), ("percent__lte", 100)), name="progress_in_percent"
                )
            ],
        },
    ),
    migrations.CreateModel(
        name="RoleAccount",
        fields=[
            ("id", row_id()),
            ("role", models.CharField(max_length=60)),
            (
                "account",
                models.ForeignKey(
                    db_constraint=False, on_delete=models.DO_NOTHING, related_name="+", to="accounting.account"
                ),
            ),
            ("tenant", tenant()),
        ],
        options={
            "constraints": [models.UniqueConstraint(fields=("tenant", "role", "account"), name="role_account_once")]
        },
    ),
    migrations.CreateModel(
        name="CorrectionSplit",
        fields=[
            ("id", row_id()),
            ("event_kind", models.CharField(max_length=40)),
            ("event_key", models.CharField(max_length=100)),
            ("invoice_line_id", models.BigIntegerField()),
            ("currency", CurrencyField()),
            ("unearned", AmountField(decimal_places=4, max_digits=19)),
            ("earned", AmountField(decimal_places=4, max_digits=19)),
            ("tax", AmountField(decimal_places=4, max_digits=19)),
            ("tenant", tenant()),
            (
                "obligations",
                models.JSONField(
                    db_default=models.Value({}, models.JSONField()),
                    default=dict,
                    help_text="Of the unearned part: how much each obligation lost, by its id.",
                ),
            ),
        ],
        options={
            "constraints": [
                models.UniqueConstraint(
                    fields=("tenant", "event_kind", "event_key", "invoice_line_id"), name="one_split_per_line"
                )
            ]
        },
    ),
    migrations.CreateModel(
        name="AccountingPeriod",
        fields=[
            ("id", row_id()),
            ("start", models.DateField()),
            ("end", models.DateField(verbose_name="ends before")),
            (
                "status",
                models.CharField(choices=[("open", "Open"), ("closed", "Closed")], default="open", max_length=10),
            ),
            ("closed_at", models.DateTimeField(null=True)),
            ("reopened_at", models.DateTimeField(null=True)),
            ("reopen_reason", models.CharField(blank=True, max_length=200)),
            (
                "business_entity",
                models.ForeignKey(on_delete=models.PROTECT, related_name="periods", to="billing.businessentity"),
            ),
            (
                "closed_by",
                models.ForeignKey(null=True, on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
            ),
            (
                "reopened_by",
                models.ForeignKey(null=True, on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
            ),
            ("tenant", tenant()),
            (
                "close_checks",
                models.JSONField(
                    blank=True,
                    db_default=models.Value([], models.JSONField()),
                    default=list,
                    help_text="What the check list said when it was closed.",
                ),
            ),
            (
                "seal",
                models.ForeignKey(
                    editable=False,
                    help_text="The proof of the closing that holds; set and taken by the database.",
                    null=True,
                    on_delete=models.PROTECT,
                    related_name="+",
                    to="accounting.periodseal",
                ),
            ),
        ],
        options={
            "ordering": ("business_entity", "-start"),
            "constraints": [models.UniqueConstraint(fields=("business_entity", "start"), name="period_once")],
        },
    ),
    migrations.CreateModel(
        name="PeriodSeal",
        fields=[
            ("id", row_id()),
            ("number", models.PositiveSmallIntegerField(help_text="Counts the closings of the period.")),
            ("format", models.PositiveSmallIntegerField(help_text="What the digest covers, and how it is written.")),
            ("digest", models.CharField(max_length=64)),
            ("previous_digest", models.CharField(blank=True, max_length=64)),
            ("entries", models.PositiveIntegerField()),
            ("lines", models.PositiveIntegerField()),
            ("base_debit", models.DecimalField(decimal_places=4, max_digits=24, verbose_name="debits")),
            ("closed_at", models.DateTimeField()),
            ("checks", models.JSONField(default=list, help_text="What the check list said at closing.")),
            (
                "closed_by",
                models.ForeignKey(null=True, on_delete=models.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
            ),
            (
                "period",
                models.ForeignKey(on_delete=models.PROTECT, related_name="seals", to="accounting.accountingperiod"),
            ),
            ("tenant", tenant()),
            (
                "release",
                models.JSONField(
                    help_text="By month, how much of deferred revenue was to become revenue, as the schedules stood.",
                    null=True,
                ),
            ),
        ],
        options={
            "ordering": ("period", "-number"),
            "constraints": [models.UniqueConstraint(fields=("period", "number"), name="seal_number")],
        },
    ),
    migrations.CreateModel(
        name="SealedBalance",
        fields=[
            ("id", row_id()),
            ("currency", CurrencyField()),
            ("debit", models.DecimalField(decimal_places=4, max_digits=24)),
            ("credit", models.DecimalField(decimal_places=4, max_digits=24)),
            ("base_debit", models.DecimalField(decimal_places=4, max_digits=24)),
            ("base_credit", models.DecimalField(decimal_places=4, max_digits=24)),
            (
                "account",
                models.ForeignKey(db_index=False, on_delete=models.PROTECT, related_name="+", to="accounting.account"),
            ),
            ("seal", models.ForeignKey(on_delete=models.PROTECT, related_name="balances", to="accounting.periodseal")),
            ("tenant", tenant()),
        ],
        options={
            "constraints": [models.UniqueConstraint(fields=("seal", "account", "currency"), name="sealed_balance_once")]
        },
    ),
    migrations.CreateModel(
        name="SealedCustomerBalance",
        fields=[
            ("id", row_id()),
            ("currency", CurrencyField()),
            ("debit", models.DecimalField(decimal_places=4, max_digits=24)),
            ("credit", models.DecimalField(decimal_places=4, max_digits=24)),
            ("base_debit", models.DecimalField(decimal_places=4, max_digits=24)),
            ("base_credit", models.DecimalField(decimal_places=4, max_digits=24)),
            ("role", models.CharField(max_length=60)),
            ("customer_id", models.BigIntegerField(null=True)),
            (
                "account",
                models.ForeignKey(db_index=False, on_delete=models.PROTECT, related_name="+", to="accounting.account"),
            ),
            (
                "seal",
                models.ForeignKey(
                    on_delete=models.PROTECT, related_name="customer_balances", to="accounting.periodseal"
                ),
            ),
            ("tenant", tenant()),
        ],
        options={
            "constraints": [
                models.UniqueConstraint(
                    fields=("seal", "role", "account", "customer_id", "currency"),
                    name="sealed_customer_balance_once",
                    nulls_distinct=False,
                )
            ]
        },
    ),
]


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("accounting", "0001_initial"),
        ("accounting", "0004_correction_splits"),
        ("accounting", "0005_bad_debt_policy"),
        ("accounting", "0006_credits_as_consumed"),
        ("accounting", "0008_balances_and_seals"),
        ("accounting", "0010_manual_entries"),
        ("accounting", "0013_obligations"),
        ("accounting", "0015_exchange_rates"),
        ("accounting", "0016_rule_drafts_and_previews"),
        ("accounting", "0017_refund_and_obligation"),
        ("accounting", "0018_release_kept"),
        ("accounting", "0021_close_choices"),
        ("accounting", "0022_one_entry_for_less"),
    ]
    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL), ("billing", "0001_tables")]

    operations = [CreateTables(TABLES)]
