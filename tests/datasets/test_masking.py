"""Nobody without the right meets a value of a sensitive column, wherever values appear."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from datasets import masking
from datasets.models.tags import ColumnTag
from datasets.models.versions import Version
from datasets.sensitive import suggested
from datasets.services import findings, recipes, tags
from datasets.services import versions as services
from experiments.models.runs import Run
from experiments.pages.reports import figures_of
from jobs.models import Job
from projects.permissions import Role
from tests.attacks.world import address, has_project, make_things
from tests.conftest import Cast
from web.endpoints import routes

SENTINEL = "zqx7sentinel"
ROWS = [f"{i},{SENTINEL}{i % 3},p{i % 2},{i * 1.5}" for i in range(1, 41)]
BEFORE = ("id,email,plan,charge\n" + "\n".join(ROWS) + "\n").encode()
AFTER = (
    "id,email,plan,charge\n"
    + "\n".join([f"1,{SENTINEL}new,p1,9", f"99,{SENTINEL}9,p0,1", *ROWS[2:], f"7,{SENTINEL}8"])
    + "\n"
).encode()
HIDDEN = {"email"}


def test_a_profile_tells_counts_and_no_values() -> None:
    column = {"name": "email", "type": "text", "missing": 1, "present": 9, "distinct": 3, "min": "a", "max": "z",
              "mean": None, "std": None, "top": [{"value": "a", "count": 9}], "histogram": {"edges": [1, 2], "counts": [9]}}  # fmt: skip
    whole = {
        "rows": 10,
        "columns": [column, column | {"name": "plan"}],
        "sample": [{"email": "a", "plan": "a"}, {"email": None, "plan": "b"}],
    }
    shown = masking.profile(whole, HIDDEN)
    assert "top" not in shown["columns"][0]
    assert shown["columns"][0]["distinct"] == 3
    assert shown["columns"][1] == whole["columns"][1]
    assert shown["sample"] == [{"email": "hidden", "plan": "a"}, {"email": None, "plan": "b"}]
    assert whole["sample"][0]["email"] == "a", "the stored profile stays as it is"


def test_answers_of_upper_rooms_lose_what_is_said_of_a_hidden_column() -> None:
    inputs = [{"name": "email", "type": "text", "categories": ["a"], "example": "a"}, {"name": "plan", "example": "p"}]
    group = {"value": 0.1, "groups": [{"name": "a", "rows": 9}]}
    answer = {"inputs": inputs, "gap of recall@email 30": group, "gap of recall@plan 30": group,
              "importance": [{"name": "email", "loss": 0.2, "low": 0.1, "high": 0.3}], "email": {"rows": 3}}  # fmt: skip
    shown = masking.tree(answer, HIDDEN)
    assert shown["inputs"][0] == {"name": "email", "type": "text", "categories": None, "example": None}
    assert shown["inputs"][1]["example"] == "p"
    assert shown["importance"] == answer["importance"]
    assert shown["gap of recall@email 30"] == {"value": 0.1, "groups": [{"name": "group 1", "rows": 9}]}
    assert shown["gap of recall@plan 30"] == group
    assert shown["email"] == {"rows": 3}, "an entry that only happens to be called like a column stays"


def test_a_hidden_target_loses_its_answers_and_the_truths_of_rows() -> None:
    answer = {"target": "email", "positive": "a", "negative": "b", "thresholds": {"yes": [1], "no": [2]},
              "methods": {"ridge": {"metrics": {"mae": 1}, "residuals": {"dots": {"truth": [1]}}}}}  # fmt: skip
    shown = masking.tree(answer, HIDDEN)
    assert (shown["positive"], shown["negative"]) == ("hidden", "hidden")
    assert shown["methods"] == {"ridge": {"metrics": {"mae": 1}}}
    assert figures_of(shown | {"kind": "regression", "chosen": "ridge", "threshold": None, "unit": ""}) == []
    assert shown["thresholds"] == answer["thresholds"]
    assert masking.tree(answer, {"plan"}) == answer


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Only 3 rows have “left” = “a”.", "Only 3 rows have “left” = “hidden”."),
        ("line 4: “O'Brien” is no number", "line 4: “hidden” is no number"),
        ("the column's value is “a”b” here", "the column's value is “hidden” here"),
        ("it is “a", "it is “hidden”"),
        ("Could not convert string 'a' to INT64", "Could not convert string “hidden” to INT64"),
        ("ValueError: a is not in list", "ValueError: hidden"),
        ('KeyError: "a"', "KeyError: hidden"),
        ('  File "/x.py", line 3', "  File “hidden”, line 3"),
        ("It read 3 rows.", "It read 3 rows."),
    ],
)
def test_what_jobs_say_quotes_no_value(text: str, said: str) -> None:
    assert masking.line(text, {"left"}) == said


def test_what_a_step_writes_about_a_hidden_column_is_hidden() -> None:
    step = {"kind": "map_values", "params": {"column": "email", "pairs": {"a": "b"}, "words": ["a"], "keep": True}}
    shown = masking.step(step, "Map values", HIDDEN)
    assert shown["params"] == {"column": "email", "pairs": "hidden", "words": ["hidden"], "keep": True}
    assert not masking.touches({"column": "plan"}, HIDDEN)


def test_a_table_made_of_sensitive_ones_stays_sensitive() -> None:
    schema = [{"name": "email"}, {"name": "plan"}]
    assert masking.inherited([(schema, {"email": "contact"})], ["email", "plan", "domain"]) == {
        "email": "contact",
        "domain": "derived",
    }
    assert masking.inherited([(schema, {"email": "none"})], ["email", "domain"]) == {}


def test_columns_are_suggested_by_name_and_by_values() -> None:
    columns = [{"name": name, "type": "text"} for name in ("customerName", "note", "Zip Code", "package", "plan")]
    sample = [{"note": f"person{i}@example.org", "plan": "a"} for i in range(5)]
    found = suggested({"columns": columns, "sample": sample})
    assert {name: kind for name, (kind, _) in found.items()} == {
        "customerName": "personal",
        "note": "contact",
        "Zip Code": "location",
    }


@pytest.fixture
def planted(cast: Cast, make_version: Callable[..., Version], run_jobs: Callable[[], list[Job]]) -> Version:
    """Two versions with the sentinel in a tagged column, one prepared by a recipe, compared, looked ahead, trained on."""
    by = cast[Role.DATA_ENGINEER]
    first = make_version(BEFORE)
    services.publish(first, by=by)
    version = make_version(AFTER)
    tags.tag_column(version.dataset, "email", "contact", by=by)
    services.publish(version, by=by)
    steps = [{"kind": "fill_missing", "params": {"columns": ["email"], "method": "mode"}},
             {"kind": "map_values", "params": {"column": "email", "values": {f"{SENTINEL}0": f"{SENTINEL}x"}}},
             {"kind": "derive", "params": {"name": "copy", "formula": "trim(email)"}}]  # fmt: skip
    recipe = recipes.create_recipe(
        cast.project, name="prepared", source=version.dataset, target="customers-prepared", steps=steps, by=by
    )
    recipes.start_preview(recipe, by=by)
    recipes.start_preparation(recipe.recipe, by=by)
    findings.start_difference(version, first, ["id"], by=by)
    findings.start_associations(version, "email", by=by)
    for job in run_jobs():
        assert job.state == "succeeded", job.message
    return version


@pytest.mark.once  # values are hidden after the database has given them
def test_no_page_or_answer_tells_a_viewer(
    cast: Cast, planted: Version, browser_of: Callable[[User], Client], api_of: Callable[..., Client]
) -> None:
    assert set(ColumnTag.objects.filter(dataset__name="customers-prepared").values_list("column", "kind")) == {
        ("email", "contact"), ("copy", "derived")
    }  # fmt: skip
    addresses = _addresses(cast, planted)
    told = [path for path in addresses if _holds(cast[Role.VIEWER], path, browser_of, api_of)]
    assert told == []
    shown = [
        path for path in addresses if _is_of_values(path) and _holds(cast[Role.DATA_ENGINEER], path, browser_of, api_of)
    ]
    assert len(shown) >= 6, "the sentinel was planted where the right shows it"


def _is_of_values(path: str) -> bool:
    words = ("explore", "/v2/?", "versions/2/?", "refused.csv", "preview", "difference", "uploads")
    return any(word in path for word in words)


def _holds(person: User, path: str, browser_of: Callable[[User], Client], api_of: Callable[..., Client]) -> bool:
    client = api_of(person) if path.startswith("/api/") else browser_of(person)
    return SENTINEL.encode() in _content(client.get(path)).lower()


def _content(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def _addresses(cast: Cast, version: Version) -> list[str]:
    """Every GET of the datasets and experiments rooms, for the planted version and for the one that the recipe made."""
    things = make_things(cast.project, cast[Role.OWNER], 1)
    made = Version.objects.get(dataset__name="customers-prepared")
    run: Run = things["experiments.run"]
    signature = run.evaluation["signature"] | {
        "target": "email",
        "positive": f"{SENTINEL}0",
        "negative": f"{SENTINEL}1",
    }
    signature["inputs"] = [{"name": "email", "type": "text", "nullable": False, "categories": [f"{SENTINEL}0"], "min": None,
                            "max": None, "example": f"{SENTINEL}0"}]  # fmt: skip
    Run.objects.filter(pk=run.pk).update(
        data=version,
        evaluation=run.evaluation | {"signature": signature},
        spec=run.spec | {"target": "email", "positive": f"{SENTINEL}0"},
    )
    found = []
    for one in (version, made):
        things.made |= {"datasets.version": one, "datasets.dataset": one.dataset}
        if one.ingestion:
            things.made["datasets.ingestion"] = one.ingestion
        if one.preparation:
            things.made |= {
                "datasets.preparation": one.preparation,
                "datasets.recipe": one.preparation.recipe_version.recipe,
            }
        rooms = ("datasets.", "experiments.")
        for route in routes():
            if "GET" in route.actions and has_project(route) and route.view.startswith(rooms):
                path = address(route, things)
                query = f"?with=1&column=email&dataset={one.dataset.name}"
                found.append(path if route.view.startswith("experiments.") else path + query)
    jobs = Job.objects.filter(project_key=cast.project.key).values_list("pk", flat=True)
    found += [f"/api/v1/projects/{cast.project.key}/jobs/{pk}/" for pk in jobs]
    found += [f"/p/{cast.project.key}/explore/?dataset=customers&column=email", "/data/", "/api/v1/catalog/"]
    return list(dict.fromkeys(found))
