"""The parts of a page that come a hundred times over, as HTML: values and bars of facets.

A template spends more on each of its expressions than on the text between them. What stands here is plain Python, every
text of it escaped on its way in, and templates put it where it belongs.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from markupsafe import Markup, escape

from webui.html.facets import FacetOption, FacetPanel
from webui.text import attribute

TEXTS_KEPT = 8_192


@lru_cache(maxsize=TEXTS_KEPT)
def escaped(text: str) -> str:
    """Text between tags or in quotes. Pages say the same names and values again and again."""
    return str(escape(text))


@lru_cache(maxsize=TEXTS_KEPT)
def sent_back(text: str) -> str:
    """A value as it is, for an attribute that a form sends."""
    return str(attribute(text))


def option_items(facet: FacetPanel, options: Iterable[FacetOption]) -> Markup:
    """The values of a facet, each a checkbox with its count."""
    parameter, field = escaped(facet.parameter), escaped(facet.field)
    return Markup("".join([_option(option, parameter, field) for option in options]))  # noqa: S704 - escaped below


def _option(option: FacetOption, parameter: str, field: str) -> str:
    idle = option.idle
    count = (
        '<span class="count">0<span class="hidden"> models</span></span>'
        if idle
        else f'<a class="count" href="{escape(option.url)}" tabindex="-1" data-partial>{option.count_text}'
        f'<span class="hidden"> {"model" if option.count == 1 else "models"}</span></a>'
    )
    return (
        f'<li><label class="option{" idle" if idle else ""}{" none" if option.value == "(none)" else ""}">'
        f'<input type="checkbox" form="search" name="{parameter}" value="{sent_back(option.sent)}" data-auto'
        f' data-key="{field}={sent_back(option.value)}"{" checked" if option.selected else ""}'
        f'{" disabled" if idle else ""}><span class="text"><bdi>{escaped(option.label)}</bdi></span>{count}'
        '<svg class="share" viewBox="0 0 100 2" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{option.share}" height="2"/></svg></label></li>\n'
    )


def histogram_bars(facet: FacetPanel) -> Markup:
    """The bars of a facet; those that lead to something are links."""
    field, bars = escaped(facet.field), []
    for place, bar in enumerate(facet.bars, start=1):
        title, selected = escaped(bar.title), bar.selected
        opening, closing = "<g>", "</g>"
        if bar.url:
            opening = (
                f'<a href="{escape(bar.url)}" data-partial data-key="{field}:{place}" tabindex="{0 if bar.first else -1}"'
                f' aria-label="{title}"{_CURRENT if selected else ""}>'
            )
            closing = "</a>"
        bars.append(
            f'{opening}<title>{title}</title><rect class="hit" x="{bar.x}" y="0" width="{bar.width}" height="40"'
            f' data-low="{escaped(bar.low)}" data-high="{escaped(bar.high)}"/>'
            f'<rect class="bar{" selected" if selected else ""}" x="{bar.x}" y="{bar.y}" width="{bar.width}"'
            f' height="{bar.height}" rx="0.8"/>{closing}'
        )
    return Markup("".join(bars))  # noqa: S704 - escaped above


_CURRENT = ' aria-current="true"'
