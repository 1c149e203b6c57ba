import json
from datetime import timedelta
from typing import Any

import pytest

from tests.make import Make
from tests.records.stored import delete_as_the_person, list_all, list_rows
from vitalkeep.base import clock

STATUSES = {"created", "updated", "unchanged", "stale", "suppressed", "rejected"}
START, END = "2024-05-01T22:00:00+09:00", "2024-05-02T06:00:00+09:00"
PLANT = "planted-0c71"
MG, PRESSURE = "milligrams_per_deciliter", "blood_pressure"
ORIGIN = {"app": "jp.example.bad"}
STEPS = {"type": "steps", "start": START, "end": END, "count": 812, "origin": ORIGIN}


def steps(**changes: object) -> dict[str, Any]:
    return {**STEPS, **changes}


def sleep(*times: str, kind: str = "light") -> dict[str, Any]:
    """A night from 22 to 6 with stages from each odd time to the next."""
    moments = [f"2024-05-0{time}:00+09:00" for time in times]
    stages = [
        {"start": first, "end": last, "stage": kind}
        for first, last in zip(moments[::2], moments[1::2], strict=True)
    ]
    return {"type": "sleep", "start": START, "end": END, "stages": stages, "origin": ORIGIN}


def pulse(*times: str, rate: object = 70) -> dict[str, Any]:
    samples = [{"time": f"2024-05-0{time}+09:00", "beats_per_minute": rate} for time in times]
    return {"type": "heart_rate", "start": START, "end": END, "samples": samples, "origin": ORIGIN}


def instant(kind: str, **fields: object) -> dict[str, Any]:
    return {"type": kind, "time": START, "origin": ORIGIN, **fields}


def ahead(**by: float) -> str:
    return (clock.now() + timedelta(**by)).isoformat()


BAD: list[tuple[str, str, Any]] = [
    ("invalid", "/count", steps(count=PLANT)),
    ("invalid", "/count", steps(count=812.5)),
    ("invalid", "/count", steps(count=True)),
    ("invalid", "/count", steps(count=None)),
    ("invalid", "/origin", {name: STEPS[name] for name in STEPS if name != "origin"}),
    ("invalid", "/origin/app", steps(origin={"app": ""})),
    ("invalid", "/origin/device/type", steps(origin={"app": "a", "device": {"type": PLANT}})),
    ("invalid", "/client_id", steps(client_id=PLANT * 11)),
    ("invalid", "/client_id", steps(client_id=PLANT + "\0")),
    ("invalid", "/start", steps(start=PLANT)),
    ("invalid", "/start", steps(start="2024-02-30T00:00:00Z")),
    ("invalid", "/start", steps(start="2024-05-01T07:00:00")),
    ("invalid", "/kilograms", steps(kilograms=71.83519)),
    ("invalid", "/recording_method", steps(recording_method=PLANT)),
    ("invalid", "/stages/0/stage", sleep("1T22:00", "1T23:00", kind=PLANT)),
    ("invalid", "/notes", {**sleep(), "notes": PLANT + "\x1b[2J"}),
    ("invalid", "/title", {**sleep(), "title": PLANT * 17}),
    ("invalid", "/samples", pulse()),
    ("invalid", "", PLANT),
    ("invalid", "", [PLANT]),
    ("invalid", "", instant("blood_glucose", relation_to_meal="fasting")),
    (
        "invalid",
        "",
        instant("blood_glucose", millimoles_per_liter=7.83519, milligrams_per_deciliter=99),
    ),
    ("out_of_range", "/count", steps(count=1_000_001)),
    ("out_of_range", "/count", steps(count=-83519)),
    ("out_of_range", "/count", steps(count=83519 * 10**30)),
    ("out_of_range", "/client_version", steps(client_version=2**63)),
    ("out_of_range", "/samples/0/beats_per_minute", pulse("1T22:00:00", rate=301)),
    ("out_of_range", "/kilograms", instant("weight", kilograms=1000.83519)),
    ("out_of_range", f"/{MG}", instant("blood_glucose", **{MG: 983519})),
    ("out_of_range", "/systolic_mmhg", instant(PRESSURE, systolic_mmhg=301, diastolic_mmhg=9)),
    ("unknown_type", "/type", steps(type=PLANT)),
    ("unknown_type", "/type", steps(type=None)),
    ("unknown_type", "/type", {"kind": PLANT}),
    ("time_out_of_window", "/start", steps(start="1999-12-31T23:59:59Z")),
    ("time_out_of_window", "/start", steps(start=ahead(hours=25), end=ahead(hours=26))),
    ("time_out_of_window", "/end", steps(end=ahead(days=9))),
    ("time_out_of_window", "/time", instant("weight", kilograms=60, time=ahead(hours=25))),
    ("end_before_start", "/end", steps(start=END, end=START)),
    ("end_before_start", "/stages/0/end", sleep("1T23:00", "1T22:59")),
    ("overlapping_stages", "/stages/1", sleep("1T22:00", "1T23:00", "1T22:59", "2T01:00")),
    ("overlapping_stages", "/stages/0", sleep("1T23:30", "2T01:00", "1T22:00", "2T00:00")),
    ("sample_outside_interval", "/stages/0/start", sleep("1T21:59", "1T23:00")),
    ("sample_outside_interval", "/stages/1/end", sleep("1T22:00", "1T23:00", "2T05:00", "2T06:01")),
    ("sample_outside_interval", "/samples/1/time", pulse("1T22:00:00", "2T06:00:00.001")),
]  # fmt: skip


@pytest.mark.parametrize(("code", "pointer", "bad"), BAD)
async def test_a_bad_record_gets_its_code_and_place_and_costs_the_others_nothing(
    make: Make, code: str, pointer: str, bad: object
) -> None:
    person = await make.person()
    answer = await person.push(make.record("weight"), bad, make.record("steps"))
    before, verdict, after = answer["results"]
    assert (before["status"], after["status"]) == ("created", "created")
    assert verdict.keys() == {"status", "code", "pointer", "detail"}
    assert verdict["status"] == "rejected"
    assert (verdict["code"], verdict["pointer"]) == (code, "/records/1" + pointer)
    assert verdict["detail"]
    for secret in (PLANT, "83519", "812", "301", "1999", "2024-02-30"):
        assert secret not in json.dumps(answer["results"][1])
    assert answer["counts"] == dict.fromkeys(STATUSES, 0) | {"created": 2, "rejected": 1}
    assert len(await list_rows(make, person)) == 2


async def test_verdicts_come_in_the_order_of_the_records_and_every_status_is_counted(
    make: Make,
) -> None:
    person = await make.person()
    kept, older, deleted = (make.record("weight", client_version=5) for _ in range(3))
    ids = [each["id"] for each in (await person.push(kept, older, deleted))["results"]]
    await delete_as_the_person(make, person, ids[2])
    answer = await person.push(
        {**older, "client_version": 4},
        "nonsense",
        deleted,
        make.record("steps"),
        {**kept, "kilograms": 70.5},
        {**make.record("steps"), "count": -1},
        make.record("sleep"),
    )
    assert [(each["status"], each.get("pointer")) for each in answer["results"]] == [
        ("stale", None),
        ("rejected", "/records/1"),
        ("suppressed", None),
        ("created", None),
        ("updated", None),
        ("rejected", "/records/5/count"),
        ("created", None),
    ]
    assert [answer["results"][place]["id"] for place in (0, 2, 4)] == [ids[1], ids[2], ids[0]]
    assert answer["counts"] == {
        "created": 2, "updated": 1, "unchanged": 0, "stale": 1, "suppressed": 1, "rejected": 2,
    }  # fmt: skip
    again = await person.push(kept | {"kilograms": 70.5})
    assert again["counts"] == dict.fromkeys(STATUSES, 0) | {"unchanged": 1}


async def test_a_push_of_bad_records_only_is_still_an_answered_push(make: Make) -> None:
    person = await make.person()
    answer = await person.push(*[bad for _, _, bad in BAD])
    assert [each["code"] for each in answer["results"]] == [code for code, _, _ in BAD]
    assert answer["counts"] == dict.fromkeys(STATUSES, 0) | {"rejected": len(BAD)}
    assert await list_rows(make, person) == []


async def test_a_long_unknown_member_is_not_repeated_in_the_pointer(make: Make) -> None:
    person = await make.person()
    answer = await person.push({**make.record(), "x" * 65: 1}, {**make.record(), "a~/b": 1})
    pointers = [(each["code"], each["pointer"]) for each in answer["results"]]
    assert pointers == [("invalid", "/records/0"), ("invalid", "/records/1/a~0~1b")]


async def test_whatever_lies_on_the_edge_of_a_bound_is_accepted(make: Make) -> None:
    person = await make.person()
    statuses = await person.statuses(
        steps(start=START, end=START, count=0),
        steps(start=ahead(hours=23.9), end=ahead(days=7.9), count=1_000_000),
        sleep("1T22:00", "1T23:00", "1T23:00", "2T06:00"),
        pulse("1T22:00:00", "2T06:00:00", rate=300),
        instant("blood_pressure", systolic_mmhg=20, diastolic_mmhg=200),
        instant("blood_glucose", milligrams_per_deciliter=900),
        steps(client_id="x" * 128, client_version=2**63 - 1),
        steps(client_id="y", client_version=-(2**63)),
    )
    assert statuses == ["created"] * 8
    assert len(await list_all(person)) == 8
