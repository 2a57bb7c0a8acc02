import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Without indexes that begin another one, or that only LIKE on the bare column would use (docs/adr/0017)."""

    dependencies = [("mall", "0003_grants")]

    operations = [
        migrations.AlterField(
            model_name="redemption",
            name="member",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="redemptions",
                to="members.member",
                verbose_name="member",
            ),
        ),
        migrations.RunSQL(
            "DROP INDEX IF EXISTS mall_redemption_reference_bd1df02e_like, mall_redemption_code_c110e669_like",
            migrations.RunSQL.noop,
        ),
    ]
