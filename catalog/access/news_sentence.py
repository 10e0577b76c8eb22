"""News of a saved search as one sentence, the same on the page, in feeds and on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mappings.metrics import find

if TYPE_CHECKING:
    from catalog.access.saved_searches import News


def news_sentence(news: News) -> str:
    """`3 new, 1 gone, best F1 0.889 → 0.912 on conll2003/test since 3 May`."""
    parts = []
    if news.new is None or news.gone is None:
        parts.append(f"{news.total:,} {'model' if news.total == 1 else 'models'}")
    elif news.is_quiet:
        parts.append("nothing new")
    else:
        parts += [f"{news.new:,} new"] * bool(news.new) + [f"{news.gone:,} gone"] * bool(news.gone)
    best = news.best
    if best is not None and news.is_better_known:
        row = find(best.metric)
        where = "/".join(part for part in (best.dataset, best.split) if part)
        label = row.label if row else best.metric
        on = f" on {where}" if where else ""
        parts.append(f"best {label} {news.best_before:.4g} → {best.value:.4g}{on}")
    since = f" since {news.since.day} {news.since:%b %Y}" if news.since is not None else ""
    return ", ".join(parts) + since
