"""Fixtures of this room: trained models, and an instance whose database other processes can open."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.backends.sqlite3.base import DatabaseWrapper

from config.addresses import database
from deployments.models import Deployment
from deployments.services.keys import make_key
from projects.permissions import Role
from tests.conftest import Cast
from tests.conftest import cast as make_cast
from tests.deployments import stage


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> stage.Trained:
    """A logistic regression."""
    return stage.train(tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="session")
def retrained(tmp_path_factory: pytest.TempPathFactory) -> stage.Trained:
    """A forest on the same rows."""
    return stage.train(tmp_path_factory.mktemp("second"), method="forest")


@pytest.fixture
def own_folder(settings: Any, tmp_path: Path) -> Path:
    """An empty data folder for this test."""
    settings.DATA_DIR = tmp_path / "data"
    (settings.DATA_DIR / "tmp").mkdir(parents=True)
    return Path(settings.DATA_DIR)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test that needs one leaves a migrated, empty SQLite file for the others."""
    return tmp_path_factory.mktemp("empty") / "baton.sqlite3"


@pytest.fixture
def shared_database(transactional_db: None, own_folder: Path, empty_database: Path) -> Iterator[str]:
    """A database that other processes can open; gives its DATABASE_URL (empty for SQLite in the data folder)."""
    usual = connections["default"]
    if usual.vendor == "postgresql":
        facts = usual.settings_dict
        login = f"{quote(facts['USER'])}:{quote(facts['PASSWORD'])}@" if facts["USER"] else ""
        yield f"postgresql://{login}{quote(facts['HOST'])}:{facts['PORT']}/{facts['NAME']}"
        return
    own = usual.settings_dict | database("", own_folder)
    connections["default"] = DatabaseWrapper(own | {"NAME": str(own["NAME"])}, "default")
    try:
        if empty_database.exists():
            shutil.copy(empty_database, own["NAME"])
        else:
            call_command("migrate", verbosity=0)
            connections["default"].close()
            shutil.copy(own["NAME"], empty_database)
        yield ""
    finally:
        connections["default"].close()
        connections["default"] = usual


@pytest.fixture
def shared_cast(shared_database: str) -> Cast:
    """The people, in the database that other processes can open."""
    found: Cast = make_cast.__wrapped__(None)  # type: ignore[attr-defined]
    return found


@pytest.fixture
def server(shared_database: str) -> stage.PredictionServer:
    """The prediction server of this test's instance, not started yet."""
    return stage.PredictionServer(stage.free_port(), stage.environment_of(shared_database))


@pytest.fixture
def live(
    shared_cast: Cast, server: stage.PredictionServer, trained: stage.Trained
) -> Iterator[tuple[stage.PredictionServer, Deployment, str]]:
    """A server with one model in use and one key."""
    by = shared_cast[Role.ML_ENGINEER]
    release = stage.put_into_use(stage.version_of(shared_cast.project, trained), by)
    _, secret = make_key(release.deployment, name="shop", days=30, by=by)
    with stage.running(server):
        yield server, release.deployment, secret
