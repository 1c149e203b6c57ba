"""The OpenAPI side of pushes in a dialect: a schema for each form of body, and examples of each."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from vitalkeep.datatypes.dialects import health_connect, healthkit, open_mhealth
from vitalkeep.datatypes.registry import TYPES
from vitalkeep.datatypes.wire import MAX_BATCH
from vitalkeep.records.deletion import MAX_IDS
from vitalkeep.records.dialects import MAX_ID, DialectName
from vitalkeep.records.published import Schema, batch_body, closed, list_of, ref

KEEP_NULL: Final = (
    "HealthConnectRecord", "HealthConnectChanges", "HealthKitSample", "HealthKitChanges",
)  # fmt: skip
"""Schemas in which null is accepted: phones send it."""


class Published(NamedTuple):
    """What is published of a dialect: its bodies' schemas by name, other schemas that they need,
    and examples of bodies by name.
    """

    bodies: dict[str, Schema]
    parts: dict[str, Schema]
    examples: dict[str, Schema]


def open_object(description: str, required: list[str], **properties: Schema) -> Schema:
    """An object that may have members besides these, which are passed over."""
    schema = closed(description, required, **properties)
    return {**schema, "additionalProperties": True}


def batch(description: str, record: str) -> Schema:
    """A body with the one list `records`."""
    records = list_of(ref(record), minItems=1, maxItems=MAX_BATCH)
    return closed(description, ["records"], records=records)


def one_of_each(examples: Mapping[str, Schema]) -> dict[str, Schema]:
    """A body with one record, for each type."""
    return {name: {"records": [example]} for name, example in examples.items()}


def publish_health_connect() -> Published:
    """Records as readRecords answers them, and the result of getChanges."""
    kinds = [kind.health_connect.record_type for kind in TYPES]
    record = open_object(
        "A Health Connect record; null means absent, unknown members are passed over.",
        ["recordType"],
        recordType={"type": "string", "enum": kinds},
    )
    name: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_ID}
    changes = open_object(
        "A result of getChanges as it is, with at least one change; null means absent. An id in "
        "both lists is that of a record that was put back.",
        [],
        upsertionChanges=list_of(ref("HealthConnectUpsertion"), maxItems=MAX_BATCH),
        deletionChanges=list_of(ref("HealthConnectDeletion"), maxItems=MAX_IDS),
        nextChangesToken={"type": ["string", "null"]},
        hasMore={"type": ["boolean", "null"]},
        changesTokenExpired={"type": ["boolean", "null"]},
    )
    examples = one_of_each(health_connect.EXAMPLES)
    examples["changes"] = {
        "upsertionChanges": [{"record": health_connect.EXAMPLES["weight"]}],
        "deletionChanges": [{"recordId": "0c1f6a52-5b7e-4c43-8f0e-2f6f7a1d9004"}],
        "nextChangesToken": "1842",
        "hasMore": False,
        "changesTokenExpired": False,
    }
    return Published(
        {
            "HealthConnectBatch": batch("Records as readRecords answers.", "HealthConnectRecord"),
            "HealthConnectChanges": {
                **changes,
                "anyOf": [{"required": ["upsertionChanges"]}, {"required": ["deletionChanges"]}],
                "not": {"required": ["records"]},
            },
        },
        {
            "HealthConnectRecord": record,
            "HealthConnectUpsertion": open_object(
                "A record that was added or changed.",
                ["record"],
                record=ref("HealthConnectRecord"),
            ),
            "HealthConnectDeletion": open_object(
                "A record that was deleted. Its id as text, without the object, will do as well.",
                ["recordId"],
                recordId=name,
            ),
        },
        examples,
    )


def publish_healthkit() -> Published:
    """Samples as bridges hand them over, and the result of an anchored query."""
    text: Schema = {"type": "string"}
    unit: Schema = {
        "type": "string",
        "description": "HealthKit's unit string, as `kg` or `count/min`; `%` is a fraction.",
    }
    sample = open_object(
        "A HealthKit sample: a quantity, a stage of sleep, or a correlation of both blood "
        "pressures. Samples of sleep become part of a session, whose id is answered.",
        ["startDate"],
        quantityType=text,
        categoryType=text,
        correlationType=text,
        startDate=text,
        unit=unit,
    )
    changes = open_object(
        "The result of an anchored query as it is, with at least one change.",
        [],
        samples=list_of(ref("HealthKitSample"), maxItems=MAX_BATCH),
        deletedSamples=list_of(ref("HealthKitDeletion"), maxItems=MAX_IDS),
        newAnchor={"type": ["string", "null"]},
    )
    examples = one_of_each(healthkit.EXAMPLES)
    examples["changes"] = {
        "samples": [healthkit.EXAMPLES["weight"]],
        "deletedSamples": [{"uuid": "1D6F0E0B-52C4-4E0E-9A0D-7C5B1E2F3A44"}],
        "newAnchor": "YnBsaXN0MDA",
    }
    return Published(
        {
            "HealthKitBatch": batch("Samples.", "HealthKitSample"),
            "HealthKitChanges": {
                **changes,
                "anyOf": [{"required": ["samples"]}, {"required": ["deletedSamples"]}],
                "not": {"required": ["records"]},
            },
        },
        {
            "HealthKitSample": sample,
            "HealthKitDeletion": open_object(
                "A sample that was deleted. Its uuid as text, without the object, will do as well.",
                ["uuid"],
                uuid={"type": "string", "minLength": 1, "maxLength": MAX_ID},
            ),
        },
        examples,
    )


def publish_open_mhealth() -> Published:
    """Data points of the schemas that are read."""
    text: Schema = {"type": "string"}
    reads = [schema for kind in TYPES if kind.open_mhealth for schema in kind.open_mhealth.reads]
    names = sorted({schema.split(":")[1] for schema in reads})
    schema_id = open_object(
        "The schema of the body; any minor version of a major version that is read: "
        + ", ".join(reads),
        ["namespace", "name", "version"],
        namespace={"type": "string", "enum": ["omh", "ieee"]},
        name={"type": "string", "enum": names},
        version={"type": "string", "pattern": r"^[0-9]{1,4}(\.[0-9A-Za-z]{1,8}){0,3}$"},
    )
    provenance = open_object(
        "Where the point comes from.",
        [],
        source_name=text,
        modality={"type": "string", "examples": ["sensed", "self-reported"]},
    )
    header = open_object(
        "A header of Open mHealth (`id`, `acquisition_provenance`) or IEEE 1752.1 (`uuid`, "
        "`modality`). The id is the record's client id.",
        ["schema_id"],
        id=text,
        uuid=text,
        schema_id=ref("OpenMHealthSchemaId"),
        acquisition_provenance=ref("OpenMHealthProvenance"),
        modality=text,
    )
    point = open_object(
        "A data point: the body is what the schema named in its header says, and no statistic.",
        ["header", "body"],
        header=ref("OpenMHealthHeader"),
        body=open_object("", ["effective_time_frame"], effective_time_frame={"type": "object"}),
    )
    return Published(
        {"OpenMHealthBatch": batch("Data points.", "OpenMHealthDataPoint")},
        {
            "OpenMHealthDataPoint": point,
            "OpenMHealthHeader": header,
            "OpenMHealthSchemaId": schema_id,
            "OpenMHealthProvenance": provenance,
        },
        one_of_each(open_mhealth.EXAMPLES),
    )


PUBLISHED: Final[Mapping[DialectName, Published]] = {
    "health-connect": publish_health_connect(),
    "healthkit": publish_healthkit(),
    "open-mhealth": publish_open_mhealth(),
}


def dialect_schemas() -> dict[str, Schema]:
    """Every named schema of the dialects; `DialectBatch` is the union of their bodies."""
    schemas: dict[str, Schema] = {}
    for published in PUBLISHED.values():
        schemas |= published.parts | published.bodies
    bodies = [ref(name) for published in PUBLISHED.values() for name in published.bodies]
    schemas["DialectBatch"] = {
        "description": "A body in the dialect that the path names.",
        "oneOf": bodies,
    }
    return schemas


DIALECT_BODY: Final = batch_body(
    "DialectBatch",
    {
        f"{dialect}.{name}": example
        for dialect, published in PUBLISHED.items()
        for name, example in published.examples.items()
    },
)
