from django.db import migrations

from points import sqlfiles


class Migration(migrations.Migration):
    """Many journals in a few statements; the sweep shares what settles many accounts (docs/adr/0015)."""

    dependencies = [("points", "0006_noticepolicy")]

    operations = [sqlfiles.load("due", "bulk")]
