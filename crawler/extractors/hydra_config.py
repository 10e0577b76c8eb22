"""Configurations that Hydra writes into a run's `.hydra` directory."""

from __future__ import annotations

import re
from collections.abc import Mapping

from catalog.errors import ExtractError, Malformed
from catalog.records import Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import properties, yamls
from crawler.formats.called_targets import tell_targets
from crawler.reader import RangedReader

_CONFIG = re.compile(r"(?:^|/)\.hydra/config\.ya?ml$")
_YAML = re.compile(r"\.ya?ml$", re.IGNORECASE)
_OTHER = re.compile(r"(?:^|/)\.hydra/(?:hydra|overrides)\.ya?ml$")


class HydraConfigExtractor:
    """Reads the composed configuration; `${interpolations}` stay the text they are.

    Source: facebookresearch/hydra hydra/_internal/utils.py, hydra/core/utils.py (`run_job`).
    """

    name = "hydra-config"
    version = 4
    description = ".hydra/config.yaml of a Hydra run, and other YAML with `_target_`"
    reads = "every setting of a run as a hyper-parameter; overrides.yaml and hydra.yaml by name only; of others what they call"
    limits = "YAML 2 MB, 400 settings, 4 levels"
    signs = Signs(suffixes=(".yaml", ".yml"))

    def claims(self, key: str, head: bytes) -> Claim | None:
        """The directory decides; anywhere else a key that has something called."""
        if not _YAML.search(key):  # as nearly every file
            return None
        if b"_target_" in head and not _CONFIG.search(key):
            return Claim(format="hydra", role=Role.AUXILIARY, confidence=42)
        if _CONFIG.search(key):
            return Claim(format="hydra", role=Role.RUN, confidence=85)
        return Claim(format="hydra", role=Role.AUXILIARY, confidence=85) if _OTHER.search(key) else None

    def extract(self, reader: RangedReader) -> Extraction:
        composed = _CONFIG.search(str(reader.key)) is not None
        role = Role.RUN if composed else Role.AUXILIARY
        findings = Findings(reader, self, format=None, role=role, origin=Origin.RUN)
        if not composed and _OTHER.search(str(reader.key)):
            return findings.extraction()
        try:
            config = yamls.json_value(yamls.read(reader))
        except ExtractError:
            if composed:
                raise
            return findings.extraction()  # a template of a configuration is nobody's
        if config is None:
            return findings.extraction()
        if not composed:
            tell_targets(findings, config)
            return findings.extraction()
        if not isinstance(config, Mapping):
            raise Malformed("the configuration is not a list of keys")
        tell_targets(findings, config)
        properties.tell_settings(findings, config, kind="yaml")
        return findings.extraction()
