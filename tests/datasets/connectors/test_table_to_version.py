"""From a table on a real server to a version: its test, the columns that are ticked, a look, and what is taken."""

from collections.abc import Callable
from typing import Any

from datasets.models.sources import Pull
from datasets.models.versions import Version
from datasets.services import sources
from jobs.models import Job
from projects.permissions import Role
from tests.conftest import Cast
from tests.datasets.connectors.servers import HERE, PASSWORD, Server


def test_the_columns_that_are_ticked_are_looked_at_and_taken(
    cast: Cast, postgresql: Server, settings: Any, browser_of: Any, run_jobs: Callable[[], list[Job]]
) -> None:
    settings.OUTBOUND_ALLOW = frozenset({f"{HERE}:5432"})
    postgresql.run(
        "DROP TABLE IF EXISTS people",
        "CREATE TABLE people (id int, name text, secret text)",
        "INSERT INTO people VALUES (1, 'Ann', 'x'), (2, 'Bo', 'y')",
    )
    params = {**postgresql.params, "table": "people", "password": PASSWORD}
    sources.register(
        cast.project,
        connector="postgresql",
        name="people",
        dataset="people",
        params=params,
        by=cast[Role.DATA_ENGINEER],
    )
    engineer, page = browser_of(cast[Role.DATA_ENGINEER]), "/p/churn/sources/people/"
    engineer.post(f"{page}test/")
    run_jobs()
    form = engineer.get(f"{page}edit/").context["form"]
    assert [value for value, _ in form.fields["param_columns"].choices] == ["id", "name", "secret"]
    sent = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    saved = engineer.post(f"{page}edit/", sent | {"param_columns": ["name", "id"], "seen": "1", "shown": form.shown})
    assert saved.status_code == 302, saved.context["form"].errors
    engineer.post(f"{page}decide/", {"do": "approve", "seen": "2"})
    look = engineer.post(f"{page}load/", {"do": "look"})["Location"]
    run_jobs()
    shown = engineer.get(look).content.decode()
    assert "2 rows of 2 columns" in shown
    assert "secret" not in shown
    seen = Pull.objects.get().table_id
    assert engineer.post(look, {"do": "read", "seen": seen})["Location"] == "/p/churn/data/people/v1/"
    assert [one["name"] for one in Version.objects.get().schema] == ["name", "id"]
    postgresql.run("ALTER TABLE people DROP COLUMN name")
    engineer.post(f"{page}load/")
    run_jobs()
    assert "it has no column name any more" in engineer.get(page).content.decode()
    assert Version.objects.count() == 1
