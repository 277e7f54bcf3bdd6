"""PURE: who answers a request while a version is on trial: the model in use, its canary, and beside them its shadow.

Whatever goes wrong with a challenger, the caller gets an answer of the model in use; what went wrong is counted.
"""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import orjson

from deployments.serving.batching import Queue
from deployments.serving.inference import Answered, Facts, Loaded, answer_all
from deployments.serving.journal import Journal
from deployments.serving.tallies import Place, Tallies
from deployments.traffic import goes_to_challenger
from problems.problem import Problem
from projects.measures import NUMBERS

CHAMPION, CANARY, SHADOW = "champion", "canary", "shadow"
MOST_SHADOWS = 32  # requests that wait for the shadow of one deployment; what comes beyond is not shadowed
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class OnTrial:
    """The step that a trial is at, and its challenger, loaded."""

    plan: str
    step: int
    percent: int
    sticky: str
    facts: Facts
    model: Loaded

    def place(self, role: str) -> Place:
        """Where its counts go."""
        return self.plan, self.step, role


@dataclass(frozen=True)
class Asker:
    """What a request says beside its rows: its key header, its body, when it began, how long it may take, and how long
    the JSON is that stands before bytes."""

    sticky: bytes
    body: bytes
    began: float
    seconds: float
    head: str = ""


class Traffic:
    """The queues of all deployments, one for each side of a trial, each with a thread of its own.

    So a slow model holds up nobody else's answers.
    """

    def __init__(self, journal: Journal, key: bytes, tallies: Tallies) -> None:
        self._journal, self._key, self.tallies = journal, key, tallies
        self._queues: dict[tuple[str, str], Queue] = {}
        self._pools: dict[tuple[str, str], ThreadPoolExecutor] = {}
        self._shadows: dict[str, int] = {}
        self._tasks: set[asyncio.Future[None]] = set()

    def close(self) -> None:
        """Answer what is under way."""
        for pool in self._pools.values():
            pool.shutdown(wait=True)

    async def answer(
        self, facts: Facts, model: Loaded, trial: OnTrial | None, rows: Rows, asker: Asker
    ) -> tuple[Facts, Answered]:
        """The answer, and the release that it is of; of rows that both sides answered, each row names its version."""
        if trial is None:
            return facts, await self._queue(facts, model).answer(rows, asker.began)
        if trial.percent == 0:
            answered = await self._of_champion(facts, model, trial, rows, asker)
            self._beside(trial, rows, answered)
            return facts, answered
        goes = [goes_to_challenger(trial.plan, trial.percent, key) for key in _keys(trial, rows, asker)]
        if all(goes):
            return await self._of_canary(facts, model, trial, rows, asker)
        if not any(goes):
            return facts, await self._of_champion(facts, model, trial, rows, asker)
        return facts, await self._of_both(facts, model, trial, rows, goes, asker)

    async def _of_both(
        self, facts: Facts, model: Loaded, trial: OnTrial, rows: Rows, goes: Sequence[bool], asker: Asker
    ) -> Answered:
        stays = [row for row, gone in zip(rows, goes, strict=True) if not gone]
        moves = [row for row, gone in zip(rows, goes, strict=True) if gone]
        theirs = await self._of_champion(facts, model, trial, stays, asker)
        who, mine = await self._of_canary(facts, model, trial, moves, asker)
        before = iter([one | {"version": facts.version} for one in theirs.predictions])
        after = iter([one | {"version": who.version} for one in mine.predictions])
        predictions = [next(after) if gone else next(before) for gone in goes]
        return Answered(predictions, b"", len(rows), theirs.unknown + mine.unknown)

    async def _of_champion(self, facts: Facts, model: Loaded, trial: OnTrial, rows: Rows, asker: Asker) -> Answered:
        place = trial.place(CHAMPION)
        try:
            answered = await self._queue(facts, model).answer(rows, asker.began)
        except BaseException as error:
            if not (isinstance(error, Problem) and error.status < 500):  # what a caller did wrong is no error of ours
                self.tallies.failed(place)
            raise
        self._count(place, answered, asker.began, model)
        return answered

    async def _of_canary(
        self, facts: Facts, model: Loaded, trial: OnTrial, rows: Rows, asker: Asker
    ) -> tuple[Facts, Answered]:
        """The canary's answer in half the time that there is; else the model in use answers."""
        place = trial.place(CANARY)
        try:
            left = asker.seconds - (time.perf_counter() - asker.began)
            async with asyncio.timeout(max(0.0, left / 2)):
                answered = await self._queue(trial.facts, trial.model).answer(rows, asker.began)
        except Exception:
            instead = await self._queue(facts, model).answer(rows, asker.began)  # refuses what is wrong in itself
            self.tallies.failed(place)
            return facts, instead
        self._count(place, answered, asker.began, trial.model)
        return trial.facts, answered

    def _count(self, place: Place, answered: Answered, began: float, model: Loaded) -> None:
        answers = [one["answer"] for one in answered.predictions]
        numbers = model.signature["kind"] in NUMBERS
        self.tallies.answered(place, answers, time.perf_counter() - began, numbers=numbers)

    def _beside(self, trial: OnTrial, rows: Rows, answered: Answered) -> None:
        """Ask the shadow when there is room; nobody waits for it."""
        name = trial.facts.deployment
        if self._shadows.get(name, 0) >= MOST_SHADOWS:
            self.tallies.skipped(trial.place(SHADOW))
            return
        self._shadows[name] = self._shadows.get(name, 0) + 1
        loop = asyncio.get_running_loop()
        task = loop.run_in_executor(self._pool(name, SHADOW), self._shadow, trial, rows, answered.predictions)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._shadowed(name, done))

    def _shadowed(self, name: str, done: "asyncio.Future[None]") -> None:
        self._shadows[name] -= 1
        self._tasks.discard(done)

    def _shadow(self, trial: OnTrial, rows: Rows, said: list[dict[str, Any]]) -> None:
        began, place = time.perf_counter(), trial.place(SHADOW)
        try:
            beside = [one["id"] for one in said]
            (answered,) = answer_all(trial.model, trial.facts, [(rows, began)], self._key, beside)
        except Exception:
            self.tallies.failed(place)
            return
        self._count(place, answered, began, trial.model)
        pairs = zip((one["answer"] for one in said), (one["answer"] for one in answered.predictions), strict=True)
        self.tallies.compared(place, list(pairs))
        self._journal.append(answered.lines)

    def _queue(self, facts: Facts, model: Loaded) -> Queue:
        """Where requests to this release wait; made anew when the release, its policy or its model changes."""
        key = (facts.deployment, facts.role)
        queue = self._queues.get(key)
        if queue is None or queue.facts is not facts or queue.model is not model:
            queue = Queue(facts, model, self._pool(*key), self._journal, self._key)
            self._queues[key] = queue
        return queue

    def _pool(self, deployment: str, role: str) -> Executor:
        key = (deployment, role)
        if key not in self._pools:
            self._pools[key] = ThreadPoolExecutor(1, thread_name_prefix=f"predict-{role}")
        return self._pools[key]


def _keys(trial: OnTrial, rows: Rows, asker: Asker) -> list[bytes]:
    """By what it is decided who answers each row: its named input, else the request's key header, else its body."""
    if trial.sticky:
        return [orjson.dumps(row.get(trial.sticky), default=str) for row in rows]
    return [asker.sticky or asker.body] * len(rows)
