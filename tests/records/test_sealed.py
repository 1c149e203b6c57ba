from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from vitalkeep.base.errors import Unauthenticated
from vitalkeep.base.sealing import PersonKey, SealBroken
from vitalkeep.datatypes.canonical import Measurement, to_measurement
from vitalkeep.datatypes.choices import RECORDING_METHOD
from vitalkeep.datatypes.records import validate_record
from vitalkeep.datatypes.registry import BY_NAME, TYPES
from vitalkeep.records.sealed import Stored, identity, open_record, seal_record

NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)
KEY = PersonKey(bytes(range(32)))
RECORD_ID = UUID("0b9f8f3e-7d3a-8c11-9a52-3f1d2c7a9e11")


def measured(name: str = "weight", **changes: object) -> Measurement:
    return to_measurement(validate_record({**BY_NAME[name].example, **changes}), NOW)


def stored(measurement: Measurement) -> Stored:
    """The row of a measurement, as of source 3."""
    return Stored(
        record_id=RECORD_ID,
        type=measurement.type.number,
        source_id=3,
        start=measurement.start,
        end=measurement.end,
        version=measurement.version,
        modified_at=NOW,
        sealed=seal_record(KEY, RECORD_ID.bytes, measurement, 3),
    )


@pytest.mark.parametrize("name", [kind.name for kind in TYPES])
def test_a_sealed_record_opens_to_what_was_sent(name: str) -> None:
    example = BY_NAME[name].example
    measurement = measured(name)
    opened = orjson.loads(open_record(KEY, stored(measurement), {3: measurement.origin}))
    assert opened.pop("id") == str(RECORD_ID)
    assert datetime.fromisoformat(opened.pop("modified_at")) == NOW
    assert opened.pop("client_version") == example.get("client_version", 0)
    assert opened == {k: v for k, v in example.items() if k != "client_version"}


def test_equal_content_seals_to_equal_bytes_and_hides_what_it_is() -> None:
    sealed = seal_record(KEY, RECORD_ID.bytes, measured(), 3)
    assert sealed == seal_record(KEY, RECORD_ID.bytes, measured(), 3)
    assert sealed != seal_record(KEY, RECORD_ID.bytes, measured(kilograms=68.5), 3)
    assert sealed != seal_record(PersonKey(bytes(32)), RECORD_ID.bytes, measured(), 3)
    assert b"kilograms" not in sealed


def test_the_offset_is_sealed_and_an_unknown_one_is_not_zero() -> None:
    texts = ("2024-05-01T00:00:00Z", "2024-05-01T00:00:00+00:00", "2024-05-01T09:00:00+09:00")
    rows = [stored(measured(time=text)) for text in texts]
    assert len({(row.start, row.end) for row in rows}) == 1
    opened = [orjson.loads(open_record(KEY, row, {3: b"{}"}))["time"] for row in rows]
    assert opened == list(texts)


@pytest.mark.parametrize(
    "changed",
    [
        {"record_id": UUID(int=1)},
        {"type": 4},
        {"source_id": 4},
        {"start": NOW},
        {"end": NOW},
        {"start": datetime(2026, 11, 19, 22, 2, 11, 500001, tzinfo=UTC)},
        {"version": 2},
        {"version": -1},
    ],
    ids=str,
)
def test_a_changed_column_breaks_the_seal(changed: dict[str, Any]) -> None:
    row = stored(measured())._replace(**changed)
    with pytest.raises(SealBroken):
        open_record(KEY, row, {3: b"{}", 4: b"{}"})


def test_any_changed_byte_breaks_the_seal() -> None:
    row = stored(measured())
    for place in range(len(row.sealed)):
        damaged = bytearray(row.sealed)
        damaged[place] ^= 1
        with pytest.raises(SealBroken):
            open_record(KEY, row._replace(sealed=bytes(damaged)), {3: b"{}"})
    for length in (0, 1, 15, 16, len(row.sealed) - 1):
        with pytest.raises(SealBroken):
            open_record(KEY, row._replace(sealed=row.sealed[:length]), {3: b"{}"})


def test_another_persons_key_does_not_open_it() -> None:
    with pytest.raises(SealBroken):
        open_record(PersonKey(bytes(32)), stored(measured()), {3: b"{}"})


def test_the_three_ways_to_name_a_record_never_meet() -> None:
    by_platform = identity(measured(platform_id="w"))
    by_client = identity(measured(client_id="w"))
    without = dict(BY_NAME["weight"].example)
    without.pop("client_id")
    by_times = identity(to_measurement(validate_record(without), NOW))
    starts = {each.split(b"\0")[0] for each in (by_platform, by_client, by_times)}
    assert starts == {b"platform", b"client", b"times"}


def test_content_is_not_part_of_the_identity() -> None:
    assert identity(measured()) == identity(measured(kilograms=1.0, client_version=8))
    later = (datetime(2026, 11, 20, 7, tzinfo=UTC) + timedelta(hours=1)).isoformat()
    assert identity(measured()) == identity(measured(time=later))


def test_a_record_whose_person_was_erased_meanwhile_is_refused_as_theirs() -> None:
    with pytest.raises(Unauthenticated):
        open_record(KEY, stored(measured()), {})


def test_a_text_that_looks_like_the_method_stays_what_it_is() -> None:
    title = ',"recording_method":"manual_entry"'
    measurement = measured("sleep", title=title, recording_method="actively_recorded")
    opened = orjson.loads(open_record(KEY, stored(measurement), {3: measurement.origin}))
    assert (opened["title"], opened["recording_method"]) == (title, "actively_recorded")


@pytest.mark.parametrize("method", [None, *RECORDING_METHOD.values])
def test_every_recording_method_comes_back(method: str | None) -> None:
    example = {k: v for k, v in BY_NAME["weight"].example.items() if k != "recording_method"}
    given = {} if method is None else {"recording_method": method}
    measurement = to_measurement(validate_record({**example, **given}), NOW)
    opened = orjson.loads(open_record(KEY, stored(measurement), {3: measurement.origin}))
    assert opened.get("recording_method") == method
