from django.db import migrations, models


class Migration(migrations.Migration):
    """Events enter the index of positions when they have one, not when they are written (docs/adr/0014)."""

    dependencies = [("outbox", "0004_answers")]

    operations = [
        migrations.AlterField(
            model_name="outboxevent",
            name="position",
            field=models.BigIntegerField(null=True, verbose_name="position"),
        ),
        migrations.AddConstraint(
            model_name="outboxevent",
            constraint=models.UniqueConstraint(
                condition=models.Q(("position__isnull", False)),
                fields=("position",),
                name="outbox_event_position_once",
            ),
        ),
    ]
