"""Generated calls of every operation by nobody, a person and a nurse: each answer is announced.

Valid and invalid input alike may be refused, but never with a server error, and never with a
status, a content type or a body that the document does not announce.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.make import Make

pytestmark = pytest.mark.xdist_group("openapi_calls")  # the calls are made up once

COMMITTED: Final = Path(__file__).resolve().parent.parent / "openapi" / "v1.json"
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES: Final = 10
SEEN: Final = {"nobody": {200, 401, 422}, "person": {200, 403, 422}, "nurse": {200, 403, 404, 422}}
"""Who calls, and statuses that must be among the answers, or the calls were too tame."""


def generated(operation: Any, mode: GenerationMode) -> list[Any]:
    """A few calls of the operation, the same in every run."""
    cases: list[Any] = []

    @hypothesis.settings(
        max_examples=EXAMPLES,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def collect(case: Any) -> None:
        cases.append(case)

    collect()
    return cases


def calls() -> Iterator[Any]:
    schema = schemathesis.openapi.from_path(str(COMMITTED))
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        yield from generated(operation, GenerationMode.POSITIVE)
        if list(operation.body) or list(operation.query):
            yield from generated(operation, GenerationMode.NEGATIVE)


@pytest.fixture(scope="module")
def cases() -> list[Any]:
    return list(calls())


def test_every_operation_is_called(cases: list[Any]) -> None:
    called = {(case.method, case.path) for case in cases}
    assert len(called) == len(COMMITTED.read_text().split('"operationId"')) - 1
    assert len(cases) > 5 * len(called)


@pytest.mark.parametrize("caller", SEEN)
async def test_whatever_is_sent_the_answer_is_one_of_those_announced(
    make: Make, client: httpx.AsyncClient, cases: list[Any], caller: str
) -> None:
    headers = {}
    if caller != "nobody":
        who = await (make.person() if caller == "person" else make.staff())
        headers = {"Authorization": f"Bearer {who.token}"}
    statuses = set()
    for case in cases:
        sent = case.as_transport_kwargs(base_url="http://vitalkeep.test", headers=headers)
        del sent["cookies"]
        if isinstance(sent.get("data"), bytes | str):
            sent["content"] = sent.pop("data")
        answer = await client.request(**sent)
        case.validate_response(answer, checks=CHECKS)
        statuses.add(answer.status_code)
    assert (
        statuses >= {"nobody": {200, 401}, "person": {200, 403, 422}, "nurse": {200, 404}}[caller]
    )
