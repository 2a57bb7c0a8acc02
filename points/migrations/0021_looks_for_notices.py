from django.db import migrations, models

from points import sqlfiles


class Migration(migrations.Migration):
    """Notices by portions of the accounts. Workers of the release before still call the function that took a
    stage at a time: it stays where it is, beside the one of the same name that takes a portion."""

    dependencies = [("points", "0020_burn_in_fewer_statements")]

    operations = [
        migrations.CreateModel(
            name="NoticeLook",
            fields=[
                ("id", models.BigIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                ("asked", models.CharField(blank=True, default="", max_length=200)),
                ("began_at", models.DateTimeField()),
                ("since", models.DateTimeField(blank=True, null=True)),
                ("after", models.UUIDField(blank=True, null=True)),
                ("position", models.BigIntegerField(default=0)),
            ],
            options={
                "verbose_name": "look for expiring points",
                "verbose_name_plural": "looks for expiring points",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("id", 1)), name="points_noticelook_one"
                    )
                ],
            },
        ),
        sqlfiles.load("due"),
    ]
