from django.db import migrations

from points import sqlfiles


class Migration(migrations.Migration):
    """The sweep reads lots through their accounts and plans for the accounts at hand (docs/adr/0015)."""

    dependencies = [("points", "0010_lots_by_their_own_id")]

    operations = [sqlfiles.load("due")]
