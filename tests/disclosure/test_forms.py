"""The forms of an export: each is whole, readable by other software, and cut where it fails."""

import csv
import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import httpx
import orjson
import pytest
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given, settings

from tests.disclosure.reading import EXPORT, PLAIN, over_http
from tests.fhir.records_of_any_type import records
from tests.make import Caller, Make
from tests.records.stored import change, list_all
from vitalkeep.datatypes.registry import BY_NAME, TYPES
from vitalkeep.disclosure.forms import CSV, FORMS, Ending
from vitalkeep.disclosure.table import COLUMNS, FORMULA, to_rows, write_rows

Json = dict[str, Any]
FIRST = datetime(2024, 5, 1, tzinfo=UTC)
FORMULAS = ("=1+2", "+81", "-1", "@SUM(A1)", "\n=1", "＝1")


async def exported(person: Caller, form: str) -> httpx.Response:
    answer = await person.request("GET", EXPORT, params={"format": form}, headers=PLAIN)
    assert answer.status_code == 200, answer.text
    return answer


async def filled(make: Make) -> Caller:
    """A person with one record of every type."""
    person = await make.person()
    await person.push(*(make.record(kind.name) for kind in TYPES))
    return person


def rows_of(text: str) -> list[dict[str, str]]:
    """The rows of a table by their columns' names."""
    return list(csv.DictReader(StringIO(text, newline=""), strict=True))


@pytest.mark.parametrize("form", FORMS)
async def test_an_export_is_a_file_of_its_form(make: Make, form: str) -> None:
    headers = (await exported(await make.person(), form)).headers
    assert headers["content-type"] == FORMS[form].media_type
    assert headers["content-disposition"].endswith(f'.{FORMS[form].suffix}"')


async def test_a_bundle_holds_every_record_and_another_library_reads_it(make: Make) -> None:
    person = await filled(make)
    answer = await exported(person, "fhir")
    Bundle.model_validate_json(answer.content)
    bundle = answer.json()
    patient, *observations = bundle["entry"]
    assert (bundle["type"], len(observations)) == ("collection", len(TYPES))
    assert {each["resource"]["subject"]["reference"] for each in observations} == {
        patient["fullUrl"]
    }
    own = await list_all(person)
    assert [each["resource"]["id"] for each in observations] == [each["id"] for each in own]
    assert [each["fullUrl"][9:] for each in observations] == [each["id"] for each in own]


async def test_who_has_nothing_gets_a_bundle_and_a_table_that_are_whole(make: Make) -> None:
    person = await make.person()
    bundle = (await exported(person, "fhir")).json()
    assert [each["resource"]["resourceType"] for each in bundle["entry"]] == ["Patient"]
    table = (await exported(person, "csv")).text
    (end,) = rows_of(table.removeprefix("\ufeff"))
    assert (end["type"], end["field"], end["value"]) == ("end", "records", "0")


async def test_a_table_has_a_row_for_each_value_and_an_end(make: Make) -> None:
    person = await filled(make)
    answer = await exported(person, "csv")
    text = answer.content.decode()
    assert text.startswith("\ufefftype,start,end,field,value,unit,offset_minutes,app,")
    assert text.endswith("\r\n")
    *rows, end = rows_of(text[1:])
    assert (end["type"], end["value"]) == ("end", str(len(TYPES)))
    own = {each["id"]: each for each in await list_all(person)}
    assert {row["record_id"] for row in rows} == set(own)
    for row in rows:
        record = own[row["record_id"]]
        assert row["type"] == record["type"]
        assert (row["app"], row["client_id"]) == (record["origin"]["app"], record["client_id"])
        assert row["offset_minutes"] == "540"
        if row["field"] in record:
            assert row["value"] == str(record[row["field"]])
    pressure = [row for row in rows if row["type"] == "blood_pressure"]
    assert [(row["field"], row["unit"]) for row in pressure[:2]] == [
        ("systolic_mmhg", "mm[Hg]"),
        ("diastolic_mmhg", "mm[Hg]"),
    ]
    night = [row for row in rows if row["type"] == "sleep"]
    assert [(row["field"], row["value"]) for row in night] == [
        ("asleep", "440"),
        ("stage", "light"),
        ("stage", "deep"),
        ("stage", "rem"),
    ]
    assert (
        night[2]["end"]
        == next(each for each in own.values() if each["type"] == "sleep")["stages"][1]["end"]
    )


@settings(deadline=None)
@given(record=records)
def test_a_table_keeps_any_value_and_no_cell_is_a_formula(record: Json) -> None:
    rows = list(to_rows(record))
    text = write_rows(iter(rows)).decode()
    read = list(csv.reader(StringIO(text, newline=""), strict=True))
    assert [[cell.removeprefix("'") for cell in row] for row in read] == [
        [str(cell).removeprefix("'") for cell in row] for row in rows
    ]
    numbers = [COLUMNS.index(name) for name in ("offset_minutes", "client_version")]
    for row in read:
        words = [cell for place, cell in enumerate(row) if place not in numbers]
        assert not [cell for cell in words if cell.startswith(FORMULA)]
    samples = [row for row in read if row[3] == "beats_per_minute"]
    assert len(samples) == len(record.get("samples", []))
    told = {row[3]: row[4].removeprefix("'") for row in read}
    for field in BY_NAME[record["type"]].fields:
        if field.kind != "list" and field.name in record:
            assert told[field.name] == str(record[field.name]).removeprefix("'")


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_a_formula_in_a_title_becomes_text(text: str) -> None:
    record = {
        **BY_NAME["sleep"].example,
        "title": text,
        "id": "5f2b7c1e-8d0a-4a5e-9b60-3f1d2c7a9e11",
        "modified_at": "2026-11-21T03:00:00Z",
    }
    rows = csv.reader(StringIO(write_rows(to_rows(record)).decode(), newline=""), strict=True)
    assert [row[4] for row in rows if row[3] == "title"] == [f"'{text}"]


def test_every_row_has_every_column() -> None:
    end = CSV.tail(Ending(3, 3, FIRST, "c"))
    (row,) = csv.reader(StringIO(end.decode(), newline=""))
    assert len(row) == len(COLUMNS)


async def push_weights(person: Caller, count: int) -> None:
    for first in range(0, count, 1000):
        await person.push(
            *(
                Make.record("weight", time=(FIRST + timedelta(minutes=index)).isoformat())
                for index in range(first, min(first + 1000, count))
            )
        )


SPOIL = "UPDATE records SET version = version + 1 WHERE person_id = :person_id AND start_time = :at"


@pytest.mark.parametrize("form", FORMS)
async def test_a_failure_on_the_way_is_seen_in_every_form(make: Make, form: str) -> None:
    person = await make.person()
    await push_weights(person, 1001)
    await change(make, SPOIL, person_id=person.id, at=FIRST + timedelta(minutes=1000))
    text, fault = b"", ""
    headers = {"Authorization": f"Bearer {person.token}", **PLAIN}
    async with (
        over_http(make.fastapi) as client,
        client.stream("GET", EXPORT, headers=headers, params={"format": form}) as answer,
    ):
        try:
            async for part in answer.aiter_bytes():
                text += part
        except httpx.RemoteProtocolError as cut:
            fault = str(cut)
    assert "incomplete" in fault
    assert sum(b"68.4" in line for line in text.splitlines()) == 1000
    if form == "fhir":
        with pytest.raises(json.JSONDecodeError):
            orjson.loads(text)
    assert not any(line.startswith((b'{"end"', b"end,")) for line in text.splitlines())


async def test_pages_of_a_bundle_fit_together(make: Make) -> None:
    person = await make.person()
    await push_weights(person, 1001)
    bundle = (await exported(person, "fhir")).json()
    assert len(bundle["entry"]) == 1002
