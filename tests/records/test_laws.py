"""Laws of the push and of the feed, on batches that hypothesis makes up."""

from functools import partial
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.make import App, Caller, Make
from tests.records.stored import change, get_json, list_all, list_rows
from vitalkeep.persons.sign_in import sign_in
from vitalkeep.persons.tokens import AccessClaims, issue

Json = dict[str, Any]
Batch = list[Json]

IDENTITIES: tuple[Json, ...] = (
    {"platform_id": "8A4FD9F0-52FB-4D63-9F0A-5C9F86D1C003"},
    {"platform_id": "not-a-uuid", "client_id": "w-1"},
    {"client_id": "w-1"},
    {"client_id": "w-2"},
    {},
)
APPS = ("jp.example.a", "jp.example.b")
law = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def to_record(identity: int, version: int) -> Json:
    """The one record that this identity has in this version; type and origin vary with both."""
    moment = f"2024-05-0{identity + 1}T07:00:00+09:00"
    origin: Json = {"app": APPS[0]}
    # A platform's id alone is the identity, so whatever else may change with the version.
    free = identity < 2
    if free:
        origin = {"app": APPS[version % 2], "device": {"model": f"M{version}"}}
    common = {**IDENTITIES[identity], "client_version": version, "origin": origin}
    match (identity + version) % 3 if free else identity % 3:
        case 0:
            return {**common, "type": "weight", "time": moment, "kilograms": 60.0 + version}
        case 1:
            end = f"2024-05-0{identity + 1}T08:00:00+09:00"
            return {**common, "type": "steps", "start": moment, "end": end, "count": version}
        case _:
            samples = [{"time": moment, "beats_per_minute": 60 + n % 9} for n in range(version * 9)]
            samples.append({"time": moment, "beats_per_minute": 59})
            series = {"type": "heart_rate", "start": moment, "end": moment, "samples": samples}
            return {**common, **series}


records = st.builds(to_record, st.integers(0, len(IDENTITIES) - 1), st.integers(0, 4))
batches = st.lists(st.lists(records, min_size=1, max_size=6), min_size=1, max_size=4)


async def new_person(make: Make, app: App | None = None) -> Caller:
    """A person who lets their app collect what the batches hold, without the token route."""
    state = make.fastapi.state
    app = app or await make.app()
    async with state.engine.begin() as connection:
        person_id, epoch = await sign_in(
            connection, state.keyring, state.settings, "law", str(uuid4())
        )
    token = issue(state.keyring, state.settings, AccessClaims(person_id, app.id, "person", epoch))
    person = Caller(make.client, person_id, token, app)
    await make.consents(person, ["weight.collect", "steps.collect", "heart_rate.collect"])
    return person


async def push_all(person: Caller, pushed: list[Batch]) -> None:
    """Pushes batch after batch; the only verdicts that may refuse are those on duplicates."""
    for batch in pushed:
        for verdict in (await person.push(*batch))["results"]:
            assert verdict.get("code", "duplicate_in_batch") == "duplicate_in_batch"


async def state_of(make: Make, person: Caller) -> tuple[list[Json], list[Json]]:
    """What is stored, but for when it came: rows, and their opened content."""
    rows = await list_rows(make, person)
    for row in rows:
        del row["feed"], row["created_feed"], row["modified_at"]
    opened = await list_all(person)
    for record in opened:
        del record["modified_at"]
    return rows, opened


@law
@given(pushed=batches)
async def test_pushing_the_same_again_writes_nothing(make: Make, pushed: list[Batch]) -> None:
    person = await new_person(make)
    await push_all(person, pushed)
    rows = await list_rows(make, person)
    await push_all(person, pushed)
    assert await list_rows(make, person) == rows


@law
@given(pushed=batches, data=st.data())
async def test_the_order_of_pushes_does_not_matter(
    make: Make, pushed: list[Batch], data: st.DataObject
) -> None:
    person = await new_person(make)
    await push_all(person, pushed)
    expected = await state_of(make, person)
    forget = partial(change, make, "DELETE FROM records WHERE person_id = :id", id=person.id)

    await forget()
    await push_all(person, pushed[::-1])
    assert await state_of(make, person) == expected
    await push_all(person, pushed)
    assert await state_of(make, person) == expected

    await forget()
    mixed = data.draw(st.permutations([record for batch in pushed for record in batch]))
    size = data.draw(st.integers(1, len(mixed)))
    await push_all(person, [mixed[at : at + size] for at in range(0, len(mixed), size)])
    assert await state_of(make, person) == expected


@law
@given(pushed=batches)
async def test_what_is_stored_is_the_highest_version_of_each_identity(
    make: Make, pushed: list[Batch]
) -> None:
    person = await new_person(make)
    await push_all(person, pushed)
    highest: dict[str, Json] = {}
    for record in (record for batch in pushed for record in batch):
        named = str(record.get("platform_id", record.get("client_id")))
        kept = highest.setdefault(named, record)
        if record["client_version"] > kept["client_version"]:
            highest[named] = record
    stored = {
        str(each.get("platform_id", each.get("client_id"))): each for each in await list_all(person)
    }
    assert len(stored) == len(highest) == len(await list_rows(make, person))
    for named, record in highest.items():
        found = stored[named if named in stored else named.lower()]
        assert found["client_version"] == record["client_version"]
        assert (found["type"], found["origin"]) == (record["type"], record["origin"])


@law
@given(pushed=batches, sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4))
async def test_the_feed_is_the_same_in_pages_of_any_size(
    make: Make, pushed: list[Batch], sizes: list[int]
) -> None:
    person = await new_person(make)
    cursors = [(await person.push(*batch))["changes_cursor"] for batch in pushed]
    whole = (await get_json(person, "/v1/me/changes"))["changes"]
    assert sorted(each["record"]["id"] for each in whole) == sorted(
        str(row["record_id"]) for row in await list_rows(make, person)
    )
    read: list[Json] = []
    place: dict[str, str] = {}
    for turn in range(len(whole) + 1):
        size = sizes[turn % len(sizes)]
        page = await get_json(person, "/v1/me/changes", limit=size, **place)
        assert page["has_more"] == (len(read) + size < len(whole))
        read += page["changes"]
        place = {"cursor": page["next_cursor"]}
    assert read == whole
    # Each push's own cursor divides the feed: what came with it or before, and what came later.
    for cursor in cursors:
        later = (await get_json(person, "/v1/me/changes", cursor=cursor))["changes"]
        assert later == whole[len(whole) - len(later) :]
    assert later == []
