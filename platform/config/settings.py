"""Django settings. Everything an operator may set comes from the environment and is listed in .env.example."""

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import plotly
from csp.constants import NONE, SELF

from config.addresses import broker, database, mail, opened
from config.keys import WeakKey, read_key
from config.processes import LARGE_BODY, WEB_THREADS
from config.sso import providers

ROOT = Path(__file__).resolve().parents[2]
VERSION = "0.1.0"


def _text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def _number(name: str, default: int) -> int:
    value = _text(name, str(default))
    if not value.isdigit():
        sys.exit(f"{name} must be a whole number, not {value!r}.")
    return int(value)


DATA_DIR = Path(_text("BATON_DATA", str(ROOT / "var"))).resolve()
(DATA_DIR / "tmp").mkdir(mode=0o700, parents=True, exist_ok=True)
HOST = _text("BATON_HOST", "127.0.0.1")
PORT = _number("BATON_PORT", 8000)
PREDICT_PORT = _number("BATON_PREDICT_PORT", PORT + 1)
BASE_URL = _text("BATON_URL", f"http://localhost:{PORT}").rstrip("/")
PREDICT_URL = _text("BATON_PREDICT_URL", f"http://localhost:{PREDICT_PORT}").rstrip("/")
DEBUG = False

try:
    SECRET_KEY = read_key(DATA_DIR / "keys", "secret_key", _text("SECRET_KEY"))
    SEALING_KEYS = read_key(DATA_DIR / "keys", "sealing_keys", _text("BATON_SEALING_KEYS")).split()
    AUDIT_KEY = read_key(DATA_DIR / "keys", "audit_key", _text("BATON_AUDIT_KEY")).encode()
    SERVING_KEY = read_key(DATA_DIR / "keys", "serving_key", _text("BATON_SERVING_KEY")).encode()
except WeakKey as problem:
    sys.exit(str(problem))

ALLOWED_HOSTS = [host for host in _text("BATON_HOSTS", "localhost,127.0.0.1,[::1]").split(",") if host]
CSRF_TRUSTED_ORIGINS = [BASE_URL]

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "storage",
    "audit",
    "jobs",
    "notices",
    "accounts",
    "web",
    "projects",
    "datasets",
    "experiments",
    "deployments",
    "monitoring",
    "config",
]

LARGE_BODY_BYTES = LARGE_BODY
LARGE_BODIES_AT_ONCE = WEB_THREADS // 2
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "web.middleware.PrivateCacheMiddleware",
    "web.middleware.HostMiddleware",
    "web.middleware.LargeBodiesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "web.middleware.ProblemMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "web.context.frame",
            ],
            "builtins": ["web.templatetags.baton", "projects.templatetags.roles"],
        },
    }
]

DATABASES = {"default": database(_text("DATABASE_URL"), DATA_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
PASSWORD_RESET_TIMEOUT = 3600
SECOND_STEP = _text("BATON_SECOND_STEP", "optional")
if SECOND_STEP not in ("optional", "admins", "everyone"):
    sys.exit("BATON_SECOND_STEP is optional, admins or everyone.")
TRUSTED_PROXIES = _number("BATON_PROXIES", 0)
MAIL_URL = _text("BATON_EMAIL_URL")
try:
    SSO = providers(os.environ)
    globals().update(mail(MAIL_URL))
except ValueError as problem:
    sys.exit(str(problem))
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
MFA_ADAPTER = "accounts.second_step.Adapter"
MFA_TOTP_TOLERANCE = 1  # half a minute of a wrong clock on either side
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_THOUSAND_SEPARATOR = False

MAIL_READY = bool(MAIL_URL)
MAIL_DOMAIN = urlsplit(BASE_URL).hostname or "localhost"
DEFAULT_FROM_EMAIL = _text("BATON_EMAIL_FROM", f"baton@{MAIL_DOMAIN}")
OUTBOUND_ALLOW = opened(_text("BATON_OUTBOUND_ALLOW"), DATA_DIR)

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [
    ROOT / "static",
    ("vendor/plotly", str(Path(plotly.__file__).parent / "package_data")),
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "config.static.StaticFiles"},
}
WHITENOISE_MAX_AGE = 600

FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
FILE_UPLOAD_TEMP_DIR = str(DATA_DIR / "tmp")
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
UPLOAD_MAX_BYTES = _number("BATON_UPLOAD_MAX_MB", 10_240) * 1024 * 1024

# What one process may remember for a moment; nothing that others must agree on.
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "default"},
    "here": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "here",
        "OPTIONS": {"MAX_ENTRIES": 5000},
    },
}
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "web.errors.csrf_failure"
HTTPS = BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = f"baton_session_{PORT}"
CSRF_COOKIE_NAME = f"baton_csrf_{PORT}"
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

PLOTLY_STYLES = [  # the two <style> elements that plotly.js inserts: an empty one, and its map's
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    "'sha256-ji27qzEtxXZW+7dun6UwjHXJ18e6WAin1VvNtkzIE/o='",
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF, *PLOTLY_STYLES],
        "img-src": [SELF, "data:", "blob:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "web.authentication.TokenAuthentication",
        "web.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["web.authentication.DeclaredAction"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["web.parsing.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "web.schema.EndpointSchema",
    "DEFAULT_PAGINATION_CLASS": "web.paging.Pages",
    "EXCEPTION_HANDLER": "web.api.answer_problem",
    "PAGE_SIZE": 50,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Baton",
    "DESCRIPTION": "The same verbs as the pages, over REST. Sign in with `Authorization: Bearer <token>`.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "web.schema.document_refusals"],
}

CELERY: dict[str, Any] = {
    "broker_url": broker(_text("REDIS_URL"), DATA_DIR),
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_transport_options": {
        "socket_timeout": 2,
        "socket_connect_timeout": 1,
        "retry_on_timeout": False,
        "max_retries": 1,
        "queue_order_strategy": "round_robin",
    },
    "accept_content": ["json"],
    "task_serializer": "json",
    "task_ignore_result": True,
    "task_default_queue": "default",
    "worker_prefetch_multiplier": 1,
    "worker_enable_remote_control": False,
    "worker_hijack_root_logger": False,
    "broker_channel_error_retry": True,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "beat_schedule_filename": str(DATA_DIR / "schedule"),
    "timezone": "UTC",
}

LEASE_SECONDS = _number("BATON_LEASE_SECONDS", 60)
WORKER_SLOTS = _number("BATON_WORKER_SLOTS", 2)
CHILD_MEMORY_MB = _number("BATON_JOB_MEMORY_MB", 4096)
CHILD_THREADS = _number("BATON_JOB_THREADS", 1)
SEGMENT_SECONDS = _number("BATON_SEGMENT_SECONDS", 20)
STOP_SECONDS = _number("BATON_STOP_SECONDS", 10)
TICK_SECONDS = _number("BATON_TICK_SECONDS", 10)
PREDICT_HOSTS = ALLOWED_HOSTS + [host for host in _text("BATON_PREDICT_HOSTS").split(",") if host]
PREDICT_THREADS = _number("BATON_PREDICT_THREADS", 2)
PREDICT_QUEUE = _number("BATON_PREDICT_QUEUE", 128)
PREDICT_SECONDS = _number("BATON_PREDICT_SECONDS", 10)
PREDICTION_DAYS = _number("BATON_PREDICTION_DAYS", 0)  # stored answers that are older go for good; 0: they stay

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": "config.logs.JsonLines"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "root": {"handlers": ["console"], "level": _text("BATON_LOG_LEVEL", "INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "celery": {"level": "WARNING"},
    },
}
