import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Without an index of attempts that begins another one, and one that only LIKE would use
    (docs/adr/0017)."""

    dependencies = [("partners", "0003_batches")]

    operations = [
        migrations.AlterField(
            model_name="webhookattempt",
            name="endpoint",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="partners.webhookendpoint",
                verbose_name="endpoint",
            ),
        ),
        migrations.RunSQL(
            "DROP INDEX IF EXISTS partners_apikey_prefix_90ebd1cf_like", migrations.RunSQL.noop
        ),
    ]
