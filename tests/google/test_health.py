"""The stand-in's Google Health API."""

from datetime import timedelta

import pytest

from tests.google.catalog import GOOGLEHEALTH, HEALTH_TYPES
from tests.google.connecting import NOON, Visitor
from tests.google.world import World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NIGHT = NOON - 22 * HOUR
STAGES = [(NIGHT, NIGHT + HOUR, "LIGHT"), (NIGHT + HOUR, NIGHT + 2 * HOUR, "AWAKE")]


async def test_points_are_written_as_google_health_writes_them(
    visitor: Visitor, world: World
) -> None:
    await visitor.connect()
    at = NOON - timedelta(milliseconds=1)
    point = world.health.add_point("weight", 72100.0, at, package="jp.example.scale")
    (weight,) = await visitor.list_points("weight")
    user = world.health.user_id
    assert weight["name"] == f"users/{user}/dataTypes/weight/dataPoints/{point.id}"
    assert weight["weight"] == {
        "sampleTime": {
            "physicalTime": "2026-11-20T11:59:59.999Z",
            "utcOffset": "32400s",
            "civilTime": {
                "date": {"year": 2026, "month": 11, "day": 20},
                "time": {"hours": 20, "minutes": 59, "seconds": 59, "nanos": 999_000_000},
            },
        },
        "weightGrams": 72100.0,
    }
    assert weight["dataSource"]["application"] == {"packageName": "jp.example.scale"}
    world.health.add_point("steps", 900, NOON - HOUR, NOON)
    (steps,) = await visitor.list_points("steps")
    assert "name" not in steps
    assert steps["steps"]["count"] == "900"
    interval = steps["steps"]["interval"]
    assert (interval["startTime"], interval["endUtcOffset"]) == ("2026-11-20T11:00:00Z", "32400s")


async def test_pages_come_newest_start_first_and_sleep_by_twenty_five(
    visitor: Visitor, world: World
) -> None:
    await visitor.connect()
    for nights in range(30):
        start = NIGHT - nights * DAY
        world.health.add_sleep(start, start + 7 * HOUR, [])
    first = (await visitor.health("/dataTypes/sleep/dataPoints", pageSize=1000)).json()
    token = {"pageToken": first["nextPageToken"]}
    second = (await visitor.health("/dataTypes/sleep/dataPoints", pageSize=25, **token)).json()
    pages = [first["dataPoints"], second["dataPoints"]]
    assert [len(page) for page in pages] == [25, 5]
    starts = [each["sleep"]["interval"]["startTime"] for page in pages for each in page]
    assert starts == sorted(set(starts), reverse=True)
    assert "nextPageToken" not in second
    other = await visitor.health("/dataTypes/weight/dataPoints", **token)
    assert other.json()["error"]["details"][0]["reason"] == "INVALID_PAGE_TOKEN"


@pytest.mark.parametrize(
    ("kebab", "text", "hours"),
    [
        ("steps", 'steps.interval.start_time >= "2026-11-20T10:00:00Z"', [11, 10]),
        ("steps", 'steps.interval.civil_start_time < "2026-11-20T19:00:00"', [9]),
        ("heart-rate", 'heart_rate.sample_time.physical_time < "2026-11-20T20:00:00+09:00"',
         [10, 9]),
        ("heart-rate", 'heart_rate.sample_time.civil_time >= "2026-11-20T19:00:00" AND '
         'heart_rate.sample_time.civil_time < "2026-11-20T20:00:00"', [10]),
        ("sleep", 'sleep.interval.end_time >= "2026-11-20T11:00:00Z"', [11, 10]),
        ("sleep", 'sleep.interval.civil_end_time < "2026-11-20"', []),
    ],
    ids=["start", "civil-start", "sample", "civil-sample", "sleep", "civil-sleep"],
)  # fmt: skip
async def test_a_filter_compares_times(
    visitor: Visitor, world: World, kebab: str, text: str, hours: list[int]
) -> None:
    await visitor.connect()
    for hour in (9, 10, 11):
        at = NOON.replace(hour=hour)
        if kebab == "sleep":
            world.health.add_sleep(at, at + HOUR, [])
        else:
            world.health.add_point(kebab, 60, at, at + HOUR)
    found = [
        each[HEALTH_TYPES[kebab].camel] for each in await visitor.list_points(kebab, filter=text)
    ]
    times = [each.get("interval", {}).get("startTime") or each["sampleTime"]["physicalTime"]
             for each in found]  # fmt: skip
    assert [int(time[11:13]) for time in times] == hours


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('body_fat.sample_time.physical_time > "2026-11-20T10:00:00Z"', "INVALID_FILTER_FORMAT"),
        ('body_fat.sample_time.civil_time < "2026-11-20" OR a', "INVALID_FILTER_FORMAT"),
        ('bodyFat.sample_time.physical_time >= "2026-11-20T10:00:00Z"', "DATA_TYPE_RESTRICTION"),
        ('weight.sample_time.physical_time >= "2026-11-20T10:00:00Z"', "COLLECTION_MISMATCH"),
        ('body_fat.interval.start_time >= "2026-11-20T10:00:00Z"', "DATA_TYPE_MEMBER"),
        ('body_fat.sample_time.physical_time >= "2026-11-20"', "TIMESTAMP_FORMAT"),
        ('body_fat.sample_time.civil_time >= "2026-11-20T10:00:00Z"', "CIVIL_DATE_TIME_FORMAT"),
    ],
    ids=["operator", "or", "camel", "other-type", "member", "time", "civil"],
)  # fmt: skip
async def test_a_filter_is_read_strictly(visitor: Visitor, text: str, reason: str) -> None:
    await visitor.connect()
    answer = await visitor.health("/dataTypes/body-fat/dataPoints", filter=text)
    error = answer.json()["error"]
    assert (answer.status_code, error["status"]) == (400, "INVALID_ARGUMENT")
    assert error["details"][0]["reason"].endswith(reason)


async def test_sleep_gets_its_stages_when_it_has_been_processed(
    visitor: Visitor, world: World
) -> None:
    await visitor.connect()
    point = world.health.add_sleep(NIGHT, NIGHT + 2 * HOUR, STAGES, processed=False)
    (early,) = await visitor.list_points("sleep")
    assert early["sleep"]["metadata"]["processed"] is False
    assert "stages" not in early["sleep"]
    world.health.process_sleep(point.id)
    (late,) = await visitor.list_points("sleep")
    assert late["name"] == early["name"]
    sleep = late["sleep"]
    assert (sleep["metadata"]["processed"], sleep["type"]) == (True, "STAGES")
    assert [each["type"] for each in sleep["stages"]] == ["LIGHT", "AWAKE"]
    assert (sleep["summary"]["minutesAsleep"], sleep["summary"]["minutesAwake"]) == ("60", "60")


async def test_echoes_and_twins_are_in_the_list_and_folded_by_reconcile(
    visitor: Visitor, world: World
) -> None:
    await visitor.connect()
    origin = {"platform": "HEALTH_CONNECT", "package": "jp.example.walk"}
    world.health.add_point("weight", 72100.0, NOON, platform=origin["platform"],
                           package=origin["package"])  # fmt: skip
    world.health.duplicate_points("weight", NOON, NOON + HOUR)
    world.health.add_point("weight", 72100.0, NOON)
    listed = await visitor.list_points("weight")
    platforms = [each["dataSource"]["platform"] for each in listed]
    assert platforms == ["FITBIT", "HEALTH_CONNECT", "HEALTH_CONNECT"]
    path = "/dataTypes/weight/dataPoints:reconcile"
    (merged,) = (await visitor.health(path)).json()["dataPoints"]
    assert set(merged) == {"dataPointName", "weight"}
    family = "users/me/dataSourceFamilies/google-wearables"
    assert len(await visitor.list_points("weight", dataSourceFamily=family)) == 1
    assert (await visitor.health(path, dataSourceFamily="mine")).status_code == 400


async def test_what_was_deleted_leaves_no_trace(visitor: Visitor, world: World) -> None:
    await visitor.connect()
    world.health.add_point("body-fat", 21.5, NOON)
    assert world.health.delete_points("body-fat", NOON, NOON + HOUR) == 1
    assert (await visitor.health("/dataTypes/body-fat/dataPoints")).json() == {}


async def test_only_types_with_ids_can_be_got_by_one(visitor: Visitor, world: World) -> None:
    await visitor.connect()
    point = world.health.add_point("blood-glucose", 99.0, NOON, extra={"mealType": "LUNCH"})
    got = (await visitor.health(f"/dataTypes/blood-glucose/dataPoints/{point.id}")).json()
    assert got["bloodGlucose"]["bloodGlucoseMilligramsPerDeciliter"] == 99.0
    assert got["bloodGlucose"]["mealType"] == "LUNCH"
    assert (await visitor.health("/dataTypes/blood-glucose/dataPoints/1")).status_code == 404
    never = await visitor.health("/dataTypes/heart-rate/dataPoints/1")
    assert never.json()["error"]["details"][0]["reason"] == "UNSUPPORTED_DATA_TYPE_ACTION"


async def test_blood_pressure_is_no_type_at_all(visitor: Visitor) -> None:
    await visitor.connect()
    answer = await visitor.health("/dataTypes/blood-pressure/dataPoints")
    reason = answer.json()["error"]["details"][0]["reason"]
    assert (answer.status_code, reason) == (400, "INVALID_PARENT_DATA_TYPE_COLLECTION")


async def test_scopes_and_the_profile_are_asked_for(visitor: Visitor, world: World) -> None:
    await visitor.connect(f"{GOOGLEHEALTH}sleep.readonly")
    assert (await visitor.health("/identity")).json()["healthUserId"] == world.health.user_id
    refused = await visitor.health("/dataTypes/steps/dataPoints")
    assert refused.json()["error"]["details"][0]["reason"] == "MISSING_OAUTH_SCOPE"
    assert refused.status_code == 403
    world.health.linked = False
    for path in ("/identity", "/dataTypes/sleep/dataPoints"):
        error = (await visitor.health(path)).json()["error"]
        assert (error["code"], error["status"]) == (400, "FAILED_PRECONDITION")
        assert error["details"][0]["reason"] == "ACCOUNT_NOT_LINKED"
    world.health.linked, world.identity_scope = True, f"{GOOGLEHEALTH}profile.readonly"
    assert (await visitor.health("/identity")).status_code == 403
    visitor.token = "made up"
    error = (await visitor.health("/identity")).json()["error"]
    assert (error["code"], error["details"][0]["reason"]) == (401, "INVALID_AUTHENTICATOR")


async def test_ninety_days_of_heart_rate_can_be_paged(visitor: Visitor, world: World) -> None:
    await visitor.connect()
    world.health.generate_heart_rate(samples=2500)
    path, seen, query = "/dataTypes/heart-rate/dataPoints", [], {"pageSize": "1000"}
    while True:
        page = (await visitor.health(path, **query)).json()
        seen += [each["heartRate"]["sampleTime"]["physicalTime"] for each in page["dataPoints"]]
        if "nextPageToken" not in page:
            break
        query["pageToken"] = page["nextPageToken"]
    assert (len(seen), world.count("health.list")) == (2500, 3)
    assert seen == sorted(set(seen), reverse=True)
    day = (NOON - 90 * DAY).isoformat(), (NOON - 89 * DAY).isoformat()
    member = "heart_rate.sample_time.physical_time"
    text = f'{member} >= "{day[0]}" AND {member} < "{day[1]}"'
    found = await visitor.list_points("heart-rate", filter=text)
    assert len(found) == 28
    assert found[0]["heartRate"]["beatsPerMinute"].isdecimal()
