"""The pages of runs, comparison and models: what they show, whom they let in, how much they ask of the database."""

import html
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import DjangoAssertNumQueries

from accounts.models import User
from datasets.models.versions import Version
from experiments.models.registry import ModelVersion
from experiments.models.runs import Run
from experiments.services.models import register
from experiments.services.runs import start_run
from jobs.models import Job
from projects.models.define import Contract
from projects.models.projects import Project
from projects.overview import needs, results
from projects.permissions import Role
from tests.conftest import Cast
from tests.experiments.tables import story

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
Train = Callable[..., Run]


def _text(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status, response.content[:500]
    return response.content.decode()


def test_the_form_can_be_sent_as_it_stands(
    cast: Cast, version: Version, targets: Contract, browser_of: Browser
) -> None:
    client = browser_of(cast[Role.DATA_SCIENTIST])
    response = client.get(reverse("run-new", args=["churn"]))
    assert b"learn from 480 rows" in response.content.replace("\u2009".encode(), b"")
    sent = _as_sent(response.context["form"]) | {"data": response.context["picked"]}
    answer = client.post(reverse("run-new", args=["churn"]), sent)
    run = Run.objects.get()
    assert answer.status_code == 302, answer.context["form"].errors
    assert answer["Location"] == reverse("run", args=["churn", run.number])
    assert (run.spec["target"], run.spec["positive"]) == ("left", "Yes")
    assert run.contract == targets


def _as_sent(form: Any) -> dict[str, Any]:
    """What a browser sends for a form that nobody touched."""
    values = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in values.items() if value is not None}


def test_wrong_fields_are_named_and_nothing_typed_is_lost(cast: Cast, version: Version, browser_of: Browser) -> None:
    client = browser_of(cast[Role.DATA_SCIENTIST])
    address = reverse("run-new", args=["churn"])
    sent = _as_sent(client.get(address).context["form"]) | {"data": "customers/v1"}
    wrong = {"seed": "-3", "boosted__learning_rate": "7", "notes": "keep me", "logistic__C": "x"}
    response = client.post(address, sent | wrong)
    assert response.status_code == 422
    errors = response.context["form"].errors
    assert set(errors) == {"seed", "boosted__learning_rate", "logistic__C"}
    assert b"keep me" in response.content
    by_service = client.post(address, sent | {"split_kind": "time", "split_column": ""})
    assert "split_column" in by_service.context["form"].errors
    assert not Run.objects.exists()


def test_a_change_of_the_form_shows_what_will_happen(cast: Cast, version: Version, browser_of: Browser) -> None:
    client = browser_of(cast[Role.DATA_SCIENTIST])
    page = _text(client, reverse("run-new", args=["churn"]) + "?target=left&test_share=50&methods=logistic&inputs=plan")
    assert "One method and the yardstick will learn from 300 rows" in page
    junk = "?data=nothing/v9"
    assert client.get(reverse("run-new", args=["churn"]) + junk).status_code == 404
    _text(client, reverse("run-new", args=["churn"]) + "?target=zzz&test_share=x&seed=%C3&methods=zzz&inputs=zzz")


@pytest.mark.parametrize(
    ("kind", "target", "why"),
    [
        ("binary", "same", "“same” has the same value in every row; there is nothing to learn."),
        ("multiclass", "same", "“same” has the same value in every row; there is nothing to learn."),
        ("regression", "flat", "“flat” has the same value in every row; there is nothing to learn."),
        ("binary", "empty", "“empty” is empty in every row; there is nothing to learn."),
        ("binary", "tenure", "a yes-or-no question needs exactly two."),
        ("binary", "rare", "Only 1 rows have “rare” = “Yes”."),
    ],
)
def test_a_target_that_cannot_be_learned_says_why_and_nothing_else(
    cast: Cast, make_version: Callable[..., Version], browser_of: Browser, kind: str, target: str, why: str
) -> None:
    Project.objects.filter(pk=cast.project.pk).update(kind=kind)
    table = story()
    table = table.append_column("flat", pa.array([3.5] * table.num_rows))
    table = table.append_column("rare", pa.array(["Yes", *["No"] * (table.num_rows - 1)]))
    make_version(cast.project, table)
    client, address = browser_of(cast[Role.DATA_SCIENTIST]), reverse("run-new", args=["churn"])
    response = client.get(f"{address}?target={target}")
    page = html.unescape(response.content.decode())
    assert page.count(why) == 2, "on top, and where it is started"
    assert 'type="submit" form="run-form"' not in page
    sent = _as_sent(response.context["form"]) | {"data": "customers/v1"}
    assert sent["methods"]
    assert "tenure" in sent["inputs"] or target == "tenure"
    refused = client.post(address, sent)
    assert refused.status_code == 422
    errors = refused.context["form"].errors
    assert list(errors) == ["target"], errors
    assert why in errors["target"][0]
    assert not Run.objects.exists()
    assert not Job.objects.exists()


def test_a_copy_says_what_changed(cast: Cast, trained: Train, browser_of: Browser) -> None:
    run = trained()
    page = _text(
        browser_of(cast[Role.DATA_SCIENTIST]), f"{reverse('run-new', args=['churn'])}?from={run.number}&seed=9"
    )
    assert "Copied from" in page
    assert "7 → 9" in page


def test_without_data_the_form_says_what_comes_first(cast: Cast, browser_of: Browser) -> None:
    client = browser_of(cast[Role.DATA_SCIENTIST])
    assert "no published data version" in _text(client, reverse("run-new", args=["churn"]))
    assert client.post(reverse("run-new", args=["churn"]), {}).status_code == 409


def test_a_finished_run_tells_its_verdicts_in_plain_words(
    cast: Cast, targets: Contract, trained: Train, browser_of: Browser
) -> None:
    run = trained()
    page = _text(browser_of(cast[Role.VIEWER]), reverse("run", args=["churn", run.number]))
    for words in ("of every 100", "customers who leave", "One target is met.", "Yardstick", "What does it look at?"):
        assert words in page, words
    assert "Register this run" not in page
    assert "style=" not in page.split("<main")[1]
    own = _text(browser_of(cast[Role.DATA_SCIENTIST]), reverse("run", args=["churn", run.number]))
    assert "Register this run" in own


def test_waiting_failed_and_stopped_runs_have_pages(cast: Cast, version: Version, browser_of: Browser) -> None:
    run, _ = start_run(cast.project, spec={}, by=cast[Role.DATA_SCIENTIST])
    client, address = browser_of(cast[Role.DATA_SCIENTIST]), reverse("run", args=["churn", run.number])
    assert "Progress" in _text(client, address)
    Run.objects.update(state=Run.State.FAILED, message="It needed more memory.")
    assert "It needed more memory." in _text(client, address)
    Run.objects.update(state=Run.State.CANCELLED)
    assert "was stopped" in _text(client, address)
    assert client.get(reverse("run-register", args=["churn", run.number])).status_code == 404


def test_registering_and_notes_go_through_their_forms(cast: Cast, trained: Train, browser_of: Browser) -> None:
    run, client = trained(), browser_of(cast[Role.DATA_SCIENTIST])
    address = reverse("run-register", args=["churn", run.number])
    assert client.post(address, {"name": "Bad Name", "reason": "x"}).status_code == 422
    assert client.post(address, {"name": "churn-model", "reason": "finds most"}).status_code == 302
    assert str(ModelVersion.objects.get()) == "churn-model v1"
    assert client.post(address, {"name": "churn-model", "reason": "again"}).status_code == 409
    assert client.post(reverse("run-notes", args=["churn", run.number]), {"notes": "odd"}).status_code == 302
    assert "churn-model" in _text(client, reverse("all-models"))
    assert "churn-model" not in _text(browser_of(cast.stranger), reverse("all-models"))


def test_a_viewer_may_not_start_or_register(cast: Cast, trained: Train, browser_of: Browser) -> None:
    run, client = trained(), browser_of(cast[Role.VIEWER])
    assert client.get(reverse("run-new", args=["churn"])).status_code == 403
    assert client.post(reverse("run-register", args=["churn", run.number]), {}).status_code == 403
    assert client.post(reverse("run-notes", args=["churn", run.number]), {}).status_code == 403
    assert browser_of(cast.stranger).get(reverse("run", args=["churn", run.number])).status_code == 404


def test_comparison_shows_differences_and_marks_the_best(cast: Cast, trained: Train, browser_of: Browser) -> None:
    trained()
    trained(spec={"inputs": ["plan", "tenure", "price", "senior"]})
    client, address = browser_of(cast[Role.VIEWER]), reverse("compare", args=["churn"])
    page = _text(client, f"{address}?runs=1,2")
    assert "same held-back rows" in page
    assert "stands first" in page or "best choice" in page or "are equal" in page
    assert "plan, tenure, price, senior" in page
    assert "split kind" not in page
    assert "split kind" in _text(client, f"{address}?runs=1&runs=2&diff=0")


def test_runs_on_other_rows_are_told_apart_and_not_ranked(
    cast: Cast, trained: Train, browser_of: Browser, make_version: Callable[..., Version]
) -> None:
    trained()
    trained(spec={"split": {"seed": 99}})
    make_version(cast.project, story(seed=5))
    trained()
    page = _text(browser_of(cast[Role.VIEWER]), f"{reverse('compare', args=['churn'])}?runs=1,2,3")
    assert "cannot be ranked" in page
    assert page.count("other held-back rows") >= 2


@pytest.mark.parametrize("query", ["runs=1,x", "runs=-1", "runs=1,2,3,4,5,6,7", "runs=999999999999"])
def test_wrong_comparisons_are_refused(cast: Cast, browser_of: Browser, query: str) -> None:
    assert browser_of(cast[Role.VIEWER]).get(f"{reverse('compare', args=['churn'])}?{query}").status_code in (404, 422)


def test_comparison_of_nothing_invites(cast: Cast, version: Version, browser_of: Browser) -> None:
    client = browser_of(cast[Role.DATA_SCIENTIST])
    assert "side by side" in _text(client, reverse("evaluate", args=["churn"]))
    assert browser_of(cast[Role.VIEWER]).get(f"{reverse('compare', args=['churn'])}?runs=5").status_code == 404
    start_run(cast.project, spec={}, by=cast[Role.DATA_SCIENTIST])
    assert "is not finished" in _text(client, f"{reverse('compare', args=['churn'])}?runs=1")


def test_the_list_is_sorted_filtered_and_paged_by_the_address(
    cast: Cast, version: Version, trained: Train, browser_of: Browser
) -> None:
    trained()
    start_run(cast.project, spec={}, by=cast[Role.DATA_SCIENTIST])
    client, address = browser_of(cast[Role.VIEWER]), reverse("train", args=["churn"])
    assert "2 runs" in _text(client, address)
    assert "1 run<" in _text(client, f"{address}?state=finished")
    for sort in ("number", "-recall", "rmse", "-data", "method", "nonsense", "created_by__password"):
        _text(client, f"{address}?sort={sort}&page=99&state=zzz")


def test_lists_ask_the_same_of_the_database_for_any_length(
    cast: Cast,
    version: Version,
    trained: Train,
    browser_of: Browser,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for seed in range(6):
        run = trained(spec={"seed": seed % 2})
        register(run, name=f"model-{seed}", reason="r", by=cast[Role.DATA_SCIENTIST])
        start_run(cast.project, spec={}, by=cast[Role.DATA_SCIENTIST])
    client = browser_of(cast[Role.DATA_SCIENTIST])
    for name in ("train", "evaluate"):
        with django_assert_max_num_queries(40):
            _text(client, reverse(name, args=["churn"]))
    with django_assert_max_num_queries(10):
        _text(client, reverse("all-models"))


def test_the_overview_knows_the_result_and_home_knows_what_waits(cast: Cast, targets: Contract, trained: Train) -> None:
    run = trained()
    found = results([cast.project, cast.other_project])
    assert set(found) == {cast.project.pk}
    assert found[cast.project.pk].name == f"Run {run.number}"
    assert list(found[cast.project.pk].rows) == run.verdicts
    scientist = cast[Role.DATA_SCIENTIST]
    mine = {cast.project: frozenset({Role.DATA_SCIENTIST})}
    assert any(item.title.startswith("Look at run 1") for item in needs(scientist, mine))
    register(run, name="m", reason="r", by=scientist)
    assert results([cast.project])[cast.project.pk].name == "m v1"
    assert not any("run 1" in item.title for item in needs(scientist, mine))
    Run.objects.filter(pk=trained(spec={"seed": 3}).pk).update(state=Run.State.FAILED, message="No memory.")
    assert any("failed" in item.title and item.why == "No memory." for item in needs(scientist, mine))
