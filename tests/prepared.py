"""Databases for instances of tests; and one that is migrated already, made once for all test processes and copied."""

import fcntl
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from config.keys import make_missing_keys
from tests.instance import SHARED

ROOT = Path(__file__).resolve().parents[1]


class Database:
    """The database of one instance: its own SQLite file, or a PostgreSQL database made here and dropped at the end."""

    def __init__(self, name: str = "") -> None:
        server = os.environ.get("DATABASE_URL", "")
        self.name = name or f"baton_live_{secrets.token_hex(6)}"
        self.url = urlunsplit(urlsplit(server)._replace(path=f"/{self.name}")) if server else ""

    def make(self, like: str = "") -> "Database":
        self._run("CREATE DATABASE", f' TEMPLATE "{like}"' if like else "")
        return self

    def drop(self) -> None:
        self._run("DROP DATABASE IF EXISTS", " WITH (FORCE)")

    def _run(self, verb: str, rest: str = "") -> None:
        if not self.url:
            return
        import psycopg

        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(f'{verb} "{self.name}"{rest}'.encode())


def prepared_database(data: Path) -> Database:
    """Fill an empty data folder with what a first start would leave there, and make its database."""
    folder, database = SHARED / "prepared", _original()
    with (SHARED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _prepare(SHARED / "unfinished", database.make())
            (SHARED / "unfinished").rename(folder)
    shutil.copytree(folder, data, dirs_exist_ok=True)
    return Database().make(like=database.name)


def forget() -> None:
    """Drop what the copies were made of."""
    if (SHARED / "prepared").exists():
        _original().drop()


def _original() -> Database:
    return Database(f"baton_live_{hashlib.sha256(str(SHARED).encode()).hexdigest()[:12]}")


def _prepare(folder: Path, database: Database) -> None:
    make_missing_keys(folder / "keys")
    ours = ("BATON_", "SECRET_KEY", "DATABASE_URL", "REDIS_URL", "PYTEST_", "DJANGO_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    clean |= {"BATON_DATA": str(folder)} | ({"DATABASE_URL": database.url} if database.url else {})
    command = [sys.executable, str(ROOT / "manage.py"), "prepare"]
    subprocess.run(command, env=clean, check=True, stdout=subprocess.DEVNULL)
