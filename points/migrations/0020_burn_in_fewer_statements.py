from django.db import migrations

from points import sqlfiles


class Migration(migrations.Migration):
    """The commonest burn has a function of its own, as the commonest credit has (docs/adr/0014)."""

    dependencies = [("points", "0019_tier_program_versions")]

    operations = [sqlfiles.load("burn")]
