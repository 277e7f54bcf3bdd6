"""Gives the tests an instance of their own, before Django reads its settings: a folder and fresh keys."""

import atexit
import base64
import os
import secrets
import shutil
import tempfile
from pathlib import Path

if "BATON_TESTS_SHARED" not in os.environ:  # else one of the processes that share the work of the first
    os.environ["BATON_TESTS_SHARED"] = tempfile.mkdtemp(prefix="baton-tests-shared-")

    @atexit.register
    def forget() -> None:
        """Nothing of it stays."""
        from tests import prepared

        prepared.forget()
        shutil.rmtree(SHARED, ignore_errors=True)


SHARED = Path(os.environ["BATON_TESTS_SHARED"])
FOLDER = tempfile.mkdtemp(prefix="baton-tests-")
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
os.environ["BATON_DATA"] = FOLDER
if os.environ.get("BATON_TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = os.environ["BATON_TEST_DATABASE_URL"]
os.environ["SECRET_KEY"] = secrets.token_urlsafe(64)
os.environ["BATON_SEALING_KEYS"] = base64.urlsafe_b64encode(os.urandom(32)).decode()
os.environ["BATON_AUDIT_KEY"] = secrets.token_hex(16)
os.environ["BATON_SERVING_KEY"] = secrets.token_hex(16)
os.environ["BATON_HOSTS"] = "localhost,127.0.0.1,testserver"
os.environ["BATON_LOG_LEVEL"] = "CRITICAL"
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's synchronous client runs a loop in this thread
