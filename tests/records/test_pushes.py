"""A body that comes again byte for byte: answered at once, and never otherwise than if it was read.

Bodies are padded with blanks where they have to be long enough to be remembered.
"""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.make import Caller, Make
from tests.records.stored import change, get_json, list_rows, push_bytes
from vitalkeep.base import clock
from vitalkeep.records import routes
from vitalkeep.records.pushes import KEPT_FOR, WORTH

Json = dict[str, Any]
HEALTH_CONNECT = "/v1/me/records/health-connect"


async def push(person: Caller, body: bytes, path: str = "/v1/me/records") -> Json:
    """The answer to a pushed body, which has to be 200."""
    answer = await push_bytes(person, body, path)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def long_body(*records: object) -> bytes:
    """A push body that is worth remembering."""
    return orjson.dumps({"records": records}).ljust(WORTH)


def codes(answer: Json) -> list[str]:
    """The status, or the reject code, of each record."""
    return [each.get("code", each["status"]) for each in answer["results"]]


def forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on a push that is parsed fails."""
    monkeypatch.delattr(routes, "parse_canonical")
    monkeypatch.delattr(routes, "parse_dialect")


async def test_the_same_body_again_is_answered_unread_with_the_same_ids(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await make.person()
    body = long_body(*(make.record(kind) for kind in ("weight", "steps", "sleep", "weight")))
    first = await push(person, body)
    before = await list_rows(make, person)
    forbid_reading(monkeypatch)
    again = await push(person, body)
    assert codes(again) == ["unchanged"] * 4
    assert [each["id"] for each in again["results"]] == [each["id"] for each in first["results"]]
    assert again["counts"]["unchanged"] == 4
    assert again["received_sha256"] == first["received_sha256"]
    assert await list_rows(make, person) == before
    changes = await get_json(person, "/v1/me/changes", cursor=again["changes_cursor"])
    assert (changes["changes"], changes["has_more"]) == ([], False)


async def test_a_dialects_body_is_known_again_in_that_dialect_only(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await make.person()
    weight = {
        "recordType": "WeightRecord",
        "time": "2026-11-20T07:00:00Z",
        "weight": {"inKilograms": 61.5},
        "metadata": {"id": str(uuid4()), "dataOrigin": "jp.example.scale"},
    }
    body = long_body(weight)
    assert codes(await push(person, body, HEALTH_CONNECT)) == ["created"]
    assert codes(await push(person, body)) == ["unknown_type"]
    forbid_reading(monkeypatch)
    assert codes(await push(person, body, HEALTH_CONNECT)) == ["unchanged"]


async def test_another_persons_body_is_not_known(make: Make) -> None:
    app = await make.app()
    one, other = await make.person(app), await make.person(app)
    body = long_body(make.record("weight"))
    assert codes(await push(one, body)) == ["created"]
    assert codes(await push(other, body)) == ["created"]


async def test_a_push_with_a_rejected_record_is_read_again(make: Make) -> None:
    person = await make.person()
    body = long_body(make.record("weight"), make.record("weight", kilograms=-1))
    await push(person, body)
    assert codes(await push(person, body)) == ["unchanged", "out_of_range"]


async def test_a_push_is_forgotten_in_time(make: Make) -> None:
    person = await make.person()
    bodies = [long_body(make.record("weight")) for _ in range(2)]
    await push(person, bodies[0])
    age = "UPDATE pushes SET pushed_at = :at WHERE person_id = :id"
    long_ago = clock.now() - KEPT_FOR - timedelta(seconds=1)
    assert await change(make, age, at=long_ago, id=person.id) == 1
    await push(person, bodies[1])
    assert await change(make, "DELETE FROM pushes WHERE person_id = :id", id=person.id) == 1


def record(number: int, version: int) -> Json:
    """One of four records, in one of three versions."""
    common = {"client_id": f"r-{number}", "origin": {"app": "jp.example.a"}}
    moment = f"2026-11-1{number}T07:00:00+09:00"
    if number % 2:
        return {**common, "type": "weight", "time": moment, "kilograms": 60.0 + version}
    end = f"2026-11-1{number}T08:00:00+09:00"
    return {**common, "type": "steps", "start": moment, "end": end, "count": 100 + version}


BATCHES = [
    [record(0, 0), record(1, 0), record(2, 0)],
    [record(1, 0), record(2, 0), record(3, 0)],
    [record(0, 1), record(3, 1)],
    [record(2, 0)],
]
pushes = st.tuples(st.just("push"), st.sampled_from(range(len(BATCHES))))
deletions = st.tuples(st.sampled_from(["person", "source"]), st.integers(0, 3))
consents = st.tuples(st.sampled_from(["withdraw", "give", "run out"]), st.integers(0, 1))
stories = st.lists(pushes | pushes | deletions | consents, min_size=3, max_size=9)


async def act(make: Make, person: Caller, what: str, which: int, pad: int) -> object:
    """One step of a story; what the person is told."""
    if what == "push":
        return codes(await push(person, orjson.dumps({"records": BATCHES[which]}).ljust(pad)))
    kind = "weight" if which % 2 else "steps"
    if what in {"person", "source"}:
        named = {"client_ids": [f"r-{which}"], "type": kind, "app": "jp.example.a"}
        answer = await person.post("/v1/me/records/delete", {**named, "by": what})
        return answer.json()["deleted"]
    if what == "give":
        return len(await make.consents(person, [f"{kind}.collect"]))
    held = (await get_json(person, "/v1/me/consents"))["consents"]
    (consent_id,) = [each["id"] for each in held if each["scope"] == f"{kind}.collect"] or [None]
    if consent_id is None:
        return None
    if what == "run out":
        ended = "UPDATE consents SET state = 'expired', changed_at = :at WHERE consent_id = :id"
        return await change(make, ended, at=clock.now(), id=consent_id)
    return (await person.post(f"/v1/me/consents/{consent_id}/withdrawal")).json()["deleted"]


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(stories)
async def test_what_is_known_again_is_told_as_if_it_was_read(
    make: Make, story: list[tuple[str, int]]
) -> None:
    app = await make.app()
    known, read = await make.person(app), await make.person(app)
    for what, which in story:
        told = await act(make, known, what, which, WORTH)
        assert told == await act(make, read, what, which, 0), (what, which)
