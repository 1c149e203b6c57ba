"""Results of Health Connect's getChanges, pushed as they are."""

from typing import Any
from uuid import uuid4

import pytest

from tests.make import Caller, Make
from tests.records.phone_shapes import AT, HOUR
from tests.records.stored import (
    change,
    delete_as_the_person,
    get_json,
    list_all,
    list_rows,
    problem_code,
)

PUSH = "/v1/me/records/health-connect"
Json = dict[str, Any]


def weight(name: str | None = None, kilograms: object = 68.4, **metadata: object) -> Json:
    """A weight in Health Connect's store, or one about to be put there."""
    about = {"id": name, "dataOrigin": "jp.example.scale", **metadata}
    return {
        "recordType": "Weight",
        **AT,
        "weight": {"inKilograms": kilograms, "inGrams": None},
        "metadata": about,
    }


def changes(*upserts: object, deleted: object = (), **more: object) -> Json:
    """A result of getChanges as React Native has it."""
    named = [{"recordId": each} for each in deleted] if isinstance(deleted, tuple) else deleted
    return {
        "upsertionChanges": [{"record": each} for each in upserts],
        "deletionChanges": named,
        "nextChangesToken": "1842",
        "changesTokenExpired": False,
        "hasMore": False,
        **more,
    }


async def push(person: Caller, body: object) -> Json:
    answer = await person.post(PUSH, body)
    assert answer.status_code == 200, answer.text
    taken: Json = answer.json()
    return taken


def statuses(answer: Json) -> list[str]:
    return [each.get("code", each["status"]) for each in answer["results"]]


async def kilograms(person: Caller) -> list[float]:
    return [each["kilograms"] for each in await list_all(person)]


async def test_what_changed_is_stored_and_what_was_deleted_goes(make: Make) -> None:
    person = await make.person()
    kept, gone, unknown = str(uuid4()), str(uuid4()), str(uuid4())
    first = await push(person, changes(weight(kept), weight(gone, 70)))
    assert statuses(first) == ["created", "created"]
    assert "deleted" not in first
    new = str(uuid4())
    body = changes(weight(new, 72), weight(kept, 69), deleted=(gone.upper(), unknown))
    second = await push(person, body)
    assert statuses(second) == ["created", "updated"]
    assert second["deleted"] == 1
    assert sorted(await kilograms(person)) == [69, 72]
    cursor = {"cursor": first["changes_cursor"]}
    feed = (await get_json(person, "/v1/me/changes", **cursor))["changes"]
    assert [each["op"] for each in feed] == ["upsert", "upsert", "delete"]
    assert feed[2]["id"] == first["results"][1]["id"]


async def test_the_cursor_of_a_push_lies_behind_its_deletions(make: Make) -> None:
    person = await make.person()
    names = [str(uuid4()) for _ in range(3)]
    await push(person, changes(*map(weight, names)))
    answer = await push(person, changes(weight(str(uuid4())), deleted=tuple(names)))
    assert answer["deleted"] == 3
    later = await get_json(person, "/v1/me/changes", cursor=answer["changes_cursor"])
    assert (later["changes"], later["has_more"]) == ([], False)


@pytest.mark.parametrize("upserts", [{}, {"upsertionChanges": None}, {"upsertionChanges": []}])
async def test_there_may_be_deletions_only(make: Make, upserts: Json) -> None:
    person = await make.person()
    gone = str(uuid4())
    await push(person, changes(weight(gone)))
    answer = await push(person, {**upserts, "deletionChanges": [{"recordId": gone}]})
    assert (answer["results"], answer["deleted"]) == ([], 1)
    assert set(answer["counts"].values()) == {0}
    assert await list_all(person) == []
    assert (await push(person, {"deletionChanges": [gone]}))["deleted"] == 0


@pytest.mark.parametrize("deletions", [{}, {"deletionChanges": None}, {"deletionChanges": []}])
async def test_there_may_be_records_only(make: Make, deletions: Json) -> None:
    person = await make.person()
    answer = await push(person, {"upsertionChanges": [{"record": weight("a")}], **deletions})
    assert statuses(answer) == ["created"]
    assert "deleted" not in answer


async def test_a_deletion_may_be_the_id_alone(make: Make) -> None:
    person = await make.person()
    names = [str(uuid4()) for _ in range(3)]
    await push(person, changes(*map(weight, names)))
    mixed = [names[0].upper(), {"recordId": names[1], "deletionTime": "2026-11-20T00:00:00Z"}]
    assert (await push(person, {"deletionChanges": mixed}))["deleted"] == 2
    assert len(await list_all(person)) == 1


async def test_members_a_later_sdk_adds_are_passed_over(make: Make) -> None:
    person = await make.person()
    body = changes(weight("a"), deleted=("b",), grantedPermissions=[], nextChangesToken=None)
    body["upsertionChanges"][0]["type"] = "upsert"
    answer = await push(person, body)
    assert (statuses(answer), answer["deleted"]) == (["created"], 0)


async def test_what_the_source_deleted_revives_under_its_id(make: Make) -> None:
    person = await make.person()
    name = str(uuid4())
    first = await push(person, changes(weight(name, clientRecordVersion=5)))
    await push(person, changes(deleted=(name,)))
    assert await list_all(person) == []
    again = await push(person, changes(weight(name, 71, clientRecordVersion=0)))
    assert again["results"] == [{"status": "updated", "id": first["results"][0]["id"]}]
    assert await kilograms(person) == [71]


async def test_a_record_in_both_lists_was_put_back_and_stays(make: Make) -> None:
    # Health Connect gives it its old id, and lists as changed only what is there when asked.
    person = await make.person()
    name = str(uuid4())
    await push(person, changes(weight(name)))
    both = changes(weight(name.upper(), 70), deleted=(name,))
    answer = await push(person, both)
    assert (statuses(answer), answer["deleted"]) == (["updated"], 0)
    assert await kilograms(person) == [70]
    rows = await list_rows(make, person)
    assert statuses(await push(person, both)) == ["unchanged"]
    assert await list_rows(make, person) == rows


async def test_a_record_in_both_lists_that_is_rejected_is_deleted_still(make: Make) -> None:
    person = await make.person()
    name = str(uuid4())
    await push(person, changes(weight(name)))
    answer = await push(person, changes(weight(name, -1), deleted=(name,)))
    assert (statuses(answer), answer["deleted"]) == (["out_of_range"], 1)
    assert await list_all(person) == []


async def test_what_the_person_deleted_here_stays_suppressed(make: Make) -> None:
    person = await make.person()
    name = str(uuid4())
    first = await push(person, changes(weight(name)))
    await delete_as_the_person(make, person, first["results"][0]["id"])
    assert (await push(person, changes(deleted=(name,))))["deleted"] == 0
    assert statuses(await push(person, changes(weight(name, 70)))) == ["suppressed"]


async def test_somebody_else_s_record_of_the_same_id_is_left_alone(make: Make) -> None:
    app = await make.app()
    one, other = await make.person(app), await make.person(app)
    name = str(uuid4())
    for person in (one, other):
        await push(person, changes(weight(name)))
    assert (await push(one, changes(deleted=(name,))))["deleted"] == 1
    assert await kilograms(other) == [68.4]


async def test_a_deletion_needs_no_consent(make: Make) -> None:
    person = await make.person(collects=False)
    (given,) = await make.consents(person, ["weight.collect"], data_until="2025-01-01T00:00:00Z")
    name = str(uuid4())
    await push(person, changes(weight(name)))
    state = "UPDATE consents SET state = 'expired' WHERE person_id = :id"
    await change(make, state, id=person.id)
    answer = await push(person, changes(weight(name), deleted=(name,)))
    assert (statuses(answer), answer["deleted"]) == (["consent_missing"], 1)
    assert given["state"] == "active"


@pytest.mark.parametrize(
    ("entry", "code", "pointer"),
    [
        ({"record": weight("a", 83519)}, "out_of_range", "/record/weight/inKilograms"),
        ({"record": weight("a", None)}, "invalid", "/record/weight"),
        ({"record": {**weight("a"), "recordType": "Mood"}}, "unknown_type", "/record/recordType"),
        ({"record": {**weight("a"), "time": None}}, "invalid", "/record/time"),
        ({"record": weight("x" * 129)}, "invalid", "/record/metadata/id"),
        ({"record": None}, "invalid", "/record"),
        ({}, "invalid", "/record"),
        ("planted-3", "invalid", "/record"),
        (weight("a"), "invalid", "/record"),
        (
            {"record": {"recordType": "Steps", **HOUR, "count": 1}},
            "consent_missing",
            "/record/recordType",
        ),
    ],
    ids=range(10),
)
async def test_a_pointer_leads_into_the_changes(
    make: Make, entry: object, code: str, pointer: str
) -> None:
    person = await make.person(collects=False)
    await make.consents(person, ["weight.collect"])
    body = changes(weight("b"))
    body["upsertionChanges"].append(entry)
    created, verdict = (await push(person, body))["results"]
    assert created["status"] == "created"
    assert (verdict["code"], verdict["pointer"]) == (code, f"/upsertionChanges/1{pointer}")
    assert not any(plant in str(verdict) for plant in ("planted", "83519"))


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        (changes(), "/upsertionChanges", "too_few"),
        ({"upsertionChanges": None}, "/records", "invalid"),
        ({"deletionChanges": []}, "/upsertionChanges", "too_few"),
        ({"upsertionChanges": {}}, "/upsertionChanges", "invalid"),
        ({"deletionChanges": "a"}, "/deletionChanges", "invalid"),
        ({"deletionChanges": [1]}, "/deletionChanges/0", "invalid"),
        ({"deletionChanges": ["a", ""]}, "/deletionChanges/1", "invalid"),
        ({"deletionChanges": ["a", {}]}, "/deletionChanges/1/recordId", "invalid"),
        ({"deletionChanges": [{"recordId": None}]}, "/deletionChanges/0/recordId", "invalid"),
        ({"deletionChanges": ["x" * 129]}, "/deletionChanges/0", "invalid"),
        ({**changes(weight("a")), "records": [weight("a")]}, "/records", "invalid"),
        ({"nextChangesToken": "1842", "hasMore": True}, "/records", "invalid"),
        (changes(changesTokenExpired=True), "/changesTokenExpired", "expired"),
        ({"changesTokenExpired": True}, "/changesTokenExpired", "expired"),
        ({"changesTokenExpired": False}, "/upsertionChanges", "too_few"),
    ],
    ids=range(15),
)
async def test_changes_of_another_shape_are_an_invalid_request(
    make: Make, body: Json, pointer: str, code: str
) -> None:
    person = await make.person()
    answer = await person.post(PUSH, body)
    assert problem_code(answer, 422) == "invalid_request"
    assert answer.json()["errors"] == [{"pointer": pointer, "code": code}]
    assert await list_rows(make, person) == []


async def test_an_expired_token_says_what_to_do(make: Make) -> None:
    person = await make.person()
    answer = await person.post(PUSH, changes(changesTokenExpired=True))
    assert "read all records again" in answer.json()["detail"]
    with_changes = changes(weight("a"), changesTokenExpired=True)
    assert statuses(await push(person, with_changes)) == ["created"]


async def test_a_thousand_records_and_five_thousand_deletions_are_the_most(make: Make) -> None:
    person = await make.person()
    names = [str(uuid4()) for _ in range(5001)]
    most = changes(*["nonsense"] * 1000, deleted=tuple(names[:5000]))
    answer = await push(person, most)
    assert (answer["counts"]["rejected"], answer["deleted"]) == (1000, 0)
    for body in (changes(*["nonsense"] * 1001), changes(deleted=tuple(names))):
        assert problem_code(await person.post(PUSH, body), 413) == "batch_too_large"


async def test_the_other_dialects_take_no_changes(make: Make) -> None:
    person = await make.person()
    for path in ("/v1/me/records", "/v1/me/records/open-mhealth"):
        answer = await person.post(path, changes(weight("a")))
        assert problem_code(answer, 422) == "invalid_request"
