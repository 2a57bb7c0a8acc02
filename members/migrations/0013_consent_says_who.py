from django.db import migrations, models


class Migration(migrations.Migration):
    """Who wrote a consent down for the member, and what proves it."""

    dependencies = [("members", "0012_no_like_indexes")]

    operations = [
        migrations.AddField(
            model_name="consent",
            name="actor",
            field=models.CharField(blank=True, db_default="", default="", max_length=120, verbose_name="by"),
        ),
        migrations.AddField(
            model_name="consent",
            name="note",
            field=models.CharField(blank=True, db_default="", default="", max_length=600, verbose_name="note"),
        ),
    ]
