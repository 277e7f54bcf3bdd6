"""PURE: calls to copy: predictions and promotion, in curl, Python, JavaScript and R, with a row that works."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from deployments.serving.tensors import DATATYPES


def predict_url(base: str, deployment: str) -> str:
    """Where predictions are asked for."""
    return f"{base}/v1/deployments/{deployment}/predict"


def predict_curl(base: str, deployment: str, row: dict[str, Any]) -> str:
    """One prediction by curl."""
    return _posted(predict_url(base, deployment), {"row": row})


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


def predict_javascript(base: str, deployment: str, row: dict[str, Any]) -> str:
    """One prediction with the fetch of Node; a browser would show the key to everybody."""
    return (
        f"const answer = await fetch({json.dumps(predict_url(base, deployment))}, {{\n"
        '  method: "POST",\n'
        '  headers: { Authorization: `Bearer ${process.env.KEY}`, "Content-Type": "application/json" },\n'
        f"  body: JSON.stringify({{ row: {json.dumps(row, ensure_ascii=False)} }}),\n"
        "});\n"
        "if (!answer.ok) throw new Error((await answer.json()).detail);\n"
        "const said = await answer.json();\n"
        "console.log(said.version, said.policy, said.predictions[0]);"
    )


def predict_r(base: str, deployment: str, row: dict[str, Any]) -> str:
    """One prediction with the package httr2 of R."""
    return (
        "library(httr2)\n\n"
        f"said <- request({json.dumps(predict_url(base, deployment))}) |>\n"
        '  req_auth_bearer_token(Sys.getenv("KEY")) |>\n'
        f'  req_body_json(list(row = list({_r(row)})), null = "null") |>\n'
        "  req_perform() |>\n"
        "  resp_body_json()\n"
        "str(said$predictions[[1]])"
    )


def _r(row: dict[str, Any]) -> str:
    words = {True: "TRUE", False: "FALSE", None: "NULL"}
    said = (
        words[value] if value is None or isinstance(value, bool) else json.dumps(value, ensure_ascii=False)
        for value in row.values()
    )
    names = (name.replace("\\", "\\\\").replace("`", "\\`") for name in row)
    return ", ".join(f"`{name}` = {value}" for name, value in zip(names, said, strict=True))


def mlflow_curl(base: str, deployment: str, row: dict[str, Any]) -> str:
    """The same as clients of MLflow ask."""
    return _posted(f"{base}/v1/deployments/{deployment}/invocations", {"dataframe_records": [row]})


def v2_curl(base: str, deployment: str, inputs: Sequence[Mapping[str, Any]]) -> str:
    """The same as clients of the Open Inference Protocol ask; `inputs` are those of a signature."""
    tensors = [
        {"name": one["name"], "datatype": DATATYPES[one["type"]], "shape": [1], "data": [one.get("example")]}
        for one in inputs
    ]
    return _posted(f"{base}/v2/models/{deployment}/infer", {"inputs": tensors})


def _posted(url: str, data: dict[str, Any]) -> str:
    body = json.dumps(data, ensure_ascii=False).replace("'", "'\\''")
    return (
        f"curl -X POST {url} \\\n"
        f"  -H 'Authorization: Bearer '\"$KEY\" \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -d '{body}'"
    )


def _python(row: dict[str, Any]) -> str:
    inner = ", ".join(f"{json.dumps(name, ensure_ascii=False)}: {value!r}" for name, value in row.items())
    return "{" + inner + "}"


def promote_curl(base: str, project: str, model: str, number: int, environment: str = "production") -> str:
    """Asking for an environment, and promoting when nothing is missing, by curl."""
    return (
        f"curl -X POST {base}/api/v1/projects/{project}/models/{model}/versions/{number}/promote/ \\\n"
        f"  -H 'Authorization: Bearer '\"$TOKEN\" \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f'  -d \'{{"to": "{environment}", "comment": "Why now"}}\''
    )


def promote_answer(waits: list[str], job_url: str) -> str:
    """What that call answers now."""
    if waits:
        return "409 Conflict\n" + json.dumps({"code": "blocked", "blocked_by": waits}, indent=1)
    return "202 Accepted\n" + json.dumps({"job": {"id": "…", "state": "queued", "url": job_url}}, indent=1)
