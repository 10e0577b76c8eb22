"""Licence texts: which licence it is, told from its words."""

from __future__ import annotations

from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.licence_text import LicenceTextExtractor

MIT = (
    "MIT License\n\nCopyright (c) 2024 Somebody\n\nPermission is hereby granted, free of charge, to any person obtaining "
    "a copy of this software, to deal in the Software without restriction, including …"
)


class TestLicenceText(ExtractorSuite):
    extractor = LicenceTextExtractor
    expected = {"license": "mit"}

    def sample(self):
        return Sample(key="model/LICENSE", data=MIT.encode())
