from django.db import migrations


class Migration(migrations.Migration):
    """Without indexes that only LIKE on the bare column would use: nobody asks so (docs/adr/0017)."""

    dependencies = [("campaigns", "0015_claims")]

    operations = [
        migrations.RunSQL(
            "DROP INDEX IF EXISTS campaigns_segmentmember_code_9149bef5_like,"
            " campaigns_captotal_rule_f74ef4be_like",
            migrations.RunSQL.noop,
        )
    ]
