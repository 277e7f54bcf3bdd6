"""Who logs point by point is looked up once a second: what is taken from them counts within that second."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ApiToken
from experiments.tracking.door import REMEMBERED_SECONDS
from projects.models.team import Membership
from projects.permissions import Role
from tests.conftest import Cast

pytestmark = pytest.mark.django_db
Api = Callable[..., Client]


def test_a_token_is_remembered_for_a_second_at_most(cast: Cast, api_of: Api, settings: Any) -> None:
    settings.CACHES = settings.CACHES | {"here": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    person = cast[Role.DATA_SCIENTIST]
    client, place = api_of(person), "/p/churn/mlflow/api/2.0/mlflow/experiments/get?experiment_id=0"
    assert client.get(place).status_code == 200
    with CaptureQueriesContext(connection) as asked:
        assert client.get(place).status_code == 200
    assert not [one for one in asked if "accounts_apitoken" in one["sql"] or "projects_membership" in one["sql"]]
    ApiToken.objects.filter(user=person).update(revoked_at=timezone.now())
    time.sleep(REMEMBERED_SECONDS + 0.1)
    assert client.get(place).status_code == 401
    other = api_of(person)
    assert other.get(place).status_code == 200
    Membership.objects.filter(user=person).delete()
    time.sleep(REMEMBERED_SECONDS + 0.1)
    assert other.get(place).status_code == 404
    assert other.get(place.replace("churn", "other")).status_code == 404
