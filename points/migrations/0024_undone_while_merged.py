from django.db import migrations

from points import sqlfiles


class Migration(migrations.Migration):
    """What is undone while its member is merged looks again where the points are."""

    dependencies = [("points", "0023_account_other_currencies")]

    operations = [sqlfiles.load("correct", "pending")]
