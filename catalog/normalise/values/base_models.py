"""What the base of a model is called, whatever wrote down where it lay."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from catalog.text.patterns import pattern

_FOLDER = re.compile(r"/|~|\.{1,2}/|[A-Za-z]:[\\/]")
_OF_HUB = re.compile(
    r"(?:^|/)models--(?:(?P<owner>[^/]+?)--)?(?P<name>[^/]+)(?:/snapshots(?:/[^/]+)?)?(?:/[^/]+)?$"
)
"""A snapshot in a cache of the Hugging Face hub. Source: huggingface_hub, file_download."""
_OF_MODELSCOPE = pattern(r"(?:^|/)modelscope/(?:hub/)?(?:models/)?(?P<owner>[^/]+)/(?P<name>[^/]+)$")
_DOT_OF_MODELSCOPE = pattern(r"(?<=\d)___(?=\d)")
"""What stands in ModelScope's cache for the dot of `net2.5`. Source: modelscope/modelscope hub/utils/utils.py."""


def with_dots(name: str) -> str:
    """The name of a directory in ModelScope's cache as its model is called."""
    return _DOT_OF_MODELSCOPE.sub(".", name)


def is_folder(word: str) -> bool:
    """Whether it is a folder of the machine that trained, and no repository of a hub."""
    return _FOLDER.match(word) is not None


def base_model_id(word: str) -> str:
    """A hub id without the hub's address. Of a folder of the machine that trained, the id where it lies in the cache of a
    hub; else the last part is all that means something.
    """
    if is_folder(word):
        path = word.replace("\\", "/").rstrip("/")
        match = _OF_HUB.search(path) or _OF_MODELSCOPE.search(path)
        word = path.rpartition("/")[2]
        if match is not None:
            word = f"{match['owner']}/{match['name']}" if match["owner"] else match["name"]
        word = with_dots(word)
    return word.removeprefix("https://huggingface.co/").removeprefix("hf.co/").strip("/ ")


def of_owners(ids: Iterable[str]) -> Mapping[str, str]:
    """For names without an owner the one id of these that ends so: `llama-3-8b` is `meta-llama/Llama-3-8B` beside it. Keys
    have no capitals.
    """
    by_name: dict[str, set[str]] = {}
    for item in ids:
        owner, _, name = item.rpartition("/")
        if owner:
            by_name.setdefault(name.casefold(), set()).add(item)
    return {
        name: min(items) for name, items in by_name.items() if len({item.casefold() for item in items}) == 1
    }
