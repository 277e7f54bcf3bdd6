"""Fixtures that every test may use: a cast of one person per role plus a stranger, and a way to run jobs."""

import gc
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.db.backends.base.operations import BaseDatabaseOperations
from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.one_time import digest, new_secret
from audit.protection import lift, protect
from jobs import bell, hatching, runner
from jobs.models import Job, State
from projects.models.projects import Project
from projects.models.team import Membership
from projects.permissions import Role

hypothesis.settings.register_profile("baton", deadline=None)  # a busy machine is no fault of the code
hypothesis.settings.load_profile("baton")
hatching.IDLE_SECONDS = 3600.0  # what children load is loaded once for a test process
gc.set_threshold(200_000, 50, 100)  # looking through all modules again and again takes a seventh of the time

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
PASSWORD = "a long enough pass phrase 9"


@dataclass
class Cast:
    """One project with one person for each role, and a stranger who owns another project."""

    project: Project
    people: dict[Role, User]
    admin: User
    stranger: User
    other_project: Project

    def __getitem__(self, role: Role) -> User:
        return self.people[role]


def make_person(email: str, name: str = "", **fields: Any) -> User:
    """A person with the password that all test people share, hashed quickly."""
    user = User(email=email, name=name or email.split("@")[0].replace("_", " ").title(), **fields)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """SQLite in a file, as instances keep it: in memory a second writer would be refused instead of waiting."""
    database = settings.DATABASES["default"]
    if not database["ENGINE"].endswith("sqlite3"):
        yield
        return
    memory = Path("/dev/shm")  # a file all the same, without the disk
    with tempfile.TemporaryDirectory(prefix="baton-tests-", dir=memory if memory.is_dir() else None) as folder:
        database.setdefault("TEST", {})["NAME"] = f"{folder}/baton.sqlite3"
        yield


def deletions(connection: Any) -> list[str]:
    """What empties the tables that have rows: on PostgreSQL, TRUNCATE of all of them takes seconds."""
    tables = [
        connection.ops.quote_name(name) for name in connection.introspection.django_table_names(only_existing=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in tables))
        return [f"DELETE FROM {name}" for (name,) in cursor.fetchall()]


@pytest.fixture(scope="session", autouse=True)
def tables_can_be_emptied() -> Iterator[None]:
    """Between tests with transactions of their own all rows go, those of the audit too, which nothing else may do."""
    patch, empty = pytest.MonkeyPatch(), BaseDatabaseOperations.execute_sql_flush

    def lifted(self: BaseDatabaseOperations, statements: list[str]) -> None:
        lift(self.connection)
        empty(self, deletions(self.connection) if self.connection.vendor == "postgresql" else statements)
        protect(self.connection)

    patch.setattr(BaseDatabaseOperations, "execute_sql_flush", lifted)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Sign-in is not what most tests measure."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


@pytest.fixture(autouse=True)
def nothing_remembered(settings: Any) -> None:
    """Tests write rows past the services, so that no audit entry tells that something changed."""
    settings.CACHES = settings.CACHES | {"here": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}


@pytest.fixture
def cast(db: None) -> Cast:
    """The people of most tests."""
    people = {role: make_person(f"{role.value}@example.org", role.label) for role in Role}
    admin = make_person("admin@example.org", "Admin", is_admin=True)
    stranger = make_person("stranger@example.org", "Stranger")
    project = Project.objects.create(
        key="churn", name="Customer churn", question="Who will leave?", created_by=people[Role.OWNER]
    )
    other = Project.objects.create(key="other", name="Other", question="Something else?", created_by=stranger)
    for role, person in people.items():
        Membership.objects.create(project=project, user=person, role=role)
    Membership.objects.create(project=other, user=stranger, role=Role.OWNER)
    return Cast(project, people, admin, stranger, other)


@pytest.fixture
def browser_of() -> Callable[[User], Client]:
    """A signed-in browser for a person."""

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        session = client.session
        session["proved_at"] = time.time()  # as if the password had been given just now
        session.save()
        return client

    return signed_in


@pytest.fixture
def api_of() -> Callable[..., Client]:
    """A client that sends a person's API token."""

    def with_token(user: User, **fields: Any) -> Client:
        secret = new_secret("baton")
        ApiToken.objects.create(
            user=user,
            name="test",
            prefix=secret[:12],
            digest=digest(secret),
            expires_at=timezone.now() + timedelta(days=1),
            **fields,
        )
        return Client(headers={"Authorization": f"Bearer {secret}"})

    return with_token


@pytest.fixture(autouse=True)
def silent_bell(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No broker in these tests: rings are collected; `run_jobs` does the work."""
    rung: list[str] = []
    monkeypatch.setattr(bell, "ring", lambda job_id, queue: rung.append(job_id))
    monkeypatch.setattr(bell, "ring_now", lambda job_id, queue: rung.append(job_id) or True)
    monkeypatch.setattr(bell, "waiting", lambda queue: 0)
    return rung


@pytest.fixture
def run_jobs() -> Callable[[], list[Job]]:
    """Run every waiting job to its end, each in a limited child; returns them as they ended."""

    def run_all() -> list[Job]:
        done = []
        while job := Job.objects.filter(state=State.QUEUED).order_by("created_at").first():
            runner.run(str(job.pk))
            job.refresh_from_db()
            done.append(job)
        return done

    return run_all


@pytest.fixture
def sample_data() -> Path:
    """The folder of real data; tests that need it say so where it is absent."""
    if not DATA.is_dir():
        pytest.skip("needs the sample data folder beside the project")
    return DATA


WITH_SERVERS = {"db", "transactional_db"}
PAGES = re.compile(r"test_(\w+_)?pages\.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--only-with-servers",
        action="store_true",
        help="leave out what cannot differ from one server to another; _asks_a_server says by which rule",
    )


FIRST = ("journeys", "faults", "deployments")  # they wait for processes; later they would be waited for


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What waits comes first, and what cannot differ is left out where that is asked for."""
    rooms = {item: item.path.relative_to(Path(__file__).parent).parts[0] for item in items}
    items.sort(key=lambda item: FIRST.index(rooms[item]) if rooms[item] in FIRST else len(FIRST))
    if config.getoption("--only-with-servers"):
        files_with_jobs: set[Path] = set()
        kept = [item for item in items if _asks_a_server(item, rooms[item], files_with_jobs)]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = kept


def _asks_a_server(item: pytest.Item, room: str, files_with_jobs: set[Path]) -> bool:
    """Whether the answer can be another on another database or broker; files_with_jobs: those that had their turn.

    - What is marked `once` cannot, and no more can what asks for neither a database nor an instance.
    - Pages show what services keep: on every database the sweeps of tests/attacks open each of them, with odd values
      in each query. So the files named for pages are left out.
    - The heavy part of a job runs in a child that knows no database. How a result is kept is seen in the first test
      of each file that lets jobs run to their end, and in all that have transactions of their own.
    """
    fixtures = set(getattr(item, "fixturenames", ()))
    marker = item.get_closest_marker("django_db")
    if item.get_closest_marker("once") or PAGES.fullmatch(item.path.name):
        return False
    if (
        "run_jobs" in fixtures
        and "transactional_db" not in fixtures
        and not (marker and marker.kwargs.get("transaction"))
    ):
        first = item.path not in files_with_jobs
        files_with_jobs.add(item.path)
        return first
    return bool(marker or WITH_SERVERS & fixtures) or room in ("journeys", "faults")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Nothing is skipped in silence: what this machine could not run, by reason."""
    reasons: dict[str, list[str]] = {}
    for report in terminalreporter.stats.get("skipped", []):
        text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons.setdefault(text.removeprefix("Skipped: "), []).append(report.nodeid)
    if not reasons:
        return
    terminalreporter.section("not run on this machine")
    for reason, tests in sorted(reasons.items()):
        terminalreporter.line(
            f"{len(tests)} because it {reason}:" if reason.startswith("needs") else f"{len(tests)}: {reason}"
        )
        for test in tests:
            terminalreporter.line(f"    {test}")
