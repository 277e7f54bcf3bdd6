"""The edge-case book: written without code, versioned, put to models, and what may be seen of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from audit.models import Entry
from datasets.models.tags import ColumnTag
from datasets.models.versions import Version
from experiments.casebook import came_out, said_of
from experiments.judging_words import expected_words
from experiments.models.cases import EdgeCase, EdgeCaseResult
from experiments.models.runs import Run
from experiments.packaging import Answer
from experiments.queries.cases import book_of, unasked
from experiments.services.cases import add_case, ask_about_cases, change_case, retire_case
from experiments.services.runs import start_run
from jobs.models import Job, State
from notices.models import Notice
from problems.problem import Conflict, Invalid
from projects.permissions import Role
from tests.conftest import Cast

Train = Callable[..., Run]
RunJobs = Callable[[], list[Job]]
ROW = {"plan": "monthly", "tenure": 1, "price": 120.0}
VALUES: dict[str, Any] = {
    "name": "New and dear", "row": ROW, "answer": "Yes", "reason": "They always leave in the first month."
}  # fmt: skip


def case(**parts: Any) -> dict[str, Any]:
    return {"answer": "", "low": None, "high": None} | parts


# ---- The engine ----


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_range_holds_the_chance_between_its_ends(low: float, high: float, chance: float) -> None:
    found = came_out(case(low=low, high=high), Answer("Yes", chance))
    assert found == (low <= chance <= high)


def test_a_word_and_a_range_must_both_hold_and_words_are_compared_as_the_model_says_them() -> None:
    assert came_out(case(answer="Yes"), Answer("Yes", 0.6))
    assert not came_out(case(answer="Yes", low=0.8), Answer("Yes", 0.6))
    assert not came_out(case(answer="No"), Answer("Yes", 0.9))
    assert came_out(case(answer="true"), Answer(True, 0.9))
    assert came_out(case(low=3), Answer(3.0, None))
    assert not came_out(case(high=3), Answer("word", None))


def test_what_must_come_out_is_said_in_words() -> None:
    assert expected_words(case(answer="Yes", low=0.8), chance=True) == "“Yes” and a chance of at least 80%"
    assert expected_words(case(low=2, high=5), chance=False, unit="days") == "2 days to 5 days"
    assert expected_words(case(high=5), chance=False) == "at most 5"
    assert expected_words(case(), chance=True) == "any answer"
    assert said_of(Answer("Yes", 0.876)) == "Yes, with a chance of 88%"
    assert said_of(Answer(3.14159, None)) == "3.1"


# ---- The book ----


@pytest.mark.django_db
def test_an_expert_writes_a_case_and_every_model_after_training_is_asked(
    trained: Train, cast: Cast, run_jobs: RunJobs
) -> None:
    run, expert = trained(), cast[Role.DOMAIN_EXPERT]
    client = Client()
    client.force_login(expert)
    place = f"/p/{cast.project.key}/cases/"
    assert "The book is empty" in client.get(place).content.decode()
    form = client.get(f"{place}new/?dataset=customers&version=1&row=0")
    assert form.status_code in (200, 404)
    sent = {"name": "New and dear", "reason": "They always leave.", "answer": "Yes", "low": "50", "blocking": "on",
            "v0": "monthly", "v1": "1", "v2": "120"}  # fmt: skip
    assert client.post(f"{place}new/", {**sent, "answer": "", "low": ""}).status_code == 422
    assert client.post(f"{place}new/", sent).status_code == 302
    [revision] = book_of(cast.project)
    assert (revision.row, revision.low, revision.blocking) == (ROW, 0.5, True)
    add_case(cast.project, values=VALUES | {"name": "Never so", "answer": "No", "blocking": False}, by=expert)
    assert unasked(run) == book_of(cast.project)

    start_run(cast.project, spec=run.spec, by=cast[Role.DATA_SCIENTIST])
    jobs = run_jobs()
    assert [job.kind for job in jobs] == ["experiments.train", "experiments.evaluate", "experiments.ask_cases"]
    assert {job.state for job in jobs} == {State.SUCCEEDED}
    assert list(EdgeCaseResult.objects.order_by("revision__case__number").values_list("passed", flat=True)) == [
        True,
        False,
    ]
    notice = Notice.objects.get(recipient_id=expert.pk, text__contains="“Never so”")
    assert "Run 2 answers edge case 2" in notice.text
    shown = client.get(place).content.decode()
    assert "As it must" in shown
    assert "Otherwise" in shown
    assert "Not asked yet" in shown
    ask_about_cases(run, by=expert)
    assert ask_about_cases(run, by=expert) is None
    assert run_jobs()[-1].state == State.SUCCEEDED
    assert not unasked(run)


@pytest.mark.django_db
def test_a_change_is_a_further_revision_and_nothing_that_was_said_is_lost(trained: Train, cast: Cast) -> None:
    run, expert = trained(), cast[Role.DOMAIN_EXPERT]
    one = add_case(cast.project, values=VALUES, by=expert)
    change_case(one, revision=1, values=VALUES | {"reason": "Seen it again."}, by=expert)
    with pytest.raises(Conflict, match="changed"):
        change_case(one, revision=1, values=VALUES, by=expert)
    assert [each.reason for each in one.revisions.all()] == ["Seen it again.", VALUES["reason"]]
    assert len(unasked(run)) == 1
    client = Client()
    client.force_login(expert)
    page = f"/p/{cast.project.key}/cases/1/"
    assert "What it said before" in client.get(page).content.decode()
    changed = client.get(f"{page}change/").content.decode()
    assert 'value="120.0"' in changed
    assert client.post(f"{page}retire/", {"reason": "The plan is gone."}).status_code == 302
    assert book_of(cast.project) == []
    assert "retired" in client.get(page).content.decode()
    with pytest.raises(Conflict, match="was retired"):
        retire_case(one, reason="again", by=expert)
    names = Entry.objects.filter(name__startswith="edge_case.").order_by("seq").values_list("name", flat=True)
    assert list(names) == ["edge_case.added", "edge_case.changed", "edge_case.retired"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"), ({"reason": ""}, "reason"), ({"row": {}}, "row"), ({"answer": ""}, "answer"),
        ({"low": 2, "high": 1}, "high"), ({"low": True}, "low"), ({"row": {"plan": [1]}}, "row"),
        ({"row": {"price": float("inf")}}, "row"), ({"high": float("nan")}, "high"),
    ],
)  # fmt: skip
def test_what_makes_no_case_is_refused_beside_its_field(cast: Cast, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        add_case(cast.project, values=VALUES | wrong, by=cast[Role.DOMAIN_EXPERT])
    assert field in refused.value.fields
    assert not EdgeCase.objects.exists()


@pytest.mark.django_db
def test_over_rest_the_book_is_the_same_and_a_hidden_value_is_neither_told_nor_overwritten(
    trained: Train, version: Version, cast: Cast, run_jobs: RunJobs
) -> None:
    run = trained()
    client = Client()
    client.force_login(cast[Role.DOMAIN_EXPERT])
    api = f"/api/v1/projects/{cast.project.key}/cases/"

    def send(method: str, address: str, body: Any) -> Any:
        return client.generic(method, address, json.dumps(body), "application/json")

    assert send("POST", api, VALUES).status_code == 201
    ask_about_cases(run, by=cast[Role.OWNER])
    run_jobs()
    ColumnTag.objects.create(dataset=version.dataset, column="plan", kind="personal")
    seen = client.get(f"{api}1/").json()
    assert seen["row"] == ROW | {"plan": "hidden"}
    assert seen["results"][0]["passed"]
    assert seen["must"] == "“Yes”"
    assert "monthly" not in client.get(f"/p/{cast.project.key}/cases/1/change/").content.decode()
    again = send("PUT", f"{api}1/", VALUES | {"row": seen["row"], "revision": 1})
    assert again.status_code == 200
    [now] = book_of(cast.project)
    assert now.row == ROW
    sent = {"name": "x", "reason": "y", "answer": "Yes", "v0": "", "v1": "2", "v2": "", "revision": "2"}
    assert client.post(f"/p/{cast.project.key}/cases/1/change/", sent).status_code == 302
    assert book_of(cast.project)[0].row == {"plan": "monthly", "tenure": 2, "price": None}
    ColumnTag.objects.create(dataset=version.dataset, column="left", kind="personal")
    assert client.get(f"{api}1/").json()["must"] == "“hidden”"
    assert "Yes" not in client.get(f"/p/{cast.project.key}/cases/").content.decode()
    assert send("POST", f"{api}1/retire/", {"reason": "Old."}).json()["retired_at"]
    client.force_login(cast[Role.VIEWER])
    assert send("POST", api, VALUES).status_code == 403
    assert client.get(api).json()["results"] == []
