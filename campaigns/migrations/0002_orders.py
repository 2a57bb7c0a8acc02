from pathlib import Path

from django.db import migrations

from loyalty.lib import sqlfiles


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0001_rules"),
        ("members", "0002_purchase_visibility"),
        ("outbox", "0001_initial"),
        ("points", "0002_tiers"),
    ]
    operations = [sqlfiles.load(Path(__file__).parent.parent / "sql", "orders")]
