"""Open mHealth data points over HTTP: what they become, and which records they are."""

from typing import Any

import pytest

from tests.datatypes.dialects.points import ABSENT, asleep, point
from tests.make import Caller, Make
from tests.records.stored import get_json, list_all
from vitalkeep.datatypes.dialects.open_mhealth import EXAMPLES

PUSH = "/v1/me/records/open-mhealth"
Json = dict[str, Any]


async def push(person: Caller, *points: object) -> list[Json]:
    answer = await person.post(PUSH, {"records": list(points)})
    assert answer.status_code == 200, answer.text
    verdicts: list[Json] = answer.json()["results"]
    return verdicts


def codes(verdicts: list[Json]) -> list[str]:
    return [str(each.get("code", each["status"])) for each in verdicts]


async def test_a_point_of_each_type_is_read_back_in_our_terms(make: Make) -> None:
    person = await make.person()
    verdicts = await push(person, *EXAMPLES.values())
    assert codes(verdicts) == ["created"] * 9
    assert codes(await push(person, *EXAMPLES.values())) == ["unchanged"] * 9
    pressure = verdicts[list(EXAMPLES).index("blood_pressure")]["id"]
    found = await get_json(person, f"/v1/me/records/{pressure}")
    assert found.pop("modified_at")
    assert found == {
        "id": pressure,
        "type": "blood_pressure",
        "time": "2026-11-20T07:05:00+09:00",
        "systolic_mmhg": 128.0,
        "diastolic_mmhg": 82.0,
        "body_position": "sitting_down",
        "measurement_location": "left_upper_arm",
        "client_id": "0d0d3a4e-7f0c-4b46-9a55-2c4f3e2b1006",
        "client_version": 0,
        "recording_method": "automatically_recorded",
        "origin": {"app": "jp.example.pressure"},
    }


async def test_a_corrected_point_takes_the_place_of_the_old(make: Make) -> None:
    person = await make.person()
    (first,) = await push(person, point("weight"))
    heavier = {"body_weight": {"value": 150, "unit": "lb"}}
    assert await push(person, point("weight", heavier)) == [
        {"status": "updated", "id": first["id"]}
    ]
    assert [each["original"] for each in await list_all(person)] == [
        {"value": 150.0, "unit": "[lb_av]"}
    ]


async def test_a_point_s_id_never_meets_that_of_a_phone_s_store(make: Make) -> None:
    person = await make.person()
    name = "8a4fd9f0-52fb-4d63-9f0a-5c9f86d1c003"
    (made,) = await push(person, point("weight", id=name))
    stored = make.record("weight", client_id=None, platform_id=name)
    assert (await person.push(stored))["results"][0]["id"] != made["id"]
    deletion = {"deletionChanges": [{"recordId": name}]}
    answer = await person.post("/v1/me/records/health-connect", deletion)
    assert answer.json()["deleted"] == 1
    assert [each["id"] for each in await list_all(person)] == [made["id"]]
    named = {"client_ids": [name], "type": "weight", "app": "jp.example.scale"}
    assert (await person.post("/v1/me/records/delete", named)).json() == {"deleted": 1}


async def test_a_point_without_an_id_is_known_by_its_app_and_time(make: Make) -> None:
    person = await make.person()
    nameless = point("weight", id=ABSENT)
    assert codes(await push(person, nameless)) == ["created"]
    assert codes(await push(person, nameless)) == ["unchanged"]


async def test_an_app_that_names_no_source_is_the_source(make: Make) -> None:
    person = await make.person()
    assert person.app is not None
    await push(person, asleep("ieee:sleep-episode:1.0"))
    (night,) = await list_all(person)
    assert night["origin"] == {"app": str(person.app.id)}


@pytest.mark.parametrize(
    ("bad", "code", "pointer"),
    [
        (point("steps"), "consent_missing", "/header/schema_id/name"),
        (
            point("weight", {"descriptive_statistic": "average"}),
            "invalid",
            "/body/descriptive_statistic",
        ),
        (
            point("weight", {"body_weight": {"value": 83519, "unit": "lb"}}),
            "out_of_range",
            "/body/body_weight/value",
        ),
        ("planted-3", "invalid", ""),
    ],
    ids=range(4),
)
async def test_a_pointer_leads_into_the_point(
    make: Make, bad: object, code: str, pointer: str
) -> None:
    person = await make.person(collects=False)
    await make.consents(person, ["weight.collect"])
    good, verdict = await push(person, point("weight", id="good"), bad)
    assert good["status"] == "created"
    assert (verdict["code"], verdict["pointer"]) == (code, f"/records/1{pointer}")
    assert not any(plant in str(verdict) for plant in ("planted", "83519"))
