"""A model asked about a row that somebody typed, and the protected columns of Define as what models are judged by."""

from collections.abc import Callable
from typing import Any

import pytest

from datasets.models.tags import ColumnTag
from experiments.models.runs import Run
from experiments.packaging import Bundle
from experiments.services.evaluations import start_evaluation
from jobs.models import Job
from projects.permissions import Role
from projects.services.charter import save_charter
from storage.blobs import verified_path
from tests.conftest import Cast

ROW = {"plan": "monthly", "tenure": 3, "price": 80.5}


@pytest.mark.django_db(transaction=True)
def test_a_typed_row_is_answered_with_reasons_that_add_up(
    cast: Cast, trained: Callable[..., Run], api_of: Any, browser_of: Any, run_jobs: Callable[[], list[Job]]
) -> None:
    run, expert = trained(), api_of(cast[Role.DOMAIN_EXPERT])
    url = f"/api/v1/projects/churn/runs/{run.number}/ask/"

    def ask(row: Any, client: Any = expert) -> Any:
        return client.post(url, {"row": row}, content_type="application/json")

    wrong = ask({"tenure": "long"})
    assert wrong.status_code == 422
    assert wrong.json()["fields"]["tenure"] == "It must be a number, not text."
    assert ask(ROW, api_of(cast[Role.VIEWER])).status_code == 403
    sent = ask(ROW)
    assert sent.status_code == 202
    run_jobs()
    found = expert.get(sent.json()["job"]["url"]).json()["result"]
    answer = Bundle.open(verified_path(str(run.bundle_id))).predictor().predict([ROW])[0]
    assert found["probability"] == pytest.approx(answer.probability, abs=1e-12)
    told = found["reasons"]
    shares = sum(one["share"] for one in told["shares"])
    assert shares == pytest.approx(told["answer"] - told["usual"], abs=1e-9)
    assert {one["name"] for one in told["shares"]} == set(ROW)

    ColumnTag.objects.create(dataset=run.data.dataset, column="price", kind="financial")
    hidden = expert.get(sent.json()["job"]["url"]).json()["result"]
    assert hidden["values"] == ROW | {"price": hidden["values"]["price"]}
    assert hidden["values"]["price"] != ROW["price"]
    page = browser_of(cast[Role.DOMAIN_EXPERT])
    form = page.get(f"/p/churn/runs/{run.number}/ask/").content.decode()
    assert "are hidden from you" in form
    asked = page.post(f"/p/churn/runs/{run.number}/ask/", {"v0": "monthly", "v1": "3", "v2": "80.5"})
    assert asked.status_code == 302
    run_jobs()
    shown = page.get(asked.url).content.decode()
    assert "Why this answer?" in shown
    assert "80.5" not in shown
    assert "80.5" in browser_of(cast[Role.DATA_SCIENTIST]).get(asked.url).content.decode()


@pytest.mark.django_db
def test_what_define_calls_protected_is_what_models_are_judged_by(cast: Cast, trained: Callable[..., Run]) -> None:
    by = cast[Role.PRODUCT_MANAGER]
    save_charter(cast.project, version=0, texts={"protected": "senior, plan\nage, left"}, by=by)
    evaluation, _ = start_evaluation(trained(), by=by)
    assert evaluation.attributes == ["senior", "plan"], "columns of the data only, and never the answer"
