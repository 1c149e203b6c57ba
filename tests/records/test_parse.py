import gzip
import hashlib
import json
from typing import Any

import pytest
import zstandard

from tests.make import Make
from tests.records.stored import list_all, list_rows, problem_code, push_bytes

LIMIT = 8 * 1024 * 1024
GOOD = {
    "type": "weight",
    "time": "2024-05-01T07:00:00+09:00",
    "kilograms": 68.4,
    "client_id": "w-1",
    "origin": {"app": "jp.example.scale"},
}
BODY = json.dumps({"records": [GOOD]}).encode()
PLANT = "planted-5512"
BOTH = pytest.mark.parametrize("path", ["/v1/me/records", "/v1/me/records/health-connect"])
compress = {"gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress}


@BOTH
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        PLANT.encode(),
        b"{'records': []}",
        BODY[:-1],
        BODY[:40],
        BODY + b"}",
        BODY + BODY,
        b"\xef\xbb\xbf" + BODY,
        BODY.decode().encode("utf-16"),
        BODY.replace(b"w-1", b"w-\xff"),
        BODY.replace(b"w-1", b"w-\xed\xa0\x80"),
        BODY.replace(b"w-1", b"\\ud800"),
        BODY.replace(b"w-1", b"w\n1"),
        BODY.replace(b"68.4", b"068.4"),
        b"[" * 100_000,
        b'{"records": [' + b"[" * 100_000,
    ],
    ids=range(17),
)
async def test_what_is_not_json_in_utf8_is_a_malformed_body(
    make: Make, path: str, body: bytes
) -> None:
    person = await make.person()
    answer = await push_bytes(person, body, path)
    assert problem_code(answer, 400) == "malformed_body"
    assert PLANT not in answer.text
    assert await list_rows(make, person) == []


@BOTH
@pytest.mark.parametrize(
    "body",
    [
        [],
        [GOOD],
        None,
        "planted-5512",
        17,
        {},
        {"records": []},
        {"records": None},
        {"records": {"0": GOOD}},
        {"record": [GOOD]},
        {"records": [GOOD], "planted-5512": 1},
        {"records": [GOOD], "dialect": "planted-5512"},
    ],
    ids=range(12),
)
async def test_a_body_of_another_shape_is_an_invalid_request(
    make: Make, path: str, body: object
) -> None:
    person = await make.person()
    answer = await push_bytes(person, json.dumps(body).encode(), path)
    assert problem_code(answer, 422) == "invalid_request"
    assert answer.json()["errors"][0]["pointer"] == "/records"
    assert PLANT not in answer.text
    assert await list_rows(make, person) == []


@BOTH
async def test_a_thousand_and_one_records_are_too_many(make: Make, path: str) -> None:
    person = await make.person()
    for record in (GOOD, "nonsense"):
        body = json.dumps({"records": [record] * 1001}).encode()
        answer = await push_bytes(person, body, path)
        assert problem_code(answer, 413) == "batch_too_large"
    assert await list_rows(make, person) == []


@BOTH
async def test_more_than_eight_mib_are_too_many_as_sent_or_inflated(make: Make, path: str) -> None:
    person = await make.person()
    body = BODY + b" " * (LIMIT + 1 - len(BODY))
    assert problem_code(await push_bytes(person, body, path), 413) == "batch_too_large"
    for encoding, squeeze in compress.items():
        answer = await push_bytes(person, squeeze(body), path, content_encoding=encoding)
        assert problem_code(answer, 413) == "batch_too_large"
    assert (await push_bytes(person, body[:LIMIT], path)).status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "GZIP", "identity"])
async def test_a_compressed_push_is_taken_and_its_digest_is_of_what_was_inflated(
    make: Make, encoding: str
) -> None:
    person = await make.person()
    squeeze = compress.get(encoding.lower(), bytes)
    answer = await push_bytes(person, squeeze(BODY), content_encoding=encoding)
    assert answer.status_code == 200, answer.text
    assert answer.json()["received_sha256"] == hashlib.sha256(BODY).hexdigest()
    assert [each["kilograms"] for each in await list_all(person)] == [68.4]


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "gzip", "zstd"])
async def test_a_body_that_is_not_in_its_encoding_is_malformed(make: Make, encoding: str) -> None:
    person = await make.person()
    answer = await push_bytes(person, BODY, content_encoding=encoding)
    assert problem_code(answer, 400) == "malformed_body"


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999"])
async def test_a_number_that_is_not_finite_costs_its_own_record_only(
    make: Make, number: bytes
) -> None:
    person = await make.person()
    bad = json.dumps({**GOOD, "client_id": "w-2"}).encode().replace(b"68.4", number)
    body = b'{"records": [%b, %b]}' % (json.dumps(GOOD).encode(), bad)
    answer = await push_bytes(person, body)
    assert answer.status_code == 200
    good, rejected = answer.json()["results"]
    assert good["status"] == "created"
    assert (rejected["code"], rejected["pointer"]) == ("out_of_range", "/records/1/kilograms")


async def test_a_huge_whole_number_costs_its_own_record_only(make: Make) -> None:
    person = await make.person()
    bad = json.dumps({**GOOD, "client_id": "w-2"}).encode().replace(b"68.4", b"7" * 4000)
    body = b'{"records": [%b, %b]}' % (bad, json.dumps(GOOD).encode())
    codes = [each.get("code") for each in (await push_bytes(person, body)).json()["results"]]
    assert codes == ["out_of_range", None]


async def test_of_a_key_given_twice_the_last_counts(make: Make) -> None:
    person = await make.person()
    twice = BODY.replace(b'"kilograms": 68.4', b'"kilograms": "no", "kilograms": 70.5')
    assert (await push_bytes(person, twice)).json()["results"][0]["status"] == "created"
    assert [each["kilograms"] for each in await list_all(person)] == [70.5]
    emptied = BODY[:-1] + b', "records": []}'
    assert problem_code(await push_bytes(person, emptied), 422) == "invalid_request"
    filled = b'{"records": [], ' + BODY[1:]
    assert (await push_bytes(person, filled)).status_code == 200


async def test_one_bad_record_gives_every_other_the_verdict_it_has_alone(make: Make) -> None:
    # A batch without a fault is read in one go, one with a fault record by record.
    person = await make.person()
    records: list[Any] = [make.record(name) for name in ("steps", "sleep", "heart_rate", "weight")]
    await person.push(*records)
    before = await list_rows(make, person)
    assert await person.statuses(*records, "nonsense") == ["unchanged"] * 4 + ["invalid"]
    assert await list_rows(make, person) == before
