from collections import Counter, defaultdict
from datetime import UTC, date, datetime

import orjson
import pytest

from vitalkeep.datatypes.canonical import Measurement, to_measurement
from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.datatypes.dialects.health_connect import measurement
from vitalkeep.datatypes.registry import BY_NAME, TYPES
from vitalkeep.datatypes.structs import read_batch
from vitalkeep.demo.people import canonical_records, phone_days

NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)
UNTIL = date(2026, 11, 21)


def members(record: JsonObject, name: str) -> JsonObject:
    found = record[name]
    assert isinstance(found, dict)
    return found


def measure(records: list[JsonObject]) -> list[Measurement]:
    return [measurement(record, "jp.example.sender", NOW) for record in records]


def test_the_same_seed_gives_the_same_days_and_another_seed_others() -> None:
    assert phone_days(1, 3, UNTIL) == phone_days(1, 3, UNTIL)
    assert phone_days(1, 3, UNTIL) != phone_days(2, 3, UNTIL)
    assert canonical_records(1, 9, NOW) == canonical_records(1, 9, NOW)


def test_every_type_is_measured_every_day_and_is_valid() -> None:
    for day in range(1, 4):
        measured = measure(phone_days(7, 1, date(2026, 11, day)))
        assert {m.type for m in measured} == set(TYPES)


@pytest.mark.parametrize("offset", [540, -210, 0])
def test_days_are_the_local_days_asked_for(offset: int) -> None:
    measured = measure(phone_days(7, 5, UNTIL, offset_minutes=offset))
    known = {m.end_offset for m in measured}
    assert known == {offset, None}
    weights = [m for m in measured if m.type is BY_NAME["weight"]]
    days = [datetime.fromtimestamp(m.start.timestamp() + 60 * offset, UTC).date() for m in weights]
    assert days == [date(2026, 11, day) for day in range(17, 22)]


def test_watch_and_phone_count_the_same_steps_twice() -> None:
    steps = [m for m in measure(phone_days(7, 1, UNTIL)) if m.type is BY_NAME["steps"]]
    apps: defaultdict[str, list[Measurement]] = defaultdict(list)
    for m in steps:
        apps[orjson.loads(m.origin)["app"]].append(m)
    pairs = zip(apps["jp.example.walk"], apps["jp.example.phone"], strict=True)
    assert all(watch.start < phone.start < watch.end == phone.end for watch, phone in pairs)


def test_the_whole_day_record_grows_under_one_id() -> None:
    records = [
        record
        for record in phone_days(7, 1, UNTIL)
        if members(record, "metadata")["dataOrigin"] == "jp.example.pedometer"
    ]
    assert len({str(members(record, "metadata")["id"]) for record in records}) == 1
    for name in ("clientRecordVersion", "lastModifiedTime"):
        values = [str(members(record, "metadata")[name]) for record in records]
        assert values == sorted(set(values))
    counts = [m.content for m in measure(records)]
    assert len(set(counts)) == len(records) == 3


def test_quantities_come_in_both_shapes_and_glucose_in_milligrams() -> None:
    weights = [r for r in phone_days(7, 2, UNTIL) if r["recordType"] == "Weight"]
    shapes = {frozenset(members(record, "weight")) for record in weights}
    assert shapes == {frozenset({"value", "unit"}), frozenset({"inKilograms", "inGrams"})}
    glucose = [
        m.content for m in measure(phone_days(7, 2, UNTIL)) if m.type.name == "blood_glucose"
    ]
    assert [b'"unit":"mg/dL"' in content for content in glucose].count(True) == 1


def test_a_heart_rate_has_sixty_samples_and_a_night_has_stages() -> None:
    by_type = {
        m.type.name: orjson.loads(b"{%b}" % m.content) for m in measure(phone_days(7, 1, UNTIL))
    }
    assert len(by_type["heart_rate"]["samples"]) == 60
    assert len(by_type["sleep"]["stages"]) == 9


def test_every_record_has_an_id_of_its_own_except_the_growing_one() -> None:
    ids = Counter(m.platform_id for m in measure(phone_days(7, 10, UNTIL)))
    assert Counter(ids.values()) == {1: len(ids) - 10, 3: 10}


def test_bulk_records_are_valid_distinct_and_mixed_as_promised() -> None:
    records = canonical_records(3, 1000, NOW)
    batch = read_batch(orjson.dumps({"records": records}))
    measured = [to_measurement(record, NOW) for record in batch]
    assert len({m.client_id for m in measured}) == 1000
    kinds = Counter(m.type.shape for m in measured)
    assert 160 <= kinds["series"] <= 240
    assert 15 <= kinds["stages"] <= 45
    assert {m.type for m in measured} == set(TYPES)
    assert max(m.end for m in measured) <= NOW
    lengths = {
        len(s) for r in records for s in (r.get("samples"), r.get("stages")) if isinstance(s, list)
    }
    assert lengths == {12}
