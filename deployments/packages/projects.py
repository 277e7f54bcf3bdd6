"""PURE: a registered version as a FastAPI or a Flask project: an API with its tests and a Dockerfile."""

from collections.abc import Mapping
from dataclasses import dataclass

from deployments.packages.answering import MODEL, post_tests
from deployments.packages.forms import json_bytes, named

FASTAPI = '''"""An API that answers rows with this model: POST /predict. Its description is at /docs."""

import uuid

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from model import MOST_BYTES, Model, Refused

model = Model()
app = FastAPI(title=f"{model.facts['model']} version {model.facts['version']}", version=str(model.facts["version"]))
BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": model.openapi}}}}


async def body_of(request):
    """The body, read no further than is allowed."""
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > MOST_BYTES:
            break
    return bytes(content)


@app.exception_handler(Refused)
async def refused(request: Request, problem: Refused):
    return JSONResponse(problem.body, status_code=problem.status)


@app.post("/predict", openapi_extra=BODY)
async def predict(request: Request):
    """One answer for each row."""
    asked = request.headers.get("x-request-id", "")[:100] or str(uuid.uuid4())
    return JSONResponse(await run_in_threadpool(model.reply, await body_of(request), asked))


@app.get("/signature")
def signature():
    """What the model accepts."""
    return model.signature


@app.get("/healthz")
def healthz():
    return {"status": "ok", **model.facts}
'''
FASTAPI_CLIENT = """
from fastapi.testclient import TestClient

from app import app

client = TestClient(app)


def send(body):
    answer = client.post("/predict", content=body, headers={"content-type": "application/json"})
    return answer.status_code, answer.json()


def post(body):
    return send(json.dumps(body).encode())


def get(path):
    return client.get(path).status_code
"""
FLASK = '''"""An API that answers rows with this model: POST /predict."""

import uuid

from flask import Flask, jsonify, request

from model import MOST_BYTES, Model, Refused

model = Model()
app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES


@app.errorhandler(Refused)
def refused(problem):
    return jsonify(problem.body), problem.status


@app.errorhandler(413)
def too_large(problem):
    return jsonify({"detail": f"A request has at most {MOST_BYTES} bytes.", "errors": []}), 413


@app.post("/predict")
def predict():
    """One answer for each row."""
    asked = request.headers.get("x-request-id", "")[:100] or str(uuid.uuid4())
    return jsonify(model.reply(request.get_data(), asked))


@app.get("/signature")
def signature():
    """What the model accepts."""
    return jsonify(model.signature)


@app.get("/healthz")
def healthz():
    return jsonify({"status": "ok", **model.facts})
'''
FLASK_CLIENT = """
from app import app

client = app.test_client()


def send(body):
    answer = client.post("/predict", data=body, content_type="application/json")
    return answer.status_code, answer.get_json()


def post(body):
    return send(json.dumps(body).encode())


def get(path):
    return client.get(path).status_code
"""
DOCKERFILE = """FROM python:{python}-slim
WORKDIR /srv
ENV OMP_NUM_THREADS=1 PYTHONUNBUFFERED=1
COPY requirements.txt .
RUN python -m pip install --no-cache-dir -r requirements.txt
COPY . .
USER 65534
EXPOSE 8080
HEALTHCHECK CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz')"]
CMD {command}
"""
README = """# {model} version {version} as a {title} project

    python -m pip install -r requirements.txt -r requirements-test.txt
    python -m pytest            its own tests
    {run}
    curl -H 'Content-Type: application/json' -d @request.json http://127.0.0.1:8080/predict

`docker build -t {model} .` makes an image of it. `SHA256SUMS` holds the sum of every file; the service looks at them
when it starts. `signature.json` says what it accepts, `card.md` what it is for.

It answers by the model's own threshold: a decision policy that was signed on the platform is not part of the model.
Nothing is logged and no key is asked for: put it behind something that does.
"""


@dataclass(frozen=True)
class Kind:
    """What tells one framework from the other."""

    title: str
    app: str
    client: str
    needs: tuple[str, ...]
    tests: tuple[str, ...]
    command: tuple[str, ...]


KINDS = {
    "fastapi": Kind(
        "FastAPI",
        FASTAPI,
        FASTAPI_CLIENT,
        ("fastapi>=0.115,<1", "uvicorn>=0.34,<1"),
        ("pytest>=8", "httpx>=0.27,<1"),
        ("uvicorn", "app:app", "--host", "0.0.0.0", "--port", "8080"),  # noqa: S104  within its container
    ),
    "flask": Kind(
        "Flask",
        FLASK,
        FLASK_CLIENT,
        ("flask>=3,<4", "gunicorn>=23"),
        ("pytest>=8",),
        ("gunicorn", "app:app", "--bind", "0.0.0.0:8080"),
    ),
}


def project(kind: str, parts: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a package (see `experiments.taking_along.parts`) as a project of this kind."""
    chosen, it = KINDS[kind], named(parts)
    needed = parts["requirements.txt"].decode() + "".join(f"{one}\n" for one in chosen.needs)
    request = b'{"rows": ' + parts["sample_input.json"].strip() + b"}\n"
    told = {"model": it.model, "version": it.version, "title": chosen.title, "run": " ".join(chosen.command)}
    made = {
        "app.py": chosen.app,
        "model.py": MODEL,
        "test_app.py": post_tests(chosen.client),
        "requirements.txt": needed,
        "requirements-test.txt": "".join(f"{one}\n" for one in chosen.tests),
        "Dockerfile": DOCKERFILE.format(python=it.short_python, command=json_bytes(list(chosen.command)).decode()),
        ".dockerignore": "test_app.py\nrequirements-test.txt\n__pycache__\n",
        "README.md": README.format(**told),
    }
    described = {"package.json": json_bytes({"model": it.model, "version": it.version}), "request.json": request}
    return {**parts, **described, **{name: text.encode() for name, text in made.items()}}
