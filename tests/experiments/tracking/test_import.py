"""What another MLflow server holds is brought once, whatever interrupts it. The other server is a project of our own,
asked over HTTP by the limited children; `make imports` does the same with a genuine server.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from audit.services import verify
from experiments.models.logged import LogFile, LogName, LogRun
from experiments.models.records import RunMetric
from experiments.queries.logged import held_by, points_of
from jobs.context import Context, Died
from jobs.models import Job
from projects.permissions import Role
from tests.conftest import Cast

Api = Callable[..., Client]
START = 1_700_000_000_000
BIG = b"0123456789" * 100_000
pytestmark = pytest.mark.django_db(transaction=True)


def post(client: Client, path: str, body: Any, key: str = "other") -> Any:
    """One request of the protocol."""
    answer = client.post(f"/p/{key}/mlflow/api/2.0/mlflow/{path}", body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def put(client: Client, path: str, content: bytes) -> None:
    place = f"/p/other/mlflow/api/2.0/mlflow-artifacts/artifacts/{path}"
    assert client.put(place, content, content_type="application/octet-stream").status_code == 200


def fill(client: Client) -> dict[str, str]:
    """Two experiments with runs, a long metric, files, a logged model that is a pickle, a name with an alias."""
    ids, folder = {}, post(client, "experiments/create", {"name": "tries", "tags": [{"key": "why", "value": "trial"}]})
    number = folder["experiment_id"]
    for place, name in enumerate(["first", "long", "files", "running", "gone"]):
        asked = {"experiment_id": number, "run_name": name, "start_time": START + place, "user_id": "ada"}
        ids[name] = post(client, "runs/create", asked)["run"]["info"]["run_id"]
    odd = [{"key": "odd/ü", "value": value, "timestamp": START, "step": 1} for value in ("NaN", 1.5)]
    params = [{"key": "depth", "value": "7"}, {"key": "empty", "value": ""}]
    tags = [{"key": "team", "value": "Größe"}]
    post(client, "runs/log-batch", {"run_id": ids["first"], "metrics": odd, "params": params, "tags": tags})
    for start in range(0, 3000, 1000):
        points = [
            {"key": "long", "value": n / 7, "timestamp": START + n, "step": n} for n in range(start, start + 1000)
        ]
        post(client, "runs/log-batch", {"run_id": ids["long"], "metrics": points})
    put(client, f"{number}/{ids['files']}/artifacts/deep/er/big.bin", BIG)
    put(client, f"{number}/{ids['files']}/artifacts/empty ü.txt", b"")
    asked = {"experiment_id": number, "name": "model", "source_run_id": ids["files"]}
    ids["model"] = post(client, "logged-models", asked)["model"]["info"]["model_id"]
    put(client, f"{number}/models/{ids['model']}/artifacts/model.pkl", b"cos\nsystem\n(S'touch /tmp/never'\ntR.")
    for name in ("first", "long", "files", "gone"):
        state = "FAILED" if name == "first" else "FINISHED"
        post(client, "runs/update", {"run_id": ids[name], "status": state, "end_time": START + 5000})
    post(client, "runs/delete", {"run_id": ids["gone"]})
    post(client, "registered-models/create", {"name": "leavers", "description": "Who leaves"})
    for _ in range(2):
        post(client, "model-versions/create", {"name": "leavers", "source": f"models:/{ids['model']}"})
    post(client, "registered-models/alias", {"name": "leavers", "alias": "best", "version": "1"})
    return ids


@pytest.fixture
def there(cast: Cast, api_of: Api, live_server: LiveServer, settings: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """What to ask for, and the ids of what is there."""
    client = api_of(cast.stranger)
    settings.OUTBOUND_ALLOW = frozenset({live_server.url.removeprefix("http://")})
    secret = client.defaults["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    return {"address": f"{live_server.url}/p/other/mlflow/", "secret": secret}, fill(client)


def begin(client: Client, asked: dict[str, Any]) -> Any:
    return client.post("/api/v1/projects/churn/logged/import/", asked, content_type="application/json")


def stopping_at(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child dies once, at so many calls."""
    call, count = Context.call, iter(range(10**6))

    def dying(self: Context, *given: Any, **more: Any) -> Any:
        if next(count) == number:
            raise Died("killed", "Its process was killed.", retry=True)
        return call(self, *given, **more)

    monkeypatch.setattr(Context, "call", dying)


@pytest.mark.parametrize("at", [None, 2, 3, 5])
def test_all_of_it_comes_once_wherever_it_is_interrupted(
    there: tuple[dict[str, Any], dict[str, str]], cast: Cast, api_of: Api, run_jobs: Callable[[], list[Job]],
    monkeypatch: pytest.MonkeyPatch, at: int | None,
) -> None:  # fmt: skip
    asked, ids = there
    client = api_of(cast[Role.DATA_SCIENTIST])
    assert begin(client, asked).status_code == 202
    assert begin(client, asked).json()["code"] == "under_way"
    if at is not None:
        stopping_at(at, monkeypatch)
    job = run_jobs()[-1]
    assert job.state == "succeeded", (job.message, job.history, list(job.lines.values_list("text", flat=True)))
    assert "sealed" not in job.payload
    here = job.result["here"]
    assert (here["experiments"], here["runs"], here["points"], here["files"]) == (2, 4, 3002, 3)
    assert (here["names"], here["versions"], here["models"], here["bytes"]) == (1, 2, 1, len(BIG) + 35)
    assert job.result["there"]["runs"] == here["runs"]
    assert job.result["left"] == []
    _same(cast, ids)
    assert begin(client, asked).status_code == 202
    again = run_jobs()[-1].result
    assert again["here"] == here
    assert again["brought"]["runs"] == 1, "the one that still runs there comes anew"
    assert again["brought"]["models"] == again["brought"]["versions"] == 0
    assert verify().first_bad is None


def _same(cast: Cast, ids: dict[str, str]) -> None:
    runs = {run.name: run for run in LogRun.objects.filter(project=cast.project).select_related("record")}
    assert {name: run.key for name, run in runs.items()} == {n: ids[n] for n in ("first", "long", "files", "running")}
    held = held_by(list(runs.values()))
    first = held[runs["first"].record_id]
    assert (first.params, first.tags["team"]) == ({"depth": "7", "empty": ""}, "Größe")
    assert (runs["first"].record.state, runs["first"].user_name) == ("failed", "ada")
    assert runs["running"].record.state == "running"
    points = points_of(runs["long"].record, "long")
    assert points == [(n, START + n, n / 7) for n in range(3000)]
    assert RunMetric.objects.get(record=runs["first"].record).points == 2
    name = LogName.objects.get(project=cast.project)
    assert (name.aliases, name.last, name.description) == ({"best": 1}, 2, "Who leaves")
    files = dict(LogFile.objects.filter(project=cast.project).values_list("path", "blob__size"))
    assert files == {"deep/er/big.bin": len(BIG), "empty ü.txt": 0, "model.pkl": 35}


def test_pages_say_where_runs_are_from_and_refusals_what_is_wrong(
    there: tuple[dict[str, Any], dict[str, str]], cast: Cast, api_of: Api, browser_of: Callable[..., Client],
    run_jobs: Callable[[], list[Job]],
) -> None:  # fmt: skip
    asked, _ = there
    browser, place = browser_of(cast[Role.DATA_SCIENTIST]), "/p/churn/notebook/import/"
    refused = browser.post(place, {"address": "http://169.254.169.254/"})
    assert refused.status_code == 422
    assert "may not be reached" in refused.content.decode()
    assert browser_of(cast[Role.VIEWER]).post(place, asked).status_code == 403
    wrong = begin(api_of(cast[Role.DATA_SCIENTIST]), {**asked, "secret": "baton_" + "x" * 40})
    assert wrong.status_code == 202
    assert "does not let us in" in run_jobs()[-1].message
    assert browser.post(place, {**asked, "experiments": "tries", "registry": "on"}).status_code == 302
    assert "Stop" in browser.get(place).content.decode()
    run_jobs()
    shown = browser.get(place).content.decode()
    assert 'Points of metrics</th><td class="num">–</td><td class="num">3\u2009002<' in shown.replace(
        "\u202f", "\u2009"
    )
    assert asked["secret"] not in shown + str(list(Job.objects.values_list("payload", flat=True)))
    table = browser.get("/p/churn/train/").content.decode()
    assert table.count("imported from") == 4
    run = LogRun.objects.get(project=cast.project, name="files").record.number
    assert "Imported from" in browser.get(f"/p/churn/logged/{run}/").content.decode()
    listed = api_of(cast[Role.VIEWER]).get("/api/v1/projects/churn/logged/import/").json()["results"]
    assert [one["state"] for one in listed] == ["succeeded", "failed"]
