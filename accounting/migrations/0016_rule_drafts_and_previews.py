"""Rules change by drafts that are tried before they hold; events without a rule keep how they were measured."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from billing.walls import RaiseWalls

_FOR_EVER = ("accounting_rulepreview", "accounting_previewedevent")

# Each version takes its rule's priority over, used or not: tenant by tenant, through each one's wall.
TAKE_OVER = """
ALTER TABLE accounting_ruleversion DISABLE TRIGGER USER;
DO $$
DECLARE
    scope text := coalesce(current_setting('counterfoil.tenant', true), '');
    company bigint;
BEGIN
    FOR company IN SELECT id FROM billing_tenant LOOP
        PERFORM set_config('counterfoil.tenant', company::text, true);
        UPDATE accounting_ruleversion v SET priority = r.priority FROM accounting_accountingrule r
            WHERE r.id = v.rule_id AND v.tenant_id = company AND r.priority <> v.priority;
    END LOOP;
    PERFORM set_config('counterfoil.tenant', scope, true);
END $$;
ALTER TABLE accounting_ruleversion ENABLE TRIGGER USER;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounting", "0015_exchange_rates"),
        ("billing", "0009_modifications"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="accountingrule",
            options={"ordering": ("event_kind", "code")},
        ),
        migrations.AddField(
            model_name="ruleversion",
            name="is_draft",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="ruleversion",
            name="priority",
            field=models.PositiveSmallIntegerField(db_default=100, default=100),
        ),
        migrations.RunSQL(TAKE_OVER, migrations.RunSQL.noop),
        migrations.RemoveField(
            model_name="accountingrule",
            name="priority",
        ),
        migrations.AddField(
            model_name="unmatchedevent",
            name="measured",
            field=models.JSONField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="unmatchedevent",
            name="posted_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="unmatchedevent",
            name="posted_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.CreateModel(
            name="RulePreview",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64)),
                ("first_day", models.DateField()),
                ("last_day", models.DateField()),
                ("events", models.PositiveIntegerField(help_text="Events of the rule's kind on these days.")),
                (
                    "changed_events",
                    models.PositiveIntegerField(help_text="Events that would have been posted otherwise."),
                ),
                ("unmatched_events", models.PositiveIntegerField(help_text="Events that no rule would speak of.")),
                ("accounts", models.JSONField()),
                ("made_at", models.DateTimeField()),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to="billing.tenant"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="previews",
                        to="accounting.ruleversion",
                    ),
                ),
            ],
            options={
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="PreviewedEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("posted", models.JSONField()),
                ("drafted", models.JSONField()),
                (
                    "event",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.businessevent",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to="billing.tenant"
                    ),
                ),
                (
                    "preview",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="differences",
                        to="accounting.rulepreview",
                    ),
                ),
            ],
            options={
                "ordering": ("preview", "id"),
            },
        ),
        RaiseWalls(["accounting_rulepreview", "accounting_previewedevent"]),
        migrations.RunSQL(
            [
                f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change()"
                for table in _FOR_EVER
            ],
            [f"DROP TRIGGER append_only ON {table}" for table in _FOR_EVER],
        ),
    ]
