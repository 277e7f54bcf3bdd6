"""Changed columns against the last published version: told in words, and held back where that is the policy."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from audit.models import Entry
from datasets.columns import schema_changed
from datasets.models.versions import Version
from datasets.queries import versions as queries
from datasets.services import versions as services
from problems.problem import Conflict, Invalid
from projects.permissions import Role
from tests.conftest import Cast

Make = Callable[..., Version]
Browser = Callable[[User], Client]
ApiOf = Callable[..., Client]
BEFORE = b"id,plan,charge\n1,a,1\n2,b,2\n"
AFTER = b"id,plan,zip\n1.5,a,00123\n2,b,00124\n"


def test_changes_are_said_in_words_whatever_the_order() -> None:
    before = [{"name": "a", "type": "integer"}, {"name": "b", "type": "text"}, {"name": "c", "type": "date"}]
    after = [{"name": "d", "type": "text"}, {"name": "b", "type": "text"}, {"name": "a", "type": "number"}]
    assert [(change.kind, change.text) for change in schema_changed(before, after)] == [
        ("removed", "c is not there any more"),
        ("type", "a was whole number and is number"),
        ("added", "d is new (text)"),
    ]
    assert schema_changed(before, list(reversed(before))) == []


@pytest.fixture
def changed(make_version: Make, cast: Cast) -> Version:
    """A draft whose columns are others than the published ones."""
    services.publish(make_version(BEFORE), by=cast[Role.OWNER])
    return make_version(AFTER)


def test_by_default_a_change_is_a_warning(changed: Version, cast: Cast) -> None:
    before, changes = queries.schema_changes(changed)
    assert before is not None
    assert [change.kind for change in changes] == ["removed", "type", "added"]
    assert services.why_not(changed) == ""
    services.publish(changed, by=cast[Role.OWNER])


def test_the_first_version_changes_nothing(make_version: Make, cast: Cast) -> None:
    version = make_version(BEFORE)
    services.set_schema_policy(version.dataset, "block", by=cast[Role.DATA_ENGINEER])
    assert queries.schema_changes(version) == (None, [])
    services.publish(version, by=cast[Role.OWNER])


def test_a_blocked_change_waits_until_it_is_accepted(changed: Version, cast: Cast) -> None:
    services.set_schema_policy(changed.dataset, "block", by=cast[Role.DATA_ENGINEER])
    with pytest.raises(Conflict) as refused:
        services.publish(changed, by=cast[Role.OWNER])
    assert refused.value.facts["blocked_by"] == ["check:schema"]
    assert "accept the change first" in refused.value.text
    accepted = services.accept_schema(changed, by=cast[Role.DATA_ENGINEER])
    assert accepted.schema_accepted_by == cast[Role.DATA_ENGINEER]
    assert services.publish(changed, by=cast[Role.OWNER]).state == "published"
    entry = Entry.objects.get(name="data.schema_accepted")
    assert entry.data["changes"][0] == "charge is not there any more"


def test_an_acceptance_holds_against_the_version_that_was_published_then(
    changed: Version, make_version: Make, cast: Cast
) -> None:
    services.set_schema_policy(changed.dataset, "block", by=cast[Role.OWNER])
    services.accept_schema(changed, by=cast[Role.OWNER])
    services.publish(changed, by=cast[Role.OWNER])
    third = make_version(BEFORE)
    assert "v2" in services.why_not(third)


def test_there_must_be_something_to_accept(make_version: Make, cast: Cast) -> None:
    version = make_version(BEFORE)
    with pytest.raises(Conflict):
        services.accept_schema(version, by=cast[Role.OWNER])
    with pytest.raises(Invalid) as refused:
        services.set_schema_policy(version.dataset, "perhaps", by=cast[Role.OWNER])
    assert "schema_policy" in refused.value.fields


def test_the_page_shows_the_change_and_the_way_to_yes(changed: Version, cast: Cast, browser_of: Browser) -> None:
    engineer, viewer = browser_of(cast[Role.DATA_ENGINEER]), browser_of(cast[Role.VIEWER])
    address = services.address_of(changed)
    page = engineer.get(address).content.decode()
    assert "charge is not there any more" in page
    assert "Publishing is not held back" in page
    assert engineer.post("/p/churn/data/customers/columns/", {"schema_policy": "block"}).status_code == 302
    page = engineer.get(address).content.decode()
    assert "accept the change first" in page
    assert "Accept these columns" in page
    assert "Accept these columns" not in viewer.get(address).content.decode()
    assert viewer.post(f"{address}accept-columns/").status_code == 403
    assert engineer.post(address).status_code == 409
    assert engineer.post(f"{address}accept-columns/").status_code == 302
    assert "Publish v2</button>" in engineer.get(address).content.decode()
    assert engineer.post(address).status_code == 302


def test_the_same_over_rest(changed: Version, cast: Cast, api_of: ApiOf) -> None:
    client = api_of(cast[Role.DATA_ENGINEER])
    api = "/api/v1/projects/churn/datasets/customers/"
    assert client.get(f"{api}columns/").json() == {"schema_policy": "warn"}
    body: dict[str, Any] = {"schema_policy": "block"}
    assert client.put(f"{api}columns/", body, content_type="application/json").json() == body
    assert api_of(cast[Role.VIEWER]).put(f"{api}columns/", body, content_type="application/json").status_code == 403
    told = client.get(f"{api}versions/2/").json()
    assert (told["schema_changed_since"], told["schema_accepted"]) == (1, False)
    assert told["schema_changes"][0] == {"kind": "removed", "column": "charge", "text": "charge is not there any more"}
    assert client.post(f"{api}versions/2/publish/").json()["blocked_by"] == ["check:schema"]
    assert client.post(f"{api}versions/2/accept-columns/").status_code == 200
    assert client.post(f"{api}versions/2/publish/").status_code == 200
