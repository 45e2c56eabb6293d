from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0006_wallet_expiry"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="contractitem",
            name="item_ends_after_start",
        ),
        migrations.AddConstraint(
            model_name="contractitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("end", None), ("end__gte", models.F("start")), _connector="OR"),
                name="item_ends_not_before_start",
            ),
        ),
    ]
