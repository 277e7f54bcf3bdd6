"""What clients ask of the server itself."""

from typing import Any

from django.http import HttpResponse

from experiments.tracking.door import Tracking
from experiments.tracking.wire import Asked

VERSION = "3.17.2"  # of the protocol


def server_info(door: Tracking, asked: Asked) -> Any:
    """What there is here."""
    return {
        "store_type": "SqlStore",
        "workspaces_enabled": False,
        "multipart_uploads_enabled": False,
        "multipart_downloads_enabled": False,
    }


def version(door: Tracking, asked: Asked) -> Any:
    """Which server's protocol this is."""
    return HttpResponse(VERSION, content_type="text/plain")


def health(door: Tracking, asked: Asked) -> Any:
    """It lives."""
    return HttpResponse("OK", content_type="text/plain")
