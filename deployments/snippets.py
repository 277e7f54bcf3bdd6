"""PURE: calls to copy: predictions and promotion, in curl and Python, with a row that works."""

import json
from typing import Any


def predict_url(base: str, deployment: str) -> str:
    """Where predictions are asked for."""
    return f"{base}/v1/deployments/{deployment}/predict"


def predict_curl(base: str, deployment: str, row: dict[str, Any]) -> str:
    """One prediction by curl."""
    body = json.dumps({"row": row}, ensure_ascii=False).replace("'", "'\\''")
    return (
        f"curl -X POST {predict_url(base, deployment)} \\\n"
        f"  -H 'Authorization: Bearer '\"$KEY\" \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -d '{body}'"
    )


def predict_python(base: str, deployment: str, row: dict[str, Any]) -> str:
    """One prediction with nothing but Python's standard library."""
    return (
        "import json, os, urllib.request\n\n"
        "request = urllib.request.Request(\n"
        f"    {json.dumps(predict_url(base, deployment))},\n"
        f'    data=json.dumps({{"row": {_python(row)}}}).encode(),\n'
        "    headers={\n"
        '        "Authorization": "Bearer " + os.environ["KEY"],\n'
        '        "Content-Type": "application/json",\n'
        "    },\n"
        ")\n"
        "answer = json.load(urllib.request.urlopen(request))\n"
        'print(answer["version"], answer["policy"], answer["predictions"][0])'
    )


def _python(row: dict[str, Any]) -> str:
    inner = ", ".join(f"{json.dumps(name, ensure_ascii=False)}: {value!r}" for name, value in row.items())
    return "{" + inner + "}"


def promote_curl(base: str, project: str, model: str, number: int) -> str:
    """Asking for production, and promoting when nothing is missing, by curl."""
    return (
        f"curl -X POST {base}/api/v1/projects/{project}/models/{model}/versions/{number}/promote/ \\\n"
        f"  -H 'Authorization: Bearer '\"$TOKEN\" \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f'  -d \'{{"to": "production", "comment": "Why now"}}\''
    )


def promote_answer(waits: list[str], job_url: str) -> str:
    """What that call answers now."""
    if waits:
        return "409 Conflict\n" + json.dumps({"code": "blocked", "blocked_by": waits}, indent=1)
    return "202 Accepted\n" + json.dumps({"job": {"id": "…", "state": "queued", "url": job_url}}, indent=1)
