import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Without indexes that begin another one, or that only LIKE on the bare column would use (docs/adr/0017)."""

    dependencies = [("members", "0006_birthdays")]

    operations = [
        migrations.AlterField(
            model_name="purchase",
            name="member",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="purchases",
                to="members.member",
                verbose_name="member",
            ),
        ),
        migrations.AlterField(
            model_name="purchaseline",
            name="purchase",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="lines",
                to="members.purchase",
            ),
        ),
        migrations.RunSQL(
            "DROP INDEX IF EXISTS members_purchase_order_id_6c9d4136_like", migrations.RunSQL.noop
        ),
    ]
