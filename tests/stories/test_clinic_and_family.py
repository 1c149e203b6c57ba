"""A health record app with eight Google Fit scopes, read by a clinic and watched over by family.

The flow of the KAGAMINO policy: what the person granted in Google is what may be collected, a
medical institution guides and consults, and a relative sees what the person picks for them.
"""

from tests.make import Make
from tests.stories.telling import agree, publish, refusal, types_read

FITNESS = "https://www.googleapis.com/auth/fitness"
SCOPES = [
    f"{FITNESS}.{name}.read"
    for name in (
        "activity",
        "blood_glucose",
        "blood_pressure",
        "body",
        "heart_rate",
        "body_temperature",
        "oxygen_saturation",
        "sleep",
    )
]
# One of Google's scopes can cover several of our types: body has weight and body fat.
COLLECTED = {
    "steps", "blood_glucose", "blood_pressure", "weight", "body_fat", "heart_rate",
    "body_temperature", "oxygen_saturation", "sleep",
}  # fmt: skip
TEXT = (
    "Google Fit から歩数、血糖値、血圧、体重、心拍数、体温、酸素飽和度、睡眠を取得し、同意のもと、"
    "医療機関の保健指導やオンライン診療、家族の見守りに利用します。"
)


async def test_from_google_fit_to_the_clinic_and_the_family(make: Make) -> None:
    policy = await publish(
        make,
        TEXT,
        purposes=["family_watch", "guidance", "storage", "teleconsultation"],
        scopes=[f"{name}.{do}" for name in COLLECTED for do in ("collect", "read")],
        recipients=["app", "medical_institution", "person"],
    )
    father = await make.person(collects=False)
    # Google's screen has a box for each scope; he left blood glucose out.
    granted = [scope for scope in SCOPES if "blood_glucose" not in scope]
    given = await agree(
        father, policy, granted, "storage", {"kind": "google_oauth", "evidence": granted}
    )
    collected = {each["scope"].removesuffix(".collect") for each in given["consents"]}
    assert collected == COLLECTED - {"blood_glucose"}
    types = ("blood_pressure", "blood_glucose", "oxygen_saturation", "steps")
    statuses = await father.statuses(*(make.record(name) for name in types))
    assert statuses == ["created", "consent_missing", "created", "created"]

    doctor = await make.staff(await make.organization("medical_institution"), role="physician")
    wanted = ["blood_pressure.read", "oxygen_saturation.read"]
    code = await make.invitation(doctor, wanted, purpose="teleconsultation", policy=policy)
    accepted = await father.post(
        f"/v1/me/invitations/{code}/acceptance", {"scopes": wanted, "policy": policy}
    )
    clinic_case = accepted.json()["case"]["id"]
    assert await types_read(doctor, clinic_case) == {"blood_pressure", "oxygen_saturation"}

    daughter = await make.person(father.app)
    watching = await make.watching(
        daughter, father, ["blood_pressure.read", "steps.read"], policy=policy
    )
    family_case = watching["case"]["id"]
    assert await types_read(daughter, family_case) == {"blood_pressure", "steps"}
    (pressure,) = [
        each["id"] for each in watching["consents"] if each["scope"] == "blood_pressure.read"
    ]
    await father.post(f"/v1/me/consents/{pressure}/withdrawal")
    assert await types_read(daughter, family_case) == {"steps"}
    assert await types_read(doctor, clinic_case) == {"blood_pressure", "oxygen_saturation"}
    stopped = await father.post(f"/v1/me/cases/{family_case}/closure")
    assert stopped.json()["state"] == "closed"
    refused = await daughter.get(f"/v1/cases/{family_case}/records")
    assert refusal(refused) == (404, "not_found")

    # He takes a scope back in his Google account: nothing more of it comes in, what is here stays.
    kept = [scope for scope in granted if "blood_pressure" not in scope]
    narrowed = await father.request(
        "PUT", "/v1/me/platform-grants", json={"platform": "google_fit", "granted": kept}
    )
    assert [each["scope"] for each in narrowed.json()["narrowed"]] == ["blood_pressure.collect"]
    assert await father.statuses(make.record("blood_pressure")) == ["consent_missing"]
    assert await types_read(doctor, clinic_case) == {"blood_pressure", "oxygen_saturation"}
