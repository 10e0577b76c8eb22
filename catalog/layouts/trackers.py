"""Where trackers keep what runs log.

Source: mlflow/store/tracking/file_store.py (`mlruns/EXPERIMENT/RUN/artifacts`, `mlruns/EXPERIMENT/models/MODEL/artifacts`,
`mlruns/models` as the registry), mlflow/server (`mlartifacts` beside its database).
"""

from __future__ import annotations

import re

_ARTIFACTS = re.compile(r"^(?P<root>.*?)(?:^|/)[^/]+/(?:[0-9a-f]{32}|models/m-[0-9a-f]{32})/artifacts/")
_DEFAULT_ROOTS = re.compile(r"(?:^|/)(?:mlruns|mlartifacts)$")


def tracker_around(key: str) -> str | None:
    """The directory of the tracker, where the file is an artifact of one of its runs: that around `mlruns`, for artifacts
    may have a folder beside it. None for other files.
    """
    match = _ARTIFACTS.match(key)
    return None if match is None else _DEFAULT_ROOTS.sub("", match["root"])
