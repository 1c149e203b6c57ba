"""What the published document promises typed clients, on a small app with the awkward cases."""

import json
from enum import StrEnum
from typing import Annotated, Literal

import pytest
from fastapi import APIRouter, FastAPI, Query, Response, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, Field

from vitalkeep.openapi import (
    OPEN_ENUM,
    Json,
    OpenApiError,
    build_openapi,
    install_openapi,
    operation_id,
    tidy_schema,
)


class Mood(StrEnum):
    calm = "calm"
    tense = "tense"


class Nap(BaseModel):
    type: Literal["nap"]
    note: str | None = None
    depth: float
    version: int = 0
    mood: Mood | None = None
    marks: list[float | None] = []
    either: int | str | None = Field(default=None, description="one of two")


class Walk(BaseModel):
    type: Literal["walk"]
    pace: Literal["slow", "fast"] | None = None


class Found(BaseModel):
    items: list[Annotated[Nap | Walk, Field(discriminator="type")]]
    next_cursor: str | None = None


class Wish(BaseModel):
    kind: Literal["less", "more"]


bearer = HTTPBearer(scheme_name="bearer")
COMPONENTS: dict[str, object] = {
    "HealthRecord": {
        "oneOf": [{"$ref": "#/components/schemas/StepsRecord"}],
        "discriminator": {
            "propertyName": "type",
            "mapping": {"steps": "#/components/schemas/StepsRecord"},
        },
    },
    "StepsRecord": {
        "type": "object",
        "required": ["type", "count"],
        "properties": {"type": {"const": "steps", "type": "string"}, "count": {"type": "integer"}},
    },
    "PhoneRecord": {
        "type": "object",
        "properties": {"note": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        "examples": [{"note": None}],
    },
}
RAW_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/HealthRecord"}}},
    }
}


def new_app() -> FastAPI:
    app = FastAPI(
        generate_unique_id_function=operation_id,
        separate_input_output_schemas=False,
        docs_url=None,
        redoc_url=None,
    )

    @app.get("/found", tags=["things"], responses={404: {"model": Wish, "description": "gone"}})
    async def find_things(
        name: Annotated[list[str] | None, Query(alias="type")] = None,
    ) -> Found:
        raise NotImplementedError(name)

    @app.post("/raw", tags=["records"], openapi_extra=RAW_BODY, dependencies=[Security(bearer)])
    async def push_raw() -> Response:
        raise NotImplementedError

    @app.post("/wishes", tags=["things"], status_code=204)
    async def wish(body: Wish) -> None:
        raise NotImplementedError(body)

    @app.get("/plain", tags=["things"])
    async def get_plain() -> Walk:
        raise NotImplementedError

    return app


def built(app: FastAPI) -> Json:
    return build_openapi(app, components=COMPONENTS, keep_null=["PhoneRecord"])


def at(node: object, *path: str) -> Json:
    for key in path:
        assert isinstance(node, dict), path
        node = node[key]
    assert isinstance(node, dict), path
    return node


@pytest.fixture(name="document")
def fixture_document() -> Json:
    return built(new_app())


def schema(document: Json, name: str) -> Json:
    return at(document, "components", "schemas", name)


def statuses(document: Json, path: str, method: str) -> set[str]:
    return set(at(document, "paths", path, method, "responses"))


def test_an_operation_is_called_as_its_function(document: Json) -> None:
    assert at(document, "paths", "/raw", "post")["operationId"] == "push_raw"


def test_every_refusal_is_a_problem_and_nothing_else(document: Json) -> None:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    refusals = [
        at(response, "content")
        for item in at(document, "paths").values()
        for operation in at(item).values()
        for status, response in at(operation, "responses").items()
        if status >= "400"
    ]
    assert refusals == [problem] * len(refusals)
    assert len(refusals) > 8
    assert at(document, "paths", "/found", "get", "responses", "404")["description"] == "gone"
    assert {"HTTPValidationError", "ValidationError"}.isdisjoint(
        at(document, "components", "schemas")
    )


def test_each_operation_declares_the_problems_it_is_due(document: Json) -> None:
    assert statuses(document, "/plain", "get") == {"200", "500", "503"}
    assert statuses(document, "/found", "get") == {"200", "404", "422", "500", "503"}
    assert statuses(document, "/wishes", "post") == {"204", "400", "422", "500", "503"}
    assert statuses(document, "/raw", "post") == {
        *("200", "400", "401", "403", "422", "500", "503"),
    }


def test_absent_means_absent_and_null_is_nowhere_but_where_it_is_kept(document: Json) -> None:
    published = at(document, "components", "schemas")
    kept = published.pop("PhoneRecord")
    assert "null" not in json.dumps(document)
    assert at(kept) == COMPONENTS["PhoneRecord"]
    nap = at(schema(document, "Nap"), "properties")
    assert nap["note"] == {"type": "string"}
    assert nap["mood"] == {"$ref": "#/components/schemas/Mood"}
    assert nap["marks"] == {
        "type": "array",
        "items": {"type": "number", "format": "double"},
        "default": [],
    }


def test_a_union_keeps_its_real_branches(document: Json) -> None:
    either = at(schema(document, "Nap"), "properties", "either")
    assert either["anyOf"] == [{"type": "integer", "format": "int64"}, {"type": "string"}]
    assert either["description"] == "one of two"
    items = at(schema(document, "Found"), "properties", "items", "items")
    assert at(items, "discriminator", "mapping")["nap"] == "#/components/schemas/Nap"


def test_numbers_keep_their_width(document: Json) -> None:
    nap = at(schema(document, "Nap"), "properties")
    assert at(nap, "depth")["format"] == "double"
    assert at(nap, "version")["format"] == "int64"
    assert at(schema(document, "StepsRecord"), "properties", "count")["format"] == "int64"
    assert at(schema(document, "Problem"), "properties", "status")["format"] == "int32"


def test_a_constant_is_an_enum_of_one_too(document: Json) -> None:
    kind = at(schema(document, "StepsRecord"), "properties", "type")
    assert kind == {"type": "string", "const": "steps", "enum": ["steps"]}


def test_an_enum_in_an_answer_says_that_it_may_grow(document: Json) -> None:
    assert schema(document, "Mood")["description"] == OPEN_ENUM
    pace = at(schema(document, "Walk"), "properties", "pace")
    assert pace == {"type": "string", "enum": ["slow", "fast"], "description": OPEN_ENUM}
    assert "description" not in at(schema(document, "Wish"), "properties", "kind")


def test_a_title_that_repeats_the_name_is_left_out(document: Json) -> None:
    assert "title" not in at(schema(document, "Found"), "properties", "next_cursor")
    parameter = {"type": "array", "items": {"type": "string"}}
    assert at(document, "paths", "/found", "get")["parameters"] == [
        {"name": "type", "in": "query", "required": False, "schema": parameter}
    ]
    told: Json = {"properties": {"end": {"type": "string", "title": "When it stopped"}}}
    tidy_schema(told)
    assert at(told, "properties", "end")["title"] == "When it stopped"


def test_a_body_read_by_hand_refers_to_the_named_union(document: Json) -> None:
    body = at(document, "paths", "/raw", "post", "requestBody", "content", "application/json")
    assert body["schema"] == {"$ref": "#/components/schemas/HealthRecord"}
    assert at(schema(document, "HealthRecord"), "discriminator")["propertyName"] == "type"


def test_the_callers_are_described(document: Json) -> None:
    assert at(document, "components")["securitySchemes"] == {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "client": {
            "type": "http",
            "scheme": "basic",
            "description": "client id and client secret",
        },
    }
    assert at(document, "paths", "/raw", "post")["security"] == [{"bearer": []}]


def test_building_twice_gives_the_same_and_spoils_nothing() -> None:
    app, before = new_app(), json.dumps([COMPONENTS, RAW_BODY])
    assert built(app) == built(app)
    assert json.dumps([COMPONENTS, RAW_BODY]) == before


def test_an_installed_document_is_built_once() -> None:
    app = new_app()
    install_openapi(app, components=COMPONENTS)
    assert app.openapi() is app.openapi()
    assert "HealthRecord" in at(app.openapi(), "components", "schemas")


def bad_route(tags: list[str], name: str, path: str = "/bad", scheme: str = "bearer") -> APIRouter:
    router = APIRouter()

    async def bad() -> None:
        raise NotImplementedError

    router.add_api_route(
        path,
        bad,
        name=name,
        tags=[*tags],
        generate_unique_id_function=operation_id,
        dependencies=[Security(HTTPBearer(scheme_name=scheme))],
    )
    return router


@pytest.mark.parametrize(
    ("router", "reason"),
    [
        (bad_route([], "get_bad"), "one tag"),
        (bad_route(["a", "b"], "get_bad"), "one tag"),
        (bad_route(["a"], "get_plain"), "both called get_plain"),
        (bad_route(["a"], "getBad"), "snake_case"),
        (bad_route(["a"], "get_bad", scheme="HTTPBearer"), "HTTPBearer is none of"),
    ],
)
def test_a_route_that_would_spoil_a_client_is_refused(router: APIRouter, reason: str) -> None:
    app = new_app()
    app.include_router(router)
    with pytest.raises(OpenApiError, match=reason):
        built(app)


@pytest.mark.parametrize(
    ("components", "reason"),
    [
        ({"Walk": {"type": "string"}}, "two different schemas are called Walk"),
        ({"Nap-Input": {"type": "string"}}, "no class name"),
        ({"Record": {"type": "string"}}, "no class name"),
        ({"Odd": {"$ref": "#/$defs/Walk"}}, "refers to nothing"),
        ({"Odd": {"discriminator": {"mapping": {"a": "#/components/schemas/A"}}}}, "nothing"),
        ({}, "HealthRecord refers to nothing"),
    ],
)
def test_a_schema_that_would_spoil_a_client_is_refused(
    components: dict[str, object], reason: str
) -> None:
    with pytest.raises(OpenApiError, match=reason):
        build_openapi(new_app(), components=components)
