"""The parts of a page that come over and over, as HTML: facets with their values and bars, models of a list or a table.

A template spends more on each of its expressions than on the text between them. What stands here is plain Python, every
text of it escaped on its way in, and templates put it where it belongs.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from markupsafe import Markup

from webui.headline import DATASET_UNKNOWN
from webui.html.facets import FacetOption, FacetPanel
from webui.html.headline import Score
from webui.html.rows import Badge, Fact, ResultRow
from webui.html.table import Cell, ColumnHead, TableRow, TableView
from webui.text import Segment, attribute

TEXTS_KEPT = 8_192
CERTAIN_CHARACTERS = 24
"""Of a cell of a table, as many as are never cut off."""


def escape(text: str) -> str:
    """Text between tags or in quotes, letter for letter as markupsafe escapes it.

    That one makes an object of its own around each text, which takes twice as long; a page escapes a thousand of them.
    """
    return (
        text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("'", "&#39;")
        .replace('"', "&#34;")
    )


@lru_cache(maxsize=TEXTS_KEPT)
def escaped(text: str) -> str:
    """The same of names and values that pages say again and again."""
    return escape(text)


@lru_cache(maxsize=TEXTS_KEPT)
def sent_back(text: str) -> str:
    """A value as it is, for an attribute that a form sends."""
    return str(attribute(text))


def facet_items(facets: Iterable[FacetPanel]) -> Markup:
    """Facets one after another: open ones as sets of controls, folded ones to be opened."""
    return Markup("".join([_folded(facet) if facet.folded else _open(facet) for facet in facets]))  # noqa: S704 - escaped below


def _open(facet: FacetPanel) -> str:
    return (
        f'<fieldset class="facet {escaped(facet.kind)}" data-facet="{escaped(facet.field)}">\n'
        f"  <legend><h2>{escaped(facet.label)}</h2></legend>\n{_controls(facet)}\n</fieldset>\n"
    )


def _folded(facet: FacetPanel) -> str:
    label = escaped(facet.label)
    return (
        f'<details class="facet fold {escaped(facet.kind)}" id="facet-{escaped(facet.parameter)}"'
        f' data-facet="{escaped(facet.field)}">\n  <summary>{label}</summary>\n'
        f'  <fieldset><legend class="hidden">{label}</legend>\n{_controls(facet)}\n  </fieldset>\n</details>\n'
    )


def _controls(facet: FacetPanel) -> str:
    """What stands below the head of a facet: a chart, two bounds, values, and the way to more of them."""
    parts = []
    if facet.bars:
        parts.append(_chart(facet))
    if facet.kind != "terms":
        parts.append(_bounds(facet))
    if facet.options:
        parts.append(f'  <ul class="options">{option_items(facet, facet.options)}</ul>\n')
    hidden = f'<span class="hidden"> of {escaped(facet.label)}</span>'
    if facet.more_options:
        parts.append(
            f'  <details class="more" id="more-{escaped(facet.parameter)}"><summary>{len(facet.more_options)} more{hidden}'
            f'</summary>\n  <ul class="options">{option_items(facet, facet.more_options)}</ul></details>\n'
        )
    if facet.values_url:
        parts.append(f'<p class="all"><a href="{escape(facet.values_url)}">All values{hidden}…</a></p>')
    return "".join(parts)


def _chart(facet: FacetPanel) -> str:
    ticks = "".join([f"<span>{escaped(tick)}</span>" for tick in facet.ticks])
    return (
        '  <div class="chart">\n  <svg class="histogram" viewBox="0 0 240 41" preserveAspectRatio="none" role="group"'
        f' aria-label="Models by {escaped(facet.label)}" data-brush="{escaped(facet.parameter)}">\n'
        f'    {histogram_bars(facet)}\n    <rect class="axis" x="0" y="40" width="240" height="1"/>\n  </svg>\n'
        f'  <p class="ticks" aria-hidden="true">{ticks}</p>\n  </div>\n'
    )


def _bounds(facet: FacetPanel) -> str:
    parameter, label = escaped(facet.parameter), escaped(facet.label)
    low, high = (
        f'    <label class="hidden" for="{parameter}-{end}">{label} {word}</label>\n'
        f'    <input id="{parameter}-{end}" form="search" name="{parameter}.{end}" value="{escape(value)}"'
        f' placeholder="{escaped(hint or word)}" data-auto data-key="{parameter}-{end}" autocomplete="off">\n'
        for end, word, value, hint in (
            ("low", "from", facet.low, facet.low_hint),
            ("high", "to", facet.high, facet.high_hint),
        )
    )
    return (
        f'  <div class="bounds">\n{low}    <span aria-hidden="true">–</span>\n{high}'
        f'    <button class="quiet" type="submit" form="search" aria-label="Apply {label}">Go</button>\n  </div>\n'
    )


def option_items(facet: FacetPanel, options: Iterable[FacetOption]) -> str:
    """The values of a facet, each a checkbox with its count; links that look so where the text makes the choice."""
    parameter, field = escaped(facet.parameter), escaped(facet.field)
    if facet.typed:
        return "".join([_linked_option(option, field) for option in options])
    return "".join([_option(option, parameter, field) for option in options])


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


def _linked_option(option: FacetOption, field: str) -> str:
    lacking = " none" if option.value == "(none)" else ""
    opening, closing = f'<span class="option idle{lacking}">', "</span>"
    if not option.idle:
        look = f"option{' selected' if option.selected else ''}{lacking}"
        place = f'href="{escape(option.url)}" data-partial data-key="{field}={sent_back(option.value)}"'
        opening, closing = f'<a class="{look}" {place}{_CURRENT if option.selected else ""}>', "</a>"
    return (
        f'<li>{opening}<span class="box" aria-hidden="true"></span><span class="text"><bdi>{escaped(option.label)}</bdi>'
        f'</span><span class="count">{option.count_text}<span class="hidden"> {"model" if option.count == 1 else "models"}'
        '</span></span><svg class="share" viewBox="0 0 100 2" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{option.share}" height="2"/></svg>{closing}</li>\n'
    )


def histogram_bars(facet: FacetPanel) -> str:
    """The bars of a facet; those that lead to something are links."""
    field, bars = escaped(facet.field), []
    width = str(facet.bars[0].width) if facet.bars else ""  # all are alike
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
            f'{opening}<title>{title}</title><rect class="hit" x="{bar.x}" y="0" width="{width}" height="40"'
            f' data-low="{sent_back(bar.low)}" data-high="{sent_back(bar.high)}"/>'
            f'<rect class="bar{" selected" if selected else ""}" x="{bar.x}" y="{bar.y}" width="{width}"'
            f' height="{bar.height}" rx="0.8"/>{closing}'
        )
    return "".join(bars)


_CURRENT = ' aria-current="true"'


def result_items(rows: Iterable[ResultRow]) -> Markup:
    """The models of a list of results, but for those that are folded into another."""
    return Markup("".join([_row(row) for row in rows if not row.folded]))  # noqa: S704 - escaped below


def _row(row: ResultRow) -> str:
    identifier, name, url = escape(row.id), marked(row.name), escape(row.url)
    plain = escape("".join([part.text for part in row.name]))
    version = f' <span class="version"><bdi>{escape(row.version)}</bdi></span>' if row.version else ""
    figures = {fact.label: fact for fact in row.facts}
    return (
        f'<li class="row{" absent" if row.absent else ""}">\n  <article>\n'
        f'    <label class="pick"><input type="checkbox" form="compare" name="ids" value="{identifier}"'
        f' data-key="pick-{identifier}"><span class="hidden">Compare {plain}</span></label>\n'
        '    <div class="main">\n'
        f'      <div class="head"><h2><a href="{url}">{name}</a>{version}</h2> \n{_badges(badge for badge in row.badges if badge.tone != "info")}</div>\n'
        f'      <p class="second">{_second_line(row)}<span class="path" title="{escape(row.path)}">'
        f'<bdi class="start">{escape(row.path_start)}</bdi><bdi class="end">{escape(row.path_end)}</bdi></span></p>\n'
        f"{_copies(row)}    </div>\n"
        f'    <dl class="figures">\n      <div class="score">{_score(row.score, url)}</div>\n'
        f'      <div class="parameters">{_parameters(figures.get("parameters"), url)}</div>\n'
        f'      <div class="size">{_fact(figures.get("size"), "Size", url)}</div>\n'
        f'      <div class="date">{_fact(figures.get("date"), "Date", url)}</div>\n'
        f'      <div class="license">{_license(row.license)}</div>\n'
        "    </dl>\n  </article>\n</li>\n"
    )


def marked(parts: Iterable[Segment]) -> str:
    """A text with the words that were looked for marked."""
    inner = [f"<mark>{escape(part.text)}</mark>" if part.marked else escape(part.text) for part in parts]
    return f"<bdi>{''.join(inner)}</bdi>"


def _badges(badges: Iterable[Badge]) -> str:
    return "".join(
        [
            f'<span class="badge {escaped(badge.tone)}"{_title(badge.detail)}>{escaped(badge.text)}</span>\n'
            for badge in badges
        ]
    )


def _title(text: str) -> str:
    return f' title="{escaped(text)}"' if text else ""


def _second_line(row: ResultRow) -> str:
    if row.snippet:
        return f'<span class="snippet">{marked(row.snippet)}</span>'
    return "".join(
        [f'<a class="tag" href="{escape(tag.url)}"><bdi>{escaped(tag.text)}</bdi></a> ' for tag in row.tags]
    )


def _copies(row: ResultRow) -> str:
    if not row.copies:
        return ""
    number = len(row.copies)
    items = "".join(
        [
            f'<li><a href="{escape(copy.url)}"><bdi>{escape(copy.name)}</bdi></a>'
            f' <span class="note"><bdi>{escape(copy.path)}</bdi></span></li>'
            for copy in row.copies
        ]
    )
    return (
        f'      <details class="copies" id="copies-{escape(row.id[:16])}">'
        f"<summary>{number} {'copy' if number == 1 else 'copies'}</summary><ul>{items}</ul></details>\n"
    )


# A number leads to who said it, `url` escaped. Whoever has no mouse gets there by the model's name: lists have many numbers.


def _score(score: Score | None, url: str) -> str:
    if score is None:
        return ""
    note = f", {escaped(score.note)}" if score.note else ""
    where, unknown = DATASET_UNKNOWN, " unknown"
    if score.dataset:
        split = f" · <bdi>{escaped(score.split)}</bdi>" if score.split else ""
        where, unknown = f"<bdi>{escaped(score.dataset)}</bdi>{split}", ""
    return (
        f'<dt>{escaped(score.label)}</dt><dd class="value{unknown}" title="{escape(score.value.exact)}{note}">'
        f'<a href="{url}#evaluations" tabindex="-1">{escape(score.value.text)}</a></dd>'
        f'<dd class="where{unknown}">{where}</dd>'
    )


def _parameters(fact: Fact | None, url: str) -> str:
    if fact is None:
        return ""
    note = f'<dd class="where">{escaped(fact.note)}</dd>' if fact.note else ""
    return f'<dt class="hidden">Parameters</dt><dd>{_figure(fact, url)}<span class="unit"> params</span></dd>{note}'


def _fact(fact: Fact | None, usual: str, url: str) -> str:
    if fact is None:
        return ""
    return f'<dt class="hidden">{escaped(fact.note or usual)}</dt><dd>{_figure(fact, url)}</dd>'


def _figure(fact: Fact, url: str) -> str:
    figure = fact.figure
    title = f' title="{escape(figure.exact)}"' if figure.exact != figure.text else ""
    return f'<span{title}><a href="{url}#value-{fact.field}" tabindex="-1">{escape(figure.text)}</a></span>'


def _license(text: str) -> str:
    name = escaped(text)
    return f'<dt class="hidden">License</dt><dd title="{name}"><bdi>{name}</bdi></dd>' if text else ""


def table_rows(table: TableView) -> Markup:
    """The models of a table, but for those that are folded into another."""
    return Markup("".join([_table_row(row, table.heads) for row in table.rows if not row.folded]))  # noqa: S704 - escaped below


def _table_row(row: TableRow, heads: Iterable[ColumnHead]) -> str:
    identifier, name, url = escape(row.id), escape(row.name), escape(row.url)
    copies = (
        f'<span class="note">+{row.copies} {"copy" if row.copies == 1 else "copies"}</span>'
        if row.copies
        else ""
    )
    cells = "".join([_cell(cell, head, url) for cell, head in zip(row.cells, heads, strict=True)])
    return (
        f'  <tr><td><label class="pick"><input type="checkbox" form="compare" name="ids" value="{identifier}"'
        f' data-key="pick-{identifier}"><span class="hidden">Compare {name}</span></label></td>'
        f'<th scope="row"><a href="{url}"><bdi>{name}</bdi></a>{_version(row.version)} \n{_badges(row.badges)}{copies}</th>\n'
        f"  {cells}\n  </tr>\n"
    )


def _version(version: str) -> str:
    """What tells a model from others of its name: if that is a path, below the name, and in two lines behind a slash
    rather than within a word.
    """
    if not version:
        return ""
    kind = "version place" if "/" in version else "version"
    return f' <span class="{kind}"><bdi>{escape(version).replace("/", "/<wbr>")}</bdi></span>'


def _cell(cell: Cell, head: ColumnHead, url: str) -> str:
    """One value; what it was measured on is said where the head of the column does not say it."""
    usual = head.note
    text = escape(cell.text)
    if cell.numeric and text:
        text = f'<a href="{url}#{head.place}" tabindex="-1">{text}</a>'
    cut = len(cell.text) > CERTAIN_CHARACTERS  # the column may be narrower
    exact = f' title="{escape(cell.exact)}"' if cell.exact and (cut or cell.exact != cell.text) else ""
    note = ""
    if cell.note and usual not in (cell.note, f"on {cell.note}"):
        note = f'<span class="basis"><bdi>{escaped(cell.note)}</bdi></span>'
    return (
        f'<td class="{"num" if cell.numeric else ""}{" apart" if cell.apart else ""}"{exact}>'
        f"<bdi>{text}</bdi>{note}</td>"
    )
