"""Looking at what a source brings before it becomes a version: on its page and over REST."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from datasets.forms.uploads import PreviewForm
from datasets.models.sources import Pull, PullFile, Source
from datasets.models.tags import ColumnTag
from datasets.models.versions import Version
from datasets.services import looks, pulls, sources
from jobs.models import Job
from problems.problem import Conflict
from projects.permissions import Role
from tests.conftest import Cast
from tests.datasets.connectors.town import Town, open_town

RunJobs = Callable[[], list[Job]]
CODES = b"Report\nid;code\n1;007\n2;008\n3;9;x\n" + b"4;010\n" * 20
PULLS = "/api/v1/projects/churn/sources/codes/pulls/"


@pytest.fixture
def town(settings: Any) -> Iterator[Town]:
    with open_town() as found:
        settings.OUTBOUND_ALLOW = found.allow
        found.file = CODES
        yield found


@pytest.fixture
def source(cast: Cast, town: Town) -> Source:
    """An approved address of a file that cannot be read without a word about it."""
    params = {"address": f"{town.base}/file.csv"}
    given: dict[str, Any] = {"connector": "url", "name": "codes", "dataset": "codes", "params": params}
    made = sources.register(cast.project, **given, by=cast[Role.DATA_ENGINEER])
    return sources.approve(made, seen=1, by=cast[Role.OWNER])


def look(source: Source, cast: Cast, run_jobs: RunJobs) -> Pull:
    pull, _ = pulls.start_pull(source, preview=True, by=cast[Role.DATA_ENGINEER])
    run_jobs()
    return Pull.objects.select_related("source__project").get(pk=pull.pk)


def test_in_the_browser_from_the_look_over_a_correction_to_the_version(
    cast: Cast, town: Town, source: Source, run_jobs: RunJobs, browser_of: Any
) -> None:
    engineer, page = browser_of(cast[Role.DATA_ENGINEER]), "/p/churn/sources/codes/"
    assert "Look at how it is read" in engineer.get(page).content.decode()
    address = engineer.post(f"{page}load/", {"do": "look"})["Location"]
    waiting = {"HX-Request": "true"}
    assert engineer.get(f"{address}?waiting=1", headers=waiting).status_code == 204
    run_jobs()
    assert engineer.get(f"{address}?waiting=1", headers=waiting)["HX-Refresh"] == "true"
    first = engineer.get(address).content.decode()
    assert "It cannot be read so." in first
    assert "Look at what codes brings" in engineer.get("/").content.decode()
    assert "Waits for a look" in engineer.get(page).content.decode()
    assert f'href="{address}"' in engineer.get("/p/churn/data/").content.decode()
    again = engineer.post(address, {"do": "look", "preamble": "1"})["Location"]
    assert again != address
    run_jobs()
    shown = engineer.get(again).content.decode()
    assert "As found: Semicolon" in shown
    assert "it has 3 cells where 2 are expected" in shown
    assert not Version.objects.exists()
    source.refresh_from_db()
    assert (source.options, source.mark, source.state) == ({"preamble": "1"}, {}, "approved")
    assert town.asked.count("/file.csv") == 1, "a correction reads what came, and asks nobody"
    seen = shown.split('name="seen" value="')[1].split('"')[0]
    viewer = browser_of(cast[Role.VIEWER])
    assert "Read it so" not in viewer.get(again).content.decode()
    assert viewer.post(again, {"do": "read", "preamble": "1", "seen": seen}).status_code == 403
    assert engineer.post(again, {"do": "read", "preamble": "1", "seen": "other"}).status_code == 409
    taken = engineer.post(again, {"do": "read", "preamble": "1", "seen": seen})
    assert taken["Location"] == "/p/churn/data/codes/v1/"
    version = Version.objects.get()
    assert (version.rows, version.refused_rows, version.report["source"]) == (22, 1, "codes")
    assert engineer.get(again)["Location"] == "/p/churn/data/codes/v1/"
    assert "Look at how it is read" not in engineer.get(page).content.decode()
    assert "dropped" in engineer.get(address).content.decode()


def test_what_is_taken_moves_the_mark_and_what_is_dropped_does_not(
    cast: Cast, source: Source, run_jobs: RunJobs
) -> None:
    source = sources.change(source, seen=1, options={"preamble": 1}, by=cast[Role.DATA_ENGINEER])
    dropped = looks.drop_look(look(source, cast, run_jobs), by=cast[Role.DATA_ENGINEER])
    assert (dropped.state, dropped.found, dropped.table_id) == ("dropped", None, None)
    source.refresh_from_db()
    assert source.mark == {}
    waits = look(source, cast, run_jobs)
    assert waits.files.count() == 1
    version = looks.take_look(waits, by=cast[Role.DATA_ENGINEER])
    assert isinstance(version, Version)
    source.refresh_from_db()
    assert source.mark == Pull.objects.get(pk=waits.pk).mark_after != {}
    assert look(source, cast, run_jobs).state == "unchanged", "the same file is nothing to look at"
    with pytest.raises(Conflict):
        looks.take_look(waits, by=cast[Role.DATA_ENGINEER])


def test_the_next_load_ends_a_look_and_a_changed_source_voids_it(cast: Cast, source: Source, run_jobs: RunJobs) -> None:
    source = sources.change(source, seen=1, options={"preamble": 1}, by=cast[Role.DATA_ENGINEER])
    first = look(source, cast, run_jobs)
    second = look(source, cast, run_jobs)
    with pytest.raises(Conflict, match="does not wait for a look"):
        looks.take_look(first, by=cast[Role.DATA_ENGINEER])
    sources.change(source, seen=2, options={"preamble": 2}, by=cast[Role.DATA_ENGINEER])
    with pytest.raises(Conflict, match="changed"):
        looks.take_look(second, by=cast[Role.DATA_ENGINEER])
    assert not Version.objects.exists()


def test_the_same_over_rest_with_sensitive_values_hidden(
    cast: Cast, town: Town, source: Source, run_jobs: RunJobs, api_of: Any
) -> None:
    api = api_of(cast[Role.DATA_ENGINEER])
    started = api.post(PULLS, {"preview": True}, "application/json").json()
    run_jobs()
    found = api.get(started["url"]).json()
    assert found["state"] == "preview"
    assert found["preview"]["refusal"]["text"]
    assert api.post(f"{started['url']}read/", {}, "application/json").status_code == 422
    again = api.post(f"{started['url']}look/", {"preamble": 1}, "application/json").json()
    run_jobs()
    assert api.get(again["url"]).json()["preview"]["first_rows"][0] == {"id": 1, "code": "007"}
    ColumnTag.objects.create(dataset=source.dataset, column="code", kind="personal")
    viewer = api_of(cast[Role.VIEWER])
    assert '"007"' not in viewer.get(again["url"]).content.decode(), "as a value: a key may hold these digits by chance"
    assert viewer.post(f"{again['url']}drop/", {}, "application/json").status_code == 403
    corrected = api.post(f"{again['url']}read/", {"preamble": 1, "types": {"id": "text"}}, "application/json")
    assert corrected.status_code == 202
    run_jobs()
    made = api.get(corrected.json()["url"]).json()
    assert town.asked.count("/file.csv") == 1
    assert [one.name for one in PullFile.objects.filter(pull__version__number=1)] == ["file.csv"]
    assert (made["state"], made["version"], made["preview"]) == ("made", 1, None)
    assert Version.objects.get().schema[0]["type"] == "text"


def test_a_table_with_types_of_its_own_shows_them_and_asks_nothing() -> None:
    found = {"schema": [{"name": "id", "type": "integer"}], "report": {}}
    form = PreviewForm({"seen": ""}, stated={}, found=found, seen="", typed=True)
    assert form.is_valid()
    assert (form.option_fields(), form.options()) == ([], {})
    assert form.type_fields() == [({"name": "id", "type": "integer"}, "integer")]
