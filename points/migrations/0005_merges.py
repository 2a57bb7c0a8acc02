"""Where a merged member's points are, and the functions that move them; pending lots one by one."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

from points import sqlfiles


class Migration(migrations.Migration):
    dependencies = [("points", "0004_transparency_log")]

    operations = [
        migrations.AddField(
            model_name="account",
            name="moved_to",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="moved_in",
                to="points.account",
                verbose_name="merged into",
            ),
        ),
        migrations.AddField(
            model_name="account",
            name="moved_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="merged at"),
        ),
        migrations.AddIndex(
            model_name="account",
            index=models.Index(
                condition=models.Q(("moved_to__isnull", False)),
                fields=["moved_to"],
                name="points_account_moved",
            ),
        ),
        sqlfiles.load("merge", "settle", "post", "credit", "spend", "correct", "transfer", "pending"),
    ]
