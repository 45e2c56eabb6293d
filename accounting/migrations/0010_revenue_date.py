from django.db import migrations, models

CHOICES = [("month_end", "The month's last day"), ("service_end", "The last day of service in the month")]


def _field(default):
    return models.CharField(
        choices=CHOICES,
        db_default=default,
        default=default,
        max_length=20,
        verbose_name="revenue earned over time is dated",
    )


class Migration(migrations.Migration):
    replaces = [("accounting", "0023_revenue_date")]
    dependencies = [("accounting", "0009_straight_to_revenue")]

    # Books that exist keep the dates they had; new ones begin with what is usual.
    operations = [
        migrations.AddField("accountingpolicy", "revenue_date", _field("service_end")),
        migrations.AlterField("accountingpolicy", "revenue_date", _field("month_end")),
    ]
