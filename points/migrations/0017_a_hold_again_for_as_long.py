from django.db import migrations

from points import sqlfiles


class Migration(migrations.Migration):
    """A hold's reference with another time to live is other content."""

    dependencies = [("points", "0016_chains_and_grace")]

    operations = [sqlfiles.load("spend")]
