"""Every setting with its default, unit and help; the only reader of the environment.

A setting comes from `MODELDEX_<NAME>`, else from `modeldex.toml` in the home folder, else its default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from catalog.errors import UserError

PREFIX = "MODELDEX_"
FILE_NAME = "modeldex.toml"


def _setting(default: Any, help_text: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"help": help_text, "secret": secret})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One frozen value, read once at the start and handed down."""

    home: Path = field(
        metadata={"help": "Folder of all state: store, index, settings file.", "secret": False}
    )
    database_url: str = _setting(
        "", "SQLAlchemy URL of the record store; empty means SQLite in the home folder.", secret=True
    )
    engine: str = _setting("tantivy", "Search engine: tantivy (embedded) or elasticsearch.")
    elasticsearch_url: str = _setting("http://127.0.0.1:9200", "Where Elasticsearch answers.")
    elasticsearch_api_key: str = _setting("", "API key for Elasticsearch.", secret=True)
    elasticsearch_user: str = _setting("", "User for Elasticsearch, if no API key is used.")
    elasticsearch_password: str = _setting("", "Password of that user.", secret=True)
    elasticsearch_ca: str = _setting("", "File with the certificate authority of Elasticsearch.")
    elasticsearch_index: str = _setting("models", "Alias that searches read; writes go to <alias>-write.")
    elasticsearch_timeout_seconds: float = _setting(
        10.0, "Longest wait for one Elasticsearch answer, in seconds."
    )
    host: str = _setting("127.0.0.1", "Address that `modeldex serve` listens on.")
    port: int = _setting(8080, "Port that `modeldex serve` listens on.")
    api_keys: str = _setting(
        "",
        "Comma-separated keys that /es/ accepts, `secret` or `id:secret`; empty means no key, and this machine only.",
        secret=True,
    )
    api_concurrency: int = _setting(2, "Requests of one user that /es/ answers at the same time.")
    api_requests_per_minute: int = _setting(1_200, "Requests of one user that /es/ answers in a minute.")
    api_timeout_seconds: float = _setting(5.0, "Longest time for one search at /es/, in seconds.")
    file_requests: int = _setting(512, "Most range requests for one file.")
    file_bytes: int = _setting(64 * 1024 * 1024, "Most bytes read of one file.")
    file_seconds: float = _setting(20.0, "Longest time spent on one file, in seconds.")

    @property
    def store_url(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'store.sqlite3'}"

    @property
    def index_path(self) -> Path:
        return self.home / "index"


def default_home(environment: Mapping[str, str]) -> Path:
    """MODELDEX_HOME, else the XDG data folder. Source: XDG Base Directory Specification 0.8."""
    if environment.get(f"{PREFIX}HOME"):
        return Path(environment[f"{PREFIX}HOME"]).expanduser()
    data = environment.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "modeldex"


def load_settings(home: str | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. An unknown key or a value of the wrong type is a UserError that names it."""
    environment = os.environ if environment is None else environment
    folder = Path(home).expanduser() if home else default_home(environment)
    values = _from_file(folder / FILE_NAME) | _from_environment(environment)
    known = {row.name: row for row in fields(Settings)}
    for name in values:
        if name not in known:
            import difflib  # noqa: PLC0415 - 5 ms that a correct setting need not pay

            close = difflib.get_close_matches(name, known, n=1)
            raise UserError(
                f"Unknown setting {name!r}.", advice=f"Did you mean {close[0]!r}?" if close else None
            )
    values.pop("home", None)
    return Settings(
        home=folder.absolute(),
        **{name: _typed(known[name].default, name, value) for name, value in values.items()},
    )


def _from_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}.") from error
    import tomllib  # noqa: PLC0415 - most homes have no settings file

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} cannot be read: {error}.") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    own = ("HOME", "TEST_", "DEBUG_")
    return {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and not name.removeprefix(PREFIX).startswith(own)
    }


def _typed(default: Any, name: str, value: Any) -> Any:
    wanted = type(default)
    if wanted is str and not isinstance(value, str):
        raise UserError(f"Setting {name!r} must be text, not {value!r}.")
    try:
        return wanted(value)
    except (TypeError, ValueError):
        raise UserError(f"Setting {name!r} must be a {wanted.__name__}, not {value!r}.") from None
