"""A30: what people write comes out as harmless HTML."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.prose import TAGS, to_html, to_text

EVIL = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:x)",
    "<svg onload=alert(1)>",
    "![x](https://example.org/track.png)",
    "<a href='javascript:alert(1)'>x</a>",
    '[x](https://example.org/"onmouseover="alert(1))',
    "[x]: javascript:alert(1)\n\n[x]",
    "<iframe src=//example.org></iframe>",
    "{{7*7}}{% load x %}",
    "# a heading",
    "`<b>`",
]


@pytest.mark.parametrize("text", EVIL)
def test_nothing_that_runs_comes_through(text: str) -> None:
    html = to_html(text)
    assert set(re.findall(r"<([a-z0-9]+)", html)) <= TAGS
    assert not re.search(r"<[^>]*\son\w+\s*=", html)
    for address in re.findall(r'href="([^"]*)"', html):
        assert address.startswith(("http://", "https://", "mailto:"))


def test_paragraphs_lists_and_links_are_kept() -> None:
    html = to_html("One\n\nTwo **big**\n\n- a\n- b\n\nSee [here](https://example.org/?a=1&b=2)")
    assert html.count("<p>") == 3
    assert "<strong>big</strong>" in html
    assert "<li>a</li>" in html
    assert 'rel="noopener nofollow"' in html


@given(st.text(alphabet=st.sampled_from("<>&\"'/=[]()!#*_`~-\n ajsvcript:on"), max_size=80))
def test_whatever_is_typed_only_known_tags_come_out(text: str) -> None:
    html = to_html(text)
    assert set(re.findall(r"<\/?([a-zA-Z0-9]+)", html)) <= TAGS


def test_in_lists_the_same_words_stand_without_marks() -> None:
    assert to_text("Why **so** few?\n\nSee [here](https://x.org/) & <b>") == "Why so few? See here & <b>"
