"""The OpenAPI side of bodies that are parsed from, and spliced to, raw bytes."""

from typing import TypeAlias

from vitalkeep.datatypes.openapi import component_schemas
from vitalkeep.datatypes.registry import TYPES
from vitalkeep.datatypes.wire import MAX_BATCH

Schema: TypeAlias = dict[str, object]


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


def batch_body(schema: str, examples: dict[str, Schema]) -> Schema:
    """The OpenAPI request body of a push, with named examples of it."""
    named = {name: {"value": example} for name, example in examples.items()}
    content = {"application/json": {"schema": ref(schema), "examples": named}}
    return {"requestBody": {"required": True, "content": content}}


def json_answer(schema: str, description: str) -> dict[int | str, Schema]:
    """The OpenAPI answer of a route that splices its bytes itself."""
    content = {"application/json": {"schema": ref(schema)}}
    return {200: {"description": description, "content": content}}


CANONICAL_BODY = batch_body(
    "RecordBatch", {kind.name: {"records": [dict(kind.example)]} for kind in TYPES}
)
