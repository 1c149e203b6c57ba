"""An app that reads Health Connect and counsels, for employers and insurers who never see records.

The flow of the Lav and MOTHER policy: what the person agreed to in Health Connect comes here, a
nurse of the guidance provider reads it, and leaving deletes all of it.
"""

from tests.make import Make
from tests.stories.telling import agree, publish, refusal, types_read
from vitalkeep.datatypes.dialects.health_connect import EXAMPLES

POLICY_TYPES = ("distance", "steps", "sleep", "weight", "body_fat")
PERMISSIONS = [
    "android.permission.health.READ_DISTANCE",
    "android.permission.health.READ_STEPS",
    "android.permission.health.READ_SLEEP",
    "android.permission.health.READ_WEIGHT",
    "android.permission.health.READ_BODY_FAT",
]
TEXT = (
    "ヘルスコネクトに記録された移動距離、歩数、睡眠、体重、体脂肪率のうち、連携を承諾した"
    "ものを取得し、一元管理と表示、生活改善の補助、食事指導等の相談に利用します。"
)


async def test_from_health_connect_to_the_nurse_and_out_again(make: Make) -> None:
    policy = await publish(
        make,
        TEXT,
        purposes=["guidance", "program_support", "storage"],
        scopes=[f"{name}.{do}" for name in POLICY_TYPES for do in ("collect", "read")],
        recipients=["app", "guidance_provider"],
    )
    person = await make.person(collects=False)
    granted = {"kind": "health_connect", "evidence": PERMISSIONS}
    given = await agree(person, policy, PERMISSIONS, "storage", granted)
    assert {each["scope"] for each in given["consents"]} == {
        f"{name}.collect" for name in POLICY_TYPES
    }
    batch = [EXAMPLES[name] for name in (*POLICY_TYPES, "heart_rate")]
    pushed = await person.post("/v1/me/records/health-connect", {"records": batch})
    assert [each.get("code", each["status"]) for each in pushed.json()["results"]] == [
        *["created"] * 5,
        "consent_missing",
    ]

    nurse = await make.staff(role="public_health_nurse")
    asked = ["steps.read", "sleep.read", "weight.read"]
    code = await make.invitation(nurse, asked, policy=policy)
    path = f"/v1/me/invitations/{code}"
    assert (await person.get(path)).json()["policy"] == policy
    accepted = await person.post(
        f"{path}/acceptance", {"scopes": asked[:2], "policy": policy, "label": "山田 はな"}
    )
    case_id = accepted.json()["case"]["id"]
    assert await types_read(nurse, case_id) == {"steps", "sleep"}
    refused = await nurse.get(f"/v1/cases/{case_id}/records", type="weight")
    assert refusal(refused) == (403, "consent_missing")
    log = (await person.get("/v1/me/access-log", outcome="given")).json()["entries"]
    assert {(each["type"], each["role"], each["purpose"]) for each in log} == {
        ("steps", "public_health_nurse", "guidance"),
        ("sleep", "public_health_nurse", "guidance"),
    }

    for kind in ("insurer", "employer"):
        payer = await make.staff(await make.organization(kind))
        invited = await payer.post(
            "/v1/cases/invitations", {"purpose": "program_support", "scopes": ["steps.read"]}
        )
        assert refusal(invited) == (403, "forbidden")
        assert "never" in invited.json()["detail"]
        assert refusal(await payer.get(f"/v1/cases/{case_id}/records")) == (403, "forbidden")
    supported = await person.post(
        "/v1/me/consents",
        {
            "scopes": ["steps.read"],
            "recipient": {"kind": "organization", "id": str(payer.organization_id)},
            "purpose": "program_support",
            "policy": policy,
            "source": {"kind": "in_app"},
        },
    )
    assert refusal(supported) == (422, "invalid_request")

    narrowed = await person.request(
        "PUT",
        "/v1/me/platform-grants",
        json={"platform": "health_connect", "granted": PERMISSIONS[:-1]},
    )
    assert [each["scope"] for each in narrowed.json()["narrowed"]] == ["body_fat.collect"]
    preview = (await person.get("/v1/me/deactivation")).json()
    left = await person.post("/v1/me/deactivation", {"confirm_token": preview["confirm_token"]})
    assert left.status_code == 200
    assert left.json()["certificate"]["statement"]["rows_left"] == 0
    assert refusal(await nurse.get(f"/v1/cases/{case_id}/records")) == (404, "not_found")
    assert refusal(await person.get("/v1/me")) == (401, "unauthenticated")
