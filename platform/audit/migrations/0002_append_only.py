"""From here on the database itself refuses to change or delete audit entries."""

from django.db import migrations

from audit.protection import lift, protect


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.RunPython(
            lambda apps, editor: protect(editor.connection), lambda apps, editor: lift(editor.connection)
        )
    ]
