"""The storage of docs/extending.md, done: registered by an entry point, crawled by its scheme, held to the suite."""

import dataclasses
import importlib.util
import shutil
import sys
import zipfile
from datetime import datetime, timedelta, timezone

import pytest
from fixtures.crawling import safetensors
from fixtures.strangers import FILE, GUIDE

from catalog.errors import PluginUnavailable
from catalog.records import ObjectMeta
from catalog.settings import Settings
from catalog.store import open_store
from catalog.testing.sources import ODD_KEYS, SourceSuite
from crawler.crawl import crawl
from crawler.selection import Selection, selected
from crawler.source import Listed


def install(environment, source, scheme="zip", attribute="ZipSource"):
    environment.install(
        "modeldex-zip", "modeldex_zip", source, "modeldex.sources", plugin=scheme, attribute=attribute
    )


def write(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "models.zip"
    write(path, {"a/one.safetensors": safetensors(), "two.safetensors": safetensors(values=8)})
    return path


def test_the_scheme_of_an_address_chooses_the_source(environment, guide, archive):
    install(environment, guide["modeldex_zip.py"])
    done = environment.crawl(f"ZIP://{archive}")
    assert (done.returncode, done.stdout) == (0, "2 models: 2 new, 0 changed, 0 unchanged.\n"), done.stderr
    uris = {model["uri"] for model in environment.models_listed()}
    assert uris == {f"zip://{archive}#two.safetensors", f"zip://{archive}#a/one.safetensors"}
    write(archive, {"two.safetensors": safetensors(values=8)})
    assert "1 unchanged, 1 missing" in environment.crawl(f"zip://{archive}").stdout
    done = environment.modeldex("forget", f"zip://{archive}", "--apply")
    assert "2 models" in done.stdout, done.stderr
    assert environment.models_listed() == []


def test_what_a_strangers_source_refuses_is_one_sentence(environment, guide, tmp_path):
    install(environment, guide["modeldex_zip.py"])
    done = environment.crawl(f"zip://{tmp_path}/absent.zip")
    assert (done.returncode, done.stderr) == (2, f"modeldex: {tmp_path}/absent.zip is no zip archive.\n")


def test_an_unknown_scheme_is_refused_with_the_known_ones(environment, guide):
    install(environment, guide["modeldex_zip.py"])
    done = environment.crawl("zib:///models.zip")
    sentence = (
        "There is no source for zib:// addresses. Known are file://, git+file://, mlflow+http://, mlflow+https://, s3://,"
        " tione://, zip:// and paths of this machine."
    )
    assert (done.returncode, done.stderr) == (2, f"modeldex: {sentence}\n")


@pytest.mark.parametrize("verb", ["crawl", "serve", "worker"])
def test_an_address_with_a_password_is_refused_in_one_sentence_that_keeps_it(environment, verb):
    done = environment.modeldex(verb, "s3://key:secret@bucket/models")
    assert done.returncode == 2
    assert done.stderr.startswith("modeldex: ")
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


def test_a_package_may_bring_what_is_not_supported_yet(environment, guide, archive):
    install(environment, guide["modeldex_zip.py"], scheme="swift")
    assert environment.crawl(f"swift://{archive}").stdout.startswith("2 models")


def test_our_own_scheme_cannot_be_replaced(environment):
    (environment.models / "a.safetensors").write_bytes(safetensors())
    install(environment, "raise SystemExit\n", scheme="file")
    assert environment.crawl(f"file://{environment.models}").stdout.startswith("1 model:")


BROKEN = {
    "module": "raise RuntimeError('needs a licence key')\n",
    "constructor": "class ZipSource:\n    def __init__(self, address): ...\n",
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_strangers_source_that_cannot_be_made_is_one_sentence(environment, fault):
    install(environment, BROKEN[fault])
    done = environment.crawl("zip:///models.zip")
    assert done.returncode == 1
    assert done.stderr.startswith("modeldex: The source 'zip' cannot be used: ")
    assert done.stderr.count("\n") == 1


def test_an_error_of_the_storages_own_loses_no_model_and_is_read_again(environment, guide, archive):
    """An exception that is not Modeldex's was taken for the file's fault, for ever; in a listing it was a traceback."""
    broken = guide["modeldex_zip.py"].replace("member.seek(start)", "raise RuntimeError('503 slow down')")
    install(environment, broken)
    done = environment.crawl(f"zip://{archive}")
    assert done.returncode == 1
    assert "two.safetensors: cannot be read: RuntimeError: 503 slow down" in done.stderr
    (environment.packages / "modeldex_zip.py").write_text(guide["modeldex_zip.py"])
    shutil.rmtree(environment.packages / "__pycache__", ignore_errors=True)
    assert environment.crawl(f"zip://{archive}").returncode == 0
    unlistable = guide["modeldex_zip.py"].replace(
        "yield Listed(scope", "raise RuntimeError('503')\n        yield Listed(scope"
    )
    (environment.packages / "modeldex_zip.py").write_text(unlistable)
    shutil.rmtree(environment.packages / "__pycache__", ignore_errors=True)
    done = environment.crawl(f"zip://{archive}")
    assert done.returncode == 1
    assert "the listing broke off: RuntimeError: 503" in done.stderr
    assert {model["status"] for model in environment.models_listed()} == {"ok"}


def test_an_error_of_the_storages_own_while_weights_are_hashed_costs_one_file(environment, guide, archive):
    write(archive, {"big.safetensors": safetensors(values=300_000), "two.safetensors": safetensors()})
    broken = guide["modeldex_zip.py"].replace(
        "member.seek(start)", "member.seek(start if end - start < 1_000_000 else 1 // 0)"
    )
    install(environment, broken)
    done = environment.modeldex("crawl", f"zip://{archive}", "--hash")
    assert (done.returncode, done.stdout[:8]) == (1, "2 models")
    assert "big.safetensors: cannot be read: ZeroDivisionError" in done.stderr


class OddSource:
    """One file, listed and read as it should be, but for what a test puts in place of that."""

    id = uri = "odd:1"

    def meta(self, **changes):
        data = safetensors()
        meta = ObjectMeta(source=self.id, key="net.safetensors", size_bytes=len(data), change_token="1")
        return dataclasses.replace(meta, **changes)

    def list(self):
        yield Listed(scope="", objects=(self.meta(),), complete=True)

    def head(self, key):
        return self.meta(key=key)

    def read(self, meta, start, end):
        return safetensors()[start:end]

    def uri_of(self, key):
        return f"odd:1/{key}"


ODD_STEPS = {
    "no listing": (lambda source: None, "returned None as listing where an Iterable was promised"),
    "no step": (lambda source: [source.meta()], "returned an ObjectMeta where a Listed was promised"),
    "bytes as a key": (
        lambda source: step(source, key=b"a"),
        "returned a bytes as objects[0].key where text was",
    ),
    "size as text": (
        lambda source: step(source, size_bytes="9"),
        "returned a str as objects[0].size_bytes where a",
    ),
    "time without a zone": (
        lambda source: step(source, last_modified=datetime(2024, 1, 1)),  # noqa: DTZ001 - the fault
        "returned a datetime as objects[0].last_modified where a time with its zone was promised",
    ),
    "a time that UTC does not have": (
        lambda source: step(source, last_modified=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))),
        "returned a datetime as objects[0].last_modified where a time of the years from 1 to 9999 was promised",
    ),
    "an exit": (lambda source: sys.exit(3), "RuntimeError: SystemExit: 3"),
    "the end of a generator": (lambda source: ending(GeneratorExit()), "RuntimeError: GeneratorExit"),
    "another source": (
        lambda source: step(source, source="x"),
        "returned 'x' as objects[0].source where 'odd:1'",
    ),
    "an error as text": (
        lambda source: [Listed(scope="", error="503")],
        "returned a str as error where a SourceError was promised",
    ),
}


def ending(error):
    raise error


def step(odd, **changes):
    return [Listed(scope="", objects=(odd.meta(**changes),), complete=True)]


def crawled(source, tmp_path):
    settings = Settings(home=tmp_path / "home")
    with open_store(settings, write=True) as store:
        return crawl(store, source, settings)


@pytest.mark.parametrize("case", ODD_STEPS)
def test_a_listing_that_says_something_else_than_was_promised_broke_off(tmp_path, case):
    """A size as text, a time without a zone and a step that was None went into the store, or ended as a traceback."""
    steps, sentence = ODD_STEPS[case]
    source = type("Odd", (OddSource,), {"list": steps})()
    report = crawled(source, tmp_path)
    assert report.problems[0].startswith(f"odd:1: the listing broke off: {sentence}")


def test_what_is_read_wrongly_is_read_again_and_no_fault_of_the_file(tmp_path):
    """None in place of bytes was the file's own fault, for ever."""
    source = type("Odd", (OddSource,), {"read": lambda self, meta, start, end: None})()
    report = crawled(source, tmp_path)
    assert report.unread == (("net.safetensors", "cannot be read: returned None where bytes was promised"),)


@pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit()], ids=repr)
def test_a_source_that_ends_its_process_while_it_reads_costs_a_file(tmp_path, error):
    """`exit` in a library of the storage ended the crawl without a word, and its workers one after the other."""
    source = type("Odd", (OddSource,), {"read": lambda self, meta, start, end: ending(error)})()
    ((key, sentence),) = crawled(source, tmp_path).unread
    assert (key, sentence[:29]) == ("net.safetensors", "cannot be read: RuntimeError:")


def test_a_strangers_source_seen_through_a_selection_is_a_strangers(tmp_path):
    """What it broke over was one sentence, but a traceback where a person had excluded something."""
    odd = type("Odd", (OddSource,), {"uri_of": lambda self, key: 1 // 0})()
    with pytest.raises(PluginUnavailable, match=r"^The source 'odd:1' cannot be used: ZeroDivisionError: "):
        crawled(selected(odd, Selection(exclude=("*.txt",))), tmp_path)


@pytest.mark.parametrize(
    "changes",
    [{"uri_of": lambda self, key: None}, {"uri_of": lambda self, key: 1 // 0}, {"spent": 5}],
    ids=["no address", "an error", "no numbers"],
)
def test_what_else_a_strangers_source_breaks_over_is_one_sentence(tmp_path, changes):
    with pytest.raises(PluginUnavailable, match=r"^The source 'odd:1' cannot be used: \w+Error: "):
        crawled(type("Odd", (OddSource,), changes)(), tmp_path)


class TestZipSource(SourceSuite):
    odd_keys = tuple(key for key in ODD_KEYS if key.isascii() or key.isprintable())  # names in a zip are text

    @pytest.fixture(autouse=True)
    def _archive(self, tmp_path, monkeypatch):
        source = tmp_path / "modeldex_zip.py"
        source.write_text(dict(FILE.findall(GUIDE.read_text("utf-8")))["modeldex_zip.py"])
        spec = importlib.util.spec_from_file_location("modeldex_zip", source)
        self.module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "modeldex_zip", self.module)
        spec.loader.exec_module(self.module)
        self.folder, self.files = tmp_path, {}

    def fill(self, files):
        self.files |= files
        write(self.folder / "models.zip", self.files)

    def remove(self, key):
        del self.files[key]
        self.fill({})

    def open(self):
        return self.module.ZipSource(f"zip://{self.folder}/models.zip", Settings(home=self.folder / "home"))
