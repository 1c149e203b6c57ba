"""The page about FHIR says what the descriptors say."""

from pathlib import Path

from vitalkeep.datatypes.descriptors import DataType
from vitalkeep.datatypes.registry import TYPES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fhir.md"


def row(kind: DataType) -> str:
    fhir = kind.fhir
    parts = [each.loinc for each in kind.fields if each.loinc]
    beside = [*fhir.with_code, *parts]
    beside += [f"{each.loinc or 'none'} ({', '.join(each.values)})" for each in fhir.codes]
    if kind.shape == "stages":
        beside += [f"{code} ({stage})" for stage, code in fhir.also]
    cells = [
        f"`{kind.name}`",
        fhir.loinc,
        ", ".join(beside).replace("_", " "),
        fhir.category,
        f"`{fhir.ucum}`",
        (fhir.profile or "").rpartition("/")[2],
    ]
    return ("| " + " | ".join(cells) + " |").replace("|  |", "| |")


def test_the_page_s_table_is_that_of_the_descriptors() -> None:
    table = PAGE.read_text().split("<!-- types -->\n")[1].split("<!-- /types -->")[0]
    assert table.splitlines()[2:] == [row(kind) for kind in TYPES]
