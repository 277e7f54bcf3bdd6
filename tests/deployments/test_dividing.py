"""Who answers while a version is on trial, with a real model on one side and a planted bad one on the other."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from deployments import sealing
from deployments.serving.inference import Facts, load
from deployments.serving.journal import Journal
from deployments.serving.tallies import Tallies
from deployments.serving.traffic import Asker, OnTrial, Traffic
from jobs.report import Silent
from problems.problem import Unavailable
from tests.deployments.stage import ROW

KEY = b"k" * 32
CHAMPION = Facts("r1", "churn", "churn", 1, "b1")
ROWS = [ROW | {"months": number} for number in range(1, 41)]


class Broken:
    """A predictor that fails, after a while."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds

    def predict(self, rows):
        time.sleep(self.seconds)
        raise RuntimeError("planted")

    answers = predict


@pytest.fixture(scope="module")
def model(trained):
    return load(trained.bundle, "b1")


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path, 3600)
    yield journal
    journal.close()


def on_trial(model, percent, role="canary", sticky="", broken=None):
    """A challenger; `broken` is what answers in its place."""
    challenger = model
    if broken:
        challenger = replace(model, predictor=broken)
    return OnTrial("plan", 0, percent, sticky, replace(CHAMPION, release="r2", version=2, role=role), challenger)


def ask(journal, model, trial, rows=ROWS, facts=CHAMPION, seconds=10.0):
    """One request after another, and what was counted."""
    tallies = Tallies()
    traffic = Traffic(journal, KEY, tallies)

    async def all_of_them():
        found = []
        for row in rows:
            asked = row if isinstance(row, list) else [row]
            asker = Asker(b"", json.dumps(asked).encode(), time.perf_counter(), seconds)
            found.append(await traffic.answer(facts, model, trial, asked, asker))
        return found

    with ThreadPoolExecutor(1) as pool:  # a browser test before may have left a loop in this thread
        found = pool.submit(asyncio.run, all_of_them()).result()
    traffic.close()
    return found, {role: counts for (_, _, role), counts in tallies.take().items()}


def test_a_canary_gets_its_share_and_the_same_value_always_the_same_version(model, journal):
    trial = on_trial(model, 50, sticky="months")
    found, counts = ask(journal, model, trial, rows=[*ROWS, *ROWS])
    versions = [who.version for who, _ in found]
    assert versions[:40] == versions[40:]
    assert {1, 2} == set(versions)
    assert counts["canary"]["rows"] + counts["champion"]["rows"] == 80
    (_, mixed), *_ = ask(journal, model, trial, rows=[ROWS])[0]
    assert [one["version"] for one in mixed.predictions] == versions[:40]


def test_a_broken_or_slow_canary_fails_no_caller_and_is_counted(model, journal):
    found, counts = ask(journal, model, on_trial(model, 100, broken=Broken()), rows=ROWS[:10])
    assert {who.version for who, _ in found} == {1}
    assert (counts["canary"]["requests"], counts["canary"]["errors"]) == (10, 10)
    slow = replace(model, predictor=Broken(0.6), cost=replace(model.cost, call=1.0))
    began = time.perf_counter()
    found, counts = ask(journal, model, replace(on_trial(model, 100), model=slow), rows=ROWS[:1], seconds=0.4)
    assert ({who.version for who, _ in found}, counts["canary"]["errors"]) == ({1}, 1)
    assert time.perf_counter() - began < 2


def test_a_shadow_stands_in_the_log_apart_and_is_compared(model, journal, tmp_path):
    found, counts = ask(journal, model, on_trial(model, 0, role="shadow"))
    assert {who.version for who, _ in found} == {1}
    shadow = counts["shadow"]
    assert shadow["compared"] + shadow.get("skipped", 0) == 40
    assert shadow["agreed"] == shadow["compared"] > 0
    journal.close()
    (piece,) = (tmp_path / "predictions" / "sealed").iterdir()
    pieces = sealing.run({"files": [str(piece)]}, tmp_path, Silent())["segments"]
    rows = {one["is_shadow"]: one["rows"] for one in pieces}
    assert rows == {False: 40, True: shadow["compared"]}
    _, counts = ask(Journal(tmp_path, 3600), model, on_trial(model, 0, "shadow", broken=Broken()), rows=ROWS[:5])
    assert counts["shadow"]["errors"] == counts["champion"]["requests"] == 5


def test_a_log_that_cannot_be_written_refuses_or_says_so(model, journal, monkeypatch):
    """F52."""
    monkeypatch.setattr("deployments.serving.journal._File", _full)
    with pytest.raises(Unavailable):
        ask(journal, model, None, rows=ROWS[:1])
    ((_, answered),), _ = ask(journal, model, None, rows=ROWS[:1], facts=replace(CHAMPION, answers_unlogged=True))
    assert [one["logged"] for one in answered.predictions] == [False]


def _full(*_):
    raise OSError(28, "No space left on device")
