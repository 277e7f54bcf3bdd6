"""The README's path over REST is run as it is written."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.team import signed_in
from tests.live import PASSWORD, Instance, running

pytestmark = pytest.mark.once
README = Path(__file__).resolve().parents[2] / "README.md"
PIPELINE = README.parent / "docs" / "ci.md"


@pytest.fixture
def fresh() -> Iterator[Instance]:
    """An instance that nobody has set up."""
    yield from running()


def test_the_readme_turns_the_loop(fresh: Instance, sample_data: Path, tmp_path: Path) -> None:
    text = README.read_text().partition("## The whole path over REST")[2]
    first, second = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)[:2]
    link = re.findall(r"http\S+/set-up/\S+", fresh.log())[-1]
    state = tmp_path / "state"
    environment = os.environ | {
        "URL": fresh.url,
        "PREDICT": fresh.predict_url,
        "LINK": link,
        "CSV": str(sample_data / "tabular" / "telco_churn.csv"),
    }
    output = shell(
        f"set -eu\n{first}\ndeclare -p TOKEN URL PREDICT > {state}; declare -f api wait_for pick >> {state}",
        environment,
    )
    assert "signature:business_analyst" in output
    browser = signed_in(fresh, "ada@example.org", PASSWORD)
    page = browser.get("/p/leavers/define/").text
    seen = re.findall(r'name="seen" value="(\w+)"', page)[0]
    assert browser.post("/p/leavers/define/sign/", form={"seen": seen}).status == 302
    shell(
        f"set -eu\n. {state}\napi POST projects/leavers/models/leavers-model/versions/1/promote/ -d '{{}}'", environment
    )
    gate = browser.get("/p/leavers/models/leavers-model/v1/").text.split("/p/leavers/gates/")[1].split("/")[0]
    for role in ("business_analyst", "ml_engineer"):
        form = {"role": role, "given": "yes", "reason": ""}
        assert browser.post(f"/p/leavers/gates/{gate}/sign/", form=form).status == 302
    output = shell(f"set -eu\n. {state}\n{second}", environment)
    assert '"version":1' in output.replace(" ", "")
    assert '"new":1' in output.replace(" ", "")
    assert '"retraining"' in output
    pipeline(state, environment, browser, tmp_path)


def pipeline(state: Path, environment: dict[str, str], browser: Any, folder: Path) -> None:
    """What the page for pipelines says, on the same project: a second version goes in, scores data, and goes back."""
    first, second = re.findall(r"```sh\n(.*?)```", PIPELINE.read_text(), re.DOTALL)
    kept = f"declare -p GATE PROMOTE RUN VERSION > {state}2; declare -f api pick wait_for >> {state}2"
    shell(f". {state}\ncd {folder}\n{first}\n{kept}", environment)
    assert 'name="business_analyst"><failure' in (folder / "gate.xml").read_text()
    number = re.findall(r'VERSION="(\d+)"', Path(f"{state}2").read_text())[0]
    page = browser.get(f"/p/leavers/models/leavers-model/v{number}/").text
    gate = page.split("/p/leavers/gates/")[1].split("/")[0]
    for role in ("business_analyst", "ml_engineer"):
        form = {"role": role, "given": "yes", "reason": ""}
        assert browser.post(f"/p/leavers/gates/{gate}/sign/", form=form).status == 302
    output = shell(f"set -eu\n. {state}\n. {state}2\n{second}", environment)
    said = output.splitlines()
    assert said[0] == number, output
    assert "leavers-model-scored" in said[1], output
    assert said[2] == "1", output


def shell(script: str, environment: dict[str, str]) -> str:
    """What bash printed; it must end well."""
    done = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout
