"""Settings: where they come from, and the sentence for every one that is no good."""

import json
import subprocess
import sys
from dataclasses import fields

import pytest
from fixtures.warm_python import warm_python

from catalog.errors import UserError
from catalog.settings import load_settings
from catalog.settings.registry import every_section
from crawler.settings import FileSettings
from webui.settings import ServerSettings


def test_a_setting_comes_from_the_environment_else_from_the_file_else_is_its_default(tmp_path):
    (tmp_path / "modeldex.toml").write_text('port = 81\nfile_seconds = 2\nhost = "::1"\n')
    settings = load_settings(str(tmp_path), {"MODELDEX_PORT": "82"})
    server, file = settings.section(ServerSettings), settings.section(FileSettings)
    assert (server.port, file.seconds, server.host, settings.engine) == (82, 2.0, "::1", "tantivy")


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"MODELDEX_PROT": "80"}, "Unknown setting 'MODELDEX_PROT'. Did you mean 'MODELDEX_PORT'?"),
        ({"MODELDEX_PORT": "abc"}, "Setting 'MODELDEX_PORT' must be a whole number, not 'abc'."),
        (
            {"MODELDEX_PORT": "-4"},
            "Setting 'MODELDEX_PORT' must be a whole number from 0 to 65,535, not '-4'.",
        ),
        ({"MODELDEX_PORT": "1e3"}, "Setting 'MODELDEX_PORT' must be a whole number, not '1e3'."),
        (
            {"MODELDEX_FILE_SECONDS": "nan"},
            "Setting 'MODELDEX_FILE_SECONDS' must be a number from 0.001, not 'nan'.",
        ),
        (
            {"MODELDEX_FILE_SECONDS": "inf"},
            "Setting 'MODELDEX_FILE_SECONDS' must be a number from 0.001, not 'inf'.",
        ),
        (
            {"MODELDEX_FILE_BYTES": "0"},
            "Setting 'MODELDEX_FILE_BYTES' must be a whole number from 1, not '0'.",
        ),
        ({"MODELDEX_ENGINE": "solr"}, "There is no search engine 'solr'. Known are: elasticsearch, tantivy."),
    ],
)
def test_a_bad_value_is_one_sentence_that_names_the_setting(tmp_path, environment, sentence):
    with pytest.raises(UserError) as caught:
        load_settings(str(tmp_path), environment)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("port = true", "Setting 'port' must be a whole number, not True."),
        ("port = 80.5", "Setting 'port' must be a whole number, not 80.5."),
        ("host = 1", "Setting 'host' must be text, not 1."),
        ('api_keys = ["hidden"]', "Setting 'api_keys' must be text, not ***."),
        ("[engine]\nname = 'x'", "Setting 'engine' must be text, not {'name': 'x'}."),
        ("port = ", "modeldex.toml cannot be read: Invalid value"),
    ],
)
def test_a_bad_file_is_one_sentence_and_prints_no_secret(tmp_path, text, sentence):
    (tmp_path / "modeldex.toml").write_text(text)
    with pytest.raises(UserError) as caught:
        load_settings(str(tmp_path), {})
    assert sentence in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("home", ["~no-such-user-here/x", "file/below"])
def test_a_home_that_cannot_be_is_one_sentence_with_the_way_out(tmp_path, monkeypatch, home):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="modeldex --home FOLDER"):
        load_settings(home, {})


def test_every_default_is_within_its_own_bounds(tmp_path):
    numbers = {
        f"MODELDEX_{section.SECTION.upper()}_{row.name.upper()}": str(row.default)
        for section in every_section()
        for row in fields(section)
        if isinstance(row.default, int | float)
    }
    assert load_settings(str(tmp_path), numbers) == load_settings(str(tmp_path), {})


def test_a_section_in_the_file_and_its_name_in_the_environment_mean_the_same_setting(tmp_path):
    (tmp_path / "modeldex.toml").write_text(
        '[server]\nport = 81\nhost = "::1"\n[search]\nengine = "tantivy"\n'
    )
    settings = load_settings(str(tmp_path), {"MODELDEX_SERVER_PORT": "82"})
    server = settings.section(ServerSettings)
    assert (server.port, server.host, settings.engine) == (82, "::1", "tantivy")
    origins = [settings.origin("server", name) for name in ("port", "host")]
    assert origins == ["MODELDEX_SERVER_PORT", "modeldex.toml"]
    assert settings.origin("file", "bytes") == "default"


FORMER = {
    "engine": ("search", "engine"),
    "host": ("server", "host"),
    "port": ("server", "port"),
    "database_url": ("database", "url"),
    "elasticsearch_api_key": ("elasticsearch", "api_key"),
    "api_requests_per_minute": ("api", "requests_per_minute"),
    "file_seconds": ("file", "seconds"),
}


@pytest.mark.parametrize(("former", "place"), FORMER.items(), ids=FORMER)
def test_every_kind_of_name_of_before_there_were_sections_means_the_same(tmp_path, former, place):
    text = {"port": "81", "engine": "tantivy", "file_seconds": "3", "api_requests_per_minute": "7"}.get(
        former, "x"
    )
    (tmp_path / "modeldex.toml").write_text(f"{former} = {text if text.isdigit() else repr(text)}\n")
    in_file = load_settings(str(tmp_path), {})
    (tmp_path / "modeldex.toml").unlink()
    in_environment = load_settings(str(tmp_path), {f"MODELDEX_{former.upper()}": text})
    now = load_settings(str(tmp_path), {f"MODELDEX_{'_'.join(place).upper()}": text})
    assert in_file == in_environment == now
    assert in_file.origin(*place) == "modeldex.toml"


@pytest.mark.parametrize(
    ("text", "environment", "sentence"),
    [
        (
            "port = 80\n[server]\nport = 81",
            {},
            "'port' and 'server.port' are one setting, and both are given with different values. Keep one of them.",
        ),
        (
            "",
            {"MODELDEX_PORT": "80", "MODELDEX_SERVER_PORT": "81"},
            "'MODELDEX_PORT' and 'MODELDEX_SERVER_PORT' are one setting, and both are given with different values. Keep one of them.",
        ),
        ("[server]\nprot = 80", {}, "Unknown setting 'server.prot'. Did you mean 'server.port'?"),
        ("[server]\nport = -1", {}, "Setting 'server.port' must be a whole number from 0 to 65,535, not -1."),
        (
            "[sever]\nport = 80",
            {},
            "Unknown section [sever] in modeldex.toml: no installed package declares it. Did you mean [server]?",
        ),
        (
            "[gcs]\nendpoint_url = 'x'",
            {},
            (
                "Unknown section [gcs] in modeldex.toml: no installed package declares it. Known are [access], [api], "
                "[cache], [database], [elasticsearch], [encryption], [events], [file], [hive], [joins], [log], [mongodb], "
                "[openlineage], [s3], [search], [server], [webhooks], [worker]."
            ),
        ),
        (
            "",
            {"MODELDEX_GCS_ENDPOINT_URL": "x"},
            "Unknown setting 'MODELDEX_GCS_ENDPOINT_URL'. No installed package declares it.",
        ),
        (
            "",
            {"MODELDEX_FILE_BITES": "1"},
            "Unknown setting 'MODELDEX_FILE_BITES'. Did you mean 'MODELDEX_FILE_BYTES'?",
        ),
        ("[database]\nurl = ['hidden']", {}, "Setting 'database.url' must be text, not ***."),
    ],
)
def test_what_a_section_cannot_mean_is_one_sentence(tmp_path, text, environment, sentence):
    (tmp_path / "modeldex.toml").write_text(text)
    with pytest.raises(UserError) as caught:
        load_settings(str(tmp_path), environment)
    assert str(caught.value) == sentence


def test_two_names_with_one_value_agree_and_the_environment_wins_over_the_file_under_any_name(tmp_path):
    (tmp_path / "modeldex.toml").write_text("port = 80\n[server]\nport = 80\n")
    assert load_settings(str(tmp_path), {}).section(ServerSettings).port == 80
    assert load_settings(str(tmp_path), {"MODELDEX_PORT": "81"}).section(ServerSettings).port == 81


def test_a_section_where_a_value_belongs_is_told_how_it_is_written(tmp_path):
    (tmp_path / "modeldex.toml").write_text("server = 80\n")
    with pytest.raises(UserError, match=r"is a section. Write its settings below \[server\]"):
        load_settings(str(tmp_path), {})


def test_a_search_with_no_settings_imports_no_owner_of_a_section(tmp_path):
    code = (
        "import sys; from catalog.settings import load_settings; load_settings({home!r}, {{}});"
        "print([name for name in ('crawler.settings', 'webui.settings', 'indexer.settings') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code.format(home=str(tmp_path))], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def settings_listed(home, environment):
    done = subprocess.run(
        [*warm_python(), "-m", "catalog", "--home", home, "settings", "--json"],
        env={"PATH": "", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return {row["setting"]: row for row in json.loads(done.stdout)}, done.stdout


def test_the_command_tells_every_setting_with_its_origin_and_no_secret(tmp_path):
    (tmp_path / "modeldex.toml").write_text("[server]\nport = 81\n")
    rows, text = settings_listed(
        tmp_path,
        {
            "MODELDEX_API_KEYS": "hidden",
            "MODELDEX_ELASTICSEARCH_URL": "https://elastic:hidden@search.example:9200",
        },
    )
    assert rows.keys() == {"home"} | {
        f"{section.SECTION}.{row.name}" for section in every_section() for row in fields(section)
    }
    assert (rows["server.port"]["value"], rows["server.port"]["origin"]) == (81, "modeldex.toml")
    assert (rows["api.keys"]["value"], rows["api.keys"]["origin"]) == ("***", "MODELDEX_API_KEYS")
    assert rows["elasticsearch.url"]["value"] == "https://***@search.example:9200"
    assert rows["home"]["origin"] == "--home"
    assert rows["file.bytes"]["environment"] == "MODELDEX_FILE_BYTES"
    assert "hidden" not in text
