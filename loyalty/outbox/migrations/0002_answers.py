from pathlib import Path

from django.db import migrations

from loyalty.lib import sqlfiles


class Migration(migrations.Migration):
    dependencies = [("outbox", "0001_initial")]
    operations = [sqlfiles.load(Path(__file__).parent.parent / "sql", "answers")]
