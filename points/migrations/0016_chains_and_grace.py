import django.db.models.deletion
from django.db import migrations, models

from points import sqlfiles

# Chains that exist: a merge that moved points says where to; of the others the last of the chain is known.
_FIRST = """
UPDATE points_account account SET first_moved_to_id = coalesce(
  (SELECT received.account_id
   FROM points_entry sent JOIN points_entry received ON received.journal_id = sent.journal_id
     AND received.reference = sent.reference AND received.source = 'merge' AND received.kind = 'transfer'
     AND received.rule = 'in'
   WHERE sent.account_id = account.id AND sent.source = 'merge' AND sent.kind = 'transfer'
     AND sent.rule = 'out' AND sent.recorded_at = account.moved_at AND sent.reference = account.id::text
   ORDER BY sent.seq LIMIT 1),
  account.moved_to_id)
WHERE account.moved_to_id IS NOT NULL
"""


class Migration(migrations.Migration):
    """Who was merged into whom first; holds of before get no grace; a reversal can wait for a second operator."""

    dependencies = [("points", "0015_freezes_and_references")]

    operations = [
        migrations.AddField(
            model_name="account",
            name="first_moved_to",
            field=models.ForeignKey(
                blank=True, db_constraint=False, db_index=False, null=True,
                on_delete=django.db.models.deletion.PROTECT, related_name="first_moved_in",
                to="points.account", verbose_name="first merged into",
            ),
        ),
        migrations.AddIndex(
            model_name="account",
            index=models.Index(
                condition=models.Q(("first_moved_to__isnull", False)), fields=["first_moved_to"],
                name="points_account_first_moved",
            ),
        ),
        migrations.AddField(
            model_name="lot",
            name="graced_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="given grace"),
        ),
        migrations.AddField(
            model_name="adjustmentrequest",
            name="entry",
            field=models.ForeignKey(
                blank=True, db_constraint=False, db_index=False, null=True,
                on_delete=django.db.models.deletion.PROTECT, related_name="+",
                to="points.entry", verbose_name="reverses",
            ),
        ),
        migrations.RunSQL(_FIRST, migrations.RunSQL.noop),
        sqlfiles.load("settle", "correct", "merge"),
    ]
