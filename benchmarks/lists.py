"""Lists of a large instance over HTTP, against 300 ms and 12 queries a page."""

import base64
import http.client
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PROJECTS, TASKS, ENTRIES, PEOPLE = 200, 5_000, 50_000, 60
ROUNDS, CLIENTS = 40, 2
LIMIT_MS, LIMIT_QUERIES = 300.0, 12
# Address, and how it is called below; `{key}` is the project that holds most of it.
PAGES = {
    "home": "/",
    "projects": "/projects/",
    "projects searched": "/projects/?q=project+1",
    "overview": "/p/{key}/",
    "activity": "/p/{key}/activity/",
    "activity, last page": "/p/{key}/activity/?page=900",
    "tasks": "/p/{key}/tasks/",
    "portfolio": "/projects/portfolio/",
    "hand-offs": "/p/{key}/handoffs/",
    "inbox": "/inbox/",
    "projects over REST": "/api/v1/projects/",
    "activity over REST": "/api/v1/projects/{key}/activity/",
}


def main() -> None:
    """One instance, filled; each page asked for by two clients at once; p95 against the limit."""
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        _prepare(Path(folder), port)
        key, user = _fill()
        pages = {name: address.format(key=key) for name, address in PAGES.items()}
        queries = _count_queries(user, pages)
        cookie = _session(user)
        server = subprocess.Popen([sys.executable, "manage.py", "web"], cwd=ROOT)
        try:
            _wait(port)
            print(f"{PROJECTS} projects, {TASKS:,} tasks, {ENTRIES:,} entries; {CLIENTS} clients, {ROUNDS} rounds")
            for name, address in pages.items():
                taken = _ask(port, cookie, address)
                p95 = sorted(taken)[int(len(taken) * 0.95) - 1]
                print(
                    f"{name:22} p50 {statistics.median(taken):6.1f} ms  p95 {p95:6.1f} ms  {p95 / LIMIT_MS:4.2f}x "
                    f"the limit  {queries[name]:2} queries (at most {LIMIT_QUERIES})"
                )
        finally:
            server.terminate()
            server.wait(timeout=30)


def _prepare(folder: Path, port: int) -> None:
    """An empty instance of its own; the names of its cookies hold its port."""
    os.environ |= {
        "BATON_HOST": "127.0.0.1",
        "BATON_PORT": str(port),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "BATON_DATA": str(folder),
        "SECRET_KEY": secrets.token_urlsafe(64),
        "BATON_SEALING_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "BATON_AUDIT_KEY": secrets.token_hex(16),
        "BATON_SERVING_KEY": secrets.token_hex(16),
        "BATON_LOG_LEVEL": "WARNING",
        "BATON_HOSTS": "localhost,127.0.0.1,testserver",
    }
    sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)


def _fill() -> tuple[str, Any]:
    """People, projects with charter and signed targets, tasks and entries; one project holds most of it."""
    from django.db import transaction

    from accounts.models import User
    from projects.permissions import Role

    people = [User(email=f"person{number}@example.org", name=f"Person {number}") for number in range(PEOPLE)]
    for person in people:
        person.set_unusable_password()
        person.save()
    user = people[0]
    with transaction.atomic():
        projects = [_project(number, people) for number in range(PROJECTS)]
    with transaction.atomic():
        _tasks(projects, people, list(Role))
    with transaction.atomic():
        _entries(projects, people)
    return projects[0].key, user


def _project(number: int, people: list[Any]) -> Any:
    from projects.contract import Goal
    from projects.models.define import Charter, Contract, Target
    from projects.models.projects import Project
    from projects.models.team import Membership
    from projects.permissions import Role

    project = Project.objects.create(
        key=f"project-{number}", name=f"Project {number}", question="Who will leave?", created_by=people[0]
    )
    roles = list(Role)
    members = [(people[0], Role.OWNER), (people[0], Role.BUSINESS_ANALYST)]
    members += [(people[(number + place) % (PEOPLE - 1) + 1], role) for place, role in enumerate(roles)]
    Membership.objects.bulk_create(Membership(project=project, user=user, role=role) for user, role in members)
    Charter.objects.create(project=project, version=1, problem="They leave.", positive_word="leavers")
    contract = Contract.objects.create(project=project, version=1, created_by=people[0])
    goal = Goal("Find them", "recall", "at_least", 0.7, deciding=True)
    Target.objects.create(
        contract=contract,
        position=0,
        name=goal.name,
        metric=goal.metric,
        direction=goal.direction,
        threshold=goal.threshold,
        deciding=True,
    )
    return project


def _tasks(projects: list[Any], people: list[Any], roles: list[Any]) -> None:
    from projects.models.tasks import Task

    Task.objects.bulk_create(
        Task(
            project=projects[0] if number % 2 else projects[number % PROJECTS],
            number=number + 1,
            title=f"Look at column {number}",
            role=roles[number % len(roles)] if number % 3 else "",
            assignee=None if number % 3 else people[number % PEOPLE],
            created_by=people[number % PEOPLE],
        )
        for number in range(TASKS)
    )


def _entries(projects: list[Any], people: list[Any]) -> None:
    from audit.services import record

    names = ["charter.changed", "task.opened", "contract.changed", "data.published", "run.started"]
    for number in range(ENTRIES):
        project = projects[0] if number % 10 else projects[number % PROJECTS]
        record(people[number % PEOPLE], names[number % 5], project, project_key=project.key, number=number, version=1)


def _count_queries(user: Any, pages: dict[str, str]) -> dict[str, int]:
    """How many SQL statements each page takes, session and sign-in included."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client()
    client.force_login(user)
    counts = {}
    for name, address in pages.items():
        client.get(address)
        with CaptureQueriesContext(connection) as captured:
            reply = client.get(address)
        if reply.status_code != 200:
            sys.exit(f"{address} answered {reply.status_code}")
        counts[name] = len(captured)
    return counts


def _session(user: Any) -> str:
    from django.test import Client

    client = Client()
    client.force_login(user)
    return "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    sys.exit("The web process did not start.")


def _ask(port: int, cookie: str, address: str) -> list[float]:
    """Milliseconds of each answer, body read, asked for by CLIENTS at once over kept connections."""
    taken: list[float] = []
    wrong: list[str] = []

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for number in range(ROUNDS + 3):
            began = time.perf_counter()
            connection.request("GET", address, headers={"Cookie": cookie, "Host": "localhost"})
            reply = connection.getresponse()
            reply.read()
            if reply.status != 200:
                wrong.append(f"{address} answered {reply.status}")
                return
            if number >= 3:  # the first ones fill caches
                taken.append((time.perf_counter() - began) * 1000)

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        sys.exit(wrong[0])
    return taken
