"""A request that is sent again under the same name is answered once."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from deployments.serving.repeats import OVERHEAD, Repeats
from problems.problem import Conflict, Problem


@dataclass(frozen=True)
class Said:
    status: int
    body: bytes


class Maker:
    """Counts how often an answer is made."""

    def __init__(self, status: int = 200, error: Exception | None = None) -> None:
        self.made, self._status, self._error = 0, status, error

    async def __call__(self) -> Said:
        self.made += 1
        await asyncio.sleep(0.01)
        if self._error:
            raise self._error
        return Said(self._status, b"answer %d" % self.made)


def run(story: Callable[[], Awaitable[None]]) -> None:
    """In a thread of its own: a browser test before may have left a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, story()).result()  # type: ignore[arg-type]


def test_the_same_name_and_body_is_answered_once_also_at_the_same_time() -> None:
    async def story() -> None:
        repeats, maker = Repeats(), Maker()
        found = await asyncio.gather(*(repeats.once("me", "a", b"body", maker) for _ in range(5)))
        assert {one.body for one in found} == {b"answer 1"}
        assert await repeats.once("me", "a", b"body", maker) == found[0]
        assert maker.made == 1
        await repeats.once("another caller", "a", b"body", maker)
        await repeats.once("me", "b", b"body", maker)
        assert maker.made == 3

    run(story)


def test_another_body_under_the_same_name_is_refused() -> None:
    async def story() -> None:
        repeats, maker = Repeats(), Maker()
        await repeats.once("me", "a", b"body", maker)
        with pytest.raises(Conflict):
            await repeats.once("me", "a", b"other", maker)
        for name in ("x" * 201, "é", "a\tb"):
            with pytest.raises(Problem):
                await repeats.once("me", name, b"body", maker)

    run(story)


def test_what_went_wrong_may_be_tried_again() -> None:
    async def story() -> None:
        repeats, refused, broken = Repeats(), Maker(503), Maker(error=Problem("no"))
        for _ in range(2):
            assert (await repeats.once("me", "a", b"body", refused)).status == 503
            with pytest.raises(Problem):
                await repeats.once("me", "b", b"body", broken)
        assert (refused.made, broken.made) == (2, 2)

    run(story)


def test_a_caller_who_gives_up_finds_the_answer_when_it_asks_again() -> None:
    async def story() -> None:
        repeats, maker = Repeats(), Maker()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(repeats.once("me", "a", b"body", maker), 0.001)
        assert (await repeats.once("me", "a", b"body", maker)).body == b"answer 1"

    run(story)


def test_memory_is_bounded_by_time_and_bytes() -> None:
    async def story() -> None:
        maker, short, small = Maker(), Repeats(seconds=0), Repeats(most_bytes=3 * OVERHEAD)
        for _ in range(2):
            await short.once("me", "a", b"body", maker)
        assert maker.made == 2
        for name in "abcdef":
            await small.once("me", name, b"body", maker)
        assert len(small._entries) <= 3
        assert small._bytes == sum(entry.size for entry in small._entries.values())

    run(story)
