"""XML as a stream of elements within bounds: no document type, no entities, nothing kept that is not asked for.

Source: the package defusedxml, for what stands between expat and hostile documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol
from xml.etree.ElementTree import ParseError  # the error type alone; parsing is defusedxml's

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from catalog.errors import LimitExceeded, Malformed

if TYPE_CHECKING:
    from crawler.reader import RangedReader

MAX_BYTES = 64 * 1024 * 1024
MAX_ELEMENTS = 2_000_000
MAX_DEPTH = 64
MAX_TEXT_CHARACTERS = 1024
CHUNK_BYTES = 1024 * 1024


class ElementHandler(Protocol):
    """Is told of every element as it opens and closes. `path` are the names from the root to this element.

    `text` is what stands in an element without children, cut at 1 kB.
    """

    def opened(self, path: tuple[str, ...], attributes: Mapping[str, str]) -> None: ...

    def closed(self, path: tuple[str, ...], text: str) -> None: ...


class _Target:
    """What expat calls; counts and hands on."""

    def __init__(self, handler: ElementHandler) -> None:
        self._handler = handler
        self._path: tuple[str, ...] = ()
        self._elements = 0
        self._text = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise LimitExceeded("elements of an XML document", limit=MAX_ELEMENTS)
        if len(self._path) >= MAX_DEPTH:
            raise LimitExceeded("depth of an XML document", limit=MAX_DEPTH)
        self._path = (*self._path, name)
        self._text = ""
        self._handler.opened(self._path, attributes)

    def end(self, name: str) -> None:
        del name
        self._handler.closed(self._path, self._text)
        self._path = self._path[:-1]
        self._text = ""

    def data(self, text: str) -> None:
        if len(self._text) < MAX_TEXT_CHARACTERS:
            self._text += text[:MAX_TEXT_CHARACTERS]

    def close(self) -> None:
        """Nothing is built."""


def read_elements(reader: RangedReader, handler: ElementHandler) -> None:
    """Feeds the whole document to `handler`.

    Bounds: 64 MB, 2 M elements, 64 levels. Raises: Malformed (not XML, or with a DTD or entities), LimitExceeded.
    """
    if reader.size_bytes > MAX_BYTES:
        raise LimitExceeded("bytes of an XML document", limit=MAX_BYTES, found=reader.size_bytes)
    parser = DefusedXMLParser(
        target=_Target(handler), forbid_dtd=True, forbid_entities=True, forbid_external=True
    )
    try:
        for start in range(0, reader.size_bytes, CHUNK_BYTES):
            parser.feed(reader.read(start, start + CHUNK_BYTES))
            reader.check_time()
        parser.close()
    except DefusedXmlException as error:
        raise Malformed(f"XML with what no model needs: {type(error).__name__}") from error
    except (
        ParseError,
        ValueError,
        LookupError,
        AttributeError,
    ) as error:  # the two last: odd encodings in the declaration
        raise Malformed(f"not XML: {error}") from error
