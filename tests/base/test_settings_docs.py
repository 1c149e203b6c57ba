"""The operator's table of settings has every variable there is, with its default."""

import re
from pathlib import Path

from vitalkeep.base.settings import Settings

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `(VITALKEEP_[A-Z_]+)` \| ([^|]+) \|", TEXT, re.MULTILINE))


def test_every_setting_is_in_the_table_and_nothing_else() -> None:
    assert ROWS.keys() == {f"VITALKEEP_{name.upper()}" for name in Settings.model_fields}


def test_no_variable_is_mentioned_that_is_not_read() -> None:
    assert set(re.findall(r"VITALKEEP_[A-Z_]+[A-Z]", TEXT)) == set(ROWS)


def test_the_defaults_are_those_of_the_code() -> None:
    told = {name: default.strip("` ") for name, default in ROWS.items()}
    for name, field in Settings.model_fields.items():
        if name != "keyring" and not re.fullmatch("google_.*_url", name):
            default = "none" if field.default is None else str(field.default)
            assert told[f"VITALKEEP_{name.upper()}"] in (default, default.lower()), name
