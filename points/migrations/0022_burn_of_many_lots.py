from django.db import migrations

from points import sqlfiles


class Migration(migrations.Migration):
    """A burn of many lots goes through them once (docs/adr/0014)."""

    dependencies = [("points", "0021_looks_for_notices")]

    operations = [sqlfiles.load("burn")]
