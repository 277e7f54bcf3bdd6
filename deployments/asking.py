"""PURE: one call to the prediction server on this machine, for the try-it form."""

import http.client
import json
from typing import Any

from problems.problem import Problem, Unavailable

SECONDS = 5


def ask(port: int, deployment: str, row: dict[str, Any], key: str) -> tuple[int, dict[str, Any]]:
    """Send one row with the caller's key; returns status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    headers = {
        "Host": f"localhost:{port}",
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
    }
    if not (key.isascii() and key.isprintable()):
        raise Problem("That is not a key.", code="unauthorised")
    try:
        body = json.dumps({"row": row}, allow_nan=False)
        connection.request("POST", f"/v1/deployments/{deployment}/predict", body, headers)
        response = connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read(1_000_000))
        return response.status, answer
    except (OSError, http.client.HTTPException, ValueError):
        raise Unavailable("The prediction server on this machine does not answer.") from None
    finally:
        connection.close()
