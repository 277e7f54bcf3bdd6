"""Puts platform/ on the path and hands over to Django."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

if __name__ == "__main__":
    if sys.argv[1:2] == ["up"]:  # makes the folder and keys without which Django's settings cannot be read
        from config.start import up

        sys.exit(up(sys.argv[2:]))
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed for this Python. Start Baton with ./run, which makes its own environment.")
    execute_from_command_line(sys.argv)
