"""What a document alone costs: walls that ask for the tenant at each row, a check without conversions, no index twice."""

import django.db.models.deletion
from django.db import migrations, models

from billing.fields import ZERO_IN_SQL
from billing.walls import CHECK_EACH_ROW, AskForEachRow


class Migration(migrations.Migration):
    dependencies = [("billing", "0013_printed_documents")]

    operations = [
        migrations.RunSQL(CHECK_EACH_ROW, migrations.RunSQL.noop),
        AskForEachRow(["billing_numberseries", "billing_customer", "billing_product", "billing_contractitem"]),
        migrations.RemoveConstraint(model_name="invoice", name="invoice_settled_within"),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(settled__gte=ZERO_IN_SQL, settled__lte=models.F("total")),
                name="invoice_settled_within",
            ),
        ),
        migrations.AlterField(
            model_name="invoice",
            name="business_entity",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="invoices",
                to="billing.businessentity",
            ),
        ),
        migrations.AlterField(
            model_name="invoiceline",
            name="invoice",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="lines",
                to="billing.invoice",
            ),
        ),
        migrations.AlterField(
            model_name="numberseries",
            name="business_entity",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, to="billing.businessentity"
            ),
        ),
    ]
