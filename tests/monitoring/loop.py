"""The whole closed loop by real processes, once well and once badly: `make loop`, some minutes.

Drift comes in with the requests of the sample, an alert names its cause, the signed rule retrains, the challenger is
compared, tried in shadow and on a share of the requests, and is in use; or live outcomes speak against it, its trial
stops itself, and the rule is taken back. Who did what stands in the audit.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from monitoring import autonomy, demo_story
from projects.permissions import Role
from tests.live import Http, Instance, until

PROJECT, NAME = "/api/v1/projects/customer-churn/", "churn-classifier"
WAIT, ROWS = 1200.0, 40
RULE = {"level": 4, "share": 10, "trial_minutes": 1, "answer_shift": 1.0, "reason": "The sample's loop."}
SIGNERS = (Role.PRODUCT_MANAGER, Role.ML_ENGINEER, Role.LEADERSHIP)
pytestmark = pytest.mark.timeout(3600)


@dataclass
class Loop:
    """A running sample, and the people in it."""

    url: str
    predict_url: str
    accounts: dict[str, dict[str, str]]
    answered: list[tuple[str, int, str]] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)

    def rest(self, role: Role) -> Http:
        return Http(self.url, self.accounts[role.value]["api_token"])

    def get(self, path: str) -> Any:
        reply = self.rest(Role.MLOPS_ENGINEER).get(PROJECT + path)
        assert reply.status == 200, reply.text[:500]
        return reply.json

    def sign(self, role: Role, version: int) -> bool:
        """In the browser, with the password given again; False where this side is not asked for."""
        person, browser = self.accounts[role.value], Http(self.url)
        browser.get("/sign-in/")
        assert browser.post("/sign-in/", form=_fields(person, "email", "password")).status == 302
        page = f"/p/customer-churn/monitor/{NAME}/autonomy/"
        browser.get(page)
        proof = {"proof-given": "yes", "proof-password": person["password"]}
        return browser.post(f"{page}{version}/sign/", form=proof).status == 302

    def agree(self) -> None:
        """The rule is proposed by one and signed by the others."""
        path = f"{PROJECT}monitors/{NAME}/autonomy/"
        reply = self.rest(Role.MLOPS_ENGINEER).post(path, RULE)
        assert reply.status == 201, reply.text[:800]
        version = reply.json["version"]
        for role in SIGNERS:
            assert self.get(f"monitors/{NAME}/autonomy/")["in_force"] is None
            if not self.sign(role, version) or self.get(f"monitors/{NAME}/autonomy/")["in_force"]:
                break
        assert self.get(f"monitors/{NAME}/autonomy/")["in_force"] == version

    @contextmanager
    def callers(self) -> Iterator[None]:
        """Requests without pause, of customers as they are since the change."""
        path = f"{PROJECT}deployments/{NAME}/keys/"
        made = self.rest(Role.MLOPS_ENGINEER).post(path, {"name": f"loop {len(self.answered)}", "days": 1})
        assert made.status == 201, made.text[:500]
        over, client = threading.Event(), Http(self.predict_url, made.json["secret"])

        def ask() -> None:
            number = 5
            while not over.wait(0.2):
                customers = demo_story.week(5, seed=number)[:ROWS]
                number += 1
                with suppress(OSError):
                    body = {"rows": [customer.row() for customer in customers]}
                    reply = client.post(f"/v1/deployments/{NAME}/predict", body)
                    self.statuses.add(reply.status)
                    if reply.status == 200:
                        said = reply.json
                        self.answered += [(one["id"], said["version"], one["answer"]) for one in said["predictions"]]

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        yield
        over.set()
        thread.join(30)

    def speak_against(self) -> None:
        """Outcomes of all that was answered: the model in use was always right, its challenger never."""
        told = list(self.answered)
        turned = {"yes": "no", "no": "yes"}
        for start in range(0, len(told), 5000):
            part = told[start : start + 5000]
            rows = [{"id": i, "value": said if version == 1 else turned[said]} for i, version, said in part]
            reply = self.rest(Role.DATA_ENGINEER).post(f"{PROJECT}deployments/{NAME}/outcomes/", {"outcomes": rows})
            assert reply.status == 201, reply.text[:500]

    def retraining(self) -> dict[str, Any]:
        """The newest one."""
        found: list[dict[str, Any]] = self.get("retrainings/")["results"]
        return found[0] if found else {}

    def in_use(self) -> int:
        """The version that answers."""
        found: dict[str, Any] = self.get(f"deployments/{NAME}/")
        return int(found["champion"]["version"] if isinstance(found.get("champion"), dict) else found["version"])


def _fields(person: dict[str, str], *names: str) -> dict[str, str]:
    return {name: person[name] for name in names}


@pytest.fixture
def loop() -> Iterator[Loop]:
    """The sample in an instance of its own, with its alert open."""
    instance = Instance().start("--demo")
    try:
        until(lambda: "The sample is ready" in instance.log(), WAIT, "the sample")
        yield Loop(instance.url, instance.predict_url, accounts_in(instance.data))
    finally:
        instance.stop()


def accounts_in(folder: Path) -> dict[str, dict[str, str]]:
    return {one["role"]: one for one in json.loads((folder / "demo-accounts.json").read_text())}


def test_the_loop_closes_by_itself(loop: Loop) -> None:
    closes(loop)


def closes(loop: Loop) -> None:
    """From the drift to the challenger in use."""
    incident = loop.get("incidents/1/")
    assert incident["cause"]["sentence"].startswith("Most by contract_type: “flex” rose")
    assert incident["cause"]["first"]["value"] == "flex"
    loop.agree()
    with loop.callers():
        until(lambda: loop.retraining().get("trial"), WAIT, "the trial", every=2)
        found = until(lambda: _ended(loop), WAIT, "the end of the trial", every=2)
    assert found["trigger"] in ("performance", "drift", "new_data")
    assert found["trial"]["state"] == "done", found["trial_note"]
    assert loop.in_use() == 2
    assert {version for _, version, _ in loop.answered} == {1, 2}
    assert loop.statuses == {200}
    story = [line["words"] for line in loop.get("incidents/1/")["timeline"]]
    assert any("Retraining began" in words for words in story)
    assert any("Version 2 came into use" in words for words in story)


def test_a_challenger_that_live_outcomes_speak_against_is_stopped_and_the_rule_taken_back(loop: Loop) -> None:
    stops(loop)


def stops(loop: Loop) -> None:
    """From the same drift to a trial that ends itself."""
    loop.agree()
    with loop.callers():
        until(lambda: loop.retraining().get("trial"), WAIT, "the trial", every=2)
        found = until(lambda: loop.speak_against() or _ended(loop), WAIT, "the end of the trial", every=5)
    assert found["trial"]["state"] == "stopped"
    assert "outcomes it is worse" in found["trial_note"]
    assert loop.in_use() == 1
    rule = loop.get(f"monitors/{NAME}/autonomy/")["versions"][0]
    assert rule["level_now"] == autonomy.PROPOSE
    assert "failed" in rule["lowered_reason"]


def _ended(loop: Loop) -> dict[str, Any] | None:
    found = loop.retraining()
    trial = found.get("trial")
    return found if trial and trial["state"] in ("done", "stopped") and found["trial_note"] else None
