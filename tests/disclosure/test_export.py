"""The export: everything once, in order, while the data moves; or visibly cut off."""

import gzip
import json
import zlib
from datetime import UTC, datetime, timedelta

import pytest

from tests.disclosure.reading import EXPORT, PLAIN, Json, over_http, read_all, slow_reader, the_rest
from tests.make import Caller, Make
from tests.records.stored import change, get_json, list_all, problem_code
from vitalkeep.demo.people import canonical_records
from vitalkeep.disclosure.routes import accepts_gzip

FIRST = datetime(2024, 5, 1, tzinfo=UTC)


def weight(number: int, minute: int | None = None, version: int = 0) -> Json:
    """The weight that the scale calls so, by default taken in the minute of the same number."""
    at = FIRST + timedelta(minutes=number if minute is None else minute)
    return Make.record(
        "weight", time=at.isoformat(), client_id=f"scale-{number}", client_version=version
    )


async def push_weights(person: Caller, count: int) -> None:
    for start in range(0, count, 1000):
        await person.push(*map(weight, range(start, min(start + 1000, count))))


def records_of(text: str) -> tuple[list[Json], Json]:
    """The records of an export and its last line."""
    *records, end = map(json.loads, text.splitlines())
    assert text.endswith("\n")
    return records, end


async def export(person: Caller) -> tuple[list[Json], Json]:
    answer = await person.request("GET", EXPORT, headers=PLAIN)
    assert answer.status_code == 200, answer.text
    return records_of(answer.text)


async def test_an_export_is_the_whole_list_in_its_order_with_an_end(make: Make) -> None:
    person = await make.person()
    for start in range(0, 2300, 1000):
        made = canonical_records(start, min(1000, 2300 - start), FIRST)
        await person.push(*made)
    records, end = await export(person)
    assert len(records) == 2300
    assert records == await list_all(person)
    starts = [datetime.fromisoformat(each.get("time") or each["start"]) for each in records]
    assert starts == sorted(starts)
    assert (end["end"], end["records"]) == (True, 2300)
    assert set(end) == {"end", "records", "exported_at", "changes_cursor"}


async def test_who_has_nothing_gets_the_end_alone(make: Make) -> None:
    records, end = await export(await make.person())
    assert (records, end["records"]) == ([], 0)


async def test_changes_go_on_behind_the_export(make: Make) -> None:
    person = await make.person()
    await push_weights(person, 3)
    _, end = await export(person)
    await person.push(weight(3))
    changes = await get_json(person, "/v1/me/changes", cursor=end["changes_cursor"])
    assert [each["record"]["client_id"] for each in changes["changes"]] == ["scale-3"]


async def test_it_is_a_file_that_no_cache_keeps(make: Make) -> None:
    answer = await (await make.person()).request("GET", EXPORT, headers=PLAIN)
    headers = answer.headers
    assert headers["content-type"] == "application/x-ndjson"
    assert headers["cache-control"] == "no-store"
    assert headers["content-disposition"].startswith('attachment; filename="vitalkeep-export-20')
    assert "content-encoding" not in headers
    assert headers["vary"] == "Accept-Encoding"


async def test_who_asks_for_gzip_gets_the_same_gzipped(make: Make) -> None:
    person = await make.person()
    await push_weights(person, 1200)
    headers = {"authorization": f"Bearer {person.token}", "accept-encoding": "br, gzip;q=0.5"}
    async with make.client.stream("GET", EXPORT, headers=headers) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        squeezed = b"".join([part async for part in answer.aiter_raw()])
    records, end = records_of(gzip.decompress(squeezed).decode())
    assert records == await list_all(person)
    assert end["records"] == 1200
    assert len(squeezed) < len(json.dumps(records)) / 4
    # What came before a cut can be read.
    begun = zlib.decompressobj(wbits=31).decompress(squeezed[: len(squeezed) // 2])
    assert json.loads(begun.splitlines()[0]) == records[0]


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("br, GZIP ; q=1.0, zstd", True),
        ("gzip;q=0.001", True),
        ("", False),
        ("identity", False),
        ("br;q=1, gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzipped", False),
    ],
)
def test_gzip_is_for_who_names_it(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


@pytest.mark.parametrize("params", [{"format": "xml"}, {"format": ""}, {"type": "weight"}], ids=str)
async def test_what_is_not_offered_is_refused(make: Make, params: Json) -> None:
    answer = await (await make.person()).get(EXPORT, **params)
    assert problem_code(answer, 422) == "invalid_request"
    if "format" in params:
        assert answer.json()["detail"] == (
            "format has to be one of: ndjson, fhir, csv, open-mhealth."
        )


async def test_only_the_person_exports(make: Make) -> None:
    assert (await make.client.get(EXPORT)).status_code == 401
    assert (await (await make.staff()).get(EXPORT)).status_code == 403
    person = await make.person()
    await export(person)
    assert (await get_json(person, "/v1/me/access-log"))["entries"] == []


async def test_records_that_move_in_time_meanwhile_come_exactly_once(make: Make) -> None:
    person = await make.person()
    await push_weights(person, 2500)
    async with slow_reader(make, person) as (reader, first):
        forward = [weight(number, 5000 + number, version=1) for number in range(0, 1000, 3)]
        backward = [weight(number, -number, version=1) for number in range(1000, 2500, 3)]
        await person.push(*forward, *backward)
        await person.push(weight(9999))
        rest, complete = await the_rest(reader)
    records, end = records_of((first + rest).decode())
    assert complete
    named = [each["client_id"] for each in records if each["client_id"] != "scale-9999"]
    assert sorted(named) == sorted(f"scale-{number}" for number in range(2500))
    assert end["records"] == len(records)


async def test_what_was_deleted_meanwhile_is_left_out_and_not_counted(make: Make) -> None:
    person = await make.person()
    await push_weights(person, 1500)
    async with slow_reader(make, person) as (reader, first):
        period = {"type": "weight", "from": FIRST.isoformat(), "to": "2024-05-03T00:00:00Z"}
        await person.post("/v1/me/records/delete", period)
        rest, complete = await the_rest(reader)
    records, end = records_of((first + rest).decode())
    assert (len(records), end["records"], complete) == (1000, 1000, True)


async def test_a_slow_reader_holds_no_database_connection(make: Make) -> None:
    person = await make.person()
    await push_weights(person, 2500)
    async with slow_reader(make, person) as (reader, _):
        held = [make.fastapi.state.engine.pool.checkedout()]
        for _ in range(2):
            await reader.next()
            held.append(make.fastapi.state.engine.pool.checkedout())
    assert held == [0, 0, 0]


@pytest.mark.parametrize("count", [1500, 1001])
async def test_the_stream_of_a_person_who_leaves_has_no_end(make: Make, count: int) -> None:
    person = await make.person()
    await push_weights(person, count)
    async with slow_reader(make, person) as (reader, first):
        preview = await get_json(person, "/v1/me/deactivation")
        await person.post("/v1/me/deactivation", {"confirm_token": preview["confirm_token"]})
        assert await the_rest(reader) == (b"", False)
    assert len(first.splitlines()) == 1000


async def test_the_stream_of_a_person_who_was_signed_out_has_no_end(make: Make) -> None:
    person = await make.person()
    await push_weights(person, 1500)
    async with slow_reader(make, person) as (reader, _):
        statement = "UPDATE persons SET token_epoch = token_epoch + 1 WHERE person_id = :person_id"
        await change(make, statement, person_id=person.id)
        assert await the_rest(reader) == (b"", False)


SPOIL = "UPDATE records SET version = version + 1 WHERE person_id = :person_id AND start_time = :at"


async def test_a_failure_on_the_way_cuts_the_connection(make: Make) -> None:
    person = await make.person()
    await push_weights(person, 1500)
    await change(make, SPOIL, person_id=person.id, at=FIRST + timedelta(minutes=1200))
    bearer = {"Authorization": f"Bearer {person.token}", **PLAIN}
    async with over_http(make.fastapi) as client:
        status, text, fault = await read_all(client, bearer)
    assert (status, len(text.splitlines())) == (200, 1000)
    assert b'"end"' not in text
    assert "incomplete" in fault


async def test_a_failure_before_the_first_byte_is_a_problem(make: Make) -> None:
    person = await make.person()
    await push_weights(person, 2)
    await change(make, SPOIL, person_id=person.id, at=FIRST)
    assert problem_code(await person.get(EXPORT), 500) == "internal_error"
