"""The change feed of some types only: complete for them, and past the others."""

from typing import Any

from fastapi import FastAPI

from tests.make import Caller, Make
from tests.records.following import FEED, Device
from tests.records.stored import get_json, list_rows
from vitalkeep.base.paging import unsign


async def feed_of(person: Caller, *types: str, limit: int = 1000) -> list[dict[str, Any]]:
    """Every change of these types, page by page."""
    changes: list[dict[str, Any]] = []
    place: dict[str, str] = {}
    while True:
        page = await get_json(person, FEED, type=list(types), limit=limit, **place)
        changes += page["changes"]
        place = {"cursor": page["next_cursor"]}
        if not page["has_more"]:
            return changes


async def test_a_filtered_feed_is_the_feed_without_the_other_types(make: Make) -> None:
    person = await make.person()
    for _ in range(3):
        await person.push(*(make.record(name) for name in ("steps", "weight", "sleep", "weight")))
    gone = (await person.push(make.record("weight")))["results"][0]["id"]
    await person.request("DELETE", f"/v1/me/records/{gone}")
    whole = (await get_json(person, FEED))["changes"]
    kinds = [each.get("type") or each["record"]["type"] for each in whole]
    for types in (("weight",), ("sleep", "steps"), ("weight", "weight"), ("heart_rate",)):
        expected = [each for each, kind in zip(whole, kinds, strict=True) if kind in types]
        for limit in (1, 2, 3, 1000):
            assert await feed_of(person, *types, limit=limit) == expected


async def test_the_cursor_moves_past_what_does_not_match(make: Make, app: FastAPI) -> None:
    person = await make.person()
    await person.push(make.record("weight"), *(make.record("steps") for _ in range(20)))
    page = await get_json(person, FEED, type="weight")
    assert (len(page["changes"]), page["has_more"]) == (1, False)
    numbers = [row["feed"] for row in await list_rows(make, person)]
    place = unsign(app.state.keyring, "changes", str(person.id), page["next_cursor"])
    assert place == max(numbers)
    await person.push(*(make.record("steps") for _ in range(3)))
    again = await get_json(person, FEED, type="weight", cursor=page["next_cursor"])
    assert again["changes"] == []
    place = unsign(app.state.keyring, "changes", str(person.id), again["next_cursor"])
    assert place == max(numbers) + 3


async def test_a_cursor_is_good_for_other_types_from_there_on(make: Make) -> None:
    person = await make.person()
    await person.push(make.record("weight"), make.record("steps"))
    device = Device(person, ("weight",))
    await device.catch_up()
    later = await person.push(make.record("steps"), make.record("sleep"))
    page = await get_json(person, FEED, cursor=device.cursor)
    assert [each["record"]["id"] for each in page["changes"]] == [
        each["id"] for each in later["results"]
    ]


async def test_an_unknown_type_is_pointed_at(make: Make) -> None:
    person = await make.person()
    answer = await person.get(FEED, type=["steps", "mood"])
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "/type", "code": "unknown_type"}]
    assert "mood" not in answer.text
