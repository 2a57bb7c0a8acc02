from django.db import migrations, models


class Migration(migrations.Migration):
    """Events enter the index of a member's numbers when they have one, not when they are written."""

    dependencies = [("outbox", "0002_jobs")]

    operations = [
        migrations.RemoveIndex(model_name="outboxevent", name="outbox_event_member_seq"),
        migrations.AddIndex(
            model_name="outboxevent",
            index=models.Index(
                fields=["member_id", "-member_seq"],
                condition=models.Q(("member_seq__isnull", False)),
                name="outbox_event_member_seq",
            ),
        ),
    ]
