from django.db import migrations

from points import sqlfiles


class Migration(migrations.Migration):
    """A function of its own for the commonest journal, a single credit (docs/adr/0014)."""

    dependencies = [("points", "0002_tiers")]

    operations = [sqlfiles.load("credit")]
