"""The OpenAPI side of the FHIR routes. Resources are open objects: FHIR itself defines them."""

from typing import Final, TypeAlias

from vitalkeep.fhir.outcomes import MEDIA_TYPE

Schema: TypeAlias = dict[str, object]
SPECIFICATION: Final = "https://hl7.org/fhir/R4/"
RESOURCES: Final = (
    "CapabilityStatement", "Patient", "Observation", "Consent", "Bundle", "OperationOutcome",
)  # fmt: skip
TEXT: Final[Schema] = {"type": "string"}


def fhir_schemas() -> dict[str, Schema]:
    """One schema for each resource that is answered."""
    return {name: _resource(name) for name in RESOURCES}


def _resource(name: str) -> Schema:
    kind: Schema = {"type": "string", "const": name}
    properties = {"resourceType": kind, "id": TEXT} if name != "Bundle" else {"resourceType": kind}
    return {
        "type": "object",
        "description": f"FHIR R4: {SPECIFICATION}{name.lower()}.html",
        "required": ["resourceType"],
        "properties": properties,
        "additionalProperties": True,
    }


def answers(resource: str, description: str) -> dict[int | str, Schema]:
    """The answer of a route, as `responses=` takes it."""
    schema = {"$ref": f"#/components/schemas/{resource}"}
    return {200: {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}}


def searched_by(**parameters: str) -> Schema:
    """The `openapi_extra` of a search; FHIR lets `code` and `date` be given several times."""
    return {"parameters": [_parameter(*each) for each in parameters.items()]}


def _parameter(name: str, description: str) -> Schema:
    several = name in ("code", "category", "date", "_lastUpdated")
    return {
        "name": name,
        "in": "query",
        "required": name == "patient",
        "description": description,
        "schema": {"type": "array", "items": TEXT} if several else TEXT,
    }
