"""The generated data map is what the columns say now."""

from pathlib import Path

from vitalkeep.erasure.data_map import data_map

FILE = Path(__file__).parents[1] / "docs" / "data-map.md"


def test_the_committed_data_map_is_what_the_columns_declare() -> None:
    assert FILE.read_text(encoding="utf-8") == data_map(), "stale: run `make data-map`"
