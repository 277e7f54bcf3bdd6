"""`manage.py list_endpoints`: every address with its methods and the action that each needs."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from web.endpoints import routes


class Command(BaseCommand):
    help = "List every address, its methods, and the action that each method needs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="One JSON list for programs.")

    def handle(self, *args: Any, **options: Any) -> None:
        found = routes()
        if options["json"]:
            self.stdout.write(json.dumps([route.as_dict() for route in found], indent=2))
            return
        for route in found:
            for method, action in route.actions.items():
                self.stdout.write(f"{method:7}/{route.pattern}  {action or 'NOT DECLARED'}")
