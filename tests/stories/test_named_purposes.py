"""A membership site whose policy names three purposes for health data, and no joint use of it.

The flow of the EPARK policy: self-monitoring, information that fits the person's health, advice;
its joint use among group companies leaves health data out, and nobody markets with it.
"""

import pytest

from tests.make import Caller, Make
from tests.stories.telling import Json, agree, publish, refusal, types_read
from vitalkeep.datatypes.descriptors import DataType
from vitalkeep.datatypes.registry import TYPES

THREE = ["health_advice", "self_monitoring", "tailored_information"]
EVERYTHING = [f"{kind.name}.{do}" for kind in TYPES for do in ("collect", "read")]
TEXT = (
    "健康情報は、健康の意識と病状の把握、健康状況に合わせた情報の提供、健康管理の助言のために"
    "利用します。健康情報は共同利用の範囲に含まれません。"
)


async def member(make: Make) -> tuple[Caller, Json]:
    """A member, and the policy."""
    policy = await publish(
        make,
        TEXT,
        purposes=THREE,
        scopes=EVERYTHING,
        recipients=["app", "guidance_provider", "medical_institution"],
    )
    return await make.person(collects=False), policy


@pytest.mark.parametrize("purpose", ["joint_use", "marketing"])
@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
async def test_no_type_is_ever_given_for_joint_use_or_marketing(
    make: Make, purpose: str, kind: DataType
) -> None:
    person, policy = await member(make)
    assert person.app is not None
    for scope in (f"{kind.name}.collect", f"{kind.name}.read"):
        answer = await person.post(
            "/v1/me/consents",
            {
                "scopes": [scope],
                "recipient": {"kind": "app", "id": str(person.app.id)},
                "purpose": purpose,
                "policy": policy,
                "source": {"kind": "in_app"},
            },
        )
        assert refusal(answer) == (422, "invalid_request")
        assert "can't be granted for marketing or joint use" in answer.text
    assert (await person.get("/v1/me/consents", state="all")).json()["consents"] == []


async def test_a_purpose_that_the_policy_does_not_name_is_refused(make: Make) -> None:
    person, policy = await member(make)
    assert person.app is not None
    for purpose in ("storage", "teleconsultation"):
        do = "collect" if purpose == "storage" else "read"
        answer = await person.post(
            "/v1/me/consents",
            {
                "scopes": [f"steps.{do}"],
                "recipient": {"kind": "app", "id": str(person.app.id)},
                "purpose": purpose,
                "policy": policy,
                "source": {"kind": "in_app"},
            },
        )
        assert refusal(answer) == (422, "invalid_request")
    nurse = await make.staff()
    code = await make.invitation(nurse, ["steps.read"], purpose="guidance")
    accepted = await person.post(
        f"/v1/me/invitations/{code}/acceptance", {"scopes": ["steps.read"], "policy": policy}
    )
    assert refusal(accepted) == (422, "invalid_request")


async def test_each_of_the_three_purposes_is_given_and_ended_by_itself(make: Make) -> None:
    person, policy = await member(make)
    source = {"kind": "in_app", "evidence": ["screen:health"]}
    given = {
        purpose: (await agree(person, policy, ["steps.collect"], purpose, source))["consents"][0]
        for purpose in ("self_monitoring", "tailored_information")
    }
    assert await person.statuses(make.record("steps")) == ["created"]

    nurse = await make.staff()
    code = await make.invitation(nurse, ["steps.read"], purpose="health_advice", policy=policy)
    accepted = await person.post(
        f"/v1/me/invitations/{code}/acceptance", {"scopes": ["steps.read"], "policy": policy}
    )
    case_id = accepted.json()["case"]["id"]
    assert await types_read(nurse, case_id) == {"steps"}

    ended = await person.post(f"/v1/me/consents/{given['tailored_information']['id']}/withdrawal")
    assert (ended.json()["deleted"], ended.json()["frozen"]) == (0, 0)
    assert await person.statuses(make.record("steps")) == ["created"]
    assert await types_read(nurse, case_id) == {"steps"}
    ended = await person.post(f"/v1/me/consents/{given['self_monitoring']['id']}/withdrawal")
    assert ended.json()["deleted"] == 2
    assert await person.statuses(make.record("steps")) == ["consent_withdrawn"]
    assert await types_read(nurse, case_id) == set()
