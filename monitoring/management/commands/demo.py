"""`manage.py demo`: load the sample project into a running instance."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitoring.management.sample import load
from problems.problem import Problem


class Command(BaseCommand):
    """The sample project, with one account for each role. Baton must be running: its worker does the jobs."""

    help = "Load the sample project (a broadband churn story) and one account for each role. Run it while `up` runs."

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and say what stands in the way in a sentence."""
        try:
            load(self._say)
        except Problem as problem:
            fields = "".join(f"\n  {name}: {text}" for name, text in problem.fields.items())
            raise CommandError(f"{problem.text}{fields}") from problem

    def _say(self, text: str) -> None:
        """At once, also into a file or a pipe: `./run --demo` shows it between other lines."""
        self.stdout.write(text)
        self.stdout.flush()
