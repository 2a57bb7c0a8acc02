from pathlib import Path

from django.db import migrations

from loyalty.lib import sqlfiles


class Migration(migrations.Migration):
    # The functions name tables of other rooms too, but look them up only when they run.
    dependencies = [("mall", "0001_initial")]
    operations = [sqlfiles.load(Path(__file__).parent.parent / "sql", "placing")]
