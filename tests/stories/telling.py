"""What the stories have in common: policies with what they cover, and what somebody may read."""

import secrets
from typing import Any

from tests.make import Caller, Make
from vitalkeep.consents.policies import Coverage, PolicyRef, add_policy

Json = dict[str, Any]


async def publish(make: Make, text: str, **covers: list[str]) -> Json:
    """A policy that says what it covers; how a consent names it."""
    ref = PolicyRef(id=f"policy-{secrets.token_hex(4)}", version="2026-11-01", locale="ja")
    async with make.fastapi.state.engine.begin() as connection:
        await add_policy(
            connection, ref, "個人情報の取り扱い", text, covers=Coverage.model_validate(covers)
        )
    return ref.model_dump()


async def agree(
    person: Caller, policy: Json, scopes: list[str], purpose: str, source: Json
) -> Json:
    """The answer to consents that the person gives to their app, which has to be 201."""
    assert person.app is not None
    answer = await person.post(
        "/v1/me/consents",
        {
            "scopes": scopes,
            "recipient": {"kind": "app", "id": str(person.app.id)},
            "purpose": purpose,
            "policy": policy,
            "source": source,
        },
    )
    assert answer.status_code == 201, answer.text
    given: Json = answer.json()
    return given


async def types_read(reader: Caller, case_id: str) -> set[str]:
    """The types that the reader finds among the case's records."""
    answer = await reader.get(f"/v1/cases/{case_id}/records")
    assert answer.status_code == 200, answer.text
    return {record["type"] for record in answer.json()["records"]}


def refusal(answer: Any) -> tuple[int, str]:
    """Status and code of a problem."""
    return answer.status_code, answer.json()["code"]
