"""Licences as people write them come to one identifier, or stay as they are."""

from __future__ import annotations

import pytest
from fixtures.patience import processor_within

from catalog.text.licences import atoms, kind, licence, of_address, of_text, typed
from mappings.licences import licences

ONE_LICENCE = {
    "agpl-3.0": (
        "AGPL-3.0 License (https://ultralytics.com/license)",
        "AGPL-3.0 https://ultralytics.com/license",
        "Ultralytics AGPL-3.0 License",
        "GNU Affero General Public License v3.0",
        "https://www.gnu.org/licenses/agpl-3.0.en.html",
        "AGPLv3",
        "AGPL-3.0-only",
        "GNU AGPLv3 (see COPYING)",
    ),
    "gpl-3.0": (
        "GNU General Public License v3.0",
        "GNU General Public License v3 (GPLv3)",
        "GPL-3.0 license",
        "GNU GENERAL PUBLIC LICENSE Version 3, 29 June 2007",
        "GPLv3",
        "gpl 3",
    ),
    "gpl-3.0-or-later": (
        "GPL (>= 3)",
        "GPL-3.0+",
        "GPLv3+",
        "GNU GPL v3 or later",
        "gpl-3.0 or any later version",
    ),
    "gpl-2.0-or-later": ("GNU General Public License v2 or later (GPLv2+)",),
    "lgpl-3.0": ("LGPLv3", "GNU Lesser General Public License v3"),
    "lgpl-2.1": ("GNU Lesser General Public License v2.1",),
    "apache-2.0": (
        "Apache-2.0 License",
        "Apache License (2.0)",
        "Apache License, Version 2.0",
        'Apache License, Version 2.0 (the "License")',
        "http://www.apache.org/licenses/LICENSE-2.0",
        "The Apache Software License, Version 2.0",
        "Licensed under the Apache License, Version 2.0",
        "This model is licensed under the Apache 2.0 license.",
        "Apache 2.0 License, Copyright 2023 Acme",
        "License :: OSI Approved :: Apache Software License",
    ),
    "mit": (
        "The MIT License (MIT)",
        "MIT License",
        "MIT, see LICENSE",
        "MIT License - see LICENSE for details",
        "(c) 2023 Acme. MIT License",
        "https://opensource.org/licenses/MIT",
        "https://opensource.org/license/mit/",
        "https://spdx.org/licenses/MIT.html",
        "MIT/X11",
        "MIT License (https://github.com/acme/net/blob/main/LICENSE)",
    ),
    "bsd-3-clause": ("BSD 3-Clause License", 'BSD 3-Clause "New" or "Revised" License', "new BSD"),
    "bsd-2-clause": ("Simplified BSD", "2-clause BSD license"),
    "cc-by-4.0": (
        "CC BY 4.0 DEED",
        "CC BY 4.0 Legal Code",
        "Creative Commons Attribution 4.0 International",
        "Attribution 4.0 International (CC BY 4.0)",
        "cc-by-4",
    ),
    "cc-by-nc-4.0": (
        "Creative Commons Attribution Non Commercial 4.0",
        "CC-BY-NC-4.0 license",
        "https://creativecommons.org/licenses/by-nc/4.0/",
        "This model is licensed under the CC BY-NC 4.0 license for non-commercial use",
    ),
    "cc-by-nc-sa-4.0": ("CC BY-NC-SA 4.0", "Attribution-NonCommercial-ShareAlike 4.0 International"),
    "cc-by-nc-nd-4.0": ("CC BY-NC-ND 4.0 (https://creativecommons.org/licenses/by-nc-nd/4.0/)",),
    "cc-by-sa-3.0": ("CC-BY-SA 3.0 Unported",),
    "cc-by-sa": ("CC BY-SA",),  # no version is made up
    "cc0-1.0": (
        "CC0",
        "Creative Commons Zero v1.0 Universal",
        "https://creativecommons.org/publicdomain/zero/1.0/",
    ),
    "creativeml-openrail-m": ("CreativeML Open RAIL-M", "CreativeML OpenRAIL-M License"),
    "openrail++": ("CreativeML Open RAIL++-M", "openrail++"),
    "bigscience-openrail-m": ("BigScience OpenRAIL-M",),
    "bigscience-bloom-rail-1.0": ("BigScience RAIL License v1.0",),
    "llama3.1": ("Llama 3.1 Community License", "llama-3.1", "https://llama.meta.com/llama3_1/license/"),
    "llama2": ("LLAMA 2 COMMUNITY LICENSE AGREEMENT",),
    "gemma": ("Gemma Terms of Use", "https://ai.google.dev/gemma/terms"),
    "faipl-1.0-sd": ("Fair AI Public License 1.0-SD",),
    "nvidia-open-model-license": ("LicenseRef-NVIDIA-Open-Model-License",),
    "mit OR apache-2.0": (
        "MIT OR Apache-2.0",
        "MIT or Apache 2.0",
        "mit/apache-2.0",
        "dual MIT/Apache-2.0",
        "Dual licensed under MIT and Apache 2.0",
        "dual-licensed: MIT, Apache-2.0",
    ),
    "agpl": ("GNU Affero GPL", "Affero GPL"),
    "apache-2.0 AND cc-by-nc-4.0": ("Apache 2.0 (code), CC-BY-NC 4.0 (weights)",),
    "(mit OR apache-2.0) AND cc-by-4.0": ("(MIT OR Apache-2.0) AND CC-BY-4.0",),
    "apache-2.0 WITH llvm-exception": ("Apache-2.0 WITH LLVM-exception",),
    "agpl-3.0 OR proprietary": ("AGPL-3.0 or Enterprise", "AGPL-3.0 OR Enterprise"),
    "epl-2.0": ("EPL-2.0",),
    "ogl-uk-3.0": ("OGL-UK-3.0",),
    "modified-mit": ("Modified MIT License", "modified-mit"),
}


@pytest.mark.parametrize(
    ("text", "expected"), [(text, name) for name, texts in ONE_LICENCE.items() for text in texts]
)
def test_every_way_to_write_a_licence_is_its_identifier(text: str, expected: str) -> None:
    assert licence(text)[:2] == (expected, True)
    assert typed(text) == expected or "://" in text, "what people type means what files say"
    assert licence(expected).id == expected, "an identifier is itself"


@pytest.mark.parametrize(
    "text",
    [
        "my own licence", "((((", "BSD-style", "apache 2.0 + Commons Clause", "Apache 2.0, non-commercial",
        "MIT for code, CC-BY-NC-4.0 for weights", "Weights are CC BY-NC 4.0, code is MIT", "see LICENSE", "Research only",
        "https://huggingface.co/acme/net/blob/main/LICENSE", "code: MIT License, model: Llama 3.1 Community License",
    ],
)  # fmt: skip
def test_what_names_no_single_licence_stays_as_it_is_written(text: str) -> None:
    assert licence(text) == (text, False, ())


def test_an_address_of_another_licence_contradicts_the_name() -> None:
    reading = licence("Apache-2.0 (https://opensource.org/licenses/MIT)")
    assert (reading.id, reading.rivals) == ("apache-2.0", ("mit",))


MIT_TEXT = """MIT License

Copyright (c) 2024 Acme

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including …
"""


def test_a_whole_text_is_the_licence_that_begins_first_in_it() -> None:
    assert licence(MIT_TEXT).id == "mit"
    gpl = "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n… use with the GNU Affero General Public License …"
    assert of_text(gpl) == "gpl-3.0"
    assert (
        of_text("Creative Commons Attribution-NonCommercial 4.0 International Public License")
        == "cc-by-nc-4.0"
    )
    assert of_text("All that glitters is ours.") is None


def test_an_address_is_read_by_its_longest_known_beginning() -> None:
    assert of_address("https://www.llama.com/llama3_2/license/") == "llama3.2"
    assert of_address("https://example.org/licenses/MIT") is None


def test_single_licences_of_an_expression() -> None:
    assert atoms("(mit OR apache-2.0) AND cc-by-4.0") == ("mit", "apache-2.0", "cc-by-4.0")
    assert atoms("apache-2.0 WITH llvm-exception") == ("apache-2.0",)


def test_no_two_licences_share_a_spelling() -> None:
    spelled = [(name, row.id) for row in licences().values() for name in (row.id, *row.names)]
    assert [(name, id_, licence(name).id) for name, id_ in spelled if licence(name).id != id_] == []


@pytest.mark.parametrize(
    "text", ["(" * 50_000, "licensed under the " * 5_000, "a or b, " * 20_000, "mit " * 40, ">=" * 90]
)
def test_hostile_text_is_read_in_no_time(text: str) -> None:
    with processor_within(5):
        licence(text)


@pytest.mark.parametrize(
    ("identifier", "asked"),
    [
        ("mit", "permissive"),
        ("mit OR gpl-3.0", "permissive"),
        ("mit AND gpl-3.0", "copyleft"),
        ("gpl-2.0-or-later", "copyleft"),
        ("cc-by-4.0", "permissive"),
        ("cc-by-sa-4.0", "copyleft"),
        ("cc-by-nc-sa-4.0", "non-commercial"),
        ("cc-by-nd-4.0", "custom"),
        ("mit AND llama2", "custom"),
        ("llama3.1", "custom"),
        ("something of our own", "custom"),
    ],
)
def test_a_licence_is_of_the_kind_of_what_it_asks(identifier, asked):
    assert kind(identifier) == asked
