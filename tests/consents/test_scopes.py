"""What scopes may be called, and what the grants of a phone or of Google mean in ours."""

import pytest

from tests.consents.asking import ask, assert_refused, everything
from tests.make import EVERYTHING, Make
from vitalkeep.datatypes.registry import TYPES

TEN = {
    "steps", "distance", "weight", "body_fat", "sleep", "blood_pressure", "blood_glucose",
    "heart_rate", "body_temperature", "oxygen_saturation",
}  # fmt: skip
FIT = {
    "activity": ["steps"], "location": ["distance"], "body": ["weight", "body_fat"],
    "sleep": ["sleep"], "blood_pressure": ["blood_pressure"], "blood_glucose": ["blood_glucose"],
    "heart_rate": ["heart_rate"], "body_temperature": ["body_temperature"],
    "oxygen_saturation": ["oxygen_saturation"],
}  # fmt: skip
HEALTH = {
    "activity_and_fitness": ["steps", "distance"],
    "sleep": ["sleep"],
    "health_metrics_and_measurements": [
        "weight", "body_fat", "blood_glucose", "heart_rate", "body_temperature",
        "oxygen_saturation",
    ],
}  # fmt: skip
UPSTREAM = (
    [(f"android.permission.health.READ_{name.upper()}", [name]) for name in sorted(TEN)]
    + [(f"https://www.googleapis.com/auth/fitness.{name}.read", FIT[name]) for name in FIT]
    + [(f"https://www.googleapis.com/auth/googlehealth.{n}.readonly", HEALTH[n]) for n in HEALTH]
)


async def test_every_type_has_a_scope_of_its_own(make: Make) -> None:
    person = await make.person(collects=False)
    given = await make.consents(person, EVERYTHING)
    assert [consent["scope"] for consent in given] == list(EVERYTHING)
    assert {consent["scope"] for consent in given} == {f"{name}.collect" for name in TEN}
    assert {kind.name for kind in TYPES} == TEN


@pytest.mark.parametrize(("grant", "names"), UPSTREAM)
async def test_an_upstream_read_grant_is_consent_to_collect_what_it_covers(
    make: Make, grant: str, names: list[str]
) -> None:
    person = await make.person(collects=False)
    given = await make.consents(person, [grant])
    assert {consent["scope"] for consent in given} == {f"{name}.collect" for name in names}
    assert len(given) == len(names)
    covered = [await person.statuses(make.record(name)) for name in names]
    assert covered == [["created"]] * len(names)
    left = next(name for name in sorted(TEN) if name not in names)
    assert await person.statuses(make.record(left)) == ["consent_missing"]


UNKNOWN = [
    "steps", "steps.write", ".collect", "collect", "steps.", "steps.collect ", "STEPS.collect",
    "steps.Collect", "steps.collect.read", "stepsxcollect", "*", "*.collect", "blood.collect",
    "android.permission.health.WRITE_STEPS", "android.permission.health.READ_NUTRITION",
    "READ_STEPS", "fitness.body.read", "https://www.googleapis.com/auth/fitness.body.write",
    "https://www.googleapis.com/auth/fitness.body", "http://www.googleapis.com/auth/fitness.body.read",
    "https://www.googleapis.com/auth/googlehealth.sleep.writeonly", "steps.collect\x00",
]  # fmt: skip


@pytest.mark.parametrize("unknown", UNKNOWN)
async def test_an_unknown_scope_is_pointed_at_and_fails_no_other(make: Make, unknown: str) -> None:
    person = await make.person(collects=False)
    answer = await ask(person, "steps.collect", unknown, "sleep.collect")
    assert answer.status_code == 201
    body = answer.json()
    assert [each["scope"] for each in body["consents"]] == ["steps.collect", "sleep.collect"]
    (refused,) = body["refused"]
    wanted = (unknown, "unknown_scope", "/scopes/1")
    assert (refused["scope"], refused["code"], refused["pointer"]) == wanted
    assert await person.statuses(make.record("steps")) == ["created"]


async def test_every_unknown_scope_is_named_and_none_is_repeated(make: Make) -> None:
    person = await make.person(collects=False)
    answer = await ask(person, "secret-1", "secret-2")
    unknown = (("/scopes/0", "unknown_scope"), ("/scopes/1", "unknown_scope"))
    await assert_refused(person, answer, *unknown)
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "scopes",
    [[], [""], [7], [None], "steps.collect", {"0": "steps.collect"}, ["x" * 301],
     ["steps.collect"] * 101, None],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
async def test_scopes_of_a_wrong_shape_are_refused(make: Make, scopes: object) -> None:
    person = await make.person(collects=False)
    problem = await assert_refused(person, await ask(person, scopes=scopes))
    assert {each["pointer"].split("/")[1] for each in problem["errors"]} == {"scopes"}


async def test_a_scope_that_comes_by_several_names_is_one_consent(make: Make) -> None:
    person = await make.person(collects=False)
    given = await make.consents(
        person,
        [
            "weight.collect",
            "https://www.googleapis.com/auth/fitness.body.read",
            "android.permission.health.READ_WEIGHT",
            "weight.collect",
        ],
    )
    assert [consent["scope"] for consent in given] == ["weight.collect", "body_fat.collect"]
    assert len(await everything(person)) == 2


async def test_an_upstream_grant_lets_nobody_read(make: Make) -> None:
    person = await make.person(collects=False)
    recipient = {"kind": "organization", "id": str(await make.organization())}
    for grant, _ in UPSTREAM:
        answer = await ask(person, grant, recipient=recipient, purpose="guidance")
        await assert_refused(person, answer)
