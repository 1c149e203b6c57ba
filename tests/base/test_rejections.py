"""Requests of the wrong shape: the places are pointed at, their values never repeated."""

from collections.abc import Iterator

import pytest

from tests.base.answers import document_of, logged, logging_from
from tests.make import Make

SECRET = "120/80 of hanako@example.jp"
VALUE = "secret-value"


@pytest.fixture(autouse=True)
def logging_everything() -> Iterator[None]:
    with logging_from("info"):
        yield


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"scopes": ["steps.read"]}, "/purpose", "missing"),
        ({"purpose": {"x": VALUE}, "scopes": ["steps.read"]}, "/purpose", "invalid"),
        ({"purpose": VALUE, "scopes": ["steps.read"]}, "/purpose", "purpose_not_allowed"),
        ({"purpose": "guidance", "scopes": VALUE}, "/scopes", "invalid"),
        ({"purpose": "guidance", "scopes": [{"x": VALUE}]}, "/scopes/0", "invalid"),
        ({"purpose": "guidance", "scopes": [VALUE]}, "/scopes/0", "unknown_scope"),
        (
            {"purpose": "guidance", "scopes": ["steps.read"], "staff": [VALUE]},
            "/staff/0",
            "invalid",
        ),
        (
            {"purpose": "guidance", "scopes": ["steps.read"], "more": VALUE},
            "/more",
            "unknown_field",
        ),
        (
            {"purpose": "guidance", "scopes": ["steps.read"], "a/b~c": VALUE},
            "/a~1b~0c",
            "unknown_field",
        ),
        (
            {"purpose": "guidance", "scopes": ["steps.read"], "x" * 500: VALUE},
            "/" + "x" * 64,
            "unknown_field",
        ),
    ],
)
async def test_a_rejected_place_is_pointed_at_and_its_value_never_repeated(
    make: Make,
    body: dict[str, object],
    pointer: str,
    code: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    nurse = await make.staff()
    answer = await nurse.post("/v1/cases/invitations", body)
    document = document_of(answer)
    assert (document["status"], document["code"]) == (422, "invalid_request")
    assert document["errors"] == [{"pointer": pointer, "code": code}]
    assert VALUE not in answer.text
    assert VALUE not in str(logged(capsys))


async def test_rejected_parameters_are_pointed_at_by_their_names(make: Make) -> None:
    person, nurse = await make.person(collects=False), await make.staff()
    answers = {
        "/limit": await person.get("/v1/me/records", limit=VALUE),
        "/from": await person.get("/v1/me/records", **{"from": VALUE}),
        "/case_id": await nurse.get(f"/v1/cases/{VALUE}"),
        "/secret": await person.get("/v1/me/records", secret=VALUE),
    }
    for pointer, answer in answers.items():
        assert [error["pointer"] for error in document_of(answer)["errors"]] == [pointer]
        assert VALUE not in answer.text


@pytest.mark.parametrize(
    "body", [b"{", b"\xff", b'{"a": 1} x', b"[" * 100_000, b"'" + SECRET.encode()]
)
async def test_a_body_that_is_no_json_is_malformed(make: Make, body: bytes) -> None:
    nurse = await make.staff()
    answer = await nurse.request(
        "POST",
        "/v1/cases/invitations",
        content=body,
        headers={"Content-Type": "application/json"},
    )
    document = document_of(answer)
    assert (document["status"], document["code"]) == (400, "malformed_body")
    assert SECRET not in answer.text


async def test_a_name_that_is_no_unicode_is_refused_like_any_other(make: Make) -> None:
    nurse = await make.staff()
    body = b'{"purpose": "guidance", "scopes": ["steps.read"], "\\ud800": 1}'
    headers = {"Content-Type": "application/json"}
    answer = await nurse.request("POST", "/v1/cases/invitations", content=body, headers=headers)
    assert document_of(answer)["code"] == "invalid_request"


@pytest.mark.parametrize("sent", ["application/x-www-form-urlencoded", "text/plain"])
async def test_json_that_is_not_called_so_is_told_what_to_call_it(make: Make, sent: str) -> None:
    person = await make.person()
    answer = await person.request(
        "PUT",
        "/v1/me/source-priority",
        content=b'{"sources": []}',
        headers={"Content-Type": sent},
    )
    document = document_of(answer)
    assert document["status"] == 422
    assert document["detail"] == "Send the body as JSON, with `Content-Type: application/json`."


async def test_json_of_the_wrong_shape_as_a_whole_is_told_nothing_of_its_name(make: Make) -> None:
    person = await make.person()
    answer = await person.request("PUT", "/v1/me/source-priority", json=[])
    assert "Content-Type" not in document_of(answer)["detail"]
