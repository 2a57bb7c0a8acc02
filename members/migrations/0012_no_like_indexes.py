from django.db import migrations


class Migration(migrations.Migration):
    """Without indexes that only LIKE on the bare column would use: nobody asks so (docs/adr/0017)."""

    dependencies = [("members", "0011_one_check_in_a_day")]

    operations = [
        migrations.RunSQL(
            "DROP INDEX IF EXISTS members_member_referral_code_e49d714c_like,"
            " members_activity_activity_id_349aee88_like, members_purchasereturn_return_id_6c85132f_like,"
            " members_parkedreturn_order_id_2dc3cf62_like, members_parkedreturn_return_id_44840110_like,"
            " members_refreshtoken_digest_7801562e_like",
            migrations.RunSQL.noop,
        )
    ]
