import orjson
import pytest

from tests.datatypes.dialects.google import (
    APP,
    NOW,
    SCALE,
    Json,
    content,
    fit,
    only,
    real,
)
from vitalkeep.datatypes.dialects.google_fit import pick_source, read_points

GMS = "com.google.android.gms"


@pytest.mark.parametrize(
    ("stream", "origin", "method"),
    [
        ("", {"app": APP}, None),
        ("nonsense", {"app": APP}, None),
        (f"derived:com.google.weight:{GMS}:merge_weight", {"app": GMS}, None),
        (
            "raw:com.google.weight:com.google.android.apps.fitness:user_input",
            {"app": "com.google.android.apps.fitness"},
            "manual_entry",
        ),
        (
            SCALE,
            {
                "app": "jp.example.scale",
                "device": {"manufacturer": "Example", "model": "Scale S1"},
            },
            None,
        ),
        ("raw:com.google.weight:407408718192:mine", {"app": "407408718192"}, None),
        (
            "raw:com.google.weight:Example:Scale S1:a1b2:name",
            {"app": APP, "device": {"manufacturer": "Example", "model": "Scale S1"}},
            None,
        ),
        (f"derived:com.google.weight:{GMS}:d<-raw:com.google.weight:x.y:A", {"app": GMS}, None),
        (
            f"derived:com.google.weight:{GMS}:Example:Phone 9:77:d<-raw:com.google.weight:x.y:A",
            {"app": GMS, "device": {"manufacturer": "Example", "model": "Phone 9"}},
            None,
        ),
    ],
)
def test_the_stream_tells_who_measured(stream: str, origin: Json, method: str | None) -> None:
    named = only(read_points("weight", [fit("weight", real(70), origin=stream)], APP, NOW))
    assert orjson.loads(named.origin) == origin
    assert content(named).get("recording_method") == method
    read = read_points("weight", [fit("weight", real(70))], APP, NOW, stream=stream)
    assert only(read) == named


def streams(*ids: str) -> list[object]:
    return [
        {
            "dataStreamId": each,
            "type": each.partition(":")[0],
            "dataType": {"name": each.split(":")[1], "field": []},
        }
        for each in ids
    ]


STEPS = "com.google.step_count.delta"
PULSE = "com.google.heart_rate.bpm"
WEIGHT = "com.google.weight"


@pytest.mark.parametrize(
    ("name", "ids", "picked"),
    [
        (
            "steps",
            [
                f"derived:{STEPS}:{GMS}:merge_step_deltas",
                f"derived:{STEPS}:{GMS}:Example:Phone 9:77:derive_step_deltas<-raw:a:b:c",
                f"derived:{STEPS}:{GMS}:estimated_steps",
                f"raw:{STEPS}:jp.example.walk:walk",
            ],
            2,
        ),
        (
            "steps",
            [f"raw:{STEPS}:jp.example.walk:w", f"derived:{STEPS}:{GMS}:merge_step_deltas"],
            1,
        ),
        (
            "heart_rate",
            [
                f"derived:{PULSE}:{GMS}:resting_heart_rate<-merge_heart_rate_bpm",
                f"derived:{PULSE}:{GMS}:merge_heart_rate_bpm",
            ],
            1,
        ),
        ("heart_rate", [f"derived:{PULSE}:{GMS}:resting_heart_rate<-merge_heart_rate_bpm"], None),
        ("heart_rate", [f"derived:{PULSE}:jp.example.band:merged"], None),
        ("weight", [f"raw:{WEIGHT}:com.google.android.apps.fitness:user_input", SCALE], 1),
        ("weight", [f"raw:{WEIGHT}:com.google.android.apps.fitness:user_input"], 0),
        ("weight", [f"derived:com.google.height:{GMS}:merge_height"], None),
        ("weight", [], None),
        ("blood_pressure", [f"derived:com.google.blood_pressure:{GMS}:merged"], 0),
        (
            "sleep",
            [
                f"derived:com.google.activity.segment:{GMS}:merge_activity_segments",
                f"derived:com.google.sleep.segment:{GMS}:merged",
            ],
            1,
        ),
        ("sleep", [f"derived:com.google.activity.segment:{GMS}:merge_activity_segments"], 0),
    ],
)
def test_the_stream_to_read_is_found(name: str, ids: list[str], picked: int | None) -> None:
    wanted = None if picked is None else ids[picked]
    assert pick_source(name, streams(*ids)) == wanted
    assert pick_source(name, streams(*reversed(ids))) == wanted
