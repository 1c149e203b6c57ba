"""Logs: one JSON line an event, only fields of the allow-list, never the words of an error."""

import json
import runpy
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import structlog

from vitalkeep.base import clock, limits
from vitalkeep.base.errors import MalformedBody
from vitalkeep.base.logs import ALLOWED, FieldNotAllowed, configure_logs, fault, get_log

SECRET = "blood glucose 5.5 of hanako@example.jp"


@pytest.fixture(autouse=True)
def default_logging() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.split("\n") if line]


def test_an_event_is_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", strict=True)
    get_log().info("request", route="/v1/me", status=200, ms=1.5)
    (event,) = lines(capsys)
    assert datetime.fromisoformat(str(event.pop("timestamp"))).tzinfo
    expected = {"event": "request", "level": "info", "route": "/v1/me", "status": 200, "ms": 1.5}
    assert event == expected


def test_an_unknown_field_is_refused_when_strict(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", strict=True)
    with pytest.raises(FieldNotAllowed, match="person_id, token") as refusal:
        get_log().info("request", status=200, token=SECRET, person_id=SECRET)
    assert SECRET not in str(refusal.value)
    assert lines(capsys) == []


def test_an_unknown_field_is_dropped_when_not_strict(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    get_log().bind(person_id=SECRET).warning("request", status=200, token=SECRET, exc_info=True)
    (event,) = lines(capsys)
    assert event.keys() == {"event", "level", "timestamp", "status"}
    assert SECRET not in json.dumps(event)


def test_line_breaks_stay_within_their_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", strict=True)
    breaks = "a\nb\r\nc\x1b[31m\u2028\u2029\x85d"
    get_log().info(breaks, route=breaks)
    written = capsys.readouterr().out
    assert written.splitlines() == [written.removesuffix("\n")]
    assert written[:-1].isprintable()
    assert json.loads(written)["route"] == breaks


@pytest.mark.parametrize(
    ("level", "expected"),
    [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)],
)
def test_lower_levels_are_left_out(
    capsys: pytest.CaptureFixture[str], level: str, expected: int
) -> None:
    configure_logs(level, strict=True)
    for name in ("debug", "info", "warning", "error"):
        getattr(get_log(), name)("started")
    assert len(lines(capsys)) == expected


def test_no_allowed_field_names_a_person_or_a_secret() -> None:
    forbidden = ("person", "email", "token", "secret", "key", "ip", "address", "subject", "value")
    assert not [name for name in ALLOWED for word in forbidden if word in name.split("_")]


def test_a_fault_names_class_and_line_and_never_the_message() -> None:
    with pytest.raises(MalformedBody) as raised:
        limits.inflate(b"", SECRET, 1)
    raised.value.args = (SECRET,)
    found = fault(raised.value)
    assert found["error"] == "MalformedBody"
    assert found["where"].startswith("base/limits.py:")
    assert found["where"].rpartition(":")[2].isdigit()
    assert SECRET not in json.dumps(found)


def test_a_fault_of_a_library_is_traced_to_the_line_that_called_it() -> None:
    with pytest.raises(AttributeError) as raised:
        clock.rfc3339(None)  # type: ignore[arg-type]
    assert fault(raised.value)["where"].startswith("base/clock.py:")


def test_a_fault_outside_the_package_has_no_line(tmp_path: Path) -> None:
    # A checkout's directory is often called vitalkeep too, and the libraries lie inside it.
    stranger = tmp_path / "vitalkeep" / "library.py"
    stranger.parent.mkdir()
    stranger.write_text(f"raise ValueError({SECRET!r})")
    with pytest.raises(ValueError, match="hanako") as raised:
        runpy.run_path(str(stranger))
    assert fault(raised.value) == {"error": "ValueError", "where": ""}


def test_a_fault_that_was_never_raised_has_no_line() -> None:
    assert fault(ValueError(SECRET)) == {"error": "ValueError", "where": ""}
