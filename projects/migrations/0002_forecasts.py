"""Questions for a number ahead of time."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("projects", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="project",
            name="kind",
            field=models.CharField(
                choices=[
                    ("binary", "A yes-or-no question"),
                    ("multiclass", "One of several answers"),
                    ("regression", "A number"),
                    ("forecast", "A number ahead of time"),
                ],
                default="binary",
                max_length=12,
            ),
        )
    ]
