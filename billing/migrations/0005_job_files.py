"""Files that a job makes to be downloaded."""

import django.db.models.deletion
from django.db import migrations, models

from billing.walls import RaiseWalls


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0004_audit_trail"),
    ]

    operations = [
        migrations.CreateModel(
            name="JobFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=150)),
                ("size", models.PositiveIntegerField()),
                ("content", models.BinaryField()),
                ("made_at", models.DateTimeField(auto_now_add=True)),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="files", to="billing.job"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to="billing.tenant"
                    ),
                ),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        RaiseWalls(["billing_jobfile"]),
    ]
