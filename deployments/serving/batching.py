"""PURE: answers requests together: those of one turn of the loop, and those that waited for a busy model."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

from deployments.serving.inference import Answered, Facts, Loaded, answer, answer_all
from deployments.serving.journal import Journal
from problems.problem import Problem

MOST_ROWS = 512
INLINE_SECONDS = 0.01  # what costs less is answered in the loop itself: handing the interpreter to and fro costs more


@dataclass
class Waiting:
    """One request that waits for its answer."""

    rows: list[dict[str, Any]]
    began: float
    done: "asyncio.Future[Answered]"


class Queue:
    """The requests to one release of a model. One call at a time; what comes meanwhile goes with the next."""

    def __init__(self, facts: Facts, model: Loaded, pool: Executor, journal: Journal, key: bytes) -> None:
        self.facts, self.model = facts, model
        self._pool, self._journal, self._key = pool, journal, key
        self._waiting: list[Waiting] = []
        self._busy, self._due = False, False
        self._tasks: set[asyncio.Task[None]] = set()

    async def answer(self, rows: list[dict[str, Any]], began: float) -> Answered:
        """The answer, when its lines are in the log."""
        loop = asyncio.get_running_loop()
        one = Waiting(rows, began, loop.create_future())
        self._waiting.append(one)
        self._wake(loop)
        return await one.done

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._due and not self._busy and self._waiting:
            self._due = True
            loop.call_soon(self._start, loop)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take what waits, and answer it here or in a thread."""
        self._due = False
        batch = self._take()
        if not batch:
            return
        if self.model.cost.of(sum(len(one.rows) for one in batch)) <= INLINE_SECONDS:
            self._keep(loop.create_task(self._log(batch, self._compute(batch))))
        else:
            self._busy = True
            self._keep(loop.create_task(self._elsewhere(loop, batch)))
        self._wake(loop)

    def _take(self) -> list[Waiting]:
        batch: list[Waiting] = []
        rows = 0
        while self._waiting and (not batch or rows + len(self._waiting[0].rows) <= MOST_ROWS):
            one = self._waiting.pop(0)
            if not one.done.done():  # its caller may have given up
                rows += len(one.rows)
                batch.append(one)
        return batch

    def _keep(self, task: "asyncio.Task[None]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _elsewhere(self, loop: asyncio.AbstractEventLoop, batch: list[Waiting]) -> None:
        try:
            found = await loop.run_in_executor(self._pool, self._compute, batch)
        except BaseException as error:
            found = [error] * len(batch)
        finally:
            self._busy = False
            self._wake(loop)
        await self._log(batch, found)

    def _compute(self, batch: list[Waiting]) -> Sequence[Answered | BaseException]:
        """All at once; where one does not fit, each by itself, so that it alone is refused."""
        try:
            return answer_all(self.model, self.facts, [(one.rows, one.began) for one in batch], self._key)
        except Exception as error:
            if len(batch) == 1:
                return [error]
        return [self._alone(one) for one in batch]

    def _alone(self, one: Waiting) -> Answered | BaseException:
        try:
            return answer(self.model, self.facts, one.rows, self._key, one.began)
        except Exception as error:
            return error

    async def _log(self, batch: list[Waiting], found: Sequence[Answered | BaseException]) -> None:
        """One entry of the log for all; nobody gets an answer that is not in it, unless the deployment was told to."""
        pairs = [(one, answered) for one, answered in zip(batch, found, strict=True) if not one.done.done()]
        lines = b"".join(answered.lines for _, answered in pairs if isinstance(answered, Answered))
        refused: BaseException | None = None
        if lines:
            try:
                await asyncio.wrap_future(self._journal.append(lines))
            except Problem as error:
                refused = error
        for one, answered in pairs:
            if one.done.done():
                continue
            if isinstance(answered, BaseException):
                one.done.set_exception(answered)
            elif refused and self.facts.answers_unlogged:
                one.done.set_result(unlogged(answered))
            elif refused:
                one.done.set_exception(refused)
            else:
                one.done.set_result(answered)


def unlogged(answered: Answered) -> Answered:
    """The answer where the log cannot be written and the deployment answers all the same: each row says so."""
    return replace(answered, predictions=[one | {"logged": False} for one in answered.predictions])
