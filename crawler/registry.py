"""The extractors of a process, and which of them reads a file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from catalog.errors import (
    PluginUnavailable,
    described,
)
from catalog.lazy_dataclasses import dataclass
from catalog.store.entries import Reading
from crawler import sniffing
from crawler.candidates import Candidates
from crawler.extractor import Claim, Extractor
from crawler.installed import installed_extractors
from crawler.outcomes import (
    LOOKED_AT,
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Who reads a file, and the claim with which it won."""

    extractor: Extractor
    claim: Claim


class Registry:
    """The extractors of this process; it never changes. `fingerprint` changes when one is added or says something new."""

    def __init__(
        self, extractors: Sequence[Extractor], *, unavailable: Sequence[str] = (), is_installed: bool = False
    ) -> None:
        self.unavailable = tuple(unavailable)
        self.is_installed = is_installed
        """Whether another process finds the same extractors by itself."""
        self._extractors = tuple(extractors)
        self._candidates = Candidates(self._extractors)
        self._versions = {extractor.name: extractor.version for extractor in extractors}
        self._versions[sniffing.EXTRACTOR] = sniffing.VERSION
        self.naming_hashes = tuple(
            f"{extractor.name}:{extractor.version}"
            for extractor in extractors
            if getattr(extractor, "names_hashes", False)
        )
        """What readings of files that find models by the hashes of their bytes depend on."""
        named = ",".join(f"{name}:{version}" for name, version in sorted(self._versions.items()))
        self.fingerprint = hashlib.sha256(named.encode()).hexdigest()[:16]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(extractor.name for extractor in self._extractors)

    @classmethod
    def installed(cls) -> Registry:
        """Every registered extractor that can be loaded; `unavailable` says which cannot, and why."""
        extractors, unavailable = installed_extractors()
        return cls(extractors, unavailable=unavailable, is_installed=True)

    def best(
        self, key: str, head: bytes, *, without: frozenset[str] = frozenset()
    ) -> tuple[Choice | None, Mapping[str, str]]:
        """The extractor with the strongest claim, of equals the first by name; and those that broke over the question,
        with a sentence each. `without` are names that are not asked. A byte order mark is no part of what is judged:
        no format of binary data begins with one, and a text in UTF-16 is judged as what it says.
        """
        head = sniffing.as_utf8(key, head)
        best: Choice | None = None
        broken: dict[str, str] = {}
        for extractor in self._candidates.of(key, head):
            if without and extractor.name in without:
                continue
            try:
                claim = extractor.claims(key, head)
                if claim is not None and (best is None or claim.confidence > best.claim.confidence):
                    best = Choice(extractor, claim)
            except Exception as error:  # noqa: BLE001 - a stranger's plug-in must not cost a file that others read
                reason = f"while it looked at a file: {described(error)}"
                broken[extractor.name] = str(PluginUnavailable("extractor", extractor.name, reason))
        return best, broken

    def signature(self, extractor: Extractor | None) -> str:
        """What a reading depends on beside the bytes."""
        return f"none:{self.fingerprint}" if extractor is None else f"{extractor.name}:{extractor.version}"

    def still_holds(self, key: str, reading: str, signature: str) -> bool:
        """Whether reading the same bytes of this key again would say the same as when they were read so."""
        if reading == Reading.RETRY:
            return False
        if reading == Reading.SKIPPED:
            return signature == LOOKED_AT and sniffing.never_opened(key)
        if signature.startswith("none:"):
            return signature == self.signature(None)
        name, _, version = signature.rpartition(":")
        return str(self._versions.get(name)) == version
