from django.db import migrations

from points import sqlfiles


class Migration(migrations.Migration):
    """The event's content names member, journal and entry by place; a content without them is as good."""

    dependencies = [("points", "0017_a_hold_again_for_as_long")]

    operations = [sqlfiles.load("credit")]
