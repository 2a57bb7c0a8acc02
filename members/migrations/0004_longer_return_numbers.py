from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("members", "0003_activities")]

    operations = [
        migrations.AlterField(
            model_name="purchasereturn",
            name="return_id",
            field=models.CharField(max_length=107, unique=True, verbose_name="return number"),
        ),
    ]
