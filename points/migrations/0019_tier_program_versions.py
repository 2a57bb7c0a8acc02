from django.db import migrations, models


class Migration(migrations.Migration):
    """The programmes that were in force, so that members are judged by each; so far the last is known."""

    dependencies = [("points", "0018_credit_spells_ids")]

    operations = [
        migrations.CreateModel(
            name="TierProgramVersion",
            fields=[
                ("version", models.BigIntegerField(editable=False, primary_key=True, serialize=False)),
                ("config", models.JSONField()),
                ("in_force_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "version of the tier programme",
                "verbose_name_plural": "versions of the tier programme",
            },
        ),
        migrations.RunSQL(
            "INSERT INTO points_tierprogramversion(version, config, in_force_at)"
            " SELECT version, config, updated_at FROM points_tierprogram",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            model_name="membertier",
            name="previous",
            field=models.JSONField(blank=True, null=True, verbose_name="held besides"),
        ),
    ]
