"""A15 and A16: no default account, a set-up that works once, and no process that starts with a weak key."""

import base64
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

from accounts.models import SetupLink, User
from accounts.services import make_setup_link

ROOT = Path(__file__).resolve().parents[2]
USUAL = [
    (name, password)
    for name in ("admin", "root", "user", "test", "baton", "admin@example.org", "admin@localhost", "guest", "demo", "administrator")
    for password in ("admin", "password", "123456", "changeme", "")
]  # fmt: skip


@pytest.mark.django_db
def test_a_new_instance_has_no_account_and_no_usual_name_opens_it(client: Client) -> None:
    assert not User.objects.exists()
    for name, password in USUAL:
        response = client.post("/api/v1/tokens/", {"email": name, "password": password}, "application/json")
        assert response.status_code in (401, 422), (name, password)
        assert client.post("/sign-in/", {"email": name, "password": password}).status_code in (401, 422)
    assert client.get("/account/").status_code == 302


@pytest.mark.django_db
def test_the_set_up_link_is_random_works_once_and_is_gone_then(client: Client) -> None:
    old = make_setup_link()
    link = make_setup_link()
    path = re.sub(r"^https?://[^/]+", "", link)
    assert old != link
    assert len(path) > 40
    assert client.get(re.sub(r"^https?://[^/]+", "", old)).status_code == 404
    assert path.strip("/").split("/")[-1] not in str(list(SetupLink.objects.values()))
    assert client.get(path).status_code == 200
    body = {"name": "Ada", "email": "ada@example.org", "password": "correct horse battery 9"}
    assert client.post(path, body).status_code == 302
    assert User.objects.get().is_admin
    assert client.get("/account/").status_code == 200
    for again in (client, Client()):
        assert again.get(path).status_code == 404
        assert again.post(path, body | {"email": "eve@example.org"}).status_code == 404
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_set_up_over_rest_gives_a_token_once_and_then_404(client: Client) -> None:
    secret = make_setup_link().rstrip("/").split("/")[-1]
    body = {"secret": secret, "email": "ada@example.org", "name": "Ada", "password": "correct horse battery 9"}
    assert client.post("/api/v1/setup/", body | {"secret": "setup_wrong"}, "application/json").status_code == 404
    assert client.post("/api/v1/setup/", body | {"password": "short"}, "application/json").status_code == 422
    made = client.post("/api/v1/setup/", body, "application/json")
    assert made.status_code == 201
    token = made.json()["token"]
    me = client.get("/api/v1/me/", headers={"Authorization": f"Bearer {token}"})
    assert me.json()["is_admin"] is True
    assert client.post("/api/v1/setup/", body, "application/json").status_code == 404
    assert client.post("/api/v1/setup/", {}, "application/json").status_code == 404


def start(tmp_path: Path, key: str | None) -> subprocess.CompletedProcess[str]:
    """A real process with this SECRET_KEY, with every other key as it should be."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("SECRET_KEY", "DJANGO_SETTINGS_MODULE")
    }
    environment |= {
        "BATON_DATA": str(tmp_path),
        "BATON_SEALING_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "BATON_AUDIT_KEY": secrets.token_hex(16),
        "BATON_SERVING_KEY": secrets.token_hex(16),
    }
    if key is not None:
        environment["SECRET_KEY"] = key
    command = [sys.executable, str(ROOT / "manage.py"), "check"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)


WEAK = {
    "missing": None,
    "empty": "",
    "short": secrets.token_urlsafe(20),
    "one letter": "a" * 60,
    "the one that Django writes": "django-insecure-" + secrets.token_urlsafe(50),
    "one to be changed": "change-me-" + secrets.token_urlsafe(50),
    "an example": "example-" + secrets.token_urlsafe(50),
}


@pytest.mark.parametrize("words", WEAK)
def test_no_process_starts_with_a_key_that_is(words: str, tmp_path: Path) -> None:
    done = start(tmp_path, WEAK[words])
    assert done.returncode != 0
    assert "secret_key" in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_process_starts_with_a_strong_key(tmp_path: Path) -> None:
    done = start(tmp_path, secrets.token_urlsafe(64))
    assert done.returncode == 0, done.stderr


def test_no_key_in_the_repository_is_strong_enough_to_start_with(tmp_path: Path) -> None:
    from config.keys import WeakKey, read_key

    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    found = set()
    for path in (ROOT / line for line in tracked if (ROOT / line).is_file() and (ROOT / line).stat().st_size < 200_000):
        text = path.read_text(errors="replace")
        found |= set(re.findall(r"(?i)secret_?key[\"']?\s*[=:]\s*[\"']?([\w\-+/=!@#$%^&*()]{8,})", text))
    for key in found:
        with pytest.raises(WeakKey):
            read_key(tmp_path, "secret_key", key)
