from django.db import migrations

from points import sqlfiles


class Migration(migrations.Migration):
    """One credit locks its account by writing it (docs/adr/0014)."""

    dependencies = [("points", "0012_tier_notices")]

    operations = [sqlfiles.load("credit")]
