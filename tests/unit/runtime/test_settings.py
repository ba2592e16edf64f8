"""Settings: environment over file over defaults, and sentences that name what cannot be used."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from maestro_services.runtime.server_settings import ServerSettings
from maestro_services.runtime.settings import SettingsError, load


@dataclass(frozen=True)
class Settings:
    """A section with a field of every kind."""

    name: str = "default"
    count: int = 1
    seconds: float = 1.5
    enabled: bool = False
    hosts: tuple[str, ...] = ()
    folder: Path | None = None


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "maestro.toml"
    path.write_text('[test]\nname = "file"\ncount = 2\nenabled = true\nhosts = ["a", "b"]\n[other]\nx = 1\n')
    return path


def test_defaults_hold_where_nothing_is_said():
    assert load(Settings, "test", {}) == Settings()


def test_the_file_wins_over_defaults_and_the_environment_over_the_file(file):
    environ = {"MAESTRO_TEST_COUNT": "3", "MAESTRO_TEST_FOLDER": "/x", "MAESTRO_OTHER_COUNT": "4", "PATH": "/bin"}
    expected = Settings(name="file", count=3, enabled=True, hosts=("a", "b"), folder=Path("/x"))
    assert load(Settings, "test", environ, file) == expected


def test_the_environment_names_the_file(file):
    assert load(Settings, "test", {"MAESTRO_CONFIG": str(file)}).name == "file"


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("TRUE", True), ("on", True), ("0", False), ("no", False), ("off", False)]
)
def test_switches_take_the_usual_words(text, value):
    assert load(Settings, "test", {"MAESTRO_TEST_ENABLED": text}).enabled is value


def test_lists_are_separated_by_commas():
    assert load(Settings, "test", {"MAESTRO_TEST_HOSTS": "a, b,,c"}).hosts == ("a", "b", "c")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("NAMEE", "x", "MAESTRO_TEST_NAMEE is not a setting; there are count, enabled"),
        ("COUNT", "many", "MAESTRO_TEST_COUNT must be int, not 'many'"),
        ("SECONDS", "", "MAESTRO_TEST_SECONDS must be float, not ''"),
        ("ENABLED", "maybe", "MAESTRO_TEST_ENABLED must be bool, not 'maybe'"),
    ],
)
def test_an_unknown_or_bad_value_is_named(name, value, sentence):
    with pytest.raises(SettingsError, match=r"^MAESTRO_TEST") as caught:
        load(Settings, "test", {f"MAESTRO_TEST_{name}": value})
    assert sentence in str(caught.value)


@pytest.mark.parametrize("text", ["[test\n", "test = 1\n", "[test]\nnothing = 1\n", '[test]\ncount = "x"\n'])
def test_a_bad_file_is_named(tmp_path, text):
    file = tmp_path / "maestro.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"maestro\.toml"):
        load(Settings, "test", {}, file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"none\.toml cannot be read"):
        load(Settings, "test", {"MAESTRO_CONFIG": str(tmp_path / "none.toml")})


@pytest.mark.parametrize(
    "settings",
    [
        {"address": "nowhere"},
        {"address": "host:http"},
        {"tls_certificate_file": "x"},
        {"require_client_certificate": True},
    ],
    ids=lambda settings: next(iter(settings)) + str(settings)[-8:],
)
def test_server_settings_that_could_not_serve_are_refused(settings):
    with pytest.raises(SettingsError, match=r"^server\."):
        ServerSettings(**settings)


def test_a_certificate_that_cannot_be_read_is_named():
    settings = ServerSettings(tls_certificate_file="/none.pem", tls_private_key_file="/none.key")
    with pytest.raises(SettingsError, match=r"/none\.\w+ cannot be read"):
        settings.server_credentials()


def test_a_token_file_that_others_may_read_ends_the_start_with_a_sentence(tmp_path):
    (tmp_path / "token").write_text("x")
    (tmp_path / "token").chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        ServerSettings().administrator_token(tmp_path)
