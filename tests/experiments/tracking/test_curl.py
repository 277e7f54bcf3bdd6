"""The lines of curl in docs/notebooks.md do what the page says, sent as they stand."""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import skops.io
from django.test import Client

from datasets.models.versions import Version
from projects.permissions import Role
from tests.conftest import Cast
from tests.experiments.test_uploads import small

PAGE = Path(__file__).resolve().parents[3] / "docs" / "notebooks.md"
Api = Callable[..., Client]


def lines() -> Iterator[list[str]]:
    """The words of each line, as a shell reads them."""
    for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL):
        for line in block.splitlines():
            yield shlex.split(line)


def sent(client: Client, words: list[str], run: str) -> "tuple[int, dict]":  # type: ignore[type-arg]
    """The answer to a line."""
    words = [word.replace("$RUN", run).replace("$PROJECT", "churn").replace("$BATON_URL", "") for word in words]
    assert words[0] == "curl"
    assert "Authorization: Bearer $BATON_TOKEN" in words
    method = words[words.index("-X") + 1] if "-X" in words else "GET"
    place = next(word for word in words if word.startswith("/"))
    body = words[words.index("-d") + 1] if "-d" in words else ""
    kind = "application/json" if "Content-Type: application/json" in words else "application/x-www-form-urlencoded"
    answer = client.generic(method, place, body.encode(), kind)
    return answer.status_code, answer.json()


@pytest.mark.django_db
def test_every_line_of_curl_is_answered_as_the_page_says(cast: Cast, version: Version, api_of: Api) -> None:
    client, run, answers = api_of(cast[Role.DATA_SCIENTIST]), "", []
    *basics, judge = lines()
    for words in basics:
        status, said = sent(client, words, run)
        assert status == 200, (words, said)
        run = run or said["run"]["info"]["run_id"]
        answers.append(said)
    found = answers[-1]["run"]
    assert (found["info"]["run_name"], found["info"]["status"]) == ("by hand", "FINISHED")
    assert found["data"]["metrics"][0]["value"] == 0.71
    assert found["data"]["params"] == [{"key": "depth", "value": "7"}]
    assert {"key": "team", "value": "sales"} in found["data"]["tags"]
    store = f"/p/churn/mlflow/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts"
    assert b"".join(client.get(f"{store}/note.txt").streaming_content) == b"Looks good."  # type: ignore[attr-defined]
    client.put(f"{store}/model.skops", skops.io.dumps(small()), content_type="application/octet-stream")
    assert sent(client, judge, run)[0] == 202
