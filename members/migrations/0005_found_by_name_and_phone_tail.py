"""Indexes for the console's box: the beginning of a name in either case, and the end of a phone."""

from django.db import migrations, models
from django.db.models.functions import Right


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0004_longer_return_numbers"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="identity",
            index=models.Index(
                Right("subject", 4),
                condition=models.Q(("provider", "phone")),
                name="identity_phone_tail",
            ),
        ),
        # An operator class beside an expression needs django.contrib.postgres; this one index does not pay for it.
        migrations.RunSQL(
            "CREATE INDEX member_name ON members_member (UPPER(name) text_pattern_ops)",
            "DROP INDEX member_name",
        ),
    ]
