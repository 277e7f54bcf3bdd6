"""The sample project: refused a second time, and its accounts are for one pair of eyes."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from monitoring.management import sample
from projects.models.projects import Project
from projects.models.team import Membership
from projects.permissions import Role
from tests.conftest import Cast


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    """A data folder of its own."""
    settings.DATA_DIR = tmp_path
    return tmp_path


def test_where_a_sample_project_is_already_nothing_is_made(cast: Cast, folder: Path) -> None:
    Project.objects.filter(pk=cast.project.pk).update(is_sample=True)
    before = User.objects.count()
    with pytest.raises(CommandError, match="here already"):
        call_command("demo")
    assert User.objects.count() == before
    assert not sample.accounts_path().exists()


def test_every_role_gets_an_account_and_the_file_is_readable_by_its_owner_alone(db: None, folder: Path) -> None:
    story = sample.Sample(lambda text: None)
    accounts = sample.make_people(story)
    assert [account["role"] for account in accounts] == ["administrator", *(role.value for role in Role)]
    assert stat.S_IMODE(sample.accounts_path().stat().st_mode) == 0o600
    kept = json.loads(sample.accounts_path().read_text())
    assert all(User.objects.get(email=a["email"]).check_password(a["password"]) for a in kept)
    assert all(account["api_token"].startswith("baton_") for account in kept)


def test_an_attempt_that_broke_off_goes_on_with_the_same_accounts(db: None, folder: Path) -> None:
    first = sample.make_people(sample.Sample(lambda text: None))
    passwords = {account["role"]: account["password"] for account in first}
    second = sample.make_people(sample.Sample(lambda text: None))
    assert {account["role"]: account["password"] for account in second} == passwords


def test_the_project_has_one_person_for_each_role_and_signed_targets(db: None, folder: Path) -> None:
    story = sample.Sample(lambda text: None)
    sample.make_people(story)
    sample.make_project(story)
    project = Project.objects.get()
    assert project.is_sample
    assert set(Membership.objects.values_list("role", flat=True)) == {role.value for role in Role}
    assert project.contracts.get().signed_by == story.people[Role.BUSINESS_ANALYST]


def test_without_a_worker_it_says_what_to_start(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "PAUSE", 0.0)
    with pytest.raises(sample.Unavailable, match=r"Start Baton with \./run first"):
        sample.wait(sample.workers_alive, "a worker. Start Baton with ./run first", seconds=0.01)
