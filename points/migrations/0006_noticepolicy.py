"""A brand may demand that points do not end unless their member was told."""

from __future__ import annotations

from django.db import migrations, models

from points import sqlfiles


class Migration(migrations.Migration):
    dependencies = [("points", "0005_merges")]

    operations = [
        migrations.CreateModel(
            name="NoticePolicy",
            fields=[
                (
                    "id",
                    models.BigIntegerField(default=1, editable=False, primary_key=True, serialize=False),
                ),
                ("days", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="days of notice")),
                ("updated_at", models.DateTimeField(verbose_name="changed at")),
                (
                    "updated_by",
                    models.CharField(blank=True, default="", max_length=80, verbose_name="changed by"),
                ),
            ],
            options={
                "verbose_name": "notice policy",
                "verbose_name_plural": "notice policies",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="points_noticepolicy_one"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("days__isnull", True),
                            models.Q(("days__gte", 1), ("days__lte", 90)),
                            _connector="OR",
                        ),
                        name="points_noticepolicy_days",
                    ),
                ],
            },
        ),
        sqlfiles.load("notice", "merge", "settle", "due"),
    ]
