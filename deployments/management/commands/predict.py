"""`manage.py predict`: the prediction server, a process of its own."""

import os
import socket
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Runs one prediction server until it is asked to stop; then it finishes what is under way."""

    help = "Run a prediction server."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen."""
        parser.add_argument("--port", type=int, default=settings.PREDICT_PORT)
        parser.add_argument("--host", default=getattr(settings, "HOST", "127.0.0.1"))

    def handle(self, *args: Any, **options: Any) -> None:
        """Listen."""
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = "1"  # before numpy is loaded: teams of threads starve each other in a server
        import uvicorn

        from deployments.serving.application import Application
        from deployments.serving.lean import stay_lean
        from deployments.serving.protocol import PatientProtocol

        stay_lean()
        sys.setswitchinterval(0.0005)  # a finished write of the log must not wait 5 ms for the loop to let go
        name = f"{socket.gethostname()}:{options['port']}"
        uvicorn.run(
            Application(name),
            host=options["host"],
            port=options["port"],
            http=PatientProtocol,
            loop="uvloop",
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=20,
            limit_concurrency=2000,
        )
