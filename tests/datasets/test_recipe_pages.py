"""The pages of recipes, without scripts: write one step by step, look ahead, run it with one click."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from datasets.models.recipes import Recipe, RecipeVersion
from datasets.models.tags import ColumnTag
from datasets.models.versions import Version
from datasets.services import checks
from datasets.services import recipes as services
from datasets.services.quality import add_rule, waive
from datasets.services.versions import publish
from jobs.models import Job
from projects.permissions import Role
from tests.conftest import Cast
from tests.datasets.recipes.kitchen import step

Make = Callable[..., Version]
Browser = Callable[[User], Client]
FILL = step("fill_missing", columns=["charge"], method="mean")


@pytest.fixture
def recipe(cast: Cast, make_version: Make) -> RecipeVersion:
    """A recipe of one step."""
    return services.create_recipe(
        cast.project,
        name="prepare",
        source=make_version().dataset,
        target="prepared",
        steps=[FILL],
        by=cast[Role.DATA_ENGINEER],
    )


def text(response: Any) -> str:
    return str(response.content.decode())


def test_a_recipe_is_written_looked_at_and_run_without_a_script(
    cast: Cast, make_version: Make, browser_of: Browser, run_jobs: Callable[[], list[Job]]
) -> None:
    make_version()
    browser = browser_of(cast[Role.DATA_ANALYST])
    assert "Write the first recipe" in text(browser.get("/p/churn/recipes/"))
    began = browser.post("/p/churn/new-recipe/", {"name": "Prepare", "source": "customers", "target": "prepared"})
    assert began["Location"] == "/p/churn/recipes/prepare/"
    form = browser.get("/p/churn/recipes/prepare/add/fill_missing/")
    assert "charge (number)" in text(form)
    saved = browser.post(
        "/p/churn/recipes/prepare/add/fill_missing/", {"seen": "1", "columns": ["charge"], "method": "median"}
    )
    assert saved["Location"] == "/p/churn/recipes/prepare/"
    browser.post("/p/churn/recipes/prepare/add/derive/", {"seen": "2", "name": "double", "formula": "charge * 2"})
    run_jobs()
    page = text(browser.get("/p/churn/recipes/prepare/"))
    assert "Fill empty cells of charge with the middle value." in page
    assert "1 cells of charge" in page
    assert "charge: 12.5" in page
    assert "new: double" in page
    assert "Run on v1" in page
    assert browser.post("/p/churn/recipes/prepare/run/", {"version": "1"})["Location"] == "/p/churn/recipes/prepare/"
    assert "Make prepared of customers v1" in text(browser.get("/p/churn/recipes/prepare/"))
    run_jobs()
    page = text(browser.get("/p/churn/recipes/prepare/"))
    assert "prepared v1" in page
    made = text(browser.get("/p/churn/data/prepared/v1/"))
    assert "by the recipe" in made
    assert "What the steps did" in made
    assert "customers v1" in made
    source = text(browser.get("/p/churn/data/customers/v1/"))
    assert "prepared v1" in source
    assert "made of it by" in source


def test_steps_are_changed_moved_and_removed(cast: Cast, recipe: RecipeVersion, browser_of: Browser) -> None:
    browser = browser_of(cast[Role.DATA_SCIENTIST])
    form = text(browser.get("/p/churn/recipes/prepare/steps/1/"))
    assert '<option value="mean" selected>' in form
    browser.post("/p/churn/recipes/prepare/steps/1/", {"seen": "1", "columns": ["charge"], "method": "mode"})
    browser.post("/p/churn/recipes/prepare/add/sort_rows/", {"seen": "2", "columns": ["id"], "way": "falling"})
    browser.post("/p/churn/recipes/prepare/order/", {"seen": "3", "do": "up 2"})

    def kinds() -> list[str]:
        return [one["kind"] for one in recipe.recipe.versions.first().steps]  # type: ignore[union-attr]

    assert kinds() == ["sort_rows", "fill_missing"]
    browser.post("/p/churn/recipes/prepare/order/", {"seen": "4", "do": "remove 1"})
    assert kinds() == ["fill_missing"]
    browser.post("/p/churn/recipes/prepare/order/", {"seen": "4", "do": "remove 1"})
    assert kinds() == ["fill_missing"], "somebody saved another version meanwhile"
    assert "Somebody saved version 5" in text(browser.get("/p/churn/recipes/prepare/"))
    old = text(browser.get("/p/churn/recipes/prepare/?v=3"))
    assert "Go to the newest version" in old
    assert "Remove step" not in old


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        ("derive", {"name": "y", "formula": "charge +"}, "it ends too early"),
        ("derive", {"name": "y", "formula": "gone * 2"}, "There is no column “gone”"),
        ("derive", {"name": "", "formula": "1"}, "is needed"),
        ("sample_rows", {"percent": "many"}, "is a number, not “many”"),
        ("sample_rows", {"percent": "500"}, "is at most 100"),
        ("outliers", {"columns": ["charge"], "method": "range", "action": "clip", "times": "3"}, "State a bound"),
        ("outliers", {"columns": ["plan"], "method": "iqr", "action": "clip", "times": "3"}, "plan"),
        ("group_rows", {"values": "nonsense"}, "has lines such as"),
        ("join_dataset", {"dataset": "customers", "keys": "id => id"}, "no published version"),
        ("join_dataset", {"dataset": "customers", "keys": "id"}, "no published version"),
        ("map_values", {"column": "plan", "values": "Male"}, "has a line without"),
    ],
)
def test_a_wrong_step_is_shown_again_with_what_is_wrong(
    cast: Cast, recipe: RecipeVersion, browser_of: Browser, kind: str, values: dict[str, Any], said: str
) -> None:
    answer = browser_of(cast[Role.DATA_ENGINEER]).post(f"/p/churn/recipes/prepare/add/{kind}/", {"seen": "1"} | values)
    assert answer.status_code == 422
    assert said in text(answer)
    assert recipe.recipe.versions.count() == 1


def test_every_kind_of_step_has_its_form(cast: Cast, recipe: RecipeVersion, browser_of: Browser) -> None:
    from datasets.recipes.catalog import STEPS

    browser = browser_of(cast[Role.DATA_ENGINEER])
    for kind, one in STEPS.items():
        page = browser.get(f"/p/churn/recipes/prepare/add/{kind}/")
        assert page.status_code == 200
        assert one.title in text(page)
    assert browser.get("/p/churn/recipes/prepare/add/nothing/").status_code == 404
    assert browser.get("/p/churn/recipes/prepare/steps/9/").status_code == 404


def test_who_may_not_write_reads_and_is_told_who_may(cast: Cast, recipe: RecipeVersion, browser_of: Browser) -> None:
    browser = browser_of(cast[Role.BUSINESS_ANALYST])
    page = text(browser.get("/p/churn/recipes/prepare/"))
    assert "Fill empty cells of charge" in page
    assert "Recipes are run by" in page
    assert "Remove step" not in page
    assert browser.post("/p/churn/recipes/prepare/run/", {}).status_code == 403
    assert browser.get("/p/churn/recipes/prepare/add/derive/").status_code == 403
    assert browser_of(cast.stranger).get("/p/churn/recipes/prepare/").status_code == 404


def test_the_list_asks_as_often_for_one_recipe_as_for_many(
    cast: Cast, recipe: RecipeVersion, browser_of: Browser
) -> None:
    browser = browser_of(cast[Role.DATA_ENGINEER])

    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert browser.get("/p/churn/recipes/").status_code == 200
        return len(queries)

    asked()
    few = asked()
    for i in range(12):
        one = Recipe.objects.create(
            project=cast.project, name=f"r{i}", source=recipe.recipe.source, target=recipe.recipe.target
        )
        RecipeVersion.objects.create(recipe=one, number=1)
    assert asked() <= few


def test_the_page_asks_as_often_for_one_run_as_for_many(cast: Cast, recipe: RecipeVersion, browser_of: Browser) -> None:
    browser = browser_of(cast[Role.DATA_ENGINEER])

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert browser.get("/p/churn/recipes/prepare/").status_code == 200
        return len(queries)

    services.start_preparation(recipe.recipe, by=cast[Role.DATA_ENGINEER])
    few = asked()
    for _ in range(5):
        services.start_preparation(recipe.recipe, by=cast[Role.DATA_ENGINEER])
    assert asked() <= few


def test_a_page_that_waits_reloads_when_the_job_is_over(
    cast: Cast, recipe: RecipeVersion, browser_of: Browser, run_jobs: Callable[[], list[Job]]
) -> None:
    browser = browser_of(cast[Role.DATA_ENGINEER])
    _, job = services.start_preparation(recipe.recipe, by=cast[Role.DATA_ENGINEER])
    ask = {"path": f"/p/churn/recipes/prepare/?open={job.pk}", "headers": {"HX-Request": "true"}}
    assert browser.get(**ask).status_code == 204
    run_jobs()
    assert browser.get(**ask)["HX-Refresh"] == "true"


def test_an_input_that_a_rule_holds_back_is_said_with_the_way_out_instead_of_a_button(
    cast: Cast, recipe: RecipeVersion, browser_of: Browser, run_jobs: Callable[[], list[Job]]
) -> None:
    """The recipe, and the form of a training run once it is published; without the right no value of a hidden column."""
    engineer, analyst = cast[Role.DATA_ENGINEER], cast[Role.DATA_ANALYST]
    dataset = recipe.recipe.source
    params = {"column": "plan", "values": ["month"]}
    version = Version.objects.select_related("dataset__project").get(dataset=dataset)
    publish(version, by=engineer)
    rule = add_rule(dataset, kind="in_set", params=params, severity="block", by=engineer)
    checks.start_check(version, by=engineer)
    run_jobs()
    for path, role in (("/p/churn/recipes/prepare/", Role.DATA_ENGINEER), ("/p/churn/train/new/", Role.OWNER)):
        page = text(browser_of(cast[role]).get(path))
        assert "customers v1 must not be used" in page, path
        assert "Rule 1 fails: plan is one of “month”. 1 of 4 rows break it." in page
        assert "/p/churn/data/customers/v1/waive/1/" in page
        assert 'aria-disabled="true" aria-describedby="why-not"' in page
        assert "Run on v1</button></form>" not in page
        assert 'form="run-form"' not in page
    page = text(browser_of(analyst).get("/p/churn/recipes/prepare/"))
    assert "/waive/1/" not in page
    assert "A rule is waived by" in page
    refused = browser_of(cast[Role.DATA_SCIENTIST]).post("/p/churn/train/new/", {"target": "leaves"})
    assert refused.status_code in (409, 422)
    ColumnTag.objects.create(dataset=dataset, column="plan", kind="personal")
    for path in ("/p/churn/recipes/prepare/", "/p/churn/data/customers/v1/", "/p/churn/train/new/"):
        page = text(browser_of(cast[Role.ML_ENGINEER]).get(path))
        assert "Rule 1 is about a hidden column" in page, path
        assert "“month”" not in page, path
    ColumnTag.objects.all().delete()
    waive(version, rule, reason="Known", until=timezone.localdate() + timedelta(days=3), by=engineer)
    page = text(browser_of(analyst).get("/p/churn/recipes/prepare/"))
    assert "must not be used" not in page
    assert "Run on v1</button></form>" in page
