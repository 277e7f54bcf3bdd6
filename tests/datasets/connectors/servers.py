"""The PostgreSQL and the MariaDB of this machine, each with a database and a reader of the tests' own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest

from datasets.connectors import engine
from jobs.report import Silent

PASSWORD = "geheim-wie-nichts-7"
NAME = f"baton_sources_{os.environ.get('PYTEST_XDIST_WORKER', 'one')}"
READER = f"{NAME}_reader"
HERE = "127.0.0.1"


@dataclass
class Server:
    """One server as an administrator sees it, and the parameters with which a source reads it."""

    kind: str
    params: dict[str, Any]
    admin: Any

    def run(self, *statements: str) -> list[Any]:
        """Statements of the administrator; the rows of the last."""
        rows: list[Any] = []
        with self.admin() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                rows = list(cursor.fetchall()) if cursor.description else []
        return rows

    def busy(self) -> int:
        """How many sessions of the reader run something."""
        running = {
            "postgresql": f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{READER}' AND state = 'active'",
            "mariadb": f"SELECT count(*) FROM information_schema.processlist WHERE user = '{READER}' AND info <> ''",
        }
        return int(self.run(running[self.kind])[0][0])

    def is_quiet(self) -> bool:
        """Whether nothing of the reader runs any more, or soon."""
        for _ in range(100):
            if not self.busy():
                return True
            time.sleep(0.05)
        return False

    def spec(self, mode: str = "full", **given: Any) -> dict[str, Any]:
        """What the child of a load would be told."""
        more = {name: given.pop(name) for name in ("mark", "base", "seconds", "most_bytes", "keys") if name in given}
        params = engine.connector_for(self.kind).read({**self.params, "password": PASSWORD, **given})
        private = {"password": params.pop("password")}
        port = params["port"]
        return {
            "connector": self.kind,
            "params": params,
            "private": private,
            "allow": [f"{HERE}:{port}"],
            "most_bytes": 2**31,
            "seconds": 30.0,
            "mode": mode,
            "mark": {},
            "keys": [],
            "options": {},
            "base": None,
            "known": None,
        } | more

    def pull(self, folder: Path, mode: str = "full", **given: Any) -> dict[str, Any]:
        """One load."""
        folder.mkdir(exist_ok=True)
        return engine.pull(json.loads(json.dumps(self.spec(mode, **given))), folder, Silent())

    def test(self, **given: Any) -> list[dict[str, Any]]:
        """The steps of one test."""
        steps: list[dict[str, Any]] = engine.test(self.spec(**given), Path("."), Silent())["steps"]
        return steps


def _params(port: int, **more: Any) -> dict[str, Any]:
    return {"host": HERE, "port": port, "database": NAME, "user": READER, "tls": "off", **more}


@contextmanager
def open_postgresql() -> Iterator[Server]:
    """Skips where there is none."""
    try:
        with psycopg.connect(
            host=HERE, user="postgres", dbname="postgres", autocommit=True, connect_timeout=3
        ) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
            admin.execute(f"DROP ROLE IF EXISTS {READER}")
            admin.execute(f"CREATE DATABASE {NAME}")
            admin.execute(f"CREATE ROLE {READER} LOGIN PASSWORD '{PASSWORD}'")
    except psycopg.OperationalError:
        pytest.skip("needs a PostgreSQL on this machine that lets postgres in")

    def admin_of() -> Any:
        return psycopg.connect(host=HERE, user="postgres", dbname=NAME, autocommit=True)

    server = Server("postgresql", _params(5432), admin_of)
    try:
        server.run(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {READER}")
        yield server
    finally:
        with psycopg.connect(host=HERE, user="postgres", dbname="postgres", autocommit=True) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
            admin.execute(f"DROP ROLE IF EXISTS {READER}")


@contextmanager
def open_mariadb() -> Iterator[Server]:
    """Skips where there is none."""

    def admin_of() -> Any:
        return pymysql.connect(host=HERE, user="root", database="mysql", autocommit=True, connect_timeout=3)

    server = Server("mariadb", _params(3306), admin_of)
    tidy = (f"DROP DATABASE IF EXISTS {NAME}", f"DROP USER IF EXISTS '{READER}'@'%'")
    try:
        server.run(
            *tidy,
            f"CREATE DATABASE {NAME} CHARACTER SET utf8mb4",
            f"CREATE USER '{READER}'@'%' IDENTIFIED BY '{PASSWORD}'",
            f"GRANT SELECT ON {NAME}.* TO '{READER}'@'%'",
        )
    except pymysql.OperationalError:
        pytest.skip("needs a MariaDB on this machine that lets root in")
    try:
        yield server
    finally:
        server.run(*tidy)


@dataclass
class Shelf:
    """An emulated object storage that checks signatures."""

    endpoint: str
    client: Any
    key: str
    secret: str


@contextmanager
def open_storage() -> Iterator[Shelf]:
    """A process of its own."""
    boto3 = pytest.importorskip("boto3", reason="needs moto and boto3, which requirements/dev.txt brings")
    pytest.importorskip("moto", reason="needs moto and boto3, which requirements/dev.txt brings")
    code = (
        "import sys, time\n"
        "from moto.server import ThreadedMotoServer\n"
        "server = ThreadedMotoServer('127.0.0.1', 0, verbose=False)\n"
        "server.start()\n"
        "print(server.get_host_and_port()[1], flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        endpoint = f"http://{HERE}:{int(process.stdout.readline())}"
        common = {"region_name": "us-east-1", "endpoint_url": endpoint}
        root = {"aws_access_key_id": "root", "aws_secret_access_key": "root"}
        identities = boto3.client("iam", **root, **common)
        identities.create_user(UserName="reader")
        made = identities.create_access_key(UserName="reader")["AccessKey"]
        allowed = {"Effect": "Allow", "Action": ["s3:*"], "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        identities.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=policy)
        key, secret = made["AccessKeyId"], made["SecretAccessKey"]
        client = boto3.client("s3", aws_access_key_id=key, aws_secret_access_key=secret, **common)
        client.create_bucket(Bucket="shelf")
        _check_signatures(endpoint)
        yield Shelf(endpoint, client, key, secret)
    finally:
        process.kill()
        process.wait()


def _check_signatures(endpoint: str) -> None:
    import requests

    assert requests.post(f"{endpoint}/moto-api/reset-auth", data="0", timeout=5).status_code == 200
