from pathlib import Path

from django.db import migrations

from loyalty.lib import sqlfiles


class Migration(migrations.Migration):
    dependencies = [("outbox", "0003_member_seq_when_numbered")]
    operations = [sqlfiles.load(Path(__file__).parent.parent / "sql", "answers")]
