"""docs/extending.md, done: its package is put where Python finds packages, and crawled, shown and tested with."""

import tomllib

import pytest

VECTORS = b"2 3\nking 0.1 0.2 0.3\nqueen 0.1 0.3 0.2\n"


def install_guide(environment, guide):
    project = tomllib.loads(guide["pyproject.toml"])["project"]
    ((group, points),) = project["entry-points"].items()
    ((plugin, target),) = points.items()
    module, _, attribute = target.partition(":")
    environment.install(project["name"], module, guide[f"{module}.py"], group, plugin, attribute)


def test_a_package_with_one_class_and_one_line_adds_a_format_to_files_that_were_crawled_before(
    environment, guide
):
    (environment.models / "words.emb").write_bytes(VECTORS)
    environment.crawl()
    assert environment.models_listed() == []
    install_guide(environment, guide)
    done = environment.crawl()
    assert (done.returncode, done.stdout[:15]) == (0, "1 model: 1 new,"), done.stderr
    (model,) = environment.models_listed()
    assert model["format"] == ["word_vectors"]
    assert (model["embedding_dimension"], model["parameters"], model["parameters_source"]) == (
        3,
        6,
        "counted",
    )
    assert model["extra"]["words"] == 2


def test_the_guides_own_tests_pass(environment, guide, tmp_path):
    install_guide(environment, guide)
    (tmp_path / "test_word_vectors.py").write_text(guide["test_word_vectors.py"])
    done = environment.python(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_word_vectors.py", cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert " passed" in done.stdout


DUO = '''"""Weights in x.duo, or numbered from 1of2 on, and an index of them in x.duo.idx."""

from catalog.records import Origin, Role, TensorInfo
from crawler.extractor import Claim, Findings
from crawler.formats import tensors
from crawler.promises import Promise


class Duo:
    name, version, description, reads, limits = "duo", 1, "Duo weights", "values", "none"
    promises = Promise(
        formats={".duo": "duo"},
        endings=(".duo.idx",),
        shards=(r"(?P<stem>.+)-(?P<number>\\d)of(?P<total>\\d)\\.duo",),
    )

    def claims(self, key, head):
        if head.startswith(b"DUO1"):
            return Claim(format="duo", role=Role.WEIGHTS, confidence=100)
        return Claim(format="duo", role=Role.INDEX, confidence=100) if head.startswith(b"IDX1") else None

    def extract(self, reader):
        index = reader.head(4) == b"IDX1"
        role = Role.INDEX if index else Role.WEIGHTS
        findings = Findings(reader, self, format="duo", role=role, origin=Origin.EMBEDDED)
        if index:
            findings.say("version", "7", "idx:")
        else:
            size = reader.size_bytes - 4
            weights = TensorInfo(name=reader.key, dtype="I8", shape=(size,), elements=size)
            findings.tensors = tensors.summarise([weights])
        return findings.extraction()
'''


def test_a_new_suffix_with_several_files_for_a_model_is_one_class_and_one_line(environment):
    """Grouping had a list of suffixes and of shard patterns, which a stranger's package could not add to."""
    environment.install("duo-format", "duo_format", DUO, plugin="duo", attribute="Duo")
    for name, data in {
        "bert.duo": b"DUO1aaaa",
        "bert.duo.idx": b"IDX1",
        "gpt-1of2.duo": b"DUO1aaaaaa",
        "gpt-2of2.duo": b"DUO1bbbbbb",
        "gpt.duo.idx": b"IDX1",
        "torn.duo": b"neither of the two",
    }.items():
        (environment.models / name).write_bytes(data)
    done = environment.crawl()
    assert done.stdout.startswith("3 models: 3 new,"), done.stderr
    models = {model["name"]: model for model in environment.models_listed()}
    assert {
        name: (model["version"], len(model["files"])) for name, model in models.items() if name != "torn"
    } == {
        "bert": ("7", 2),
        "gpt": ("7", 3),
    }
    assert (models["torn"]["status"], models["torn"]["format"]) == ("unreadable", ["duo"])


CLAIMS = """from crawler.extractor import Claim

class Broken:
    name, version, description, reads, limits = 'broken', 1, '', '', ''
    def claims(self, key, head):
        return {}
"""
BROKEN = {
    "module": "raise RuntimeError('needs a licence key')\nclass Broken: ...\n",
    "syntax": "class Broken(:\n",
    "constructor": "class Broken:\n    def __init__(self, key): ...\n",
    "exit": "raise SystemExit(3)\n",
    "name": "class Broken:\n    name, version = None, 1\n",
    "name of another": "class Broken:\n    name, version = 'safetensors', 1\n",
    "version": "class Broken:\n    name, version = 'broken', '1'\n",
    "claims": CLAIMS.format("head[9_999]"),
    "claim of text": CLAIMS.format("'yes'"),
    "claim of all": CLAIMS.format("Claim(format='x', role='weights', confidence=10**9)"),
    "claim that exits": CLAIMS.format("exit(3)"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_strangers_plug_in_that_breaks_costs_its_own_format_alone(environment, guide, fault):
    """An extractor that raised over a name made every file of the catalog unreadable."""
    install_guide(environment, guide)
    environment.install(
        "broken-plug-in", "broken_plug_in", BROKEN[fault], plugin="broken", attribute="Broken"
    )
    (environment.models / "words.emb").write_bytes(VECTORS)
    done = environment.crawl()
    assert (done.returncode, done.stdout[:15]) == (1, "1 model: 1 new,"), done.stderr
    assert "The extractor 'broken' cannot be used: " in done.stderr
    assert "Traceback" not in done.stderr
    (model,) = environment.models_listed()
    assert model["status"] == "ok"


HOSTILE = '''"""What its file says is what it returns."""

from dataclasses import replace

from catalog.records import Origin, Role
from crawler.extractor import Claim, Findings


class Hostile:
    name, version, description, reads, limits = "hostile", 1, "", "", ""

    def claims(self, key, head):
        return Claim(format="hostile", role=Role.WEIGHTS, confidence=100) if key.endswith(".hostile") else None

    def extract(self, reader):
        findings = Findings(reader, self, format="hostile", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        whole = findings.extraction()
        return eval(reader.head().decode())
'''

RETURNED = {
    "none": ("None", "extractor hostile: returned None where an Extraction was promised"),
    "list": (
        "replace(whole, observations=None)",
        "extractor hostile: returned None as observations where a list of observations was promised",
    ),
    "exit": ("exit(3)", "RuntimeError: SystemExit: 3"),
    "error": (
        "type('Bad', (Exception,), {'__str__': lambda self: 1})().args[0]",
        "IndexError: tuple index out of range",
    ),
    "good": ("whole", ""),
}


def test_what_a_stranger_returns_wrongly_is_the_problem_of_its_file_and_the_crawl_goes_on(environment):
    """A list that was None ended the crawl of all files with a traceback; `exit` ended it without a word."""
    environment.install("hostile", "hostile", HOSTILE, plugin="hostile", attribute="Hostile")
    for name, (code, _) in RETURNED.items():
        (environment.models / f"{name}.hostile").write_text(code)
    done = environment.crawl()
    assert (done.returncode, done.stdout) == (
        1,
        "5 models: 5 new, 0 changed, 0 unchanged; 4 files could not be read.\n",
    )
    for name, (_, sentence) in RETURNED.items():
        assert (f"  {name}.hostile: {sentence}\n" in done.stderr) is bool(sentence), done.stderr
    assert "Traceback" not in done.stderr


def test_a_stranger_replaces_none_of_our_own(environment):
    environment.install("thief", "thief", "raise SystemExit\n", plugin="safetensors", attribute="Thief")
    program = "from catalog import plugins; print(plugins.load('extractor', 'safetensors').__module__)"
    assert environment.python("-c", program).stdout == "crawler.extractors.safetensors\n"
