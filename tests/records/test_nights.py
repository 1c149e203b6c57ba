from datetime import timedelta
from uuid import UUID

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.records.samples_of_sleep import EVENING, STAGES, WATCH, Sample, told_slowly
from vitalkeep.base import clock
from vitalkeep.datatypes.canonical import to_measurement
from vitalkeep.datatypes.records import validate_record
from vitalkeep.records.nights import GAP, Part, claim, divide, to_record

ORIGIN = {"app": WATCH}
TOKYO = 540


def part(number: int, start: float, end: float, stage: str | None, **more: object) -> Part:
    """A part by minutes after the evening began."""
    begun, ended = (EVENING + timedelta(minutes=minute) for minute in (start, end))
    made = Part(UUID(int=number), None, 1, 0, begun, ended, TOKYO, TOKYO, stage, None)
    return Part(**{**made._asdict(), **more})


def stages(*parts: Part) -> list[tuple[str, str, str]]:
    record = to_record(list(parts), ORIGIN)
    listed = record["stages"]
    assert isinstance(listed, list)
    return [(each["start"][11:16], each["end"][11:16], each["stage"]) for each in listed]


samples = st.lists(
    st.builds(
        Sample,
        number=st.integers(1, 10**6),
        start=st.integers(0, 600),
        minutes=st.integers(0, 150),
        value=st.integers(0, 6),
        app=st.just(WATCH),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda sample: sample.number,
)


def parts_of(sent: list[Sample]) -> list[Part]:
    return [
        part(each.number, each.start, each.end, None if each.value == 0 else STAGES[each.value])
        for each in sent
    ]


@settings(max_examples=300)
@given(sent=samples, data=st.data())
def test_sessions_are_those_of_the_slow_telling_in_whatever_order_samples_come(
    sent: list[Sample], data: st.DataObject
) -> None:
    mixed = data.draw(st.permutations(parts_of(sent)))
    records = [to_record(session, ORIGIN) for session in divide(mixed)]
    assert records == told_slowly(sent)


@given(sent=samples)
def test_a_session_is_a_record_that_anybody_might_push(sent: list[Sample]) -> None:
    for session in divide(parts_of(sent)):
        record = to_record(session, ORIGIN)
        measurement = to_measurement(
            validate_record(orjson.loads(orjson.dumps(record))), clock.now()
        )
        assert measurement.start == min(each.start for each in session)
        assert measurement.end == max(each.end for each in session)


def test_an_hour_between_samples_is_one_session_and_more_is_two() -> None:
    first = part(1, 0, 10, "light")
    minutes = GAP / timedelta(minutes=1)
    assert len(divide([first, part(2, 10 + minutes, 90, "deep")])) == 1
    assert len(divide([first, part(2, 10 + minutes + 0.001, 90, "deep")])) == 2
    # A long sample that began before reaches further than the last one to begin.
    assert len(divide([part(3, 0, 100, None), first, part(2, 150, 160, "deep")])) == 1
    assert len(divide([first, part(2, 10, 20, "deep", source_id=2)])) == 2


def test_a_stage_covers_unknown_sleep_and_that_time_in_bed() -> None:
    found = stages(
        part(1, 0, 60, None),
        part(2, 10, 50, "sleeping"),
        part(3, 20, 30, "awake"),
        part(4, 5, 12, "unknown"),
    )
    assert found == [
        ("22:00", "22:05", "awake_in_bed"),
        ("22:05", "22:10", "unknown"),
        ("22:10", "22:20", "sleeping"),
        ("22:20", "22:30", "awake"),
        ("22:30", "22:50", "sleeping"),
        ("22:50", "23:00", "awake_in_bed"),
    ]


def test_of_two_stages_the_later_counts_then_the_shorter() -> None:
    assert stages(part(1, 0, 30, "light"), part(2, 10, 20, "deep")) == [
        ("22:00", "22:10", "light"),
        ("22:10", "22:20", "deep"),
        ("22:20", "22:30", "light"),
    ]
    assert stages(part(1, 0, 30, "light"), part(2, 0, 20, "deep")) == [
        ("22:00", "22:20", "deep"),
        ("22:20", "22:30", "light"),
    ]


def test_neighbours_of_one_stage_are_one_and_time_nobody_covers_stays_free() -> None:
    found = stages(part(1, 0, 10, "light"), part(2, 10, 20, "light"), part(3, 40, 50, "light"))
    assert found == [("22:00", "22:20", "light"), ("22:40", "22:50", "light")]


def test_samples_without_duration_bound_the_session_and_have_no_stage() -> None:
    record = to_record([part(1, 0, 0, "deep"), part(2, 30, 30, None)], ORIGIN)
    assert record["stages"] == []
    assert (record["start"], record["end"]) == (
        "2024-05-01T22:00:00+09:00",
        "2024-05-01T22:30:00+09:00",
    )


def test_times_keep_the_offsets_of_the_samples_they_come_from() -> None:
    record = to_record(
        [
            part(1, 0, 60, "light", start_offset=TOKYO, end_offset=480),
            part(2, 20, 30, "deep", start_offset=None, end_offset=480),
            part(3, 0, 60, None, start_offset=None, end_offset=None),
        ],
        ORIGIN,
    )
    assert (record["start"], record["end"]) == (
        "2024-05-01T22:00:00+09:00",
        "2024-05-01T22:00:00+08:00",
    )
    assert record["stages"] == [
        # In the midst of a sample whose offset changes, it is not known.
        {"start": "2024-05-01T22:00:00+09:00", "end": "2024-05-01T13:20:00Z", "stage": "light"},
        {"start": "2024-05-01T13:20:00Z", "end": "2024-05-01T21:30:00+08:00", "stage": "deep"},
        {"start": "2024-05-01T13:30:00Z", "end": "2024-05-01T22:00:00+08:00", "stage": "light"},
    ]


def test_a_method_that_all_samples_share_is_the_sessions() -> None:
    typed = part(1, 0, 10, "light", method="manual_entry")
    also, found = (part(2, 10, 20, "deep", method=method) for method in ("manual_entry", None))
    assert to_record([typed, also], ORIGIN)["recording_method"] == "manual_entry"
    assert "recording_method" not in to_record([typed, found], ORIGIN)
    assert "recording_method" not in to_record([found], ORIGIN)


def test_an_id_stays_with_the_earliest_of_what_it_was_given_to() -> None:
    one, two = (
        part(1, 0, 10, "light", record_id=UUID(int=7)),
        part(2, 200, 210, "light", record_id=UUID(int=7)),
    )
    new = part(3, 400, 410, "light")
    assert claim([[one], [two], [new]], frozenset()) == [UUID(int=7), None, None]
    # A sample that was just sent may have moved away from what it was part of.
    assert claim([[one], [two], [new]], frozenset({one.part_id})) == [None, UUID(int=7), None]


def test_of_two_sessions_that_grow_together_the_earlier_keeps_its_id() -> None:
    one, two = (
        part(1, 0, 10, "light", record_id=UUID(int=7)),
        part(2, 60, 70, "light", record_id=UUID(int=8)),
    )
    assert claim([[one, two]], frozenset()) == [UUID(int=7)]
