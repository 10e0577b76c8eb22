"""Which sections there are, and which setting a name means. A section's module is imported when its name comes up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import Field
from typing import Any

from catalog import plugins
from catalog.errors import PluginUnavailable
from catalog.lazy_dataclasses import dataclass
from catalog.settings.sections import SECTION_NAME, check_declared, leaves

KIND = "setting"


@dataclass(frozen=True, slots=True)
class Place:
    """One setting of one section."""

    section: type[Any]
    leaf: Field[Any]

    @property
    def key(self) -> tuple[str, str]:
        return (self.section.SECTION, self.leaf.name)


def section_named(name: str) -> type[Any] | None:
    """The section of this name, None if nothing that is installed declares it. Raises PluginUnavailable for a broken one."""
    if name not in plugins.SETTINGS and name not in plugins.names(KIND):
        return None
    if not SECTION_NAME.fullmatch(name):
        raise PluginUnavailable(KIND, name, "a section has a name of small letters, digits and _")
    section = check_declared(plugins.load(KIND, name), name)
    if getattr(section, "SECTION", None) != name:
        raise PluginUnavailable(KIND, name, f"its SECTION is not {name!r}")
    return section


def find(name: str) -> Place | None:
    """The setting of this whole name (`server_port`) or former name (`port`); None if there is none.

    Our own come first, and what else is installed is not even looked for when one of them is meant.
    """
    own = sorted(plugins.SETTINGS)
    return (
        _by_whole_name(name, own)
        or _by_former_name(name, own)
        or _by_whole_name(name, [other for other in plugins.names(KIND) if other not in plugins.SETTINGS])
    )


def every_name() -> Iterator[str]:
    """All whole and former names, for a suggestion."""
    for section in every_section():
        for leaf in leaves(section).values():
            yield f"{section.SECTION}_{leaf.name}"
            if leaf.metadata.get("formerly"):
                yield leaf.metadata["formerly"]


def every_section() -> Iterator[type[Any]]:
    """Every section that can be used; one of a package that is broken is left out (`section_named` says why)."""
    for name in plugins.names(KIND):
        try:
            section = section_named(name)
        except PluginUnavailable:
            continue
        if section is not None:
            yield section


def _by_whole_name(name: str, sections: Sequence[str]) -> Place | None:
    for prefix in sorted(sections, key=len, reverse=True):  # `a_b` `c` before `a` `b_c`
        rest = name.removeprefix(f"{prefix}_")
        if rest == name:
            continue
        section = section_named(prefix)
        leaf = leaves(section).get(rest) if section is not None else None
        if section is not None and leaf is not None:
            return Place(section, leaf)
    return None


def _by_former_name(name: str, sections: Sequence[str]) -> Place | None:
    for prefix in sections:
        section = section_named(prefix)
        for leaf in leaves(section).values() if section is not None else ():
            if section is not None and leaf.metadata.get("formerly") == name:
                return Place(section, leaf)
    return None
