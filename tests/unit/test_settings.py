"""Settings: where they come from, and the sentence for every one that is no good."""

from dataclasses import fields

import pytest

from catalog.errors import UserError
from catalog.settings import Settings, load_settings


def test_a_setting_comes_from_the_environment_else_from_the_file_else_is_its_default(tmp_path):
    (tmp_path / "modeldex.toml").write_text('port = 81\nfile_seconds = 2\nhost = "::1"\n')
    settings = load_settings(str(tmp_path), {"MODELDEX_PORT": "82"})
    assert (settings.port, settings.file_seconds, settings.host, settings.engine) == (
        82,
        2.0,
        "::1",
        "tantivy",
    )


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"MODELDEX_PROT": "80"}, "Unknown setting 'prot'. Did you mean 'port'?"),
        ({"MODELDEX_PORT": "abc"}, "Setting 'port' must be a whole number, not 'abc'."),
        ({"MODELDEX_PORT": "-4"}, "Setting 'port' must be a whole number from 0 to 65,535, not '-4'."),
        ({"MODELDEX_PORT": "1e3"}, "Setting 'port' must be a whole number, not '1e3'."),
        ({"MODELDEX_FILE_SECONDS": "nan"}, "Setting 'file_seconds' must be a number from 0.001, not 'nan'."),
        ({"MODELDEX_FILE_SECONDS": "inf"}, "Setting 'file_seconds' must be a number from 0.001, not 'inf'."),
        ({"MODELDEX_FILE_BYTES": "0"}, "Setting 'file_bytes' must be a whole number from 1, not '0'."),
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
        f"MODELDEX_{row.name.upper()}": str(row.default)
        for row in fields(Settings)
        if isinstance(row.default, int | float)
    }
    assert load_settings(str(tmp_path), numbers) == load_settings(str(tmp_path), {})
