import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """An entry's lot is found by its id; only lots with ids of their own need an index (docs/adr/0014)."""

    dependencies = [("points", "0009_bulk_by_shapes")]

    operations = [
        migrations.AddField(
            model_name="entry",
            name="own_lot",
            field=models.ForeignObject(
                editable=False,
                from_fields=["id"],
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="points.lot",
                to_fields=["id"],
            ),
        ),
        migrations.AlterField(
            model_name="lot",
            name="entry",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="opened_lots",
                to="points.entry",
                verbose_name="entry",
            ),
        ),
        migrations.AddIndex(
            model_name="lot",
            index=models.Index(
                condition=models.Q(("entry", models.F("id")), _negated=True),
                fields=["entry"],
                name="points_lot_received",
            ),
        ),
    ]
