"""Bodies of pushes in a dialect: which lists they have, what is in them, and what they deleted.

A dialect is one entry of `DIALECTS`, one name in `DialectName` and one in `published_dialects`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple, TypeAlias
from uuid import UUID

from vitalkeep.base.errors import BatchTooLarge, InvalidRequest
from vitalkeep.datatypes.canonical import Measurement
from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.datatypes.dialects import health_connect, healthkit, open_mhealth
from vitalkeep.datatypes.fragments import Fragment
from vitalkeep.datatypes.records import RecordRejected
from vitalkeep.datatypes.texts import to_platform_id
from vitalkeep.datatypes.wire import MAX_BATCH
from vitalkeep.records.deletion import MAX_IDS
from vitalkeep.records.parse import Outcome, read_document
from vitalkeep.records.verdicts import Verdict

DialectName: TypeAlias = Literal["health-connect", "healthkit", "open-mhealth"]
MAX_ID: Final = 128
"""Characters of a platform's id, as of the one in a record."""


class Shape(NamedTuple):
    """One form of body: the list of its records and, where it has one, that of its deletions.

    `entry` is the member of each entry that holds the record, "" if the entry is the record.
    `deleted_id` is the member of a deletion that holds the platform's id; the id alone will do.
    `expired` is a member whose true says that the lists are not complete. Members that are not
    named here are passed over.
    """

    records: str
    entry: str = ""
    deletions: str = ""
    deleted_id: str = ""
    expired: str = ""


class Dialect(NamedTuple):
    """How to read somebody else's JSON.

    `measure` takes a record, the sending app and the time. `type_pointer` is where a record names
    its type. `reuses_ids` says that a platform gives a record that is put back its old id.
    """

    measure: Callable[[object, str, datetime], Measurement | Fragment]
    type_pointer: str
    shapes: tuple[Shape, ...] = ()
    reuses_ids: bool = False


PLAIN: Final = Shape("records")
"""The form that every dialect takes besides its own; it has no other member."""

DIALECTS: Final[Mapping[DialectName, Dialect]] = {
    "health-connect": Dialect(
        health_connect.measurement,
        "/recordType",
        (
            Shape(
                "upsertionChanges",
                entry="record",
                deletions="deletionChanges",
                deleted_id="recordId",
                expired="changesTokenExpired",
            ),
        ),
        reuses_ids=True,
    ),
    "healthkit": Dialect(
        healthkit.measurement,
        "",
        (Shape("samples", deletions="deletedSamples", deleted_id="uuid"),),
    ),
    "open-mhealth": Dialect(open_mhealth.measurement, "/header/schema_id/name"),
}


class DialectPush(NamedTuple):
    """A body, read: an outcome for each record, and the platform's ids of deleted records."""

    dialect: Dialect
    shape: Shape
    outcomes: list[Outcome]
    deletions: list[str]


def parse_dialect(body: bytes, name: DialectName, client_id: UUID, now: datetime) -> DialectPush:
    """What a body in a dialect says. Raises MalformedBody, BatchTooLarge, InvalidRequest."""
    dialect, document = DIALECTS[name], read_document(body)
    shape = _find_shape(dialect, document)
    entries = _list(document, shape.records)
    deletions = _list(document, shape.deletions) if shape.deletions else []
    if not entries and not deletions:
        _refuse_empty(document, shape)
    if len(entries) > MAX_BATCH or len(deletions) > MAX_IDS:
        raise BatchTooLarge
    sender = str(client_id)
    records = (_record(entry, shape) for entry in entries)
    outcomes = [_outcome(dialect, record, sender, now) for record in records]
    return DialectPush(dialect, shape, outcomes, list(_deleted_ids(deletions, shape)))


def _find_shape(dialect: Dialect, document: JsonObject) -> Shape:
    given = {name for name, value in document.items() if value is not None}
    for shape in dialect.shapes:
        if PLAIN.records not in given and given & {shape.records, shape.deletions, shape.expired}:
            return shape
    if document.keys() != {PLAIN.records}:
        own = (f', or has "{each.records}" or "{each.deletions}"' for each in dialect.shapes)
        raise InvalidRequest(
            f'The body is an object that has the one member "records", a list{"".join(own)}.',
            errors=[{"pointer": "/records", "code": "invalid"}],
        )
    return PLAIN


def _list(document: JsonObject, name: str) -> list[object]:
    """The list of this name, empty if it is absent; platforms write null for that, too."""
    value = document.get(name)
    if value is None and name != PLAIN.records:
        return []
    if not isinstance(value, list):
        raise InvalidRequest(
            f'"{name}" is a list.', errors=[{"pointer": f"/{name}", "code": "invalid"}]
        )
    return value


def _refuse_empty(document: JsonObject, shape: Shape) -> None:
    if shape.expired and document.get(shape.expired) is True:
        raise InvalidRequest(
            "The changes token has expired, so changes are missing: get a new token, then read all "
            "records again and push them.",
            errors=[{"pointer": f"/{shape.expired}", "code": "expired"}],
        )
    raise InvalidRequest(
        "Send at least one record." if shape is PLAIN else "Send at least one change.",
        errors=[{"pointer": f"/{shape.records}", "code": "too_few"}],
    )


def _record(entry: object, shape: Shape) -> object:
    if not shape.entry:
        return entry
    return entry.get(shape.entry) if isinstance(entry, dict) else None


def _outcome(dialect: Dialect, record: object, sender: str, now: datetime) -> Outcome:
    try:
        return dialect.measure(record, sender, now)
    except RecordRejected as rejected:
        return rejected


def _deleted_ids(deletions: Sequence[object], shape: Shape) -> Iterable[str]:
    for index, entry in enumerate(deletions):
        pointer = f"/{shape.deletions}/{index}"
        if isinstance(entry, dict):
            entry, pointer = entry.get(shape.deleted_id), f"{pointer}/{shape.deleted_id}"
        if not isinstance(entry, str) or not 1 <= len(entry) <= MAX_ID:
            raise InvalidRequest(
                f"A deletion names a record by its id, 1 to {MAX_ID} characters.",
                errors=[{"pointer": pointer, "code": "invalid"}],
            )
        yield to_platform_id(entry)


def list_gone(push: DialectPush, verdicts: Sequence[Verdict]) -> list[str]:
    """The ids to delete, once the records have their verdicts.

    Where a platform reuses ids, an id that is among the deletions and the records is alive:
    platforms list as changed only what is there when the list is made. It is deleted still if its
    record was rejected, since what was there before is gone at the source.
    """
    if not push.dialect.reuses_ids:
        return push.deletions
    alive = {
        outcome.platform_id
        for outcome, verdict in zip(push.outcomes, verdicts, strict=True)
        if isinstance(outcome, Measurement) and verdict["status"] != "rejected"
    }
    return [each for each in push.deletions if each not in alive]


def point_into_body(push: DialectPush, verdicts: Iterable[Verdict]) -> None:
    """Turns the pointers of rejections into pointers into what was sent."""
    inside = f"/{push.shape.entry}" if push.shape.entry else ""
    for position, verdict in enumerate(verdicts):
        if "pointer" in verdict:
            within = verdict["pointer"].removeprefix(f"/records/{position}")
            if verdict.get("code") in ("consent_missing", "consent_withdrawn"):
                within = push.dialect.type_pointer
            verdict["pointer"] = f"/{push.shape.records}/{position}{inside}{within}"
