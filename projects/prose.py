"""PURE: what people write, as HTML that can do no harm: paragraphs, lists, emphasis, code and plain links."""

import html
from functools import cache

import nh3
from markdown_it import MarkdownIt

TAGS = {"p", "br", "strong", "em", "code", "pre", "ul", "ol", "li", "blockquote", "a"}


@cache
def _reader() -> MarkdownIt:
    """Markdown without headings, pictures and raw HTML: a thread is not a page of its own."""
    return MarkdownIt("commonmark", {"html": False, "breaks": True}).disable(
        ["heading", "lheading", "image", "html_block", "html_inline", "hr", "reference"]
    )


def to_html(text: str) -> str:
    """The text as HTML. It is cleaned after it was made, so that no mistake of the reader's can let something in."""
    return nh3.clean(
        _reader().render(text),
        tags=TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener nofollow",
    )


def to_text(text: str) -> str:
    """The same words in one line without any marks, for lists and messages."""
    return " ".join(html.unescape(nh3.clean(_reader().render(text), tags=set())).split())
