"""The parts of a page that come a hundred times over, as HTML: values and bars of facets, models of a list or a table.

A template spends more on each of its expressions than on the text between them. What stands here is plain Python, every
text of it escaped on its way in, and templates put it where it belongs.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from markupsafe import Markup, escape

from webui.html.facets import FacetOption, FacetPanel
from webui.html.rows import Badge, Fact, ResultRow
from webui.html.table import Cell, TableRow, TableView
from webui.numbers import Figure
from webui.text import Segment, attribute

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
    """The values of a facet, each a checkbox with its count; links that look so where the text makes the choice."""
    parameter, field = escaped(facet.parameter), escaped(facet.field)
    if facet.typed:
        return Markup("".join([_linked_option(option, field) for option in options]))  # noqa: S704 - escaped below
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


def _linked_option(option: FacetOption, field: str) -> str:
    opening, closing = '<span class="option idle">', "</span>"
    if not option.idle:
        look = f"option{' selected' if option.selected else ''}{' none' if option.value == '(none)' else ''}"
        place = f'href="{escape(option.url)}" data-partial data-key="{field}={sent_back(option.value)}"'
        opening, closing = f'<a class="{look}" {place}{_CURRENT if option.selected else ""}>', "</a>"
    return (
        f'<li>{opening}<span class="box" aria-hidden="true"></span><span class="text"><bdi>{escaped(option.label)}</bdi>'
        f'</span><span class="count">{option.count_text}<span class="hidden"> {"model" if option.count == 1 else "models"}'
        '</span></span><svg class="share" viewBox="0 0 100 2" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{option.share}" height="2"/></svg>{closing}</li>\n'
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
            f' data-low="{sent_back(bar.low)}" data-high="{sent_back(bar.high)}"/>'
            f'<rect class="bar{" selected" if selected else ""}" x="{bar.x}" y="{bar.y}" width="{bar.width}"'
            f' height="{bar.height}" rx="0.8"/>{closing}'
        )
    return Markup("".join(bars))  # noqa: S704 - escaped above


_CURRENT = ' aria-current="true"'


def result_items(rows: Iterable[ResultRow]) -> Markup:
    """The models of a list of results, but for those that are folded into another."""
    return Markup("".join([_row(row) for row in rows if not row.folded]))  # noqa: S704 - escaped below


def _row(row: ResultRow) -> str:
    identifier, name = escape(row.id), marked(row.name)
    plain = escape("".join([part.text for part in row.name]))
    version = f' <span class="version"><bdi>{escape(row.version)}</bdi></span>' if row.version else ""
    figures = {fact.label: fact for fact in row.facts}
    return (
        f'<li class="row{" absent" if row.absent else ""}">\n  <article>\n'
        f'    <label class="pick"><input type="checkbox" form="compare" name="ids" value="{identifier}"'
        f' data-key="pick-{identifier}"><span class="hidden">Compare {plain}</span></label>\n'
        '    <div class="main">\n'
        f'      <div class="head"><h2><a href="{escape(row.url)}">{name}</a>{version}</h2> \n{_badges(badge for badge in row.badges if badge.tone != "info")}</div>\n'
        f'      <p class="second">{_second_line(row)}<span class="path" title="{escape(row.path)}">'
        f'<bdi class="start">{escape(row.path_start)}</bdi><bdi class="end">{escape(row.path_end)}</bdi></span></p>\n'
        f"{_copies(row)}    </div>\n"
        f'    <dl class="figures">\n      <div class="score">{_score(row)}</div>\n'
        f'      <div class="parameters">{_parameters(figures.get("parameters"))}</div>\n'
        f'      <div class="size">{_fact(figures.get("size"), "Size")}</div>\n'
        f'      <div class="date">{_fact(figures.get("date"), "Date")}</div>\n'
        f'      <div class="license">{_license(row.license)}</div>\n'
        "    </dl>\n  </article>\n</li>\n"
    )


def marked(parts: Iterable[Segment]) -> str:
    """A text with the words that were looked for marked."""
    inner = [f"<mark>{escape(part.text)}</mark>" if part.marked else str(escape(part.text)) for part in parts]
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


def _score(row: ResultRow) -> str:
    if not row.scores:
        return ""
    score = row.scores[0]
    note = f", {escaped(score.note)}" if score.note else ""
    where = '<span class="unknown">on unknown data</span>'
    if score.dataset:
        split = f" · <bdi>{escaped(score.split)}</bdi>" if score.split else ""
        where = f"<bdi>{escaped(score.dataset)}</bdi>{split}"
    return (
        f'<dt>{escaped(score.label)}</dt><dd title="{escape(score.value.exact)}{note}">{escape(score.value.text)}</dd>'
        f'<dd class="where">{where}</dd>'
    )


def _parameters(fact: Fact | None) -> str:
    if fact is None:
        return ""
    note = f'<dd class="where">{escaped(fact.note)}</dd>' if fact.note else ""
    return f'<dt class="hidden">Parameters</dt><dd>{_figure(fact.figure)}<span class="unit"> params</span></dd>{note}'


def _fact(fact: Fact | None, usual: str) -> str:
    if fact is None:
        return ""
    return f'<dt class="hidden">{escaped(fact.note or usual)}</dt><dd>{_figure(fact.figure)}</dd>'


def _figure(figure: Figure) -> str:
    title = f' title="{escape(figure.exact)}"' if figure.exact != figure.text else ""
    return f"<span{title}>{escape(figure.text)}</span>"


def _license(text: str) -> str:
    name = escaped(text)
    return f'<dt class="hidden">License</dt><dd title="{name}"><bdi>{name}</bdi></dd>' if text else ""


def table_rows(table: TableView) -> Markup:
    """The models of a table, but for those that are folded into another."""
    notes = [head.note for head in table.heads]
    return Markup("".join([_table_row(row, notes) for row in table.rows if not row.folded]))  # noqa: S704 - escaped below


def _table_row(row: TableRow, notes: Iterable[str]) -> str:
    identifier, name = escape(row.id), escape(row.name)
    version = f' <span class="version"><bdi>{escape(row.version)}</bdi></span>' if row.version else ""
    copies = (
        f'<span class="note">+{row.copies} {"copy" if row.copies == 1 else "copies"}</span>'
        if row.copies
        else ""
    )
    cells = "".join([_cell(cell, note) for cell, note in zip(row.cells, notes, strict=True)])
    return (
        f'  <tr><td><label class="pick"><input type="checkbox" form="compare" name="ids" value="{identifier}"'
        f' data-key="pick-{identifier}"><span class="hidden">Compare {name}</span></label></td>'
        f'<th scope="row"><a href="{escape(row.url)}"><bdi>{name}</bdi></a>{version} \n{_badges(row.badges)}{copies}</th>\n'
        f"  {cells}\n  </tr>\n"
    )


def _cell(cell: Cell, usual: str) -> str:
    """One value; what it was measured on is said where the head of the column does not say it."""
    exact = f' title="{escape(cell.exact)}"' if cell.exact and cell.exact != cell.text else ""
    note = ""
    if cell.note and usual not in (cell.note, f"on {cell.note}"):
        note = f'<span class="basis"><bdi>{escaped(cell.note)}</bdi></span>'
    return (
        f'<td class="{"num" if cell.numeric else ""}{" apart" if cell.apart else ""}"{exact}>'
        f"<bdi>{escape(cell.text)}</bdi>{note}</td>"
    )
