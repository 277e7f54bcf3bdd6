"""Template tags that every page shares: icons, roles, statuses, numbers, times, small pictures."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django import template
from django.template.context import RequestContext
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from lucide.templatetags.lucide import lucide

register = template.Library()
THIN = "\u2009"
STATUSES = {
    "met": ("pass", "check", "Met"),
    "close": ("warn", "tilde", "Too close to call"),
    "not_met": ("fail", "x", "Not met"),
    "unmeasured": ("", "minus", "Not measured yet"),
    "pass": ("pass", "check", "Passes"),
    "warn": ("warn", "triangle-alert", "Look"),
    "fail": ("fail", "x", "Fails"),
    "run": ("run", "loader-circle", "Running"),
    "wait": ("", "clock", "Waiting"),
}
STAGE_ICONS = {
    "define": "flag",
    "data": "database",
    "explore": "search",
    "train": "flask-conical",
    "evaluate": "scale",
    "deploy": "upload",
    "monitor": "activity",
    "improve": "rotate-cw",
}


@register.simple_tag
@cache
def icon(name: str, css: str = "") -> SafeString:
    """An inline icon that screen readers pass over. `tilde` is drawn here; lucide has none that fits."""
    css_class = f"icon {css}".strip()
    if name == "tilde":
        path = '<path d="M3.5 14.5c2.7-5.4 5.6-5.4 8.3-2.3s5.600 3.200 8.300-2.200" fill="none"/>'
        return format_html(
            '<svg class="{}" viewBox="0 0 24 24" aria-hidden="true">{}</svg>', css_class, SafeString(path)
        )
    return SafeString(lucide(name, size=16, **{"class": css_class, "aria-hidden": "true"}))


@register.simple_tag
def stop_icon(stage: str, state: str) -> SafeString:
    """The icon in a stop of the rail."""
    return icon(
        {"done": "check", "alert": "triangle-alert", "waiting": "clock", "reopened": "rotate-ccw"}.get(
            state, STAGE_ICONS[stage]
        )
    )


@register.simple_tag
def status(value: str, words: str = "") -> SafeString:
    """Shape, word and colour of a verdict or state."""
    css, name, default = STATUSES.get(str(value), ("", "minus", str(value)))
    return format_html('<span class="status {}">{}{}</span>', css, icon(name), words or default)


@register.filter
def number(value: Any) -> str:
    """1234567.8 as `1 234 568`; small numbers keep what is useful of their decimals."""
    if value is None or value == "":
        return "–"
    figure = float(value)
    if figure == int(figure) or abs(figure) >= 1000:
        text = f"{figure:,.0f}"
    elif abs(figure) >= 10:
        text = f"{figure:,.1f}"
    else:
        text = f"{figure:.3g}"
    return text.replace(",", THIN).replace("-", "−")


@register.filter
def percent(value: Any) -> str:
    """0.123 as `12.3%`."""
    return "–" if value is None else f"{100 * float(value):.1f}%".replace(".0%", "%")


@register.filter
def filesize(value: Any) -> str:
    """Bytes in the largest fitting unit."""
    size = float(value or 0)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {'byte' if size == 1 else unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return ""


@register.simple_tag
def moment(value: datetime | None, style: str = "ago") -> SafeString:
    """A time as people say it, with the exact one on hover. Styles: ago, day, clock."""
    if value is None:
        return SafeString("–")
    local = timezone.localtime(value)
    seconds = (timezone.now() - value).total_seconds()
    day = f"{local.day} {local:%B}" + ("" if local.year == timezone.localdate().year else f" {local.year}")
    if style == "clock":
        text = f"{local:%H:%M}" if seconds < 86_400 else f"{local.day} {local:%b}"
    elif style == "day" or seconds > 7 * 86_400:
        text = day
    else:
        text = _ago(seconds)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', value.isoformat(), f"{local:%d %B %Y, %H:%M:%S}", text
    )


def _ago(seconds: float) -> str:
    if seconds < 60:
        return "just now"
    for size, word in ((86_400, "day"), (3600, "h"), (60, "min")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {word}{'s' if word == 'day' and count > 1 else ''} ago"
    return ""


@register.simple_tag
def seconds(value: float | None) -> str:
    """A duration in the largest fitting unit."""
    if value is None:
        return "–"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 90:
        return f"{value:.1f} s"
    return f"{value / 60:.0f} min"


@register.simple_tag
def interval(low: float, value: float, high: float, target: float | None, words: str) -> SafeString:
    """The interval bar: track, target tick, whisker, dot. All four in one unit; `words` is read aloud."""
    marks = [low, value, high] + ([target] if target is not None else [])
    start, end = min(marks), max(marks)
    margin = (end - start) * 0.25 or abs(end) * 0.1 or 1.0
    start, end = start - margin, end + margin

    def x(mark: float) -> str:
        return f"{4 + 192 * (mark - start) / (end - start):.1f}"

    tick = (
        format_html('<line class="target" x1="{0}" x2="{0}" y1="2" y2="20"/>', x(target)) if target is not None else ""
    )
    return format_html(
        '<svg class="interval" viewBox="0 0 200 22" width="200" height="22" role="img" aria-label="{}">'
        '<rect class="track" x="4" y="10" width="192" height="2" rx="1"/>'
        '<line class="whisk" x1="{}" x2="{}" y1="11" y2="11"/>{}<circle class="b1 dot" cx="{}" cy="11" r="4.5"/></svg>',
        words,
        x(low),
        x(high),
        tick,
        x(value),
    )


@register.simple_tag
def mini(bars: Sequence[float], reference: Sequence[float] | None = None, words: str = "") -> SafeString:
    """A 120 x 28 histogram: bars for now, a grey outline for what it is compared with. Shares of the largest bar."""
    if not bars:
        return SafeString('<span class="faint">–</span>')
    top = max([*bars, *(reference or []), 1e-12])
    width = 120 / len(bars)
    rectangles = format_html_join(
        "",
        '<rect class="soft" x="{}" y="{}" width="{}" height="{}"/>',
        (
            (
                f"{i * width + 0.5:.1f}",
                f"{27 - 25 * bar / top:.1f}",
                f"{max(width - 1, 0.5):.1f}",
                f"{25 * bar / top:.1f}",
            )
            for i, bar in enumerate(bars)
        ),
    )
    line = SafeString("")
    if reference:
        step = 120 / len(reference)
        points = " ".join(
            f"{i * step:.1f},{27 - 25 * bar / top:.1f} {(i + 1) * step:.1f},{27 - 25 * bar / top:.1f}"
            for i, bar in enumerate(reference)
        )
        line = format_html('<polyline class="refline" points="{}"/>', points)
    return format_html(
        '<svg class="mini" viewBox="0 0 120 28" role="img" aria-label="{}">{}{}'
        '<line class="axis" x1="0" x2="120" y1="27.5" y2="27.5"/></svg>',
        words or "Distribution",
        rectangles,
        line,
    )


@register.simple_tag(takes_context=True)
def with_query(context: RequestContext, **changes: Any) -> str:
    """The current address's query with some names changed; None removes one."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        if value is None:
            query.pop(name, None)
        else:
            query[name] = str(value)
    return f"?{query.urlencode()}"


@register.filter
def item(mapping: Any, key: Any) -> Any:
    """A mapping's value by a key that is a variable."""
    return mapping.get(key) if mapping else None
