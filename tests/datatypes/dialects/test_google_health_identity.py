import pytest

from tests.datatypes.dialects.google import (
    APP,
    END,
    NAMED,
    NOW,
    SEVEN,
    START,
    Json,
    fit,
    interval,
    night,
    only,
    real,
    sample,
    source,
    timed,
    values,
    weight,
    whole,
)
from tests.datatypes.dialects.phone import phone, with_metadata
from vitalkeep.datatypes.canonical import Measurement
from vitalkeep.datatypes.dialects import google_fit, health_connect
from vitalkeep.datatypes.dialects.google_health import (
    read_points,
)
from vitalkeep.records.sealed import identity

UUID = "B6E5E7D2-6b1f-4b25-a86b-7f5e6ddc8004"


def test_a_point_with_a_name_is_called_by_its_end() -> None:
    record = only(read_points("weight", [{**weight(), "name": NAMED}], APP, NOW))
    assert record.client_id == "a1b2-c3d4"
    edited = {**timed(physicalTime="2026-11-19T22:00:00Z"), "name": NAMED.replace("abc", "me")}
    assert identity(only(read_points("weight", [edited], APP, NOW))) == identity(record)


@pytest.mark.parametrize("name", [None, "", "users/abc/", 5])
def test_a_point_without_a_name_is_called_by_its_source_and_times(name: object) -> None:
    made = {**interval("steps", START, END, count="5"), "name": name}
    first, again = (
        only(
            read_points(
                "steps", [{**made, **source("FITBIT", "a.b", displayName=device)}], APP, NOW
            )
        )
        for device in ("Band 2", "Band 2")
    )
    other = only(read_points("steps", [{**made, **source("FITBIT", "a.b")}], APP, NOW))
    assert identity(first) == identity(again) != identity(other)


def test_an_echo_of_a_push_without_ids_is_the_same_record() -> None:
    device = {"formFactor": "SCALE", "manufacturer": "Example", "displayName": "Scale S1"}
    made = sample("weight", "2026-11-19T22:02:11.500Z", weightGrams=68400)
    echo = {**made, "name": NAMED, **source("HEALTH_CONNECT", "jp.example.scale", **device)}
    direct = {
        "dataOrigin": "jp.example.scale",
        "device": {"type": 3, "manufacturer": "Example", "model": "Scale S1"},
    }
    pushed = phone("weight", time="2026-11-19T22:02:11.500Z", metadata=direct)
    echoed = only(read_points("weight", [echo], APP, NOW))
    assert identity(health_connect.measurement(pushed, APP, NOW)) == identity(echoed)


@pytest.mark.parametrize("platform", ["HEALTH_CONNECT", "HEALTH_KIT"])
def test_an_echo_that_brings_the_phones_id_is_the_same_record(platform: str) -> None:
    echo = {**night(externalId=UUID), **source(platform, "jp.example.nap")}
    pushed = with_metadata("sleep", id=UUID.lower())
    echoed = only(read_points("sleep", [echo], APP, NOW))
    assert identity(health_connect.measurement(pushed, APP, NOW)) == identity(echoed)


def test_an_echo_that_brings_the_apps_own_id_has_it_as_client_id() -> None:
    echo = {**night(externalId="nap-1"), **source("HEALTH_CONNECT", "jp.example.nap")}
    assert only(read_points("sleep", [echo], APP, NOW)).client_id == "nap-1"
    own = {**night(externalId="nap-1"), **source("FITBIT", "jp.example.nap")}
    assert only(read_points("sleep", [own], APP, NOW)).client_id == "zzzz"


@pytest.mark.parametrize(
    ("name", "point", "echo"),
    [
        ("weight", fit("weight", real(72.0999984741211)), sample("weight", weightGrams=72100)),
        ("steps", fit("steps", whole(5), lasts=600), interval("steps", START, END, count="5")),
    ],
)
def test_what_google_health_has_from_fit_is_the_same_record(
    name: str, point: Json, echo: Json
) -> None:
    stream = "raw:x:jp.example.band:Example:Band 2:9:"
    device = {"formFactor": "WATCH", "manufacturer": "Example", "displayName": "Band 2"}
    told_by = {**echo, "name": NAMED, **source("FIT", "jp.example.band", **device)}
    echoed = only(read_points(name, [told_by], APP, NOW))
    fitted = only(google_fit.read_points(name, [{**point, "originDataSourceId": stream}], APP, NOW))
    assert identity(echoed) == identity(fitted)
    number = next(iter(values(fitted)))
    assert values(echoed)[number] == values(fitted)[number]


def test_a_night_that_google_health_has_from_fit_is_the_same_record() -> None:
    session = {
        "id": "night-20261120",
        "startTimeMillis": str(SEVEN * 1000),
        "endTimeMillis": str((SEVEN + 7200) * 1000),
        "application": {"packageName": "jp.example.nap"},
        "activityType": 72,
    }
    fitted = google_fit.read_session(session, [], APP, NOW)
    assert isinstance(fitted, Measurement)
    echo = {**night(externalId="night-20261120"), **source("FIT", "jp.example.nap")}
    assert identity(only(read_points("sleep", [echo], APP, NOW))) == identity(fitted)


def test_echoes_are_told_apart_by_what_they_bring() -> None:
    phones = source("HEALTH_CONNECT", "a.b")
    nights = [{**night(externalId=UUID.replace("B6", digits)), **phones} for digits in ("a1", "a2")]
    assert len(read_points("sleep", [*nights, *nights], APP, NOW)) == 2
    at = [{**timed(physicalTime=time), **phones} for time in (START, END)]
    assert len(read_points("weight", [*at, *at], APP, NOW)) == 2


def test_what_google_has_from_elsewhere_is_another_record() -> None:
    point = interval("steps", START, END, count="5")
    platforms = [{**point, **source(each, "a.b")} for each in ("FITBIT", "FIT", "NEST")]
    records = [only(read_points("steps", [each], APP, NOW)) for each in platforms]
    assert len({identity(each) for each in records}) == 3
