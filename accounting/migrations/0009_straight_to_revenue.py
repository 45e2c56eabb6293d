from django.db import migrations, models

import billing.fields


def _field(default):
    return models.BooleanField(
        db_default=default,
        default=default,
        help_text="Otherwise it passes through deferred revenue on that day.",
        verbose_name="what is earned on the day it is billed goes straight to revenue",
    )


class Migration(migrations.Migration):
    dependencies = [("accounting", "0008_balance_of_one_account")]

    # Books that exist go on through deferred revenue, by the rules they have; new ones begin with what is usual.
    operations = [
        migrations.AddField("accountingpolicy", "straight_to_revenue", _field(False)),
        migrations.AlterField("accountingpolicy", "straight_to_revenue", _field(True)),
        migrations.AddField(
            "recognitionschedule",
            "straight",
            billing.fields.AmountField(default=0, help_text="Revenue of the day it was billed on, never deferred."),
        ),
    ]
