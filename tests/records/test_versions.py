import random
from typing import Any

from tests.make import Caller, Make
from tests.records.stored import change, delete_as_the_person, list_all, list_rows


async def only_row(make: Make, person: Caller) -> dict[str, Any]:
    (row,) = await list_rows(make, person)
    return row


async def test_a_higher_version_wins(make: Make) -> None:
    person = await make.person()
    record = make.record("weight", client_version=1, kilograms=60.0)
    assert await person.statuses(record) == ["created"]
    first = await only_row(make, person)
    newer = {**record, "client_version": 2, "kilograms": 61.5}
    assert await person.statuses(newer) == ["updated"]
    row = await only_row(make, person)
    assert row["record_id"] == first["record_id"]
    assert (row["version"], row["created_feed"]) == (2, first["created_feed"])
    assert row["feed"] > first["feed"]
    assert row["modified_at"] > first["modified_at"]
    assert [each["kilograms"] for each in await list_all(person)] == [61.5]


async def test_a_higher_version_with_the_same_content_is_an_update(make: Make) -> None:
    person = await make.person()
    record = make.record("weight", client_version=1)
    await person.push(record)
    assert await person.statuses({**record, "client_version": 2}) == ["updated"]
    assert (await list_all(person))[0]["client_version"] == 2


async def test_an_equal_version_with_other_content_overwrites(make: Make) -> None:
    person = await make.person()
    record = make.record("weight", client_version=1, kilograms=60.0)
    await person.push(record)
    assert await person.statuses({**record, "kilograms": 61.5}) == ["updated"]
    assert [each["kilograms"] for each in await list_all(person)] == [61.5]


async def test_a_change_of_times_offsets_or_origin_alone_is_stored(make: Make) -> None:
    person = await make.person()
    record = make.record("weight", time="2024-05-01T07:00:00+09:00", platform_id="p-1")
    await person.push(record)
    changes: list[dict[str, Any]] = [
        {"time": "2024-05-01T07:00:00Z"},
        {"time": "2024-05-01T07:00:00+00:00"},
        {"time": "2024-05-01T07:00:00.000001+00:00"},
        {"origin": {"app": "jp.example.other"}},
        {"origin": {"app": "jp.example.other", "device": {"model": "S2"}}},
    ]
    for each in changes:
        record |= each
        assert await person.statuses(record) == ["updated"]
        (read,) = await list_all(person)
        assert each.items() <= read.items()


async def test_a_lower_version_never_overwrites(make: Make) -> None:
    person = await make.person()
    record = make.record("weight", client_version=7, kilograms=60.0)
    await person.push(record)
    before = await only_row(make, person)
    for version in (6, 0, -(2**63)):
        older = {**record, "client_version": version, "kilograms": 99.0}
        assert await person.statuses(older) == ["stale"]
    assert await only_row(make, person) == before


async def test_the_same_again_writes_nothing(make: Make) -> None:
    person = await make.person()
    records = [make.record(name) for name in ("steps", "weight", "sleep", "heart_rate")]
    await person.push(*records)
    before = await list_rows(make, person)
    assert await person.statuses(*records) == ["unchanged"] * 4
    assert await person.statuses(*records[::-1]) == ["unchanged"] * 4
    # Not a single row was written: neither number nor time of change moved, nor the row itself.
    assert await list_rows(make, person) == before


async def test_the_same_content_in_another_spelling_is_the_same(make: Make) -> None:
    person = await make.person()
    sent = make.record(
        "sleep",
        start="2024-05-01T22:00:00.5+09:00",
        end="2024-05-02T06:00:00+09:00",
        stages=[],
        title="が",
    )
    assert await person.statuses(sent) == ["created"]
    respelt = {
        **dict(sorted(sent.items(), reverse=True)),
        "start": "2024-05-01T22:00:00.500000999+09:00",
        "title": "か\u3099",
        "client_version": 0,
    }
    assert await person.statuses(respelt) == ["unchanged"]


async def test_of_one_identity_in_a_batch_the_highest_version_counts(make: Make) -> None:
    person = await make.person()
    record = make.record("weight")
    batch = [{**record, "client_version": v, "kilograms": 60.0 + v} for v in (2, 9, 4)]
    results = (await person.push(*batch))["results"]
    assert [each.get("code", each["status"]) for each in results] == [
        "duplicate_in_batch",
        "created",
        "duplicate_in_batch",
    ]
    assert [each.get("pointer") for each in results] == ["/records/0", None, "/records/2"]
    assert [each["kilograms"] for each in await list_all(person)] == [69.0]


async def test_of_equal_versions_in_a_batch_the_last_counts(make: Make) -> None:
    person = await make.person()
    record = make.record("weight")
    batch = [{**record, "kilograms": 60.0 + number} for number in range(3)]
    assert await person.statuses(*batch) == ["duplicate_in_batch"] * 2 + ["created"]
    assert [each["kilograms"] for each in await list_all(person)] == [62.0]


async def test_duplicates_are_folded_among_records_of_other_identities(make: Make) -> None:
    person = await make.person()
    rng = random.Random(5)  # noqa: S311 - repeatable order, not a secret
    identities = [make.record("weight") for _ in range(8)]
    batch = [
        {**record, "client_version": version, "kilograms": 50.0 + version}
        for record in identities
        for version in range(5)
    ]
    rng.shuffle(batch)
    answer = await person.push(*batch, "nonsense")
    counts = {"created": 8, "rejected": 33}
    assert {k: v for k, v in answer["counts"].items() if v} == counts
    for sent, verdict in zip(batch, answer["results"], strict=False):
        expected = "created" if sent["client_version"] == 4 else "duplicate_in_batch"
        assert verdict.get("code", verdict["status"]) == expected


async def test_a_bad_duplicate_does_not_beat_a_good_record(make: Make) -> None:
    person = await make.person()
    record = make.record("weight")
    bad = {**record, "client_version": 9, "kilograms": -1}
    assert await person.statuses(record, bad) == ["created", "out_of_range"]


async def test_what_the_person_deleted_comes_back_by_a_higher_version_only(make: Make) -> None:
    person = await make.person()
    record = make.record("weight", client_version=3)
    (verdict,) = (await person.push(record))["results"]
    await delete_as_the_person(make, person, verdict["id"])
    assert await person.statuses(record) == ["suppressed"]
    assert await person.statuses({**record, "kilograms": 1.5}) == ["suppressed"]
    assert await person.statuses({**record, "client_version": 2}) == ["stale"]
    assert await list_all(person) == []
    assert await person.statuses({**record, "client_version": 4}) == ["updated"]
    assert [each["id"] for each in await list_all(person)] == [verdict["id"]]
    assert (await only_row(make, person))["deleted_by"] is None


async def test_what_the_source_deleted_revives_when_it_is_sent_again(make: Make) -> None:
    person = await make.person()
    record = make.record("weight", client_version=3)
    await person.push(record)
    bury = "UPDATE records SET sealed = NULL, deleted_by = 1 WHERE person_id = :person_id"
    await change(make, bury, person_id=person.id)
    assert await person.statuses(record) == ["updated"]
    assert len(await list_all(person)) == 1
