"""PURE: addresses of the environment (database, broker, mail, what may be dialled) as the settings that are wanted."""

import hashlib
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

SQLITE_START = (
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=20000; "
    "PRAGMA foreign_keys=ON; PRAGMA cache_size=-16000;"
)


def database(url: str, data_dir: Path) -> dict[str, Any]:
    """The `default` database: PostgreSQL by URL, else SQLite in the data folder."""
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": data_dir / "baton.sqlite3",
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": SQLITE_START},
        }
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ValueError("DATABASE_URL must begin with postgresql://")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 5} | dict(parse_qsl(parts.query)),
    }


def valkey_socket(data_dir: Path) -> Path:
    """Where the embedded Valkey listens. A socket's path holds about 100 bytes, so a deep folder gets a short one."""
    place = data_dir.resolve() / "valkey" / "valkey.sock"
    if len(str(place)) < 100:
        return place
    short = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"baton-{short}" / "valkey.sock"


def broker(url: str, data_dir: Path) -> str:
    """Celery's broker: REDIS_URL, else the embedded Valkey."""
    return url or f"redis+socket://{valkey_socket(data_dir)}?virtual_host=0"


MAIL_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}


def mail(url: str) -> dict[str, Any]:
    """Django's mail settings from `smtp+tls://user:password@host:587`; without an address no mail is sent at all."""
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    parts = urlsplit(url)
    if parts.scheme not in MAIL_PORTS or not parts.hostname:
        raise ValueError("BATON_EMAIL_URL must begin with smtp://, smtp+tls:// or smtps:// and name a host")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or MAIL_PORTS[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": 10,
    }


def opened(text: str, data_dir: Path) -> frozenset[str]:
    """Closed hosts that may be dialled, and folders of this machine as `file:/a/folder`, never one with our data."""
    found = set()
    for entry in filter(None, (one.strip() for one in text.split(","))):
        if not entry.lower().startswith("file:"):
            found.add(entry.lower())
            continue
        folder, ours = Path(entry[5:]), data_dir.resolve()
        real = folder.resolve()
        if not folder.is_absolute() or real == ours or real in ours.parents or ours in real.parents:
            raise ValueError(
                f"BATON_OUTBOUND_ALLOW: {entry} is no folder beside the data of Baton, as file:/srv/exports"
            )
        found.add(f"file:{real}")
    return frozenset(found)
