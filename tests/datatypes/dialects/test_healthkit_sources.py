"""When, where and by whom a HealthKit sample was made."""

from datetime import UTC, datetime

import pytest

from tests.datatypes.dialects.kit import content, fragment, kit, measured, origin
from tests.datatypes.dialects.phone import ABSENT, APP
from vitalkeep.datatypes.dialects.healthkit import EXAMPLES

TOKYO = "2026-11-20T07:02:11.5+09:00"


@pytest.mark.parametrize(
    ("time", "zone", "offset"),
    [
        ("2026-11-19T22:02:11.500Z", ABSENT, None),
        ("2026-11-19T22:02:11.5Z", None, None),
        ("2026-11-19T22:02:11.5Z", "", None),
        (TOKYO, ABSENT, 540),
        ("2026-11-20T07:02:11.500+0900", ABSENT, 540),
        ("2026-11-19T22:02:11.500-0000", ABSENT, None),
        ("2026-11-19T22:02:11.5Z", "Asia/Tokyo", 540),
        ("2026-11-19T22:02:11.5Z", "America/New_York", -300),
        ("2026-11-19T22:02:11.5Z", "Asia/Kathmandu", 345),
        ("2026-11-19T22:02:11.5Z", "GMT", 0),
        ("2026-11-19T22:02:11.5Z", "GMT+0900", 540),
        ("2026-11-19T22:02:11.5Z", "GMT-0330", -210),
        # The zone is where the sample was made, the offset where the phone was when it sent it.
        ("2026-11-19T23:02:11.500+01:00", "Asia/Tokyo", 540),
        # What is no zone tells nothing.
        (TOKYO, "Asia/Atlantis", 540),
        (TOKYO, "../../etc/passwd", 540),
        (TOKYO, "America", 540),
        (TOKYO, "\x00", 540),
        (TOKYO, 9, 540),
        (TOKYO, ["Asia/Tokyo"], 540),
    ],
)
def test_the_zone_of_the_metadata_gives_the_local_offset(
    time: str, zone: object, offset: int | None
) -> None:
    given = {} if zone is ABSENT else {"HKTimeZone": zone}
    m = measured(kit("weight", startDate=time, endDate=time, metadata=given))
    assert m.start == datetime(2026, 11, 19, 22, 2, 11, 500000, tzinfo=UTC)
    assert m.start_offset == offset


@pytest.mark.parametrize(
    ("start", "end", "zone", "offsets"),
    [
        ("2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "Europe/Berlin", (60, 120)),
        ("2026-10-25T00:59:59.999Z", "2026-10-25T01:00:00Z", "Europe/Berlin", (120, 60)),
        ("2026-03-08T06:59:59Z", "2026-03-08T07:00:00Z", "America/New_York", (-300, -240)),
        ("2026-04-04T14:59:59Z", "2026-04-04T15:00:00Z", "Australia/Lord_Howe", (660, 630)),
    ],
)
def test_the_offset_is_that_of_the_zone_at_that_very_instant(
    start: str, end: str, zone: str, offsets: tuple[int, int]
) -> None:
    m = measured(kit("steps", startDate=start, endDate=end, metadata={"HKTimeZone": zone}))
    assert (m.start_offset, m.end_offset) == offsets


def test_identity_and_version_come_from_uuid_and_sync_keys() -> None:
    m = measured(EXAMPLES["weight"])
    assert (m.platform_id, m.client_id, m.version) == (
        "a1d6b2f0-3c52-4e6d-9b57-6f4d2c1e0003",
        "w-20261120",
        1,
    )
    versioned = kit("weight", metadata={"HKSyncIdentifier": "w", "HKSyncVersion": 7.0})
    assert measured(versioned).version == 7
    # Without its identifier a version says nothing.
    bare = measured(kit("weight", uuid=ABSENT, metadata={"HKSyncVersion": 7}))
    assert (bare.platform_id, bare.client_id, bare.version) == (None, None, 0)


@pytest.mark.parametrize(
    ("entered", "method"),
    [(True, "manual_entry"), (1, "manual_entry"), (False, None), (0, None), (None, None)],
)
def test_what_the_user_typed_is_a_manual_entry(entered: object, method: str | None) -> None:
    sample = kit("weight", metadata={"HKWasUserEntered": entered})
    assert content(sample).get("recording_method") == method
    sleep = kit("sleep", metadata={"HKWasUserEntered": entered})
    assert fragment(sleep).recording_method == method


@pytest.mark.parametrize(
    ("revision", "flat", "app"),
    [
        (
            {"source": {"name": "Walk", "bundleIdentifier": "jp.example.walk"}},
            {},
            "jp.example.walk",
        ),
        (ABSENT, {"source": {"bundleIdentifier": "jp.example.b"}}, "jp.example.b"),
        (ABSENT, {"source": "jp.example.b"}, "jp.example.b"),
        ({"source": None}, {"sourceId": "jp.example.c", "sourceName": "C"}, "jp.example.c"),
        (None, {}, APP),
        ({"source": {"name": "Nameless", "bundleIdentifier": ""}}, {}, APP),
    ],
)
def test_the_app_is_the_bundle_identifier_of_the_source(
    revision: object, flat: dict[str, object], app: str
) -> None:
    sample = kit("steps", sourceRevision=revision, device=ABSENT, **flat)
    assert origin(sample) == {"app": app}


WATCH = {"name": "Apple Watch", "manufacturer": "Apple Inc.", "model": "Watch"}
SCALE = {"manufacturer": "Example", "model": "Scale S1"}


@pytest.mark.parametrize(
    ("product", "device", "stored"),
    [
        ("Watch6,2", ABSENT, {"type": "watch", "model": "Watch6,2"}),
        ("iPhone14,2", None, {"type": "phone", "model": "iPhone14,2"}),
        ("iPad13,1", ABSENT, {"model": "iPad13,1"}),
        ("Watch6,2", WATCH, {"type": "watch", "manufacturer": "Apple Inc.", "model": "Watch"}),
        ("iPhone14,2", WATCH, {"type": "watch", "manufacturer": "Apple Inc.", "model": "Watch"}),
        ("iPhone14,2", {"name": "iPhone", "model": "iPhone"}, {"type": "phone", "model": "iPhone"}),
        # The app runs on the phone, but the scale measured.
        ("iPhone14,2", SCALE, SCALE),
        (None, "Example Band", {"model": "Example Band"}),
        (None, {"model": "Watchful Lamp"}, {"model": "Watchful Lamp"}),
    ],
)
def test_the_device_is_what_measured(product: object, device: object, stored: object) -> None:
    revision = {"source": {"bundleIdentifier": "jp.example.a"}, "productType": product}
    found = origin(kit("steps", sourceRevision=revision, device=device))
    assert found == {"app": "jp.example.a", "device": stored}
