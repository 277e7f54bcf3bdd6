"""Recipes as the room keeps them: versions, runs with pinned inputs, lineage both ways, who may do what."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from audit.models import Entry
from datasets.exporting import FORMATS
from datasets.models.recipes import Preparation, PreparationInput, Recipe, RecipeVersion
from datasets.models.versions import Version
from datasets.queries import recipes as queries
from datasets.services import checks, exports, quality, versions
from datasets.services import recipes as services
from jobs.models import Job
from notices.models import Notice
from problems.problem import Conflict, Denied, Gone, Invalid
from projects.models.bin import Binned
from projects.permissions import Role
from projects.services.bin import discard, purge
from projects.services.exports import start_export as start_archive
from storage import tables
from tests.conftest import Cast
from tests.datasets.recipes.kitchen import step

Make = Callable[..., Version]
PLANS = b"plan,price\nmonth,12\nyear,99\n"
FILL = step("fill_missing", columns=["charge"], method="mean")


@pytest.fixture
def recipe(cast: Cast, make_version: Make) -> RecipeVersion:
    """A recipe that fills what is missing."""
    source = make_version().dataset
    return services.create_recipe(
        cast.project, name="Prepare", source=source, target="prepared", steps=[FILL], by=cast[Role.DATA_ENGINEER]
    )


def rows_of(version: Version) -> list[dict[str, Any]]:
    from datasets.queries.versions import table_path

    return tables.read(table_path(version)).to_pylist()


def test_a_run_makes_a_new_draft_of_the_target_and_leaves_its_input_alone(
    cast: Cast, recipe: RecipeVersion, run_jobs: Callable[[], list[Job]]
) -> None:
    source = queries.newest_version(recipe.recipe.source)
    assert source is not None
    before = source.table_id
    run, _ = services.start_preparation(recipe.recipe, by=cast[Role.DATA_ENGINEER])
    (job,) = run_jobs()
    assert job.state == "succeeded", job.message
    run.refresh_from_db()
    made = Version.objects.get(preparation=run)
    assert (made.dataset.name, made.number, made.state, made.rows) == ("prepared", 1, "draft", 4)
    assert [row["charge"] for row in rows_of(made)] == [10.5, 20, pytest.approx(43 / 3), 12.5]
    assert run.report[0]["learned"] == {"values": {"charge": pytest.approx(43 / 3)}}
    assert made.profile["rows"] == 4
    source.refresh_from_db()
    assert source.table_id == before
    assert Notice.objects.filter(
        recipient_id=cast[Role.DATA_ENGINEER].pk, text__contains="prepared v1 is ready"
    ).exists()
    names = set(Entry.objects.filter(project_key="churn").values_list("name", flat=True))
    assert {"recipe.created", "recipe.run_started", "data.version_prepared"} <= names


def test_lineage_is_told_both_ways(cast: Cast, make_version: Make, run_jobs: Callable[[], list[Job]]) -> None:
    source, plans = make_version(), make_version(PLANS, "plans")
    versions.publish(plans, by=cast[Role.DATA_ENGINEER])
    join = step("join_dataset", dataset="plans", keys={"plan": "plan"})
    saved = services.create_recipe(
        cast.project, name="join", source=source.dataset, target="joined", steps=[join], by=cast[Role.DATA_ENGINEER]
    )
    run, _ = services.start_preparation(saved.recipe, by=cast[Role.DATA_ENGINEER])
    run_jobs()
    made = Version.objects.get(preparation=run)
    assert [row["price"] for row in rows_of(made)] == [12, 99, 12, 12]
    came = queries.lineage_of(made)
    assert {one.key: str(one.version) for one in came.inputs} == {"": "customers v1", "plans": "plans v1"}
    for one in (source, plans):
        (use,) = queries.lineage_of(one).uses
        assert use.preparation.version == made


def test_it_runs_again_on_the_next_version_of_its_input_and_learns_anew_or_not(
    cast: Cast, recipe: RecipeVersion, make_version: Make, run_jobs: Callable[[], list[Job]]
) -> None:
    engineer = cast[Role.DATA_ENGINEER]
    services.start_preparation(recipe.recipe, by=engineer)
    run_jobs()
    make_version(b"id,plan,charge,leaves\n1,month,100.5,true\n2,year,,false\n")
    services.start_preparation(recipe.recipe, by=engineer)
    services.start_preparation(recipe.recipe, by=engineer, keep_learned=True)
    services.start_preparation(recipe.recipe, by=engineer, number=1)
    run_jobs()
    anew, kept, first = [
        rows_of(one) for one in Version.objects.filter(dataset__name="prepared", number__gt=1).order_by("number")
    ]
    assert anew[1]["charge"] == 100.5
    assert kept[1]["charge"] == pytest.approx(43 / 3)
    assert len(first) == 4


def test_each_save_is_a_version_and_two_people_cannot_overwrite_each_other(cast: Cast, recipe: RecipeVersion) -> None:
    second = services.change_recipe(recipe.recipe, steps=[], seen=1, by=cast[Role.DATA_ANALYST])
    assert second.number == 2
    with pytest.raises(Conflict, match="Somebody saved version 2"):
        services.change_recipe(recipe.recipe, steps=[FILL], seen=1, by=cast[Role.DATA_ENGINEER])
    assert [one.steps for one in recipe.recipe.versions.all()] == [[], recipe.steps]


def test_steps_are_checked_against_the_columns_when_they_are_saved(cast: Cast, recipe: RecipeVersion) -> None:
    steps = [FILL, step("rename_columns", names={"charge": "price"}), step("drop_missing", columns=["charge"])]
    with pytest.raises(Invalid, match="Step 3: There is no column “charge”") as refused:
        services.change_recipe(recipe.recipe, steps=steps, seen=1, by=cast[Role.DATA_ENGINEER])
    assert list(refused.value.fields) == ["steps[2]"]
    with pytest.raises(Invalid, match="no published version of a dataset “plans”") as refused:
        services.change_recipe(
            recipe.recipe,
            steps=[step("join_dataset", dataset="plans", keys={"plan": "plan"})],
            seen=1,
            by=cast[Role.DATA_ENGINEER],
        )
    assert list(refused.value.fields) == ["steps[0].params.dataset"]
    assert recipe.recipe.versions.count() == 1


def test_a_dataset_of_another_project_cannot_be_named(cast: Cast, recipe: RecipeVersion) -> None:
    from datasets.models.versions import Dataset

    Dataset.objects.create(project=cast.other_project, name="secrets")
    with pytest.raises(Invalid, match="no version 1 of a dataset “secrets” in this project"):
        services.change_recipe(
            recipe.recipe, steps=[step("union_rows", dataset="secrets", version=1)], seen=1, by=cast[Role.DATA_ENGINEER]
        )


def test_a_recipe_never_writes_into_what_it_reads(cast: Cast, recipe: RecipeVersion) -> None:
    with pytest.raises(Invalid, match="cannot write into the dataset that it reads"):
        services.create_recipe(
            cast.project, name="loop", source=recipe.recipe.source, target="customers", by=cast[Role.DATA_ENGINEER]
        )
    with pytest.raises(Invalid, match="There is a recipe “prepare” already"):
        services.create_recipe(
            cast.project, name="prepare", source=recipe.recipe.source, target="x", by=cast[Role.DATA_ENGINEER]
        )


def test_a_failed_run_says_which_step_and_makes_no_version(
    cast: Cast, recipe: RecipeVersion, run_jobs: Callable[[], list[Job]]
) -> None:
    stop = step("read_numbers", columns=["plan"], decimal="point", otherwise="stop")
    services.change_recipe(recipe.recipe, steps=[stop], seen=1, by=cast[Role.DATA_ENGINEER])
    run, _ = services.start_preparation(recipe.recipe, by=cast[Role.DATA_ENGINEER])
    (job,) = run_jobs()
    run.refresh_from_db()
    assert (job.state, run.state) == ("failed", Preparation.State.FAILED)
    assert run.message.startswith("Step 1: 4 cells of “plan” cannot be read; the first is “month”")
    assert not Version.objects.filter(dataset__name="prepared").exists()
    assert Notice.objects.filter(recipient_id=cast[Role.DATA_ENGINEER].pk, text__contains="could not be run").exists()


def test_publishing_at_once_needs_the_right_to_publish(
    cast: Cast, recipe: RecipeVersion, run_jobs: Callable[[], list[Job]]
) -> None:
    with pytest.raises(Denied, match="Publish a data version"):
        services.start_preparation(recipe.recipe, publish=True, by=cast[Role.DATA_ANALYST])
    services.start_preparation(recipe.recipe, publish=True, by=cast[Role.DATA_ENGINEER])
    run_jobs()
    made = Version.objects.get(dataset__name="prepared")
    assert (made.state, made.published_by) == ("published", cast[Role.DATA_ENGINEER])


def test_a_look_ahead_is_kept_by_its_job_and_makes_nothing(
    cast: Cast, recipe: RecipeVersion, run_jobs: Callable[[], list[Job]]
) -> None:
    first = services.start_preview(recipe, by=cast[Role.DATA_ANALYST])
    assert services.start_preview(recipe, by=cast[Role.DATA_ANALYST]) == first
    (job,) = run_jobs()
    assert job.result is not None
    assert job.result["steps"][0]["changed"]["cells"] == {"charge": 1}
    assert Version.objects.count() == 1
    assert not PreparationInput.objects.exists()


def test_hostile_names_and_values_do_nothing_but_stand_there(
    cast: Cast, make_version: Make, run_jobs: Callable[[], list[Job]], tmp_path: Any
) -> None:
    """A43: recipes, a check, exports of every format, and the archive of the project, which is also its backup."""
    marker = tmp_path / "marker"
    evil = f"$(touch {marker});'\"; COPY main TO '{marker}'; --"
    source = make_version(f'id,"{evil.replace(chr(34), chr(34) * 2)}"\n1,a\n2,b\n'.encode(), "evil").dataset
    column = next(one["name"] for one in source.versions.get().schema if one["name"] != "id")
    steps = [
        step("map_values", column=column, values={"a": evil}),
        step("derive", name=f"x {evil}", formula="[id] + 1"),
        step("replace_text", columns=[column], find="b", replacement=f"`touch {marker}`"),
        step("clean_text", columns=[column]),
    ]
    saved = services.create_recipe(
        cast.project, name="--help", source=source, target="safe", steps=steps, by=cast[Role.DATA_ENGINEER]
    )
    services.start_preparation(saved.recipe, by=cast[Role.DATA_ENGINEER])
    (job,) = run_jobs()
    assert job.state == "succeeded", job.message
    made = Version.objects.select_related("dataset__project").get(dataset__name="safe")
    assert [row[column] for row in rows_of(made)] == [evil, f"`touch {marker}`"]
    engineer, roles = cast[Role.DATA_ENGINEER], frozenset({Role.DATA_ENGINEER})
    quality.add_rule(made.dataset, kind="not_missing", params={"columns": [column]}, severity="warn", by=engineer)
    checks.start_check(made, by=engineer)
    for kind in FORMATS:
        exports.start_export(made, kind=kind, raw=False, roles=roles, by=engineer)
    type(cast.project).objects.update(name=f"--help {evil[:60]}")
    start_archive(cast.project, by=cast[Role.OWNER])
    assert {job.state for job in run_jobs()} == {"succeeded"}
    assert not marker.exists()


def test_a_recipe_goes_unless_a_version_was_made_by_it(
    cast: Cast, recipe: RecipeVersion, run_jobs: Callable[[], list[Job]], api_of: Callable[..., Client]
) -> None:
    engineer = api_of(cast[Role.DATA_ENGINEER])

    def put() -> Any:
        body = {"kind": "recipe", "subject": "prepare"}
        return engineer.post("/api/v1/projects/churn/bin/", body, "application/json")

    run, _ = services.start_preparation(recipe.recipe, by=cast[Role.DATA_ENGINEER])
    assert put().json()["blocked_by"] == ["It is being run."]
    run_jobs()
    assert put().json()["blocked_by"] == ["prepared v1 was made by it."]
    discard(cast.project, "version", Version.objects.get(preparation=run), by=cast[Role.DATA_ENGINEER])
    purge(Binned.objects.get(), by=cast[Role.OWNER])
    binned = put()
    assert binned.status_code == 201
    assert engineer.get("/api/v1/projects/churn/recipes/prepare/").status_code == 404
    with pytest.raises(Gone):
        services.change_recipe(recipe.recipe, steps=[FILL], seen=1, by=cast[Role.DATA_ENGINEER])
    purge(Binned.objects.get(pk=binned.json()["id"]), by=cast[Role.OWNER])
    assert not Recipe.everything.exists()
