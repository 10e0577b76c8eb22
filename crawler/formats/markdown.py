"""What the prose of a model card says without being interpreted: a first paragraph, and lists of settings.

Source: the card templates of huggingface/huggingface_hub (modelcard_template.md) and of transformers' Trainer
(src/transformers/modelcard.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalog.text.patterns import pattern

MAX_DESCRIPTION_CHARACTERS = 1_000
MAX_PARAGRAPHS = 400
MAX_SETTINGS = 200

_COMMENT = pattern(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_FENCE = pattern(r"^(```|~~~).*?(?:^\1[^\n]*$|\Z)", re.DOTALL | re.MULTILINE)
_TAG = pattern(r"</?[A-Za-z][^<>]{0,2000}>")
_IMAGE = pattern(r"!\[[^\[\]]{0,1000}\](?:\([^()\s]{0,2000}(?:\s[^()]{0,300})?\)|\[[^\[\]]{0,200}\])")
_LINK = pattern(r"\[([^\[\]]{1,1000})\](?:\((?:[^()]|\([^()]{0,300}\)){0,2000}\)|\[[^\[\]]{0,200}\])")
_EMPHASIS = pattern(r"(\*{1,3}|_{2,3}|`+)(?=\S)(.{1,1000}?)(?<=\S)\1")
_NOT_PROSE = pattern(r"\s*(?:#{1,6}\s|[-*+]\s|\d{1,3}[.)]\s|\||>|={3,}|-{3,}|\*{3,}|\$\$|\[!)")
_BOILERPLATE = pattern(
    r"more information needed|base template for new models|generated from the raw template|"
    r"automatically (?:generated|created)|should probably proofread|"
    r"^use the code below to get started|^carbon emissions can be estimated using|^(?:table of contents|disclaimer|tl;?dr|model card for)\b|has been pushed to the hub using",
    re.IGNORECASE,
)
_WORD = pattern(r"\w{2,}")
_SETTING = pattern(
    r"^\s{0,8}[-*+]\s+\**`?([A-Za-z][\w ./-]{0,60}?)`?\**\s*:\**\s+(.{1,500}?)\s*$", re.MULTILINE
)
_SETTINGS_HEADING = pattern(
    r"^#{1,6}[^\n]{0,80}hyper-?\s?parameters[^\n]{0,40}$", re.IGNORECASE | re.MULTILINE
)
_VERSIONS_HEADING = pattern(
    r"^#{1,6}[^\n]{0,40}(?:framework|library)[^\n]{0,20}versions[^\n]{0,20}$", re.IGNORECASE | re.MULTILINE
)
_VERSION = pattern(r"^\s{0,4}[-*+]\s+\**([A-Za-z][\w-]{1,40})\**:?\s+v?(\d[\w.+-]{0,40})\s*$", re.MULTILINE)
_RESULTS_SENTENCE = pattern(r"^It achieves the following results on the evaluation set:[ \t]*$", re.MULTILINE)
"""What the Trainer writes above the list of what it measured last, word for word."""
_RESULT = pattern(r"[-*] ([A-Za-z][^:\n]{0,100}): ([-+]?\d[\d.]{0,30}(?:e[-+]?\d{1,3})?)[ \t]*")
_SUMMARY = pattern(r"<summary\b[^<>]{0,200}>[^<]{0,1000}</summary>", re.IGNORECASE)
"""What is to be clicked to see more."""
_HEADING = pattern(r"^#{1,6}\s", re.MULTILINE)


def first_paragraph(body: str) -> str | None:
    """The first paragraph that says something, as plain text of up to 1,000 characters."""
    prose = _FENCE.sub("\n", _SUMMARY.sub("\n", _COMMENT.sub("\n", body[: 64 * 1024])))
    for count, block in enumerate(re.split(r"\n\s*\n", prose.replace("\r\n", "\n").replace("\r", "\n"))):
        if count >= MAX_PARAGRAPHS:
            return None
        text = _plain(_prose_lines(block))
        if len(_WORD.findall(text)) >= 2 and not _BOILERPLATE.search(text):
            return (
                text
                if len(text) <= MAX_DESCRIPTION_CHARACTERS
                else text[: MAX_DESCRIPTION_CHARACTERS - 1].rstrip() + "…"
            )
    return None


def training_settings(body: str) -> Iterator[tuple[str, str]]:
    """(name, value) of the list below a heading about hyper-parameters."""
    section = _COMMENT.sub("", _section(body, _SETTINGS_HEADING))
    for match in list(_SETTING.finditer(section))[:MAX_SETTINGS]:
        if not _BOILERPLATE.search(match[2]):
            yield match[1].strip(), match[2].strip("`* ")


def evaluated(body: str) -> Iterator[tuple[str, str]]:
    """(name, value) of the list that the Trainer writes of its last evaluation; nothing of lists behind other sentences."""
    text = body[: 256 * 1024].replace("\r\n", "\n")
    start = _RESULTS_SENTENCE.search(text)
    lines = text[start.end() :].lstrip("\n").split("\n", MAX_SETTINGS)[:MAX_SETTINGS] if start else []
    for line in lines:
        match = _RESULT.fullmatch(line)
        if match is None:
            return
        yield match[1].strip(), match[2]


def framework_versions(body: str) -> Iterator[tuple[str, str]]:
    """(package, version) of the list below a heading about framework versions."""
    for match in list(_VERSION.finditer(_section(body, _VERSIONS_HEADING)))[:50]:
        if match[1].lower() != "python":
            yield match[1], match[2]


def _section(body: str, heading: re.Pattern[str]) -> str:
    text = body[: 256 * 1024].replace("\r\n", "\n")
    start = heading.search(text)
    if start is None:
        return ""
    end = _HEADING.search(text, start.end())
    return text[start.end() : end.start() if end else len(text)]


def _prose_lines(block: str) -> str:
    lines = [line for line in block.split("\n") if line.strip()]
    if lines and re.match(r"\s*(?:[-*+]\s|\d{1,3}[.)]\s|\|)", lines[0]):
        return ""  # a list or a table all the way
    return " ".join(
        line for line in lines if not _NOT_PROSE.match(line) and not _RESULTS_SENTENCE.match(line)
    )


def _plain(text: str) -> str:
    text = _TAG.sub(" ", _IMAGE.sub("", text))
    text = _LINK.sub(r"\1", text)
    text = re.sub(r"\[\s*\]\([^()]{0,2000}\)", "", text)  # a badge: a link around an image
    for _ in range(2):  # bold within italics
        text = _EMPHASIS.sub(r"\2", text)
    return re.sub(r"\s+", " ", text).strip()
