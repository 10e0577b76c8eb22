"""Where settings come from; the only reader of the environment.

The setting `port` of the section `[server]` comes from `MODELDEX_SERVER_PORT`, else from `modeldex.toml` in the home
folder, else it is its default. Names of before there were sections (`MODELDEX_PORT`, `port = 80`) mean the same settings.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass
from catalog.settings import registry
from catalog.settings.core import DatabaseSettings, SearchSettings
from catalog.settings.registry import Place
from catalog.settings.sections import leaves, nearest, typed
from catalog.text.folding import is_text

PREFIX = "MODELDEX_"
FILE_NAME = "modeldex.toml"
SQLITE_ENDINGS = ("", "-wal", "-shm", "-journal")
"""What SQLite writes beside a database. Source: https://www.sqlite.org/tempfiles.html, 2.1 to 2.3."""
NOT_SETTINGS = ("TEST_", "DEBUG_")
REFERENCE_BYTES = 64 * 1024
"""Far more than a key or token has; a path to something else is not read whole."""

Values = dict[tuple[str, str], "Given"]
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Given:
    """A value that somebody gave, of the setting's own type. `spelled` is the setting's name as it was written there."""

    value: Any
    spelled: str
    origin: str


class Settings:
    """All settings of this process, read once at the start and handed down. Does not change.

    `Settings(home=folder, elasticsearch_url=...)` takes whole and former names, as the environment does.
    """

    __slots__ = ("_given", "_home", "_sections", "home_origin")

    def __init__(
        self,
        *,
        home: Path,
        home_origin: str = "given",
        located: Values | None = None,
        **given: str | float | bool,
    ) -> None:
        """`located` are values that were looked up and checked already."""
        named = _located(Spelled(name, value, "given") for name, value in given.items())
        self._home = home
        self._given = {**(located or {}), **named}
        self._sections: dict[type[Any], Any] = {}
        self.home_origin = home_origin
        for name in {section for section, _ in self._given}:
            section = registry.section_named(name)
            if section is not None:
                self.section(section)  # what a section has to say against its values, it says at the start

    @property
    def home(self) -> Path:
        """Folder of all state: store, index, settings file."""
        return self._home

    def section(self, kind: type[S]) -> S:
        """The section with the values that were given for it."""
        if kind not in self._sections:
            name = kind.SECTION  # type: ignore[attr-defined]  # a class attribute cannot be asked of a type variable
            values = {leaf: given.value for (section, leaf), given in self._given.items() if section == name}
            self._sections[kind] = kind(**values)
        instance: S = self._sections[kind]
        return instance

    def but(self, **given: str | float | bool) -> Settings:
        """The same settings with other values for these whole or former names."""
        return Settings(home=self.home, home_origin=self.home_origin, located=self._given, **given)

    def origin(self, section: str, leaf: str) -> str:
        """Where a value comes from: the variable, the file, or `default`."""
        given = self._given.get((section, leaf))
        return "default" if given is None else given.origin

    @property
    def engine(self) -> str:
        """The name of the search engine."""
        return self.section(SearchSettings).engine

    @property
    def store_url(self) -> str:
        return self.section(DatabaseSettings).url or f"sqlite:///{self.home / 'store.sqlite3'}"

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

    def __eq__(self, other: object) -> bool:
        """Whether both say the same, wherever it was said."""
        if not isinstance(other, Settings):
            return NotImplemented
        names = {section for section, _ in (*self._given, *other._given)}
        kinds = [kind for kind in map(registry.section_named, sorted(names)) if kind is not None]
        return self.home == other.home and all(self.section(kind) == other.section(kind) for kind in kinds)

    def __hash__(self) -> int:
        return hash(self.home)

    def __repr__(self) -> str:
        """Without values: some are secrets."""
        return f"Settings(home={str(self.home)!r}, {len(self._given)} given)"


@dataclass(frozen=True, slots=True)
class Spelled:
    """A name and a value as somebody wrote them; in a section of the file, if one is named."""

    name: str
    value: Any
    origin: str
    section: str | None = None

    @property
    def is_variable(self) -> bool:
        return self.origin.startswith(PREFIX)

    @property
    def shown(self) -> str:
        """As whoever set it knows it: the name of a variable, else of a setting."""
        if self.is_variable:
            return self.origin
        return self.name if self.section is None else f"{self.section}.{self.name}"


def default_home(environment: Mapping[str, str]) -> Path:
    """MODELDEX_HOME, else the XDG data folder. Source: XDG Base Directory Specification 0.8."""
    if environment.get(f"{PREFIX}HOME"):
        return Path(environment[f"{PREFIX}HOME"]).expanduser()
    data = environment.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "modeldex"


def load_settings(home: str | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. An unknown name or a value of the wrong type is a UserError that names it.

    Raises PluginUnavailable for a value of a section whose package is broken.
    """
    environment = os.environ if environment is None else environment
    try:
        folder = Path(home).expanduser() if home else default_home(environment)
    except RuntimeError as error:  # `~nobody`, or no home directory at all
        raise UserError(
            f"The folder of all state cannot be found: {error}", advice="Name it with: modeldex --home FOLDER"
        ) from error
    folder = folder.absolute()
    if not is_text(str(folder)):
        raise UserError(
            f"The folder of all state, {str(folder)!r}, has a name that is not UTF-8, which neither store nor index can take.",
            advice="Name another with: modeldex --home FOLDER",
        )
    values = _located(_from_file(folder / FILE_NAME)) | _located(_from_environment(environment))
    origin = "--home" if home else f"{PREFIX}HOME" if environment.get(f"{PREFIX}HOME") else "default"
    return Settings(home=folder, home_origin=origin, located=values)


def referred(reference: str, *, what: str, environment: Mapping[str, str] | None = None) -> str:
    """The secret that a reference means: `env:NAME` or `file:PATH`. Raises UserError, which never holds the secret."""
    environment = os.environ if environment is None else environment
    kind, _, place = reference.partition(":")
    if kind == "env":
        if not environment.get(place):
            raise UserError(f"{what} is {reference}, and there is no such variable.", advice=f"Set {place}.")
        return environment[place]
    try:
        with Path(place).expanduser().open("rb") as file:
            secret = file.read(REFERENCE_BYTES).decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise UserError(f"{what} is {reference}, and that cannot be read: {reason}.") from error
    if not secret:
        raise UserError(f"{what} is {reference}, and that file is empty.")
    return secret


def _located(spelled: Iterable[Spelled]) -> Values:
    """The values by section and setting, of the right types. Two spellings of one setting must agree."""
    values: Values = {}
    for each in spelled:
        place = _place(each)
        given = Given(typed(place.leaf, each.value, name=each.shown), each.shown, each.origin)
        before = values.setdefault(place.key, given)
        if before.value != given.value:
            raise UserError(
                f"{before.spelled!r} and {given.spelled!r} are one setting, and both are given with different values.",
                advice="Keep one of them.",
            )
    return values


def _place(spelled: Spelled) -> Place:
    if spelled.section is not None:
        section = registry.section_named(spelled.section)
        known = {} if section is None else leaves(section)
        if section is not None and spelled.name in known:
            return Place(section, known[spelled.name])
        close = nearest(spelled.name, known)
        close = close and f"{spelled.section}.{close}"
    else:
        place = registry.find(spelled.name)
        if place is not None:
            return place
        close = nearest(spelled.name, registry.every_name())
        if close and not nearest(spelled.name.partition("_")[0], [close.partition("_")[0]]):
            close = None  # the same setting of a section that has another name altogether
        if close and spelled.is_variable:
            close = f"{PREFIX}{close.upper()}"
    advice = f"Did you mean {close!r}?" if close else "No installed package declares it."
    raise UserError(f"Unknown setting {spelled.shown!r}.", advice=advice)


def _from_file(path: Path) -> list[Spelled]:
    """What the settings file gives: a table is a section, all else is a whole or former name."""
    spelled = []
    for name, value in _parsed(path).items():
        if name == "home":
            continue
        if isinstance(value, dict) and registry.section_named(name) is not None:
            spelled += [Spelled(leaf, given, FILE_NAME, section=name) for leaf, given in value.items()]
        elif isinstance(value, dict) and registry.find(name) is None:
            raise _unknown_section(name)
        elif not isinstance(value, dict) and registry.section_named(name) is not None:
            raise UserError(f"{name!r} in {path} is a section.", advice=f"Write its settings below [{name}].")
        else:
            spelled.append(Spelled(name, value, FILE_NAME))
    return spelled


def _unknown_section(name: str) -> UserError:
    known = [section.SECTION for section in registry.every_section()]
    close = nearest(name, known)
    advice = f"Did you mean [{close}]?" if close else f"Known are {', '.join(f'[{each}]' for each in known)}."
    return UserError(
        f"Unknown section [{name}] in {FILE_NAME}: no installed package declares it.", advice=advice
    )


def _parsed(path: Path) -> dict[str, Any]:
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


def _from_environment(environment: Mapping[str, str]) -> list[Spelled]:
    return [
        Spelled(name.removeprefix(PREFIX).lower(), value, name)
        for name, value in environment.items()
        if name.startswith(PREFIX)
        and name != f"{PREFIX}HOME"
        and not name.removeprefix(PREFIX).startswith(NOT_SETTINGS)
    ]
