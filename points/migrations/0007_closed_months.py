from django.db import migrations, models

import loyalty.lib.ids
from points import sqlfiles


class Migration(migrations.Migration):
    dependencies = [
        ("points", "0006_noticepolicy"),
    ]

    operations = [
        migrations.CreateModel(
            name="ClosedMonth",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=loyalty.lib.ids.new, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("month", models.DateField(unique=True, verbose_name="month")),
                ("ends_at", models.DateTimeField(unique=True, verbose_name="ends")),
                ("closed_at", models.DateTimeField(verbose_name="closed")),
                ("actor", models.TextField(verbose_name="actor")),
            ],
            options={
                "verbose_name": "closed month",
                "verbose_name_plural": "closed months",
            },
        ),
        sqlfiles.load("closing"),
    ]
