from django.db import migrations

from points import sqlfiles


class Migration(migrations.Migration):
    """A freeze holds for accounts opened later; a cancelling knows its entry; requests follow a merged member."""

    dependencies = [("points", "0014_credit_of_few_expressions")]

    operations = [sqlfiles.load("settle", "bulk", "pending", "merge")]
