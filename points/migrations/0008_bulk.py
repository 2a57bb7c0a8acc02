from django.db import migrations

from points import sqlfiles


class Migration(migrations.Migration):
    """Many journals in a few statements; the sweep shares what settles many accounts (docs/adr/0015)."""

    dependencies = [("points", "0007_closed_months")]

    operations = [sqlfiles.load("due", "bulk")]
