"""The prediction server as a bare ASGI application: a key, a body, a model, a durable log, an answer."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import orjson
from django.conf import settings

from accounts.one_time import digest
from deployments.serving import messages, openapi, parsing, protocols, tensors
from deployments.serving.binary import HEAD
from deployments.serving.inference import Facts, Loaded
from deployments.serving.journal import Journal, seal_leftovers
from deployments.serving.limits import Bound, Key, OverLimit
from deployments.serving.messages import Reply, Request, problem
from deployments.serving.metrics import Metrics
from deployments.serving.pinning import pinned
from deployments.serving.protocols import Asked, Place
from deployments.serving.refresher import Refresher
from deployments.serving.repeats import Repeats
from deployments.serving.traffic import Asker, OnTrial, Traffic
from deployments.traffic import HEADER
from problems.problem import Missing, Problem, Unavailable

log = logging.getLogger(__name__)
LONG_BODY = 128 * 1024
STICKY = HEADER.lower().encode()
BYTES = b"application/octet-stream"
STARTED = "This server has just started and does not know yet what it answers. Try again in a second."

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Unauthorised(Problem):
    """No key, or one that is not known (any more)."""

    status = 401
    code = "unauthorised"


class Overloaded(Problem):
    """More requests wait than this server holds."""

    status = 429
    code = "overloaded"


class WrongMethod(Problem):
    """The address exists, and wants another verb."""

    status = 405
    code = "wrong_method"


class Application:
    """One server: its view of the database, its threads, its log and its counts."""

    def __init__(self, name: str) -> None:
        self.refresher = Refresher(name)
        self.metrics = Metrics()
        self.journal: Journal | None = None
        self._pool = ThreadPoolExecutor(settings.PREDICT_THREADS, thread_name_prefix="predict")
        self._pending = 0
        self._traffic: Traffic | None = None
        self._repeats = Repeats()
        self._fixed: dict[str, Callable[[Request], Reply]] = {
            "/healthz": self._health,
            "/readyz": self._readiness,
            "/metrics": self._metrics,
            "/ping": self._health,
            "/v2": self._server,
            "/v2/health/live": self._health,
            "/v2/health/ready": self._readiness,
        }

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._respond(Request(scope, receive), send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await asyncio.get_running_loop().run_in_executor(None, self.close)
                await send({"type": "lifespan.shutdown.complete"})
                return

    def start(self) -> None:
        """Seal what dead servers left, open the log, begin to look at the database."""
        seal_leftovers(settings.DATA_DIR)
        self.journal = Journal(settings.DATA_DIR, settings.SEGMENT_SECONDS)
        journal = self.journal
        self.refresher.log_trouble = lambda: journal.trouble
        self._traffic = Traffic(self.journal, settings.SERVING_KEY, self.refresher.tallies)
        self.refresher.start()

    def close(self) -> None:
        """Answer what is under way, write and seal the log, stop."""
        self._pool.shutdown(wait=True)
        if self._traffic:
            self._traffic.close()
        if self.journal:
            self.journal.close()
        self.refresher.close()

    async def _respond(self, request: Request, send: Send) -> None:
        began = time.perf_counter()
        try:
            reply = await self._route(request, began)
        except Problem as refusal:
            reply = problem(refusal)
            if request.path.startswith("/v2/"):
                reply = replace(reply, body=tensors.refusal_of(refusal))
        except Exception:
            log.exception("A request broke its handler.")
            reply = problem(_broken())
        for message in messages.of(reply):
            await send(message)
        if reply.counted:
            self.metrics.count(reply.deployment, reply.status, time.perf_counter() - began, reply.rows, reply.unknown)

    async def _route(self, request: Request, began: float) -> Reply:
        messages.check_host(request, settings.PREDICT_HOSTS)
        if fixed := self._fixed.get(request.path):
            _only(request, "GET")
            return fixed(request)
        place = protocols.place_of(request.path)
        if place is None:
            raise Missing("There is nothing here. Predictions are at /v1/deployments/<name>/predict.")
        _only(request, place.method)
        key, name = self._check_key(request, place.name)
        if place.method == "GET":
            return await self._said(request, place, key, name, began)
        outcome = "failed"
        try:
            reply = await self._said(request, place, key, name, began)
            outcome = reply.outcome
            return reply
        finally:
            self.refresher.limits.count(key.id, name, outcome)

    async def _said(self, request: Request, place: Place, key: Key, name: str, began: float) -> Reply:
        """The answer, or the refusal in the shape of the protocol that was spoken."""
        try:
            return await self._of_model(request, place, key, name, began)
        except Problem as refusal:
            reply = problem(refusal, deployment=name, counted=place.method == "POST")
            reply = replace(reply, outcome=_outcome(refusal))
            return replace(reply, body=tensors.refusal_of(refusal)) if place.is_open_inference else reply

    async def _of_model(self, request: Request, place: Place, key: Key, name: str, began: float) -> Reply:
        facts, model = self._model(name)
        trial = self.refresher.live.trials.get(name)
        if place.version:
            facts, model = pinned(place.version, (facts, model), trial)
            trial = None
        if place.verb == "openapi.json":
            return Reply(200, orjson.dumps(openapi.document(facts, model.signature, settings.PREDICT_URL)))
        if place.verb == "metadata":
            return Reply(200, orjson.dumps(tensors.metadata(facts, model.signature)))
        if place.verb == "ready":
            return Reply(200, orjson.dumps({"name": name, "ready": True}))
        self.refresher.limits.admit(key)
        head = request.header(HEAD) if place.verb == "infer" else ""
        messages.check_content(request, any_type=bool(head))
        body = await self._body(request)
        seconds = min(settings.PREDICT_SECONDS, facts.seconds or settings.PREDICT_SECONDS)
        asker = Asker(request.header(STICKY).encode(), body, began, seconds, head)
        bound = Bound(self.refresher.limits, key, name)
        if not (repeat := request.header(b"idempotency-key")):
            return await self._predict(asker, facts, model, trial, place.verb, bound)
        who = digest(f"{request.path} {request.header(b'authorization')}")
        once = self._repeats.once
        return await once(
            who, repeat, head.encode() + body, lambda: self._predict(asker, facts, model, trial, place.verb, bound)
        )

    def _check_key(self, request: Request, name: str) -> tuple[Key, str]:
        """The key that was sent, and the deployment: the one that is named must be one of the key's."""
        scheme, _, secret = request.header(b"authorization").partition(" ")
        secret = secret.strip()
        known = scheme.lower() == "bearer" and secret.isascii() and 0 < len(secret) <= 200
        keys = self.refresher.live.keys
        if keys is None:
            raise Unavailable(STARTED, code="not_ready")
        key = keys.get(digest(secret)) if known else None
        if key is None or key.ends <= time.time():
            raise Unauthorised(
                "Send the key of this deployment: `Authorization: Bearer bk_…`. "
                "It is missing, unknown, expired or revoked."
            )
        if name and name not in key.deployments:
            raise Missing("There is no such deployment for this key.")
        return key, name or key.deployments[0]

    def _model(self, name: str) -> tuple[Facts, Loaded]:
        live = self.refresher.live
        if found := live.serving.get(name):
            return found
        if trouble := live.troubles.get(name):
            raise Unavailable(f"{trouble} Nothing was answered.", code="corrupted")
        raise Unavailable("Nothing is in production here yet." if live.read_at else STARTED, code="not_ready")

    async def _predict(
        self, asker: Asker, facts: Facts, model: Loaded, trial: OnTrial | None, verb: str, bound: Bound
    ) -> Reply:
        assert self._traffic is not None
        if self._pending >= settings.PREDICT_QUEUE:
            raise Overloaded("This server has more requests than it can hold. Try again in a second.")
        self._pending += 1
        try:
            async with asyncio.timeout(asker.seconds):
                asked = await self._read(verb, asker, model)
                with bound.room(len(asked.rows)):
                    who, answered = await self._traffic.answer(facts, model, trial, asked.rows, asker)
        except TimeoutError:
            raise Unavailable(
                f"It took longer than {asker.seconds:g} s. Nothing was answered.", code="time_limit"
            ) from None
        finally:
            self._pending -= 1
        content, front = asked.body(who, answered)
        reply = Reply(200, content, facts.deployment, True, answered.rows, answered.unknown)
        return replace(reply, content_type=BYTES, extra=((HEAD, str(front).encode()),)) if front else reply

    async def _body(self, request: Request) -> bytes:
        """The body, unpacked; that is done beside the loop, so that others need not wait for it."""
        body = await request.body()
        encoding = ",".join(request.headers(b"content-encoding")).strip().lower()
        if not encoding:
            return body
        return await asyncio.get_running_loop().run_in_executor(self._pool, parsing.unpacked, body, encoding)

    async def _read(self, verb: str, asker: Asker, model: Loaded) -> Asked:
        """What a body asks; a long one is read beside the loop, so that others need not wait for it."""
        if len(asker.body) <= LONG_BODY:
            return protocols.asked(verb, asker.body, model.signature, asker.head)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, protocols.asked, verb, asker.body, model.signature, asker.head)

    def _health(self, request: Request) -> Reply:
        return Reply(200, b'{"status":"ok"}')

    def _server(self, request: Request) -> Reply:
        return Reply(200, b'{"name":"baton","version":"2","extensions":["binary_tensor_data"]}')

    def _readiness(self, request: Request) -> Reply:
        """Which deployments answer with which version, and what is wrong; 503 while something is."""
        live, journal = self.refresher.live, self.journal
        logging_trouble = journal.trouble if journal else "The prediction log is not open yet."
        ready = self.refresher.ready and not logging_trouble
        body: dict[str, Any] = {"ready": ready}
        if request.is_local:
            body["serving"] = {name: facts.version for name, (facts, _) in live.serving.items()}
            body["troubles"] = live.troubles | ({"log": logging_trouble} if logging_trouble else {})
            body["database_read_seconds_ago"] = round(time.time() - live.read_at, 1) if live.read_at else None
        return Reply(200 if ready else 503, orjson.dumps(body))

    def _metrics(self, request: Request) -> Reply:
        if not request.is_local:
            raise Missing("There is nothing here. Metrics are for collectors on this machine.")
        models = [(f.deployment, f.model, f.version) for f, _ in self.refresher.live.serving.values()]
        commits = self.journal.commits if self.journal else 0
        text = self.metrics.text(models, self.refresher.ready, commits)
        return Reply(200, text.encode(), content_type=b"text/plain; version=0.0.4; charset=utf-8")


def _outcome(refusal: Problem) -> str:
    """What the counts of a key call it: beyond its limits, wrong in itself, or our failure."""
    if isinstance(refusal, OverLimit):
        return "limited"
    return "failed" if refusal.status >= 500 or isinstance(refusal, Overloaded) else "refused"


def _only(request: Request, method: str) -> None:
    if request.method != method and not (method == "GET" and request.method == "HEAD"):
        raise WrongMethod(f"This address answers {method} only.", allow=method)


def _broken() -> Problem:
    broken = Problem("Something went wrong on our side. Nothing was answered.", code="error")
    broken.status = 500
    return broken
