from datetime import datetime
from typing import Any

import pytest

from tests.make import Caller, Make
from tests.records.stored import get_json, list_all, list_rows, problem_code

FEED = "/v1/me/changes"


async def read_feed(
    person: Caller, limit: int = 1000, cursor: str | None = None
) -> tuple[list[dict[str, Any]], str]:
    """Every change after a cursor, page by page, and the cursor behind them."""
    changes: list[dict[str, Any]] = []
    while True:
        place = {} if cursor is None else {"cursor": cursor}
        page = await get_json(person, FEED, limit=limit, **place)
        assert page.keys() == {"changes", "next_cursor", "has_more"}
        assert len(page["changes"]) <= limit
        assert page["next_cursor"] != cursor or not page["has_more"]
        changes += page["changes"]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            return changes, cursor
        assert len(page["changes"]) == limit


def ids(changes: list[dict[str, Any]]) -> list[str]:
    return [each["record"]["id"] if each["op"] == "upsert" else each["id"] for each in changes]


async def test_the_feed_tells_every_record_in_the_order_of_the_pushes(make: Make) -> None:
    person = await make.person()
    batches = [[make.record(name) for name in ("steps", "weight", "sleep")] for _ in range(3)]
    pushed = []
    for batch in batches:
        pushed += [each["id"] for each in (await person.push(*batch))["results"]]
    changes, _ = await read_feed(person)
    assert ids(changes) == pushed
    records = {each["id"]: each for each in await list_all(person)}
    assert [each for each in changes if each != op_upsert(records, each)] == []


def op_upsert(records: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    return {"op": "upsert", "record": records[change["record"]["id"]]}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 9])
async def test_pages_of_the_feed_concatenate_to_the_whole(make: Make, limit: int) -> None:
    person = await make.person()
    await person.push(*(make.record("weight") for _ in range(5)))
    await person.push(*(make.record("steps") for _ in range(3)))
    whole, end = await read_feed(person)
    assert len(whole) == 8
    assert await read_feed(person, limit) == (whole, end)


async def test_the_cursor_of_a_push_stands_behind_it(make: Make) -> None:
    person = await make.person()
    first = await person.push(make.record("steps"), make.record("steps"))
    assert await read_feed(person, cursor=first["changes_cursor"]) == (
        [],
        first["changes_cursor"],
    )
    second = await person.push(make.record("weight"), "nonsense", make.record("weight"))
    changes, _ = await read_feed(person, cursor=first["changes_cursor"])
    created = [each["id"] for each in second["results"] if each["status"] == "created"]
    assert ids(changes) == created
    assert (await read_feed(person, cursor=second["changes_cursor"]))[0] == []


async def test_a_push_that_changed_nothing_has_a_cursor_too(make: Make) -> None:
    person = await make.person()
    known = make.record("steps")
    await person.push(known)
    for pushed in (known, "nonsense"):
        cursor = (await person.push(pushed))["changes_cursor"]
        assert (await read_feed(person, cursor=cursor))[0] == []
        (verdict,) = (await person.push(make.record("weight")))["results"]
        assert ids((await read_feed(person, cursor=cursor))[0]) == [verdict["id"]]


async def test_an_updated_record_moves_to_the_end_of_the_feed(make: Make) -> None:
    person = await make.person()
    records = [make.record("weight") for _ in range(3)]
    pushed = [each["id"] for each in (await person.push(*records))["results"]]
    _, cursor = await read_feed(person)
    await person.push({**records[0], "kilograms": 61.25}, records[1])
    changes, _ = await read_feed(person, cursor=cursor)
    assert [each["record"]["kilograms"] for each in changes] == [61.25]
    assert ids((await read_feed(person))[0]) == [pushed[1], pushed[2], pushed[0]]


async def test_the_same_again_does_not_show_in_the_feed(make: Make) -> None:
    person = await make.person()
    records = [make.record("weight"), make.record("sleep")]
    await person.push(*records)
    whole = await read_feed(person)
    await person.push(*records)
    assert (await read_feed(person))[0] == whole[0]
    assert (await read_feed(person, cursor=whole[1]))[0] == []


async def test_a_withdrawal_shows_as_deletions_without_content(make: Make) -> None:
    person = await make.person(collects=False)
    (steps,) = await make.consents(person, ["steps.collect"])
    await make.consents(person, ["weight.collect"])
    await person.push(make.record("weight"))
    gone = [
        each["id"]
        for each in (await person.push(make.record("steps"), make.record("steps")))["results"]
    ]
    _, cursor = await read_feed(person)
    await person.post(f"/v1/me/consents/{steps['id']}/withdrawal")
    changes, _ = await read_feed(person, 1, cursor)
    modified = {str(row["record_id"]): row["modified_at"] for row in await list_rows(make, person)}
    for each in changes:
        assert datetime.fromisoformat(each.pop("deleted_at")) == modified[each["id"]]
    assert changes == [{"op": "delete", "id": each, "type": "steps"} for each in gone]
    # From the beginning, a record that came and went shows only that it went.
    assert [each["op"] for each in (await read_feed(person))[0]] == ["upsert", "delete", "delete"]


async def test_a_cursor_of_another_person_or_list_or_an_altered_one_is_refused(
    make: Make,
) -> None:
    person, other = await make.person(), await make.person()
    await other.push(make.record())
    pushed = await person.push(*(make.record("weight") for _ in range(3)))
    cursor = pushed["changes_cursor"]
    listed = (await get_json(person, "/v1/me/records", limit=1))["next_cursor"]
    changed = "B" if cursor[4] == "A" else "A"
    refused = [
        (await read_feed(other))[1],
        listed,
        cursor[:-1],
        cursor + "A",
        cursor[:4] + changed + cursor[5:],
        "0",
        "",
    ]
    for each in refused:
        assert problem_code(await person.get(FEED, cursor=each), 400) == "invalid_cursor"


@pytest.mark.parametrize(
    "params",
    [{"limit": 0}, {"limit": 1001}, {"after": 3}, {"type": "mood"}, {"type": ["steps", "mood"]}],
    ids=str,
)
async def test_a_query_that_is_not_understood_is_refused(
    make: Make, params: dict[str, Any]
) -> None:
    person = await make.person()
    assert problem_code(await person.get(FEED, **params), 422) == "invalid_request"


async def test_an_empty_feed_has_a_cursor_to_go_on_from(make: Make) -> None:
    person = await make.person()
    changes, cursor = await read_feed(person)
    assert changes == []
    (verdict,) = (await person.push(make.record()))["results"]
    assert ids((await read_feed(person, cursor=cursor))[0]) == [verdict["id"]]
