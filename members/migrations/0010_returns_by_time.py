
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('members', '0009_consent_ledger'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='purchasereturn',
            index=models.Index(fields=['recorded_at'], name='purchasereturn_recorded'),
        ),
    ]
