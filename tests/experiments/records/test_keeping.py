"""Records in the database: what is logged comes back, once, and filters find what an in-memory model finds."""

import math
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings

from datasets.models.versions import Dataset, Version
from experiments.models.records import RunMetric, RunPoints, RunRecord
from experiments.queries.filters import condition, keys_of
from experiments.queries.records import Table, series_of, summaries_of, texts_of
from experiments.records.asked import asked
from experiments.records.filters import Node, clauses
from experiments.services.tracking import keep
from problems.problem import Conflict, Invalid
from storage.blobs import put_bytes
from tests.conftest import Cast
from tests.experiments.records.model import NAMES, TEXTS, holds, nodes

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 27, tzinfo=UTC)


def record(cast: Cast, number: int, **fields: Any) -> RunRecord:
    return RunRecord.objects.create(**{"project": cast.project, "number": number, "created_at": NOW} | fields)


def log(one: RunRecord, *points: tuple[str, int, int, float], **texts: dict[str, str]) -> None:
    with transaction.atomic():
        keep(one, metrics=points, **texts)


def test_points_come_back_once_however_they_came(cast: Cast) -> None:
    one = record(cast, 1)
    log(one, ("loss", 1, 10, 0.9))
    assert not RunPoints.objects.exists(), "a single point needs no piece"
    log(one, ("loss", 1, 10, 0.9))
    log(one, ("loss", 3, 30, 0.2), ("loss", 2, 20, math.nan), ("auc", 0, 5, math.inf), ("loss", 3, 30, 0.2))
    log(one, ("loss", 2, 20, math.nan), ("loss", 0, 1, 0.1))
    known = summaries_of([one])
    loss, auc = known["loss"][one.pk], known["auc"][one.pk]
    assert (loss.points, loss.last, loss.step) == (4, 0.2, 3)
    assert (loss.low, loss.low_step, loss.high, loss.high_step) == (0.1, 0, 0.9, 1)
    assert auc.last == 1.7976931348623157e308
    assert series_of([one], "loss", 100)[one.pk] == [(0, 1, 0.1), (1, 10, 0.9), (3, 30, 0.2)]
    log(one, ("loss", 9, 90, math.nan))
    assert RunMetric.objects.get(key__name="loss").last is None


def test_long_series_lie_in_pieces_and_are_drawn_from_what_those_say(cast: Cast) -> None:
    one = record(cast, 1)
    values = [math.sin(step / 500) for step in range(30_000)]
    for start in range(0, 30_000, 7_500):
        log(one, *[("wave", step, step, values[step]) for step in range(start, start + 7_500)])
    assert RunPoints.objects.count() == 30
    drawn = series_of([one], "wave", 40)[one.pk]
    assert len(drawn) <= 40
    assert max(point[2] for point in drawn) == max(values)
    assert min(point[2] for point in drawn) == min(values)
    assert summaries_of([one])["wave"][one.pk].points == 30_000


def test_a_log_of_a_thousand_points_takes_a_handful_of_statements(cast: Cast) -> None:
    one = record(cast, 1)
    log(one, *[(f"m{key}", 0, 0, 0.5) for key in range(5)])
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            log(one, *[(f"m{key}", step, step, step / 7) for key in range(5) for step in range(1, 201)])
        assert len(captured) <= 12, [query["sql"][:80] for query in captured]


def test_parameters_are_said_once_and_tags_are_overwritten(cast: Cast) -> None:
    one = record(cast, 1)
    log(one, params={"lr": "0.1"}, tags={"team": "a"})
    log(one, params={"lr": "0.1"}, tags={"team": "b"})
    with pytest.raises(Conflict, match="does not change"):
        log(one, params={"lr": "0.2"})
    with pytest.raises(Invalid, match="1 to 250"):
        log(one, ("", 0, 0, 1.0))
    with pytest.raises(Invalid, match="out of bounds"):
        log(one, ("x", 2**64, 0, 1.0))
    assert texts_of(one, "param") == {"lr": "0.1"}
    assert texts_of(one, "tag") == {"team": "b"}


def world(cast: Cast) -> dict[int, dict[str, Any]]:
    """Some records of every shape, and the same as rows in memory by the record's id."""
    draw, rows = random.Random(3), {}
    dataset = Dataset.objects.create(project=cast.project, name="telco")
    versions = [
        Version.objects.create(dataset=dataset, number=number, table=put_bytes(b"x"), rows=1, schema=[], profile={})
        for number in (1, 2)
    ]
    person = next(iter(cast.people.values()))
    for number in range(1, 25):
        own = {
            "state": draw.choice(["finished", "failed", "waiting"]),
            "method": draw.choice(["forest", "boosted", ""]),
            "seconds": draw.choice([None, 0.0, 1.5, 3.0]),
            "cost": draw.choice([None, 0.5]),
            "hypothesis": draw.choice(TEXTS),
            "data": draw.choice([None, *versions]),
            "created_by": draw.choice([None, person]),
        }
        one = record(cast, number, trial_number=draw.choice([0, 0, 1]), **own)
        logged = [(name, step, 0, draw.choice([0.0, 0.1, 0.5, 1.5, math.nan])) for name in NAMES[:3] for step in (0, 1)]
        points = draw.sample(logged, draw.randint(0, 6))
        params, tags = ({name: draw.choice(TEXTS) for name in draw.sample(NAMES[:3], 2)} for _ in range(2))
        log(one, *points, params=params, tags=tags)
        by_name: dict[str, list[tuple[int, float]]] = {}
        for name, step, _, value in points:
            by_name.setdefault(name, []).append((step, value))
        ends: dict[str, dict[str, float | None]] = {"metrics": {}, "min": {}, "max": {}}
        for name, steps in by_name.items():
            last = max(steps)[1]
            known = [value for _, value in steps if not math.isnan(value)]
            ends["metrics"][name] = None if math.isnan(last) else last
            ends["min"][name], ends["max"][name] = min(known, default=None), max(known, default=None)
        data = own["data"]
        rows[one.pk] = {
            **ends, "params": params, "tags": tags, "number": number, "trial": one.trial_number,
            "duration": own["seconds"], "cost": own["cost"], "state": own["state"], "method": own["method"],
            "hypothesis": own["hypothesis"], "by": person.name if own["created_by"] else None,
            "data": f"telco/v{data.number}" if data else None,
        }  # fmt: skip
    return rows


def test_a_filter_finds_what_the_same_question_finds_in_memory(cast: Cast) -> None:
    rows = world(cast)

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(nodes)
    def check(node: Node) -> None:
        keys = keys_of(cast.project, [clause.field for clause in clauses(node)])
        ids = RunRecord.objects.filter(project=cast.project).filter(condition(node, keys))
        wanted = {pk for pk, row in rows.items() if holds(node, row)}
        assert set(ids.values_list("pk", flat=True)) == wanted
        through = RunMetric.objects.filter(key__name="lr").filter(condition(node, keys, "record__"))
        of_lr = set(RunMetric.objects.filter(key__name="lr").values_list("record", flat=True))
        assert set(through.values_list("record", flat=True)) == wanted & of_lr

    check()


def test_pages_follow_on_each_other_in_any_order_and_take_few_queries(cast: Cast) -> None:
    rows = world(cast)
    wanted = {pk for pk, row in rows.items() if row["number"] > 2 and not row["trial"]}
    for order in ("metrics.recall", "-max.lr", "-params.lr", "tags.recall", "duration", "-data", "-cost", ""):
        field = order.removeprefix("-") or "state"
        look = asked(
            {"order": order, "filter": "number > 2", "columns": f"{field},metrics.lr,params.lr,tags.lr,min.lr"}
        )
        with CaptureQueriesContext(connection) as captured:
            table = Table(cast.project, look)
            lines = [line for start in range(0, 30, 5) for line in table[start : start + 5]]
            assert table.count() == len(lines) == len(wanted)
        assert len(captured) <= 2 + 6 * 6
        assert {line.record.pk for line in lines} == wanted
        values = [line.cells[0].value for line in lines]
        known = [value for value in values if value is not None]
        if order and "params" not in order and "tags" not in order:
            assert values[len(known) :] == [None] * (len(values) - len(known)), "what has none comes last"
            assert known == sorted(known, reverse=order.startswith("-"))
