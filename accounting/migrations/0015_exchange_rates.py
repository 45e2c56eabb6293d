"""Exchange rates, and what foreign balances are carried at. A line may be nothing in base currency, if it is something in its own."""

import django.db.models.deletion
from django.db import migrations, models

import billing.fields
from billing.walls import RaiseWalls


class Migration(migrations.Migration):
    dependencies = [
        ("accounting", "0014_guard_and_note"),
        ("billing", "0010_entity_of_event"),
    ]

    operations = [
        migrations.CreateModel(
            name="CarryingAmount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("role", models.CharField(max_length=60)),
                ("currency", billing.fields.CurrencyField()),
                ("subject", models.CharField(max_length=60)),
                ("layer", models.BigIntegerField(default=0)),
                ("amount", models.DecimalField(decimal_places=4, max_digits=24)),
                ("base", models.DecimalField(decimal_places=4, max_digits=24)),
            ],
        ),
        migrations.CreateModel(
            name="ExchangeRate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(help_text="Who published it, such as ECB.", max_length=20)),
                ("date", models.DateField()),
                (
                    "bank_currency",
                    billing.fields.CurrencyField(help_text="The currency that the bank compares the others with."),
                ),
                ("currency", billing.fields.CurrencyField()),
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
            ],
            options={
                "ordering": ("-date", "bank_currency", "currency", "-number"),
            },
        ),
        migrations.RemoveConstraint(
            model_name="journalline",
            name="line_is_debit_or_credit",
        ),
        migrations.AddConstraint(
            model_name="journalline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("base_credit", 0), ("base_debit__gt", 0), ("credit", 0), ("debit__gte", 0)),
                    models.Q(("base_credit__gt", 0), ("base_debit", 0), ("credit__gte", 0), ("debit", 0)),
                    models.Q(("base_credit", 0), ("base_debit", 0), ("credit", 0), ("debit__gt", 0)),
                    models.Q(("base_credit", 0), ("base_debit", 0), ("credit__gt", 0), ("debit", 0)),
                    _connector="OR",
                ),
                name="line_is_debit_or_credit",
            ),
        ),
        migrations.AddField(
            model_name="carryingamount",
            name="business_entity",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="billing.businessentity",
            ),
        ),
        migrations.AddField(
            model_name="carryingamount",
            name="tenant",
            field=models.ForeignKey(
                db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to="billing.tenant"
            ),
        ),
        migrations.AddField(
            model_name="exchangerate",
            name="tenant",
            field=models.ForeignKey(
                db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to="billing.tenant"
            ),
        ),
        migrations.AddConstraint(
            model_name="carryingamount",
            constraint=models.UniqueConstraint(
                fields=("tenant", "business_entity", "role", "currency", "subject", "layer"), name="carried_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangerate",
            constraint=models.UniqueConstraint(
                fields=("tenant", "date", "bank_currency", "currency", "number"), name="rate_of_a_day_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangerate",
            constraint=models.CheckConstraint(condition=models.Q(("rate__gt", 0)), name="rate_is_positive"),
        ),
        migrations.AddConstraint(
            model_name="exchangerate",
            constraint=models.CheckConstraint(
                condition=models.Q(("currency", models.F("bank_currency")), _negated=True),
                name="rate_of_two_currencies",
            ),
        ),
        RaiseWalls(["accounting_carryingamount", "accounting_exchangerate"]),
        migrations.RunSQL(
            "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON accounting_exchangerate "
            "FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change()",
            "DROP TRIGGER append_only ON accounting_exchangerate",
        ),
    ]
