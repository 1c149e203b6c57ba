"""The OpenAPI document as typed clients need it; docs/adding-an-endpoint.md: what a route owes.

FastAPI's own document is taken and tightened: one name per operation and schema, one form of error,
no `null`, numbers that keep their width. What can't be mended is refused with `OpenApiError`, so a
route that would spoil a client can't be published.
"""

import copy
import json
import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

Json = dict[str, object]

OPEN_ENUM: Final = "More values may be added: take an unknown one as unknown, never as an error."

_TEXT: Final = {"type": "string"}
_CODE: Final = {"type": "string", "description": OPEN_ENUM}
PROBLEM_SCHEMAS: Final[Mapping[str, object]] = {
    "Problem": {
        "description": "What went wrong (RFC 9457). `code` is stable; switch on it.",
        "type": "object",
        "required": ["type", "title", "status", "detail", "instance", "code"],
        "properties": {
            "type": {"type": "string", "description": "URL of the code's explanation."},
            "title": _TEXT,
            "status": {"type": "integer", "format": "int32"},
            "detail": {"type": "string", "description": "What to do about it."},
            "instance": {"type": "string", "description": "The request's id, for the operator."},
            "code": _CODE,
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/ProblemPointer"}},
            "error": {"type": "string", "description": "OAuth endpoint only: RFC 6749, 5.2."},
            "error_description": {"type": "string", "description": "OAuth endpoint only."},
        },
    },
    "ProblemPointer": {
        "description": "One rejected place, as JSON pointer (RFC 6901); never the rejected value.",
        "type": "object",
        "required": ["pointer", "code"],
        "properties": {"pointer": _TEXT, "code": _CODE, "detail": _TEXT},
    },
}

SECURITY_SCHEMES: Final[Mapping[str, object]] = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "client": {"type": "http", "scheme": "basic", "description": "client id and client secret"},
}

_EVERYWHERE: Final = {"500": "`internal_error`", "503": "`overloaded`, `dependency_unavailable`"}
_WITH_SECURITY: Final = {"401": "`unauthenticated`, `token_expired`", "403": "`forbidden`"}

# FastAPI's own form of error, and names that clash with a language's own.
_REPLACED: Final = frozenset({"HTTPValidationError", "ValidationError"})
_TAKEN: Final = frozenset({"Record", "Error", "Type", "Date", "Result", "Status"})
_SCHEMA_MAPS: Final = ("properties", "patternProperties", "$defs", "dependentSchemas")
_SCHEMA_LISTS: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_SCHEMAS: Final = ("items", "additionalProperties", "not", "contains", "propertyNames")
_FORMATS: Final = {"number": "double", "integer": "int64"}
_REF: Final = "#/components/schemas/"
_FORMS: Final = ("problem+json", "Problem"), ("fhir+json", "OperationOutcome")


class OpenApiError(ValueError):
    """The routes can't be described as the wire contract demands; the message says why."""


def operation_id(route: APIRoute) -> str:
    """The route function's name: give it to `FastAPI(generate_unique_id_function=…)`.

    It is API: clients call their method by it, so a published one never changes.
    """
    return route.name


def build_openapi(
    app: FastAPI, *, components: Mapping[str, object], keep_null: Collection[str] = ()
) -> Json:
    """The document of `app`, whose bodies read from raw bytes refer to `components` by name.

    `components` maps schema name to schema, with references as `#/components/schemas/…`; all of
    them are published. `keep_null` names the components in which `null` is really accepted.

    Raises:
        OpenApiError: an operation without exactly one tag or with a name that is taken or not
            snake_case, two schemas of one name, a reference to nothing, or an undeclared scheme.
    """
    document = _fastapi_document(app)
    published = _object(document.setdefault("components", {}))
    schemas = _merge_schemas(_object(published.get("schemas", {})), components)
    published |= {"schemas": schemas, "securitySchemes": dict(SECURITY_SCHEMES)}
    operations = list(_operations(document))
    for where, operation in operations:
        _declare_problems(operation, _FORMS[where.startswith("GET /fhir/R4/")])
    for name, schema in schemas.items():
        tidy_schema(_object(schema), keep_null=name in keep_null)
    for holder in _schema_holders(operations):
        tidy_schema(_object(holder["schema"]), name=str(holder.get("name", "")))
    _open_answer_enums(operations, schemas)
    _check_operations(operations)
    _check_references(document, schemas)
    return document


def install_openapi(
    app: FastAPI, *, components: Mapping[str, object], keep_null: Collection[str] = ()
) -> None:
    """Make `app.openapi` answer `build_openapi`, built at the first call and kept."""

    def openapi() -> Json:
        if app.openapi_schema is None:
            app.openapi_schema = build_openapi(app, components=components, keep_null=keep_null)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def tidy_schema(schema: Json, *, keep_null: bool = False, name: str = "") -> None:
    """Mend `schema` and all below it: no `null`, widths given, constants as enums, too.

    `name` is the property that holds the schema; a title that only repeats it is left out.
    Examples, defaults and constants are data and stay as they are.
    """
    if not keep_null:
        _drop_null(schema)
    for inner, below in _schemas_below(schema):
        tidy_schema(below, keep_null=keep_null, name=inner)
    kinds = schema.get("type")
    for kind, width in _FORMATS.items():
        if kind in (kinds if isinstance(kinds, list) else [kinds]):
            schema.setdefault("format", width)
    if "const" in schema:
        schema["enum"] = [schema["const"]]
    if _repeats(schema.get("title"), name):
        del schema["title"]


def _drop_null(schema: Json) -> None:
    if "default" in schema and schema["default"] is None:
        del schema["default"]
    kinds = schema.get("type")
    if isinstance(kinds, list):
        kept = [kind for kind in kinds if kind != "null"]
        schema["type"] = kept[0] if len(kept) == 1 else kept
    if isinstance(schema.get("enum"), list):
        schema["enum"] = [value for value in _list(schema["enum"]) if value is not None]
    for key in ("anyOf", "oneOf"):
        branches = [_object(branch) for branch in _list(schema.get(key, []))]
        real = [branch for branch in branches if branch.get("type") != "null"]
        if len(real) < len(branches):
            schema[key] = real
        if len(real) == 1 < len(branches):
            del schema[key]  # what stands beside the union outweighs what the branch says
            schema |= real[0] | schema
            _drop_null(schema)


def _repeats(title: object, name: str) -> bool:
    """Whether a title is one that pydantic or FastAPI made up ("Start Time", "Response …")."""
    plain, taken = (re.sub(r"[\s_-]", "", str(text)).lower() for text in (title, name))
    return title is not None and (str(title).startswith("Response ") or plain == taken)


def _fastapi_document(app: FastAPI) -> Json:
    with warnings.catch_warnings():
        # FastAPI only warns of an operation id used twice; here it is an error further down.
        warnings.filterwarnings("ignore", message="Duplicate Operation ID")
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
            license_info=app.license_info,
            separate_input_output_schemas=False,
        )
    return copy.deepcopy(cast(Json, document))  # parts of it belong to the routes


def _merge_schemas(made: Json, given: Mapping[str, object]) -> Json:
    merged = {name: schema for name, schema in made.items() if name not in _REPLACED}
    for name, schema in copy.deepcopy({**PROBLEM_SCHEMAS, **given}).items():
        if merged.setdefault(name, schema) != schema:
            raise OpenApiError(f"two different schemas are called {name}")
    for name in merged:
        if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name) or name in _TAKEN:
            raise OpenApiError(f"{name} is no class name; use a model (for a form, too) named so")
    return dict(sorted(merged.items()))


def _operations(document: Json) -> Iterator[tuple[str, Json]]:
    """Each operation with where it stands, as `POST /v1/me/records`."""
    for path, item in _object(document.get("paths", {})).items():
        for method, operation in _object(item).items():
            yield f"{method.upper()} {path}", _object(operation)


def _declare_problems(operation: Json, form: tuple[str, str]) -> None:
    """Give each 4xx and 5xx the one form, with the route's own words, and add those due."""
    responses = _object(operation.setdefault("responses", {}))
    made_up = _object(responses.get("422", {})).get("description") == "Validation Error"
    if made_up:
        del responses["422"]
    due = dict(_EVERYWHERE)
    if made_up or "requestBody" in operation or "parameters" in operation:
        due["422"] = "`invalid_request`"
    if "requestBody" in operation:
        due["400"] = "`malformed_body`"
    if any(_list(operation.get("security", []))):
        due |= _WITH_SECURITY
    responses |= {key: {"description": told} for key, told in due.items() if key not in responses}
    for status, response in responses.items():
        if status[0] in "45" or status == "default":
            _object(response)["content"] = {
                f"application/{form[0]}": {"schema": {"$ref": _REF + form[1]}}
            }
    operation["responses"] = dict(sorted(responses.items()))


def _schema_holders(operations: Iterable[tuple[str, Json]]) -> Iterator[Json]:
    """Every parameter, header and media type that has a schema."""
    for _, operation in operations:
        holders = _list(operation.get("parameters", []))
        bodies = [operation.get("requestBody", {}), *_object(operation["responses"]).values()]
        for body in bodies:
            for part in ("content", "headers"):
                holders = [*holders, *_object(_object(body).get(part, {})).values()]
        yield from (_object(holder) for holder in holders if "schema" in _object(holder))


def _open_answer_enums(operations: Iterable[tuple[str, Json]], schemas: Json) -> None:
    """Say of every enum that an answer can hold that it may grow."""
    waiting: list[object] = []
    for _, operation in operations:
        for status, response in _object(operation["responses"]).items():
            if status[0] == "2":
                media = _object(_object(response).get("content", {})).values()
                waiting += [_object(each).get("schema", {}) for each in media]
    seen: set[str] = set()
    while waiting:
        schema = _object(waiting.pop())
        target = schema.get("$ref")
        if isinstance(target, str) and target not in seen:
            seen.add(target)
            waiting.append(schemas.get(target.removeprefix(_REF), {}))
        if len(_list(schema.get("enum", []))) > 1:
            told = str(schema.get("description", ""))
            schema["description"] = told if OPEN_ENUM in told else f"{told} {OPEN_ENUM}".strip()
        waiting += [below for _, below in _schemas_below(schema)]


def _schemas_below(schema: Json) -> Iterator[tuple[str, Json]]:
    """The schemas one level down: with a property's name, else with "" for it."""
    named = [pair for key in _SCHEMA_MAPS for pair in _object(schema.get(key, {})).items()]
    listed = [("", below) for key in _SCHEMA_LISTS for below in _list(schema.get(key, []))]
    single = [("", schema[key]) for key in _SCHEMAS if key in schema]
    for name, below in [*named, *listed, *single]:
        if not isinstance(below, bool):  # `additionalProperties: false` is a schema, too
            yield name, _object(below)


def _check_operations(operations: Iterable[tuple[str, Json]]) -> None:
    names: dict[object, str] = {}
    for where, operation in operations:
        name = operation.get("operationId")
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", str(name)):
            raise OpenApiError(f"{where}: {name} is not a snake_case function name")
        if name in names:
            raise OpenApiError(f"{where} and {names[name]} are both called {name}")
        names[name] = where
        if len(_list(operation.get("tags", []))) != 1:
            raise OpenApiError(f"{where}: give it exactly one tag")
        for demand in _list(operation.get("security", [])):
            for scheme in _object(demand):
                if scheme not in SECURITY_SCHEMES:
                    raise OpenApiError(f"{where}: {scheme} is none of {[*SECURITY_SCHEMES]}")


def _check_references(document: Json, schemas: Json) -> None:
    for target in re.findall(r'"(#/[^"]*)"', json.dumps(document)):
        if target.removeprefix(_REF) not in schemas:
            raise OpenApiError(f"{target} refers to nothing")


def _object(value: object) -> Json:
    if not isinstance(value, dict):
        raise OpenApiError(f"an object belongs where the document has {value!r}")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise OpenApiError(f"a list belongs where the document has {value!r}")
    return value
