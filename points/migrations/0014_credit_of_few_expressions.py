from django.db import migrations

from points import sqlfiles


class Migration(migrations.Migration):
    """One credit in a function of few expressions (docs/adr/0014).

    It takes other arguments than the one before it, which stays where it is for code that still calls it.
    """

    dependencies = [("points", "0013_credit_writes_to_lock")]

    operations = [sqlfiles.load("credit")]
