"""Settings: from `VITALKEEP_…` variables only, and fixed once read."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from vitalkeep.base.settings import Settings


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"VITALKEEP_{name.upper()}", raising=False)


def test_without_variables_the_defaults_are_those_of_development() -> None:
    settings = Settings()
    assert settings.database_url is None
    assert settings.keyring_dir == Path(".vitalkeep/keyring")
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.development is False


@pytest.mark.parametrize(
    ("variable", "value", "name", "expected"),
    [
        ("VITALKEEP_DATABASE_URL", "postgresql://h/d", "database_url", "postgresql://h/d"),
        ("VITALKEEP_DATA", "/srv/data", "data", Path("/srv/data")),
        ("VITALKEEP_PG_BINDIR", "/opt/pg/bin", "pg_bindir", Path("/opt/pg/bin")),
        ("VITALKEEP_PUBLIC_URL", "https://keep.example", "public_url", "https://keep.example"),
        ("VITALKEEP_DEVELOPMENT", "true", "development", True),
        ("VITALKEEP_POOL_SIZE", "12", "pool_size", 12),
        ("VITALKEEP_LOG_LEVEL", "error", "log_level", "error"),
        ("VITALKEEP_REFRESH_DAYS", "30", "refresh_days", 30),
    ],
)
def test_a_setting_is_read_from_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, name: str, expected: object
) -> None:
    monkeypatch.setenv(variable, value)
    assert getattr(Settings(), name) == expected


def test_variables_without_the_prefix_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/d")
    monkeypatch.setenv("AUDIENCE", "somebody")
    settings = Settings()
    assert (settings.database_url, settings.audience) == (None, "vitalkeep")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("VITALKEEP_POOL_SIZE", "0"),
        ("VITALKEEP_POOL_SIZE", "many"),
        ("VITALKEEP_REFRESH_DAYS", "0"),
        ("VITALKEEP_LOG_LEVEL", "loud"),
    ],
)
def test_an_impossible_value_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValidationError):
        Settings()


def test_settings_do_not_change_once_read() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.audience = "other"  # type: ignore[misc]


def test_the_keyring_lies_in_the_data_directory_unless_it_is_named() -> None:
    assert Settings(data=Path("/srv")).keyring_dir == Path("/srv/keyring")
    named = Settings(data=Path("/srv"), keyring=Path("/mnt/keys"))
    assert named.keyring_dir == Path("/mnt/keys")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_a_database_is_reached_through_asyncpg(scheme: str) -> None:
    before = Settings(audience="mine", database_url="postgresql://old/d")
    after = before.with_database(f"{scheme}://u:p@h:5432/postgresql://")
    assert after.database_url == "postgresql+asyncpg://u:p@h:5432/postgresql://"
    assert (after.audience, before.database_url) == ("mine", "postgresql://old/d")


def test_the_password_of_the_database_is_not_in_the_text_of_the_settings() -> None:
    settings = Settings(database_url="postgresql://u:hunter2@h/d")
    assert "hunter2" not in f"{settings!r} {settings}"
