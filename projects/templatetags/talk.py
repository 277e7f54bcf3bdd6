"""Template tags of threads: an object's thread on its own page, and what people wrote as safe HTML."""

from typing import Any

from django import template
from django.template.context import RequestContext
from django.template.loader import get_template
from django.utils.safestring import SafeString

from projects.forms.talk import AskForm
from projects.prose import to_html, to_text
from projects.queries.questions import threads_about
from projects.queries.team import members_of

register = template.Library()


@register.filter
def prose(text: str) -> SafeString:
    """Words of people: paragraphs, lists, emphasis and links; everything else is text."""
    return SafeString(to_html(text))


@register.filter
def one_line(text: str) -> str:
    """The same words in one line, for lists."""
    return to_text(text)


@register.simple_tag(takes_context=True)
def thread(context: RequestContext, word: str, *own: Any) -> SafeString:
    """The thread about what a page shows: `{% thread "run" run.number %}`, `{% thread "data" name number %}`.

    The finder registered for `word` in `projects.subjects` checks the object again when something is asked.
    """
    project = context["project"]
    key = f"{own[0]}/v{own[1]}" if len(own) > 1 else str(own[0])
    given = {
        "threads": threads_about(project, word, key),
        "word": word,
        "own": key,
        "ask_form": AskForm(team=members_of(project), initial={"about_type": word, "about_id": key}, auto_id="ask_%s"),
    }
    page = {name: value for name, value in context.flatten().items() if isinstance(name, str)}
    return SafeString(get_template("projects/parts/thread.html").render(page | given, context.request))
