"""The OpenAPI side of bodies that are parsed from, and spliced to, raw bytes."""

from typing import TypeAlias

from vitalkeep.datatypes.openapi import component_schemas
from vitalkeep.datatypes.registry import TYPES
from vitalkeep.records.parse import MAX_BATCH

Schema: TypeAlias = dict[str, object]

KEEP_NULL = ("HealthConnectRecord", "HealthKitSample")
"""Schemas in which null is accepted: phones send it."""


def ref(name: str) -> Schema:
    """A reference to a named schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(item: Schema, **more: object) -> Schema:
    """A list of items."""
    return {"type": "array", "items": item, **more}


def closed(description: str, required: list[str], **properties: Schema) -> Schema:
    """An object with these members only."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def published_schemas() -> dict[str, Schema]:
    """Every named schema of records: wire models, batches, pages and the change feed."""
    text: Schema = {"type": "string"}
    uuid: Schema = {"type": "string", "format": "uuid"}
    moment: Schema = {"type": "string", "format": "date-time"}
    return {
        **component_schemas(),
        "RecordBatch": closed(
            "Up to 1,000 records, 8 MiB inflated.",
            ["records"],
            records=list_of(ref("HealthRecord"), minItems=1, maxItems=MAX_BATCH),
        ),
        "HealthConnectRecord": health_connect_record(),
        "HealthConnectBatch": closed(
            "Records as Health Connect's readRecords emits them.",
            ["records"],
            records=list_of(ref("HealthConnectRecord"), minItems=1, maxItems=MAX_BATCH),
        ),
        "HealthKitSample": healthkit_sample(),
        "HealthKitBatch": closed(
            "Samples as HealthKit's bridges hand them over.",
            ["records"],
            records=list_of(ref("HealthKitSample"), minItems=1, maxItems=MAX_BATCH),
        ),
        "RecordPage": closed(
            "Records by start time; `next_cursor` is absent on the last page.",
            ["records"],
            records=list_of(ref("HealthRecord")),
            next_cursor=text,
        ),
        "RecordUpsert": closed(
            "A record was added or changed.",
            ["op", "record"],
            op={"type": "string", "const": "upsert", "enum": ["upsert"]},
            record=ref("HealthRecord"),
        ),
        "RecordDeletion": closed(
            "A record was deleted.",
            ["op", "id", "type", "deleted_at"],
            op={"type": "string", "const": "delete", "enum": ["delete"]},
            id=uuid,
            type=text,
            deleted_at=moment,
        ),
        "RecordChange": {
            "oneOf": [ref("RecordUpsert"), ref("RecordDeletion")],
            "discriminator": {
                "propertyName": "op",
                "mapping": {
                    "upsert": ref("RecordUpsert")["$ref"],
                    "delete": ref("RecordDeletion")["$ref"],
                },
            },
        },
        "ChangePage": closed(
            "Changes in the order of their commits; go on from `next_cursor`.",
            ["changes", "next_cursor", "has_more"],
            changes=list_of(ref("RecordChange")),
            next_cursor=text,
            has_more={"type": "boolean"},
        ),
    }


def health_connect_record() -> Schema:
    """A record as a phone emits it; members that we don't know are ignored, null means absent."""
    names = [kind.health_connect.record_type for kind in TYPES]
    return {
        "type": "object",
        "description": "A Health Connect record; null means absent, unknown members are ignored.",
        "properties": {"recordType": {"type": "string", "enum": names}},
        "required": ["recordType"],
        "additionalProperties": True,
    }


def healthkit_sample() -> Schema:
    """A sample as a bridge hands it over; members that we don't know are ignored."""
    text: Schema = {"type": "string"}
    unit: Schema = {
        "type": "string",
        "description": "HealthKit's unit string, as `kg` or `count/min`; `%` is a fraction.",
    }
    return {
        "type": "object",
        "description": "A HealthKit sample: a quantity, a stage of sleep, or a correlation of "
        "both blood pressures. Samples of sleep become part of a session, whose id is answered.",
        "properties": {
            "quantityType": text,
            "categoryType": text,
            "correlationType": text,
            "startDate": text,
            "unit": unit,
        },
        "required": ["startDate"],
        "additionalProperties": True,
    }


def batch_body(schema: Schema, examples: dict[str, Schema]) -> Schema:
    """The OpenAPI request body of a push, with named examples, each of one record."""
    named = {name: {"value": {"records": [example]}} for name, example in examples.items()}
    content = {"application/json": {"schema": schema, "examples": named}}
    return {"requestBody": {"required": True, "content": content}}


def json_answer(schema: str, description: str) -> dict[int | str, Schema]:
    """The OpenAPI answer of a route that splices its bytes itself."""
    content = {"application/json": {"schema": ref(schema)}}
    return {200: {"description": description, "content": content}}


CANONICAL_BODY = batch_body(ref("RecordBatch"), {kind.name: dict(kind.example) for kind in TYPES})
DIALECT_BODY = batch_body(
    {"anyOf": [ref("HealthConnectBatch"), ref("HealthKitBatch")]},
    {f"health-connect.{kind.name}": dict(kind.health_connect.example) for kind in TYPES}
    | {f"healthkit.{kind.name}": dict(kind.healthkit.example) for kind in TYPES},
)
