from django.db import migrations

from points import sqlfiles


class Migration(migrations.Migration):
    """Bulks put what many lines have in common into a table of its own (docs/adr/0015)."""

    dependencies = [("points", "0008_bulk")]

    operations = [sqlfiles.load("bulk")]
