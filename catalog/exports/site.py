"""A catalog as a folder of pages that open from a disk: a search, a page for each model, and no server behind them."""

from __future__ import annotations

import fcntl
import json
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from html import escape
from pathlib import Path
from typing import IO, Any

from catalog.errors import UserError
from catalog.normalise.metrics import metric_direction
from catalog.terminal import amount_text, size_text
from catalog.text.risks import WARNED_OF, risk_words
from mappings import Field, fields

Document = Mapping[str, Any]

MARK = "modeldex-site.txt"
"""A folder with this file is one of ours, and may be replaced."""
UNFINISHED, OLD = ".part", ".old"
MAX_TEXT_CHARS = 4_000
MAX_ROWS = 1_000
MAX_LISTED = 100
MAX_VALUE_CHARS = 2_000
_POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file:; base-uri 'none'; form-action 'none'"
)
_ASSETS = Path(__file__).parent / "site_files"
_ABOVE = frozenset({"name", "description"})
"""What a page says above its values."""
_KEPT = (
    "id",
    "name",
    "task",
    "framework",
    "license",
    "library",
    "owner",
    "status",
    "parameters",
    "size_bytes",
    "metrics",
    "language",
    "tags",
    "datasets",
)


def write_site(folder: Path, documents: Iterable[Document], *, title: str = "Models") -> int:
    """Writes the site in place of `folder`, all of it or nothing; how many models are in it.

    Raises UserError if something else is in the folder.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file.", advice="Give a folder that is empty or not there yet.")
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise UserError(
            f"{folder} holds something else.", advice="Give a folder that is empty or not there yet."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    _clear_left(folder)
    fresh = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}{UNFINISHED}")
    try:
        fresh.mkdir()
        with _locked(fresh):
            count = _write(fresh, documents, title)
        _swap(fresh, folder)
    except OSError as error:
        # A full disk names no file, and would be taken for that of standard output.
        if error.errno is not None and error.filename is None:
            error.filename = str(folder)
        raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return count


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Whoever comes meanwhile sees that this site is being written; a process that is killed holds nothing."""
    with (folder / MARK).open("w", encoding="utf-8") as file:
        file.write("Written by modeldex export site, which may replace this folder.\n")
        file.flush()
        with suppress(OSError):  # a file system without locks: what is left there stays
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _clear_left(folder: Path) -> None:
    """What exports that were killed left beside the folder goes; the site that one had put aside comes back first."""
    left = re.compile(
        re.escape(f".{folder.name}.") + "[0-9a-f]{8}" + re.escape(UNFINISHED) + f"(?P<old>{OLD})?"
    )
    for path in folder.parent.iterdir():
        match = left.fullmatch(path.name)
        if not match or not (path / MARK).is_file() or _is_locked(path):
            continue
        if match["old"] and not folder.exists():
            path.rename(folder)
        else:
            shutil.rmtree(path, ignore_errors=True)


def _is_locked(folder: Path) -> bool:
    try:
        with (folder / MARK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def _swap(fresh: Path, folder: Path) -> None:
    """The old site stands until the new one is whole."""
    old = fresh.with_name(f"{fresh.name}{OLD}")
    try:
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
    except BaseException:  # also where somebody ends it between the two
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _write(folder: Path, documents: Iterable[Document], title: str) -> int:
    (folder / "models").mkdir()
    for asset in ("site.css", "site.js"):
        shutil.copyfile(_ASSETS / asset, folder / asset)
    count, lower = 0, set()
    with (folder / "models.js").open("w", encoding="utf-8") as file:
        file.write("window.MODELS = [\n")
        for document in documents:
            _write_script(file, _row(document))
            file.write(",\n")
            lower |= {name for name in document.get("metrics", {}) if metric_direction(name) == "down"}
            page = "".join(_model_page(document, title))
            (folder / "models" / f"{document['id']}.html").write_text(page, "utf-8", "replace")
            count += 1
        file.write("];\nwindow.LOWER_IS_BETTER = ")
        _write_script(file, sorted(lower))
        file.write(";\n")
    (folder / "index.html").write_text("".join(_index_page(title, count)), "utf-8", "replace")
    return count


def _write_script(file: IO[str], value: Any) -> None:
    """JSON as a script may hold it, whatever is in the texts: no end of a script, no line that JavaScript ends."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    file.write(text.replace("<", "\\u003c"))


def _row(document: Document) -> dict[str, Any]:
    row = {
        field: value[:MAX_LISTED] if isinstance(value, list) else value
        for field in _KEPT
        if (value := document.get(field)) is not None
    }
    row.setdefault("name", str(document.get("path") or document["id"]))
    if date := document.get("best_date"):
        row["date"] = date
    if risks := _risks(document):
        row["risk"] = list(dict.fromkeys(risk["kind"] for risk in risks))
        row["warning"] = ", ".join(map(risk_words, row["risk"]))
    row["text"] = " ".join(_words(document)).casefold()[:MAX_TEXT_CHARS]
    return row


def _words(document: Document) -> Iterator[str]:
    for field in (row.name for row in fields().values() if row.text_order or row.words):
        value = document.get(field)
        yield from map(str, value if isinstance(value, list) else [value] if value else [])


def _head(title: str, folder: str) -> Iterator[str]:
    yield "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
    yield "<meta name=viewport content='width=device-width, initial-scale=1'>\n<meta name=referrer content=no-referrer>\n"
    yield f'<title>{escape(title)}</title>\n<link rel=stylesheet href="{folder}site.css">\n'


def _index_page(title: str, count: int) -> Iterator[str]:
    yield from _head(title, "")
    yield f"<h1>{escape(title)}</h1>\n<form role=search>"
    yield "<input name=q type=search aria-label=Search placeholder='accuracy&gt;0.9 task:text-classification'>"
    yield "<select name=sort aria-label='Order by'><option value=name>name<option value=date>newest</select></form>\n"
    yield f"<p role=status>{count:,} models</p>\n<ol></ol>\n<button id=more hidden>More</button>\n"
    yield "<noscript><p>The search needs JavaScript; the pages of models, in the folder models, do not.</p></noscript>\n"
    yield "<script src=models.js></script>\n<script src=site.js></script>\n</html>\n"


def _model_page(document: Document, title: str) -> Iterator[str]:
    name = str(document.get("name") or document.get("path") or document["id"])
    yield from _head(f"{name} - {title}", "../")
    yield f'<p><a href="../index.html">{escape(title)}</a></p>\n<h1>{escape(name)}</h1>\n'
    if description := document.get("description"):
        yield f"<p>{escape(_cut(description))}</p>\n"
    for risk in _risks(document):
        where = f" ({risk['file']})" if risk.get("file") else ""
        sentence = f"{risk_words(risk['kind'])}: {risk.get('detail', '')}{where}"
        yield f"<p class=risk>{escape(_cut(sentence))}</p>\n"
    yield from _evaluations(document)
    yield from _values(document)
    yield from _files(document)
    yield f"<footer>{escape(str(document['id']))}, revision {escape(str(document.get('revision', '')))}</footer>\n</html>\n"


def _evaluations(document: Document) -> Iterator[str]:
    entries = [entry for entry in document.get("evaluations", []) if entry.get("value") is not None][
        :MAX_ROWS
    ]
    if not entries:
        return
    yield "<h2>Measured</h2>\n<table>\n"
    for entry in entries:
        about = " / ".join(str(entry[part]) for part in ("dataset_id", "split") if entry.get(part))
        yield f"<tr><th scope=row>{escape(str(entry['metric']))}<td class=number>{entry['value']:.6g}<td>{escape(about)}\n"
    yield "</table>\n"


def _values(document: Document) -> Iterator[str]:
    yield "<h2>Values</h2>\n<table>\n"
    for field in fields().values():
        if field.page != "apart" and field.name not in _ABOVE:
            for label, value in _labelled(document, field):
                yield f"<tr><th scope=row>{escape(label)}<td>{escape(_cut(_worded(value, field)))}\n"
    yield "</table>\n"


def _labelled(document: Document, field: Field) -> Iterator[tuple[str, Any]]:
    head, _, rest = field.name.partition(".")
    value = document.get(head)
    if rest and isinstance(value, list):
        value = [item.get(rest) for item in value if isinstance(item, Mapping) and item.get(rest)]
    elif rest:
        value = value.get(rest) if isinstance(value, Mapping) else None
    if isinstance(value, Mapping):
        yield from ((f"{field.label}: {name}", item) for name, item in list(value.items())[:MAX_ROWS])
    elif value not in (None, "", []):
        yield field.label, value


def _files(document: Document) -> Iterator[str]:
    files = document.get("files", [])[:MAX_ROWS]
    if not files:
        return
    yield "<h2>Files</h2>\n<table class=files>\n"
    for file in files:
        size = file.get("size_bytes")
        room = size_text(size) if isinstance(size, int) else ""
        digest = escape(str(file.get("sha256") or ""))
        yield f"<tr><td>{escape(str(file.get('key')))}<td class=number>{room}<td class=hash>{digest}\n"
    yield "</table>\n"


def _risks(document: Document) -> list[Mapping[str, Any]]:
    risks = [risk for risk in document.get("risks", []) if risk.get("kind")]
    return [risk for risk in risks if risk.get("severity") in WARNED_OF or risk["kind"] == "unchecked"][
        :MAX_LISTED
    ]


def _worded(value: Any, field: Field) -> Any:
    """Numbers and moments as a person reads them."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return amount_text(value, field.unit)
    if field.type == "date" and isinstance(value, str):
        day, _, time = value.partition("T")
        return day if time.startswith("00:00:00") else f"{day} {time[:5]} UTC"
    return value


def _cut(value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(json.dumps(item) if isinstance(item, Mapping) else str(item) for item in value)
    text = str(value)
    return text if len(text) <= MAX_VALUE_CHARS else text[: MAX_VALUE_CHARS - 1] + "\N{HORIZONTAL ELLIPSIS}"


def page_of(folder: Path) -> str:
    """The address to open in a browser."""
    return (folder / "index.html").resolve().as_uri()
