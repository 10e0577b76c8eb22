"""Every setting with its default, unit and help; the only reader of the environment.

A setting comes from `MODELDEX_<NAME>`, else from `modeldex.toml` in the home folder, else its default.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from catalog import plugins
from catalog.errors import UserError

PREFIX = "MODELDEX_"
FILE_NAME = "modeldex.toml"
SQLITE_ENDINGS = ("", "-wal", "-shm", "-journal")
"""What SQLite writes beside a database. Source: https://www.sqlite.org/tempfiles.html, 2.1 to 2.3."""


def _setting(
    default: Any, help_text: str, *, secret: bool = False, least: float = 1, most: float = math.inf
) -> Any:
    return field(
        default=default, metadata={"help": help_text, "secret": secret, "least": least, "most": most}
    )


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
        10.0, "Longest wait for one Elasticsearch answer, in seconds.", least=0.001
    )
    host: str = _setting("127.0.0.1", "Address that `modeldex serve` listens on.")
    port: int = _setting(
        8080, "Port that `modeldex serve` listens on, 0 for any free one.", least=0, most=65_535
    )
    api_keys: str = _setting(
        "",
        "Comma-separated keys that /es/ accepts, `secret` or `id:secret`; empty means no key, and this machine only.",
        secret=True,
    )
    api_concurrency: int = _setting(2, "Requests of one user that /es/ answers at the same time.")
    api_requests_per_minute: int = _setting(1_200, "Requests of one user that /es/ answers in a minute.")
    api_timeout_seconds: float = _setting(
        5.0, "Longest time for one search at /es/, in seconds.", least=0.001
    )
    file_requests: int = _setting(512, "Most range requests for one file.")
    file_bytes: int = _setting(64 * 1024 * 1024, "Most bytes read of one file.")
    file_seconds: float = _setting(20.0, "Longest time spent on one file, in seconds.", least=0.001)

    @property
    def store_url(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'store.sqlite3'}"

    @property
    def index_path(self) -> Path:
        return self.home / "index"

    @property
    def own_paths(self) -> tuple[Path, ...]:
        """What the catalog itself writes, which no crawl may take for somebody's models."""
        kind, _, path = self.store_url.partition(":///")
        stores = (path.partition("?")[0],) if kind.startswith("sqlite") and path else ()
        files = [Path(f"{store}{ending}") for store in stores for ending in SQLITE_ENDINGS]
        return (self.home, self.index_path, self.home / FILE_NAME, *files)


def default_home(environment: Mapping[str, str]) -> Path:
    """MODELDEX_HOME, else the XDG data folder. Source: XDG Base Directory Specification 0.8."""
    if environment.get(f"{PREFIX}HOME"):
        return Path(environment[f"{PREFIX}HOME"]).expanduser()
    data = environment.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "modeldex"


def load_settings(home: str | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. An unknown key or a value of the wrong type is a UserError that names it."""
    environment = os.environ if environment is None else environment
    try:
        folder = Path(home).expanduser() if home else default_home(environment)
    except RuntimeError as error:  # `~nobody`, or no home directory at all
        raise UserError(
            f"The folder of all state cannot be found: {error}", advice="Name it with: modeldex --home FOLDER"
        ) from error
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
    typed = {name: _typed(known[name], value) for name, value in values.items()}
    _check_engine(typed.get("engine", known["engine"].default))
    return Settings(home=folder.absolute(), **typed)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise UserError(f"{path} cannot be read: {error}.") from error
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}.",
            advice="Name another folder with: modeldex --home FOLDER",
        ) from error
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


def _typed(row: Field[Any], value: Any) -> Any:
    """The value as the setting's type and within its bounds."""
    wanted: Any = type(row.default)
    shown = "***" if row.metadata["secret"] else repr(value)
    if wanted is str:
        if not isinstance(value, str):
            raise UserError(f"Setting {row.name!r} must be text, not {shown}.")
        return value
    kind = "a whole number" if wanted is int else "a number"
    try:
        number = (
            wanted(value) if isinstance(value, str | wanted | int) and not isinstance(value, bool) else None
        )
    except ValueError:
        number = None
    if number is None:
        raise UserError(f"Setting {row.name!r} must be {kind}, not {shown}.")
    least, most = row.metadata["least"], row.metadata["most"]
    if not least <= number <= most or math.isinf(number):
        bounds = f"from {least:g}" if math.isinf(most) else f"from {least:g} to {most:,}"
        raise UserError(f"Setting {row.name!r} must be {kind} {bounds}, not {shown}.")
    return number


def _check_engine(name: str) -> None:
    """An engine that nobody knows is said before a crawl, not when its work is to be indexed."""
    if name in plugins.ENGINES:
        return
    known = plugins.names("engine")
    if name not in known:
        raise UserError(f"There is no search engine {name!r}.", advice=f"Known are: {', '.join(known)}.")
