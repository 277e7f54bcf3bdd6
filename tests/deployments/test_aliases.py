"""Aliases at the prediction server: who names a version gets that version, or a refusal that says who answers."""

import time

import pytest

from deployments.models import Release, TrafficPlan
from deployments.services.keys import make_key
from deployments.services.servers import changed
from deployments.serving.protocols import Place, place_of
from experiments.services.registry import remove_alias, set_alias
from projects.permissions import Role
from tests.conftest import Cast
from tests.deployments import stage


def test_addresses_name_versions() -> None:
    assert place_of("/v1/deployments/churn@champion/predict") == Place("churn", "predict", "champion")
    assert place_of("/v1/deployments/churn@3/predict") == Place("churn", "predict", "3")
    assert place_of("/v2/models/churn/versions/staging/infer") == Place("churn", "infer", "staging")
    assert place_of("/v1/deployments/churn/predict") == Place("churn", "predict")
    assert place_of("/v1/deployments/churn@/predict") is None
    assert place_of("/v1/deployments/churn@a@b/predict") is None


@pytest.mark.django_db(transaction=True)
def test_the_server_answers_as_the_version_that_an_alias_names(
    shared_cast: Cast, server: stage.PredictionServer, trained: stage.Trained, retrained: stage.Trained
) -> None:
    by = shared_cast[Role.ML_ENGINEER]
    first, second = (stage.version_of(shared_cast.project, one) for one in (trained, retrained))
    release = stage.put_into_use(first, by)
    trial = Release.objects.create(deployment=release.deployment, version=second, state="trial", created_by=by)
    plan = TrafficPlan.objects.create(
        deployment=release.deployment,
        number=1,
        challenger=trial,
        champion=release,
        state="running",
        steps=[{"percent": 1, "minutes": 60}],
        created_by=by,
    )
    _, secret = make_key(release.deployment, name="shop", days=30, by=by)
    set_alias(first.model, name="stable", version=first, by=by)

    def asked(alias: str) -> tuple[int, object]:
        status, answer = server.predict({"row": stage.ROW}, secret, name=f"churn-classifier@{alias}")
        return status, answer["version"] if status == 200 else answer["detail"]

    def at_last(alias: str, wanted: object) -> None:
        until = time.monotonic() + 10
        while asked(alias)[1] != wanted and time.monotonic() < until:
            time.sleep(0.1)
        assert asked(alias)[1] == wanted

    with stage.running(server):
        at_last("challenger", 2)
        for alias, version in (("champion", 1), ("1", 1), ("stable", 1), ("2", 2)):
            assert asked(alias) == (200, version), alias
        assert asked("nobody") == (404, "“nobody” names no version of churn-classifier.")
        assert asked("7") == (404, "Version 7 does not answer here; version 1 does.")
        set_alias(first.model, name="stable", version=second, by=by)
        at_last("stable", 2)
        TrafficPlan.objects.filter(pk=plan.pk).update(steps=[{"percent": 0, "minutes": 60}])
        changed()
        at_last("stable", "“stable” names version 2, which does not answer here; version 1 does.")
        remove_alias(first.model, name="stable", by=by)
        at_last("stable", "“stable” names no version of churn-classifier.")
