"""One bad record of each reject code among 999 good ones, in every form of body."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, get_args

import pytest

from tests.datatypes.dialects.points import point, schema_id
from tests.make import Caller, Make
from tests.records.stored import change
from vitalkeep.datatypes.records import RejectCode

Json = dict[str, Any]

PLACE: Final = 500
GIVEN: Final = ("steps.collect", "sleep.collect", "heart_rate.collect", "body_fat.collect")
OF_CONSENT: Final = ("consent_missing", "consent_withdrawn", "duplicate_in_batch")
HOUR: Final = ("2024-05-01T07:00:00+09:00", "2024-05-01T08:00:00+09:00")
BEFORE: Final = "2024-05-01T06:59:59+09:00"


class Body(NamedTuple):
    """A form of body: where it goes, its nth good record, its bad one for each code with the
    pointer into it, and how 1,000 of them are put together.
    """

    path: str
    good: Callable[[int], Json]
    bad: dict[str, tuple[Json, str]]
    wrap: Callable[[list[Json]], Json]
    pointer: str


def canonical(type: str = "steps", **members: Any) -> Json:
    start, end = HOUR
    about = {"type": type, "start": start, "end": end, "origin": {"app": "jp.example.walk"}}
    return {**about, **members}


def canonical_instant(type: str, **members: Any) -> Json:
    return {"type": type, "time": HOUR[0], "origin": {"app": "jp.example.scale"}, **members}


def stages(start: str, end: str, kind: object, names: tuple[str, str, str]) -> list[Json]:
    """The same stage twice."""
    return [dict(zip(names, (start, end, kind), strict=True)) for _ in range(2)]


OURS: Final = ("start", "end", "stage")
CANONICAL: Final = Body(
    "/v1/me/records",
    lambda n: canonical(count=n, client_id=f"s-{n}"),
    {
        "invalid": (canonical(count="many"), "/count"),
        "out_of_range": (canonical(count=1_000_001), "/count"),
        "unknown_type": (canonical("mood", count=1), "/type"),
        "time_out_of_window": (canonical(count=1, start="1999-05-01T07:00:00Z"), "/start"),
        "end_before_start": (canonical(count=1, end=BEFORE), "/end"),
        "overlapping_stages": (
            canonical("sleep", stages=stages(*HOUR, "light", OURS)),
            "/stages/1",
        ),
        "sample_outside_interval": (
            canonical("heart_rate", samples=[{"time": BEFORE, "beats_per_minute": 70}]),
            "/samples/0/time",
        ),
        "consent_missing": (canonical_instant("weight", kilograms=70), "/type"),
        "consent_withdrawn": (canonical_instant("body_fat", percent=20), "/type"),
        "duplicate_in_batch": (canonical(count=1, client_id="s-700"), ""),
    },
    lambda records: {"records": records},
    "/records",
)


def phone(type: str = "Steps", **members: Any) -> Json:
    start, end = HOUR
    return {"recordType": type, "startTime": start, "endTime": end, **members}


def phone_instant(type: str, **members: Any) -> Json:
    return {"recordType": type, "time": HOUR[0], **members}


THEIRS: Final = ("startTime", "endTime", "stage")
PHONE: Final = Body(
    "/v1/me/records/health-connect",
    lambda n: phone(count=n, metadata={"id": f"s-{n}"}),
    {
        "invalid": (phone(count="many"), "/count"),
        "out_of_range": (phone("Distance", distance={"inMiles": 700}), "/distance/inMiles"),
        "unknown_type": (phone("Mood"), "/recordType"),
        "time_out_of_window": (phone(count=1, startTime="1999-05-01T07:00:00Z"), "/startTime"),
        "end_before_start": (phone(count=1, endTime=BEFORE), "/endTime"),
        "overlapping_stages": (
            phone("SleepSession", stages=stages(*HOUR, 4, THEIRS)),
            "/stages/1",
        ),
        "sample_outside_interval": (
            phone("HeartRate", samples=[{"time": BEFORE, "beatsPerMinute": 70}]),
            "/samples/0/time",
        ),
        "consent_missing": (phone_instant("Weight", weight={"inKilograms": 70}), "/recordType"),
        "consent_withdrawn": (phone_instant("BodyFat", percentage=20), "/recordType"),
        "duplicate_in_batch": (phone(count=1, metadata={"id": "s-700"}), ""),
    },
    lambda records: {"records": records},
    "/records",
)
CHANGES: Final = PHONE._replace(
    bad={code: (record, f"/record{pointer}") for code, (record, pointer) in PHONE.bad.items()},
    wrap=lambda records: {
        "upsertionChanges": [{"record": record} for record in records],
        "deletionChanges": [{"recordId": "s-0"}],
        "changesTokenExpired": False,
    },
    pointer="/upsertionChanges",
)


def interval(start: str = HOUR[0], end: str = HOUR[1]) -> Json:
    return {"time_interval": {"start_date_time": start, "end_date_time": end}}


def points(number: object, frame: Json | None = None, id: str = "bad") -> Json:
    steps = {"value": number, "unit": "steps"}
    body = {"step_count": steps, "effective_time_frame": frame or interval()}
    return point("steps", body, id=id)


def night(*frames: Json) -> Json:
    episodes = [{"sleep_stage_state": "Awake", "sleep_stage_time_frame": frame} for frame in frames]
    frame = {"effective_time_frame": interval()}
    total = {"sleep_stage_summary": {"total_sleep_time": {"value": 0, "unit": "h"}}}
    return point("sleep", {**frame, **total, "sleep_stage_episodes": episodes})


FRAME: Final = "/body/effective_time_frame/time_interval"
NAME: Final = "/header/schema_id/name"
POINTS: Final = Body(
    "/v1/me/records/open-mhealth",
    lambda n: points(n, id=f"s-{n}"),
    {
        "invalid": (
            point("steps", {"descriptive_statistic": "sum"}),
            "/body/descriptive_statistic",
        ),
        "out_of_range": (points(1_000_001), "/body/step_count/value"),
        "unknown_type": (point("steps", schema_id=schema_id("omh:mood:1.0")), NAME),
        "time_out_of_window": (
            points(1, interval(start="1999-05-01T07:00:00Z")),
            f"{FRAME}/start_date_time",
        ),
        "end_before_start": (points(1, interval(end=BEFORE)), f"{FRAME}/end_date_time"),
        "overlapping_stages": (night(interval(), interval()), "/body/sleep_stage_episodes/1"),
        "sample_outside_interval": (
            night(interval(start=BEFORE)),
            "/body/sleep_stage_episodes/0/sleep_stage_time_frame/time_interval/start_date_time",
        ),
        "consent_missing": (point("weight"), NAME),
        "consent_withdrawn": (point("body_fat"), NAME),
        "duplicate_in_batch": (points(1, id="s-700"), ""),
    },
    lambda records: {"records": records},
    "/records",
)
BODIES: Final = {"canonical": CANONICAL, "phone": PHONE, "changes": CHANGES, "points": POINTS}


async def sender(make: Make) -> Caller:
    """A person who never gave weight, withdrew body fat, and gave what else is sent."""
    person = await make.person(collects=False)
    given = await make.consents(person, GIVEN)
    fat = given[GIVEN.index("body_fat.collect")]["id"]
    answer = await person.post(f"/v1/me/consents/{fat}/withdrawal", {"stored_data": "delete"})
    assert answer.status_code == 200, answer.text
    return person


@pytest.mark.parametrize("form", BODIES)
async def test_one_bad_record_costs_none_of_999_good_ones(make: Make, form: str) -> None:
    body = BODIES[form]
    assert body.bad.keys() == {*get_args(RejectCode), *OF_CONSENT}
    person = await sender(make)
    good = [body.good(n) for n in range(PLACE)], [body.good(n) for n in range(PLACE, 999)]
    for code, (bad, pointer) in body.bad.items():
        answer = await person.post(body.path, body.wrap([*good[0], bad, *good[1]]))
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told["counts"] == {
            **dict.fromkeys(told["counts"], 0),
            "created": 999,
            "rejected": 1,
        }
        verdict = told["results"][PLACE]
        assert (verdict["status"], verdict["code"]) == ("rejected", code)
        assert verdict["pointer"] == f"{body.pointer}/{PLACE}{pointer}"
        forget = "DELETE FROM records WHERE person_id = :id"
        assert await change(make, forget, id=person.id) == 999
