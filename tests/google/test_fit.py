"""The stand-in's Fitness API."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.google.catalog import FIT_TYPES, FITNESS, HEART_RATE, SEGMENT
from tests.google.connecting import NOON, Hands, Visitor
from tests.google.heartbeats import SAMPLES
from tests.google.moments import to_ns
from tests.google.world import World

WEIGHT, STEPS = "com.google.weight", "com.google.step_count.delta"
PRESSURE = "com.google.blood_pressure"
MERGED = FIT_TYPES[WEIGHT].derived_id
DAY = timedelta(days=1)
TODAY = (to_ns(NOON - DAY), to_ns(NOON))
HOUR = timedelta(hours=1)


def starts(page: dict[str, Any]) -> list[int]:
    return [int(each["startTimeNanos"]) for each in page["point"]]


async def test_points_are_written_as_fit_writes_them(visitor: Visitor, world: World) -> None:
    await visitor.connect()
    world.fit.add_point(WEIGHT, [72.1], NOON - HOUR)
    world.fit.add_point(PRESSURE, [128, 82, None, 3], NOON - HOUR)
    (point,) = (await visitor.dataset(MERGED, TODAY)).json()["point"]
    at = str(to_ns(NOON - HOUR))
    assert (point["startTimeNanos"], point["endTimeNanos"]) == (at, at)
    assert point["value"] == [{"fpVal": 72.0999984741211, "mapVal": []}]
    assert point["originDataSourceId"] == f"raw:{WEIGHT}:jp.example.walk:stand-in"
    pressure = await visitor.dataset(FIT_TYPES[PRESSURE].derived_id, TODAY)
    values = pressure.json()["point"][0]["value"]
    assert values[2:] == [{}, {"intVal": 3, "mapVal": []}]


async def test_raw_sources_overlap_and_the_derived_one_is_merged(
    visitor: Visitor, world: World
) -> None:
    await visitor.connect()
    world.fit.add_point(STEPS, [900], NOON - HOUR, NOON)
    world.fit.add_point(STEPS, [880], NOON - HOUR, NOON, package="jp.example.band", merged=False)
    sources = (await visitor.fit("/dataSources", dataTypeName=STEPS)).json()["dataSource"]
    found = {each["dataStreamId"]: each for each in sources}
    derived = FIT_TYPES[STEPS].derived_id
    assert derived == f"derived:{STEPS}:com.google.android.gms:estimated_steps"
    assert [each["type"] for each in sources] == ["derived", "derived", "raw", "raw"]
    assert found[derived]["dataType"]["field"] == [{"name": "steps", "format": "integer"}]
    counts = {}
    for name in found:
        points = (await visitor.dataset(name, TODAY)).json()["point"]
        counts[name.split(":")[2]] = [each["value"][0]["intVal"] for each in points]
    assert counts == {
        "com.google.android.gms": [900],
        "jp.example.walk": [900],
        "jp.example.band": [880],
    }


async def test_pages_come_newest_first_and_each_in_order(visitor: Visitor, world: World) -> None:
    await visitor.connect()
    for minute in range(1, 6):
        world.fit.add_point(WEIGHT, [70], NOON - timedelta(minutes=minute))
    world.fit.duplicate_points(WEIGHT, NOON - timedelta(minutes=5), NOON - timedelta(minutes=4))
    first = (await visitor.dataset(MERGED, TODAY, limit=4)).json()
    token = {"pageToken": first["nextPageToken"]}
    second = (await visitor.dataset(MERGED, TODAY, limit=4, **token)).json()
    assert "nextPageToken" not in second
    pages = [starts(first), starts(second)]
    minutes = [[(to_ns(NOON) - at) // 60_000_000_000 for at in page] for page in pages]
    assert minutes == [[4, 3, 2, 1], [5, 5]]
    assert (await visitor.dataset(MERGED, (0, 5), **token)).status_code == 400


@pytest.mark.parametrize(
    ("first", "last", "intervals", "instants"),
    [(-60, 0, 1, 0), (-30, -20, 1, 0), (-61, -60, 0, 0), (0, 1, 0, 1), (-1, 1, 1, 1)],
)
async def test_what_overlaps_a_span_is_in_it(
    visitor: Visitor, world: World, first: int, last: int, intervals: int, instants: int
) -> None:
    await visitor.connect()
    world.fit.add_point(STEPS, [10], NOON - HOUR, NOON)
    world.fit.add_point(WEIGHT, [70], NOON)
    span = to_ns(NOON + timedelta(minutes=first)), to_ns(NOON + timedelta(minutes=last))
    steps = await visitor.dataset(FIT_TYPES[STEPS].derived_id, span)
    weight = await visitor.dataset(MERGED, span)
    assert (len(steps.json()["point"]), len(weight.json()["point"])) == (intervals, instants)


async def test_a_type_needs_its_scope(visitor: Visitor, world: World) -> None:
    world.fit.add_point(WEIGHT, [70], NOON)
    await visitor.connect(f"{FITNESS}sleep.read")
    for answer in (
        await visitor.fit("/dataSources", dataTypeName=WEIGHT),
        await visitor.dataset(MERGED, TODAY),
        await visitor.aggregate(aggregateBy=[{"dataTypeName": WEIGHT}]),
    ):
        error = answer.json()["error"]
        assert (answer.status_code, error["status"]) == (403, "PERMISSION_DENIED")
        assert error["errors"][0]["reason"] == "insufficientPermissions"
    assert (await visitor.fit("/dataSources")).json() == {"dataSource": []}
    assert (await visitor.fit("/sessions")).status_code == 200


async def test_changes_tell_what_came_and_what_went(visitor: Visitor, world: World) -> None:
    await visitor.connect()
    world.fit.add_point(WEIGHT, [70], NOON - HOUR)
    world.fit.add_point(WEIGHT, [71], NOON)
    path = f"/dataSources/{quote(MERGED, safe='')}/dataPointChanges"
    seen = (await visitor.fit(path, limit=1)).json()
    assert starts({"point": seen["insertedDataPoint"]}) == [to_ns(NOON - HOUR)]
    seen = (await visitor.fit(path, pageToken=seen["nextPageToken"])).json()
    assert starts({"point": seen["insertedDataPoint"]}) == [to_ns(NOON)]
    assert world.fit.delete_points(WEIGHT, NOON, NOON + HOUR) == 1
    after = (await visitor.fit(path, pageToken=seen["nextPageToken"])).json()
    assert after["insertedDataPoint"] == []
    assert starts({"point": after["deletedDataPoint"]}) == [to_ns(NOON)]
    still = (await visitor.fit(path, pageToken=after["nextPageToken"])).json()
    assert (still["insertedDataPoint"], still["deletedDataPoint"]) == ([], [])
    assert still["nextPageToken"] == after["nextPageToken"]


async def test_aggregates_have_empty_buckets_and_thirty_days(
    visitor: Visitor, world: World
) -> None:
    await visitor.connect()
    for bpm in (60, 90):
        world.fit.add_point(HEART_RATE, [bpm], NOON - timedelta(minutes=bpm))
    world.fit.add_point(STEPS, [500], NOON - HOUR, NOON)
    world.fit.add_point(STEPS, [250], NOON - 2 * HOUR, NOON - HOUR)
    end = to_ns(NOON) // 10**6
    day = 86_400_000
    asked = {
        "aggregateBy": [{"dataTypeName": HEART_RATE}, {"dataTypeName": STEPS}],
        "bucketByTime": {"durationMillis": day},
        "endTimeMillis": end,
    }
    buckets = (await visitor.aggregate(startTimeMillis=end - 3 * day, **asked)).json()["bucket"]
    points = [[len(each["point"]) for each in bucket["dataset"]] for bucket in buckets]
    assert points == [[0, 0], [0, 0], [1, 1]]
    rate, steps = (each["point"][0]["value"] for each in buckets[2]["dataset"])
    assert [each["fpVal"] for each in rate] == [75, 90, 60]
    assert steps == [{"intVal": 750, "mapVal": []}]
    large = await visitor.aggregate(startTimeMillis=end - 31 * day, **asked)
    error = large.json()["error"]
    assert (large.status_code, error["message"]) == (400, "aggregate duration too large")


async def test_sessions_are_listed_by_time_or_by_change(
    visitor: Visitor, world: World, hands: Hands
) -> None:
    await visitor.connect()
    night = NOON - 10 * HOUR
    asleep = world.fit.add_sleep(night, night + 7 * HOUR, [(night, night + HOUR, 4)])
    world.fit.add_session(NOON - HOUR, NOON, activity=8)
    span = {"startTime": (NOON - DAY).isoformat(), "endTime": NOON.isoformat()}
    listed = (await visitor.fit("/sessions", activityType=72, pageToken="!", **span)).json()
    assert [each["id"] for each in listed["session"]] == [asleep.id]
    later = {"startTime": NOON.isoformat(), "endTime": (NOON + DAY).isoformat()}
    assert (await visitor.fit("/sessions", activityType=72, **later)).json()["session"] == []
    segments = await visitor.dataset(FIT_TYPES[SEGMENT].derived_id, TODAY)
    assert segments.json()["point"][0]["value"] == [{"intVal": 4, "mapVal": []}]
    changed = (await visitor.fit("/sessions", activityType=72)).json()
    assert [each["id"] for each in changed["session"]] == [asleep.id]
    token = {"activityType": 72, "pageToken": changed["nextPageToken"]}
    assert (await visitor.fit("/sessions", **token)).json()["session"] == []
    hands.pass_by(minutes=1)
    world.fit.delete_session(asleep.id)
    assert (await visitor.fit("/sessions", **token)).json()["deletedSession"] == []
    gone = (await visitor.fit("/sessions", includeDeleted="true", **token)).json()
    assert [each["id"] for each in gone["deletedSession"]] == [asleep.id]
    assert (await visitor.fit("/sessions", **span)).json()["session"][0]["activityType"] == 8


async def test_ninety_days_of_heart_rate_are_there_and_the_same_every_time(
    visitor: Visitor, world: World
) -> None:
    await visitor.connect()
    world.fit.generate_heart_rate()
    source = FIT_TYPES[HEART_RATE].derived_id
    whole = (to_ns(NOON - 90 * DAY), to_ns(NOON))
    first = (await visitor.dataset(source, whole, limit=500)).json()
    again = (await visitor.dataset(source, whole, limit=500)).json()
    assert (len(first["point"]), first) == (500, again)
    token = {"pageToken": first["nextPageToken"]}
    second = (await visitor.dataset(source, whole, limit=500, **token)).json()
    assert starts(second)[-1] < starts(first)[0]
    assert starts(second) == sorted(set(starts(second)))
    oldest = (await visitor.dataset(source, (whole[0], whole[0] + 10**12))).json()
    assert (starts(oldest)[0], len(oldest["point"])) == (whole[0], 30)
    assert world.fit.beats is not None
    assert len(list(world.fit.beats.newest_first(*whole))) == SAMPLES
    assert world.fit.delete_points(HEART_RATE, NOON - 90 * DAY, NOON - 89 * DAY) > 2500
    assert (await visitor.dataset(source, (whole[0], whole[0] + 10**12))).json()["point"] == []


async def test_what_does_not_exist_is_refused(visitor: Visitor) -> None:
    await visitor.connect()
    assert (await visitor.fit("/dataSources", dataTypeName="com.google.mood")).status_code == 400
    missing = f"raw:{WEIGHT}:jp.example.scale:none"
    assert (await visitor.dataset(missing, TODAY)).status_code == 404
    assert (await visitor.dataset(MERGED, (5, 1))).status_code == 400
    assert (await visitor.dataset(MERGED, TODAY, limit=0)).status_code == 400
    visitor.token = "made up"
    assert (await visitor.fit("/dataSources")).json()["error"]["status"] == "UNAUTHENTICATED"
