"""A passkey in a real browser: made on one's page, used at sign-in, used again before a signature would bind."""

import re
from typing import Any

import pytest

from tests.chromium import Watch, serious_violations
from tests.live import PASSWORD, Http, Instance

pytestmark = pytest.mark.once


def give_password(page: Any) -> None:
    page.goto("/sign-in/")
    page.get_by_label("E-mail").fill("admin@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state("load")


def test_a_passkey_is_made_and_opens_the_door(live: Instance, admin: Http, browser: Any) -> None:
    key = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    url = live.url.replace("127.0.0.1", "localhost")  # browsers make no passkey for a bare number
    context = browser.new_context(base_url=url)
    page = context.new_page()
    page.set_default_timeout(60_000)
    watch = Watch(page, url)
    devices = context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = key | {"isUserVerified": True, "automaticPresenceSimulation": True}
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    give_password(page)
    page.goto("/account/second-step/")
    assert serious_violations(page) == []
    page.get_by_label("Name").fill("Test key")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_text("Your recovery codes").wait_for()
    context.clear_cookies()
    give_password(page)
    assert page.url.endswith("/sign-in/code/")
    assert serious_violations(page) == []
    page.goto("/account/")
    assert "/sign-in/" in page.url, "the password alone opens nothing"
    page.goto("/sign-in/code/")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(re.compile(r":\d+/$"))
    page.goto("/account/second-step/")
    page.get_by_role("button", name="Remove Test key").click()
    page.wait_for_load_state("load")
    assert page.get_by_text("Test key").count() == 0
    assert watch.complaints == []
    context.close()
