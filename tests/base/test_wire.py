"""What every request passes through: its id, its headers, the log line, paths and methods."""

from collections.abc import Iterator

import httpx
import pytest

from tests.base.answers import document_of, logged, logging_from
from tests.make import Make

VALUE = "secret-value"


@pytest.fixture(autouse=True)
def logging_everything() -> Iterator[None]:
    with logging_from("info"):
        yield


async def test_every_answer_has_an_id_of_its_own_and_is_not_sniffed(
    client: httpx.AsyncClient,
) -> None:
    answers = [await client.get(path) for path in ("/healthz", "/v1/me", "/nowhere")]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3
    assert {answer.headers["x-content-type-options"] for answer in answers} == {"nosniff"}


async def test_nothing_of_a_person_is_kept_by_a_cache(client: httpx.AsyncClient) -> None:
    for path in ("/v1/me", "/v1/policies", "/v1/nothing", "/oauth/token"):
        assert (await client.get(path)).headers["cache-control"] == "no-store"
    assert "cache-control" not in (await client.get("/healthz")).headers


async def test_an_unknown_path_is_a_problem_document(client: httpx.AsyncClient) -> None:
    document = document_of(await client.get(f"/v1/{VALUE}"))
    assert (document["status"], document["code"]) == (404, "not_found")
    assert VALUE not in str(document)


async def test_a_wrong_method_is_a_problem_document_and_names_the_right_ones(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.delete("/v1/policies")
    document = document_of(answer)
    assert (document["status"], document["code"]) == (405, "invalid_request")
    assert answer.headers["allow"] == "GET"


async def test_the_log_names_routes_and_kinds_of_callers_and_nothing_else(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    nurse, person = await make.staff(), await make.person(collects=False)
    case_id = "4f0c7a3e-8a47-4a5e-9a39-0a86fd7a9d11"
    capsys.readouterr()
    await nurse.get(f"/v1/cases/{case_id}/records", type="steps")
    await person.get("/v1/me")
    await make.client.request("INVENTED" + "X" * 50, f"/nowhere/{case_id}")
    lines = logged(capsys)
    for line in lines:
        assert line.keys() == {
            "event", "level", "timestamp", "request_id", "method", "route", "status", "ms",
            "caller",
        }  # fmt: skip
    assert [(line["method"], line["route"], line["status"], line["caller"]) for line in lines] == [
        ("GET", "/v1/cases/{case_id}/records", 404, "staff"),
        ("GET", "/v1/me", 200, "person"),
        ("other", "unmatched", 404, "anonymous"),
    ]
    for secret in (case_id, str(nurse.id), str(person.id), "INVENTED"):
        assert secret not in str(lines)
