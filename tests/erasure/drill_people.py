"""People of a drill, who say things that can be found again wherever they get."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from tests.erasure.traces import Life, live
from tests.make import App, Caller, Make
from tests.plants import Plant

BASES = {
    "distance": 1673,
    "weight": 71,
    "body fat": 21,
    "systolic": 131,
    "diastolic": 83,
    "glucose": 6,
    "temperature": 36,
    "saturation": 93,
    "weight of a phone": 67,
}


@dataclass(frozen=True)
class Said:
    """What a person said and measured, each value unlike everybody else's."""

    texts: dict[str, str]
    numbers: dict[str, float]
    uuids: dict[str, UUID]

    @property
    def plants(self) -> dict[str, Plant]:
        """All of it by name."""
        return {**self.texts, **self.numbers, **self.uuids}


def say(word: str, fraction: float) -> Said:
    """Everything one person says, made of a word and of the fraction of their numbers."""
    ascii_names = ("app", "model", "maker", "client id", "platform id", "evidence", "wrong")
    texts = {name: f"plant.{name.replace(' ', '.')}.{word}" for name in ascii_names}
    spoken = {name: f"秘密の{name} {word} 夢" for name in ("title", "notes", "label", "relative")}
    numbers = {name: base + fraction for name, base in BASES.items()}
    return Said(texts | spoken, numbers, {"sample": uuid4(), "platform": uuid4()})


def records(make: Make, said: Said) -> list[dict[str, Any]]:
    """Records of every type; one is long enough to be compressed before it is sealed."""
    n, t = said.numbers, said.texts
    device = {"manufacturer": t["maker"], "model": t["model"]}
    named = {"origin": {"app": t["app"], "device": device}}
    night = {"title": t["title"], **named}
    pressure = {"systolic_mmhg": n["systolic"], "diastolic_mmhg": n["diastolic"]}
    return [
        make.record("steps", **{**named, "client_id": t["client id"]}),
        make.record("distance", meters=n["distance"], **named),
        make.record("weight", kilograms=n["weight"], **named),
        make.record("body_fat", percent=n["body fat"], **named),
        make.record("sleep", **{**night, "notes": t["notes"]}),
        make.record("sleep", **{**night, "notes": t["notes"] + "z" * 900}),
        make.record("blood_pressure", **pressure, **named),
        make.record("blood_glucose", millimoles_per_liter=n["glucose"], **named),
        make.record("body_temperature", celsius=n["temperature"], **named),
        make.record("oxygen_saturation", percent=n["saturation"], **named),
        make.record("heart_rate", platform_id=t["platform id"], **named),
        make.record("weight", platform_id=str(said.uuids["platform"])),
    ]


async def push_of_phones(person: Caller, said: Said) -> None:
    """What two phones' own stores send."""
    weight = {
        "recordType": "Weight",
        "time": "2026-05-01T07:00:00Z",
        "weight": {"value": said.numbers["weight of a phone"], "unit": "kilograms"},
        "metadata": {"id": said.texts["platform id"] + ".2"},
    }
    sample = {
        "uuid": str(said.uuids["sample"]).upper(),
        "categoryType": "HKCategoryTypeIdentifierSleepAnalysis",
        "startDate": "2026-05-01T15:00:00Z",
        "endDate": "2026-05-01T16:00:00Z",
        "value": 4,
        "sourceRevision": {"source": {"bundleIdentifier": said.texts["app"]}},
    }
    for dialect, record in (("health-connect", weight), ("healthkit", sample)):
        answer = await person.post(f"/v1/me/records/{dialect}", {"records": [record]})
        assert answer.json()["counts"]["created"] == 1, answer.text


async def say_wrong_things(person: Caller, said: Said) -> None:
    """Requests that are refused, with something personal in each."""
    wrong = said.texts["wrong"]
    assert (await person.push({"type": wrong, wrong: wrong}))["counts"]["rejected"] == 1
    broken = json.dumps({"records": [wrong]}).encode()[:-1]
    answer = await person.request("POST", "/v1/me/records", content=broken)
    assert answer.status_code == 400
    assert (await person.get("/v1/me/records", type=wrong)).status_code == 422
    assert (await person.get("/v1/me/records", cursor=wrong)).status_code == 400
    assert (await person.get(f"/v1/{wrong}")).status_code == 404


async def change_mind(make: Make, person: Caller, said: Said) -> None:
    """A consent given and withdrawn so that what it let in is frozen, then given anew."""
    consents = (await person.get("/v1/me/consents")).json()["consents"]
    (given,) = (each for each in consents if each["scope"] == "body_temperature.collect")
    path = f"/v1/me/consents/{given['id']}/withdrawal"
    assert (await person.post(path, {"stored_data": "freeze"})).status_code == 200
    source = {"kind": "in_app", "evidence": [said.texts["evidence"]]}
    await make.consents(
        person,
        ["body_temperature.collect"],
        source=source,
        valid_until="2031-03-04T05:06:07.891011Z",
        data_from="2001-03-04T05:06:07.891011Z",
        data_until="2030-03-04T05:06:07.891011Z",
    )


async def live_planted(make: Make, said: Said, app: App, nurse: Caller) -> Life:
    """A person with a row in every table, whose every word is known."""
    life = await live(make, app, nurse)
    person = life.person
    done = await person.push(*records(make, said))
    assert done["counts"]["created"] == 12, done
    await push_of_phones(person, said)
    await say_wrong_things(person, said)
    assert (await person.request("DELETE", f"/v1/me/records/{life.record_ids[0]}")).is_success
    by_source = {"platform_ids": [said.texts["platform id"]], "by": "source"}
    assert (await person.post("/v1/me/records/delete", by_source)).is_success
    accepted = await make.case(nurse, person, ["weight.read"], said.texts["label"])
    case = accepted["case"]["id"]
    for path in ("records", "days?type=weight&from=2026-05-01&to=2026-05-02", "records?type=sleep"):
        await nurse.get(f"/v1/cases/{case}/{path}")
    relative = await make.person(app, collects=False)
    watched = await make.watching(
        relative,
        person,
        ["weight.read"],
        label=said.texts["label"],
        relative_label=said.texts["relative"],
    )
    await relative.get(f"/v1/cases/{watched['case']['id']}/records")
    await change_mind(make, person, said)
    assert (await person.get("/v1/me/days")).is_success
    return life
