"""The OpenAPI side of the days, whose answer is spliced from bytes: one schema a type."""

from typing import Final

from vitalkeep.datatypes.choices import SLEEP_STAGE
from vitalkeep.datatypes.descriptors import DataType, Field
from vitalkeep.datatypes.registry import TYPES
from vitalkeep.records.published import Schema, closed, list_of, ref
from vitalkeep.summaries.spread import number_fields, samples_field
from vitalkeep.summaries.totals import total_field

MOMENT: Final[Schema] = {"type": "string", "format": "date-time"}
COUNT: Final[Schema] = {"type": "integer", "format": "int64", "minimum": 0}
SECONDS: Final[Schema] = {**COUNT, "description": "seconds"}


def day_schemas() -> dict[str, Schema]:
    """Every named schema of days; `DaySummary` is the union."""
    schemas: dict[str, Schema] = {
        "DayPage": {
            **closed(
                "Days that have data, by date and the name of the type.",
                ["days"],
                days=list_of(ref("DaySummary")),
            ),
            "example": EXAMPLE,
        },
        "DaySummary": {
            "description": "What one type came to on one local date. More types may be added.",
            "oneOf": [ref(_model(kind)) for kind in TYPES],
            "discriminator": {
                "propertyName": "type",
                "mapping": {kind.name: ref(_model(kind))["$ref"] for kind in TYPES},
            },
        },
        "Spread": closed(
            "Smallest, largest, mean and last of a day's values.",
            ["min", "max", "mean", "last"],
            **{name: _plain_number() for name in ("min", "max", "mean", "last")},
        ),
    }
    for kind in TYPES:
        members = _members(kind, schemas)
        schemas[_model(kind)] = closed(
            f"A day of {kind.name}.",
            ["date", "type", *(name for name in members if not _is_optional(kind, name))],
            date={"type": "string", "format": "date", "description": "local date"},
            type={"type": "string", "const": kind.name, "enum": [kind.name]},
            **members,
        )
    return schemas


def _model(kind: DataType) -> str:
    return kind.model.removesuffix("Record") + "Day"


def _plain_number() -> Schema:
    return {"type": "number", "format": "double"}


def _number(field: Field) -> Schema:
    told: Schema = dict(COUNT) if field.kind == "integer" else _plain_number()
    return {**told, "description": f"Unit (UCUM): {field.unit}"}


def _is_optional(kind: DataType, name: str) -> bool:
    return any(field.name == name and not field.required for field in kind.fields)


def _members(kind: DataType, schemas: dict[str, Schema]) -> dict[str, Schema]:
    """The members of the type's days; what they refer to is added to `schemas`."""
    match kind.summary:
        case "total":
            field, share = total_field(kind), _model(kind).removesuffix("Day") + "Share"
            schemas[share] = closed(
                "One source: what it measured on the day, and what of it entered the total.",
                ["origin", field.name, "counted"],
                origin=ref("RecordOrigin"),
                **{field.name: _number(field), "counted": _number(field)},
            )
            return {field.name: _number(field), "by_source": list_of(ref(share))}
        case "sleep":
            stages: Schema = {
                "type": "object",
                "description": f"Seconds in each stage: {', '.join(SLEEP_STAGE.values)}.",
                "additionalProperties": SECONDS,
            }
            return {"asleep_s": SECONDS, "stages_s": stages, "start": MOMENT, "end": MOMENT}
        case "pulse":
            return _flat(samples_field(kind)[1], ("min", "max", "mean"))
        case "spread":
            fields = number_fields(kind.fields)
            if len(fields) == 1:
                return _flat(fields[0], ("min", "max", "mean", "last"))
            return {**{field.name: ref("Spread") for field in fields}, "count": dict(COUNT)}


def _flat(field: Field, names: tuple[str, ...]) -> dict[str, Schema]:
    unit: Schema = {"type": "string", "description": "UCUM", "examples": [field.unit]}
    return {**{name: _plain_number() for name in names}, "count": dict(COUNT), "unit": unit}


EXAMPLE: Final[Schema] = {
    "days": [
        {
            "date": "2026-11-20",
            "type": "sleep",
            "asleep_s": 25800,
            "stages_s": {"awake": 600, "deep": 5100, "light": 14400, "rem": 6300},
            "start": "2026-11-19T23:20:00+09:00",
            "end": "2026-11-20T06:40:00+09:00",
        },
        {
            "date": "2026-11-20",
            "type": "steps",
            "count": 8123,
            "by_source": [
                {
                    "origin": {"app": "jp.example.walk", "device": {"type": "watch"}},
                    "count": 7900,
                    "counted": 7900,
                },
                {
                    "origin": {"app": "jp.example.walk", "device": {"type": "phone"}},
                    "count": 6010,
                    "counted": 223,
                },
            ],
        },
        {
            "date": "2026-11-20",
            "type": "weight",
            "min": 68.1,
            "max": 68.9,
            "mean": 68.5,
            "last": 68.1,
            "count": 2,
            "unit": "kg",
        },
    ]
}
