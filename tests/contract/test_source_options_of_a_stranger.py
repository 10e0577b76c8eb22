"""A stranger's source with options and a credential, as docs/extending.md declares them: checked when said, filled when opened."""

import json
import re
import zipfile

import pytest
from fixtures.crawling import safetensors
from fixtures.strangers import GUIDE

OPTIONS = re.search(
    r"```python\n(@dataclass[^`]*?class ZipOptions:.*?)\n\n\nclass ", GUIDE.read_text("utf-8"), re.DOTALL
)
SECRET = "opensesame"


@pytest.fixture
def address(environment, guide):
    """The guide's source, which now lists only one folder and only for who knows the word."""
    source = guide["modeldex_zip.py"]
    source = source.replace(
        "\n\nclass ZipSource:", f"\n\n{OPTIONS[1]}\n\nclass ZipSource:\n    Options = ZipOptions\n"
    )
    source = source.replace("settings: Settings) ->", "settings: Settings, options: ZipOptions) ->")
    source = source.replace(
        "        self.path =",
        f"        if options.password != {SECRET!r}:\n"
        "            raise UserError('Wrong password.')\n"
        "        self.folder = options.folder\n"
        "        self.path =",
    )
    source = source.replace("if not member.is_dir()", "if member.filename.startswith(self.folder)")
    source = source.replace(
        "from catalog.settings import Settings",
        "from dataclasses import dataclass\nfrom catalog.settings import Settings, setting",
    )
    environment.install(
        "modeldex-zip", "modeldex_zip", source, "modeldex.sources", plugin="zip", attribute="ZipSource"
    )
    archive = environment.models / "models.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("nets/a.safetensors", safetensors())
        opened.writestr("nets/old/b.safetensors", safetensors(values=8))
        opened.writestr("other/c.safetensors", safetensors(values=16))
    return f"zip://{archive}"


def add(environment, address, *options):
    return environment.modeldex("sources", "add", address, "--name", "zip", *options)


def listed(environment):
    return json.loads(environment.modeldex("sources", "list", "--json").stdout)


@pytest.mark.parametrize("kind", ["env", "file"])
def test_options_and_a_credential_by_reference_open_the_source(environment, address, kind):
    secret = environment.home.parent / "password"
    secret.write_text(f"{SECRET}\n")
    environment.variables = {"ZIP_PASSWORD": SECRET}
    reference = {"env": "env:ZIP_PASSWORD", "file": f"file:{secret}"}[kind]
    done = add(environment, address, "--option", "folder=nets", "--credential", f"password={reference}",
               "--exclude", "old")  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = environment.modeldex("crawl", "zip", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["models"] == 1
    assert summary["skipped"] == [{"key": "nets/old/b.safetensors", "reason": "excluded by old"}]
    assert environment.crawl(address).stdout == "1 model: 0 new, 0 changed, 1 unchanged.\n"
    assert listed(environment)[0]["credentials"] == {"password": reference}
    exported = environment.modeldex("sources", "export").stdout
    assert reference in exported
    stored = b"".join(path.read_bytes() for path in environment.home.rglob("*") if path.is_file())
    assert SECRET.encode() not in stored
    assert SECRET not in exported


REFUSED = {
    "literal": (["--credential", f"password={SECRET}"], "The credential 'password' must not be written out"),
    "as an option": (["--option", f"password={SECRET}"], "'password' is a credential of zip:// sources, and no option."),
    "unknown option": (["--option", f"foldr={SECRET}"], "have no option 'foldr'. Did you mean 'folder'?"),
    "unknown credential": (["--credential", "pasword=env:X"], "have no credential 'pasword'. Did you mean 'password'?"),
    "no such variable": (["--credential", "password=env:ABSENT_X"], "is env:ABSENT_X, and there is no such variable. Set ABSENT_X."),
    "no such file": (["--credential", "password=file:/nowhere/x"], "is file:/nowhere/x, and that cannot be read: No such file"),
}  # fmt: skip


@pytest.mark.parametrize(("options", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_the_source_does_not_take_is_refused_and_no_secret_is_repeated(
    environment, address, options, sentence
):
    done = add(environment, address, *options)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert SECRET not in done.stderr
    assert listed(environment) == []


def test_a_literal_in_a_file_is_refused_with_the_right_way_and_not_repeated(environment, address):
    file = environment.models / "sources.yaml"
    file.write_text(f"sources:\n  - address: {address}\n    credentials: {{password: {SECRET}}}\n")
    done = environment.modeldex("sources", "apply", str(file))
    assert done.returncode == 2
    assert "The credential 'password' must not be written out: it would be stored in clear." in done.stderr
    assert "env:NAME for a variable, file:PATH for a file" in done.stderr
    assert SECRET not in done.stderr


def test_an_address_that_differs_by_a_slash_is_not_a_second_source(environment, address):
    environment.variables = {"ZIP_PASSWORD": SECRET}
    credential = ["--credential", "password=env:ZIP_PASSWORD"]
    assert add(environment, address, *credential).returncode == 0
    done = environment.modeldex("sources", "add", f"{address}/", *credential)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
