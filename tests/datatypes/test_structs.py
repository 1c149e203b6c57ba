import copy
from contextlib import suppress

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from tests.datatypes.test_records import example, measured, rejection, vars_of
from vitalkeep.datatypes.common import list_members
from vitalkeep.datatypes.descriptors import DataType
from vitalkeep.datatypes.records import RecordRejected, explain, validate_record
from vitalkeep.datatypes.registry import TYPES
from vitalkeep.datatypes.structs import read_batch


def test_of_a_key_given_twice_the_last_counts() -> None:
    raw = orjson.dumps(example("steps", count=1)).replace(b'"count":1', b'"count":1,"count":2')
    (record,) = read_batch(b'{"records":[' + raw + b"]}")
    assert record == validate_record(from_json(raw))
    assert vars_of(from_json(raw))["count"] == 2


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"records":{}}', b'{"records":[]}', b'{"records":[],"more":1}', b"{}"],
)
def test_a_batch_of_the_wrong_shape_is_not_read(body: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        read_batch(body)


def test_a_batch_takes_a_thousand_records_and_no_more() -> None:
    record = example("weight")
    assert len(read_batch(orjson.dumps({"records": [record] * 1000}))) == 1000
    with pytest.raises(msgspec.ValidationError):
        read_batch(orjson.dumps({"records": [record] * 1001}))


values: st.SearchStrategy[object] = st.sampled_from(
    [None, True, 0, -0.0, 1.0, 1.5, -1, 2**63, -(2**63) - 1, 10**30, float("inf"), float("nan"),
     "", "x", "x" * 129, "x" * 2001, "watch", "light", "a\x00", "\ud800", [], {}, [{}],
     {"app": "a"}, {"app": ""}, {"app": "a", "device": None},
     {"app": "a", "device": {"type": "toaster"}}]
)  # fmt: skip


@given(st.sampled_from(TYPES), st.data())
def test_what_is_refused_is_explained_and_what_is_explained_is_refused(
    kind: DataType, data: st.DataObject
) -> None:
    members = [field.name for field in list_members(kind)] + ["type", "more"]
    changed = data.draw(st.dictionaries(st.sampled_from(members), values, max_size=3))
    left_out = data.draw(st.sets(st.sampled_from(members), max_size=1))
    record = {**copy.deepcopy(dict(kind.example)), **changed}
    for name in left_out:
        record.pop(name, None)
    explanation = None
    with suppress(RecordRejected):
        explain(record)
        explanation = "good"
    if explanation == "good":
        measured(record)
    else:
        assert rejection(record).detail != "has the wrong form"
