"""Template tags that know the roles."""

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from projects.permissions import Role

register = template.Library()


@register.simple_tag
def role(value: Any, mine: bool = False, words: bool = True) -> SafeString:
    """The two-letter tag of a role and its name; filled when it is the reader's own."""
    held = Role(value)
    name = held.label if words else ""
    return format_html(
        '<span class="role{}"><b aria-hidden="true">{}</b>{}</span>', " me" if mine else "", held.tag, name
    )
