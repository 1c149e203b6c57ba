"""Observations over HTTP: what a nurse may read, found by what FHIR searches by."""

from datetime import datetime, timedelta
from urllib.parse import quote

import httpx
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.operationoutcome import OperationOutcome

from tests.fhir.reading import R4, Json, link, opened, outcome, resources, types_in
from tests.make import Caller, Make
from vitalkeep.base import clock
from vitalkeep.datatypes.registry import TYPES

OBSERVATION = f"{R4}/Observation"


async def weighed(make: Make, count: int) -> tuple[Caller, str, list[datetime]]:
    """A nurse, and a case with this many weights, one a day up to yesterday; their times."""
    nurse, person = await make.staff(), await make.person()
    today = clock.now().replace(hour=3, minute=0, second=0, microsecond=0)
    days = [today - timedelta(days=count - index) for index in range(count)]
    await person.push(*(make.record("weight", time=day.isoformat()) for day in days))
    case = await make.case(nurse, person, ["weight.read"])
    return nurse, str(case["case"]["id"]), days


def times(answer: httpx.Response) -> list[datetime]:
    return [datetime.fromisoformat(each["effectiveDateTime"]) for each in resources(answer)]


async def test_a_nurse_reads_every_agreed_type_and_each_observation_by_its_id(make: Make) -> None:
    nurse, person, case = await opened(make)
    page = await nurse.get(OBSERVATION, patient=f"Patient/{case}")
    Bundle.model_validate_json(page.content)
    assert types_in(page) == sorted(kind.name for kind in TYPES)
    own = (await person.get("/v1/me/records")).json()["records"]
    urns = [each["identifier"][0]["value"] for each in resources(page)]
    assert urns == [f"urn:uuid:{record['id']}" for record in own]
    for entry in page.json()["entry"]:
        assert entry["fullUrl"].endswith(f"{OBSERVATION}/{entry['resource']['id']}")
        one = await nurse.get(f"{OBSERVATION}/{entry['resource']['id']}")
        assert one.json() == entry["resource"]


async def test_every_look_is_written_down_and_a_look_at_one_record_counts_one(make: Make) -> None:
    nurse, person, case = await opened(make)
    page = await nurse.get(OBSERVATION, patient=case, code="29463-7")
    assert types_in(page) == ["weight"]
    entries = (await person.get("/v1/me/access-log")).json()["entries"]
    assert [(each["type"], each["count"]) for each in entries] == [("weight", 1)]
    await nurse.get(f"{OBSERVATION}/{resources(page)[0]['id']}")
    entries = (await person.get("/v1/me/access-log")).json()["entries"]
    assert [(each["type"], each["count"]) for each in entries] == [("weight", 1)] * 2
    assert entries[0]["case_id"] == case


@pytest.mark.parametrize(
    "narrowed",
    [{}, {"code": "29463-7"}, {"date": "gt2000"}, {"_lastUpdated": "ge2020"}],
    ids=str,
)
async def test_no_more_is_opened_than_a_page_has(make: Make, narrowed: Json) -> None:
    nurse, person = await make.staff(), await make.person()
    await person.push(*(make.record("weight") for _ in range(5)))
    case = await make.case(nurse, person, ["weight.read"])
    page = await nurse.get(OBSERVATION, patient=case["case"]["id"], _count=2, **narrowed)
    assert len(resources(page)) == 2
    (entry,) = (await person.get("/v1/me/access-log")).json()["entries"]
    assert entry["count"] == 2


@pytest.mark.parametrize(
    ("query", "types"),
    [
        ({"code": "8867-4"}, ["heart_rate"]),
        ({"code": "http://loinc.org|8867-4,http://loinc.org|29463-7"}, ["heart_rate", "weight"]),
        ({"code": "2708-6"}, ["oxygen_saturation"]),
        ({"code": "urn:vitalkeep:fhir:type|sleep"}, ["sleep"]),
        ({"code": "http://snomed.info/sct|8867-4"}, []),
        ({"code": "|8867-4"}, []),
        ({"code": ["8867-4,29463-7", "29463-7"]}, ["weight"]),
        ({"code": "14743-9"}, ["blood_glucose"]),
        ({"code": "15074-8"}, []),  # the example's is of capillary blood
        ({"category": "activity"}, ["distance", "sleep", "steps"]),
        ({"category": "laboratory", "code": "urn:vitalkeep:fhir:type|"}, ["blood_glucose"]),
        ({"category": "activity", "code": "8867-4"}, []),
    ],
    ids=str,
)
async def test_codes_and_categories_choose(make: Make, query: Json, types: list[str]) -> None:
    nurse, _, case = await opened(make)
    assert types_in(await nurse.get(OBSERVATION, patient=case, **query)) == types


async def test_a_category_means_what_is_agreed_and_a_code_what_it_says(make: Make) -> None:
    nurse, _, case = await opened(make, ["weight.read", "steps.read"])
    assert types_in(await nurse.get(OBSERVATION, patient=case)) == ["steps", "weight"]
    vital = await nurse.get(OBSERVATION, patient=case, category="vital-signs")
    assert types_in(vital) == ["weight"]
    assert types_in(await nurse.get(OBSERVATION, patient=case, category="laboratory")) == []
    refused = await nurse.get(OBSERVATION, patient=case, code="29463-7,8867-4")
    assert outcome(refused) == (403, "consent_missing", "forbidden")
    assert "heart_rate" in refused.json()["issue"][0]["diagnostics"]


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", [2]),
        ("eq", [2]),
        ("ge", [2, 3, 4]),
        ("gt", [3, 4]),
        ("sa", [3, 4]),
        ("le", [0, 1, 2]),
        ("lt", [0, 1]),
        ("eb", [0, 1]),
    ],
)
@pytest.mark.parametrize("form", ["day", "time", "offset"])
async def test_a_date_is_found_by_its_prefix(
    make: Make, prefix: str, expected: list[int], form: str
) -> None:
    nurse, case, days = await weighed(make, 5)
    text = {
        "day": f"{days[2]:%Y-%m-%d}",
        "time": f"{days[2]:%Y-%m-%dT%H:%M:%SZ}",
        "offset": f"{days[2] + timedelta(hours=9):%Y-%m-%dT%H:%M:%S}+09:00",
    }[form]
    found = await nurse.get(OBSERVATION, patient=case, date=prefix + text)
    assert times(found) == [days[index] for index in expected]


async def test_dates_narrow_each_other_and_a_bare_plus_is_understood(make: Make) -> None:
    nurse, case, days = await weighed(make, 5)
    period = [f"ge{days[1]:%Y-%m-%d}", f"lt{days[3]:%Y-%m-%d}"]
    assert times(await nurse.get(OBSERVATION, patient=case, date=period)) == days[1:3]
    local = f"ge{days[3] + timedelta(hours=9):%Y-%m-%dT%H:%M}+09:00"
    for written in (local, quote(local)):
        found = await nurse.request("GET", f"{OBSERVATION}?patient={case}&date={written}")
        assert times(found) == days[3:]
    year = await nurse.get(OBSERVATION, patient=case, date=["lt2100", "ge2000-02"])
    assert times(year) == days


async def test_last_updated_finds_what_changed_since(make: Make) -> None:
    nurse, person, case = await opened(make, ["weight.read"])
    before = clock.now()
    assert (
        resources(
            await nurse.get(OBSERVATION, patient=case, _lastUpdated=f"gt{before.isoformat()}")
        )
        == []
    )
    await person.push(make.record("weight", kilograms=61.5))
    since = f"ge{before.isoformat()}"
    (found,) = resources(await nurse.get(OBSERVATION, patient=case, _lastUpdated=since))
    assert found["valueQuantity"]["value"] == 61.5
    entries = (await person.get("/v1/me/access-log")).json()["entries"]
    assert [each["count"] for each in entries] == [1, 0]
    until = f"lt{before.isoformat()}"
    (older,) = resources(await nurse.get(OBSERVATION, patient=case, _lastUpdated=until))
    assert older["id"] != found["id"]


@pytest.mark.parametrize("narrowed", [{}, {"_lastUpdated": "ge2020"}, {"code": "29463-7"}], ids=str)
async def test_pages_follow_each_other_to_the_end(make: Make, narrowed: Json) -> None:
    nurse, case, days = await weighed(make, 5)
    seen: list[datetime] = []
    pages: list[httpx.Response] = [
        await nurse.get(OBSERVATION, patient=case, _count=2, _pretty="true", foo="bar", **narrowed)
    ]
    while following := link(pages[-1], "next"):
        pages.append(await nurse.request("GET", following))
        assert link(pages[-1], "self") == following
    for page in pages:
        seen += times(page)
    assert seen == days
    assert len(pages) == 3
    self = link(pages[0], "self")
    assert self is not None
    assert "foo" not in self
    assert "_count=2" in self
    assert f"patient={case}" in self
    other, another_case, _ = await weighed(make, 1)
    stolen = (link(pages[0], "next") or "").replace(case, another_case)
    assert outcome(await other.request("GET", stolen)) == (400, "invalid_cursor", "value")


async def test_a_page_that_found_nothing_yet_says_where_to_go_on(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    start = clock.now() - timedelta(days=20)
    tests = [
        make.record("blood_glucose", time=(start + timedelta(minutes=index)).isoformat())
        for index in range(5001)
    ]
    tests[-1]["specimen_source"] = "interstitial_fluid"
    for first in range(0, 5001, 1000):
        await person.push(*tests[first : first + 1000])
    case = await make.case(nurse, person, ["blood_glucose.read"])
    page = await nurse.get(OBSERVATION, patient=case["case"]["id"], code="105272-9")
    assert resources(page) == []
    following = link(page, "next")
    assert following is not None
    (found,) = resources(await nurse.request("GET", following))
    assert datetime.fromisoformat(found["effectiveDateTime"]) == datetime.fromisoformat(
        tests[-1]["time"]
    )


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"patient": None}, "patient"),
        ({"patient": ["a", "b"]}, "patient"),
        ({"date": "yesterday"}, "date"),
        ({"date": "2026-13"}, "date"),
        ({"date": "ap2026"}, "date"),
        ({"date": "9999"}, "date"),
        ({"_lastUpdated": "2026-11-20T25:00:00Z"}, "_lastUpdated"),
        ({"_count": "0"}, "_count"),
        ({"_count": "many"}, "_count"),
        ({"code:not": "8867-4"}, "code"),
        ({"patient.name": "a"}, "patient"),
    ],
    ids=str,
)
async def test_a_search_that_can_t_be_understood_names_its_parameter(
    make: Make, query: Json, name: str
) -> None:
    nurse, _, case = await opened(make, ["weight.read"])
    asked = {key: value for key, value in {"patient": case, **query}.items() if value is not None}
    refused = await nurse.get(OBSERVATION, **asked)
    assert outcome(refused) == (400, "invalid_request", "invalid")
    assert refused.json()["issue"][0]["location"] == [f"http.{name}"]
    OperationOutcome.model_validate_json(refused.content)
    value = query.get(name)
    assert not isinstance(value, str) or value not in refused.json()["issue"][0]["diagnostics"]


async def test_what_is_not_understood_is_refused_only_where_the_caller_is_strict(
    make: Make,
) -> None:
    nurse, _, case = await opened(make, ["weight.read"])
    asked = {"patient": case, "_sort": "date", "_format": "json"}
    lenient = await nurse.get(OBSERVATION, **asked)
    assert types_in(lenient) == ["weight"]
    assert "_sort" not in (link(lenient, "self") or "")
    strict = {"Prefer": "return=minimal, handling=strict"}
    refused = await nurse.request("GET", OBSERVATION, params=asked, headers=strict)
    assert outcome(refused) == (400, "invalid_request", "invalid")
    del asked["_sort"]
    taken = await nurse.request("GET", OBSERVATION, params=asked, headers=strict)
    assert types_in(taken) == ["weight"]


async def test_a_record_that_moved_or_went_is_read_as_it_is_now(make: Make) -> None:
    nurse, person, case = await opened(make, ["steps.read"])
    weight, steps = make.record("weight"), make.record("steps")
    ids = [each["id"] for each in (await person.push(weight, steps))["results"]]
    page = await nurse.get(OBSERVATION, patient=case)
    known = {each["identifier"][0]["value"][9:]: each["id"] for each in resources(page)}
    moved = {"start": "2026-11-01T07:00:00+09:00", "end": "2026-11-01T07:30:00+09:00"}
    await person.push({**steps, **moved, "client_version": 1})
    again = await nurse.get(f"{OBSERVATION}/{known[ids[1]]}")
    assert again.json()["effectivePeriod"] == moved
    await person.request("DELETE", f"/v1/me/records/{ids[1]}")
    gone = await nurse.get(f"{OBSERVATION}/{known[ids[1]]}")
    hidden = await nurse.get(f"{OBSERVATION}/{known[ids[1]][:32]}{ids[0].replace('-', '')}")
    assert outcome(gone) == outcome(hidden) == (404, "not_found", "not-found")
    assert gone.json() == hidden.json()
