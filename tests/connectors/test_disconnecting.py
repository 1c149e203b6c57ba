"""Disconnecting: here at once, at Google with the last type."""

from tests.connectors.accounts import Google
from tests.make import Make


async def test_a_type_goes_with_its_consent_and_its_records_and_the_last_one_ends_the_grant(
    google: Google, make: Make
) -> None:
    person = await google.person()
    await google.connected(person, "steps", "weight")
    await person.push(make.record("steps"), make.record("weight"))
    path = "/v1/me/connections/google-fit"
    ended = await person.request("DELETE", path, params={"type": "steps"})
    (kept,) = ended.json()["connections"]
    assert (kept["state"], list(kept["types"])) == ("active", ["weight"])
    records = (await person.get("/v1/me/records")).json()["records"]
    assert [each["type"] for each in records] == ["weight"]
    ended = await person.request("DELETE", path)
    (kept,) = ended.json()["connections"]
    assert (kept["state"], kept["types"]) == ("disconnecting", {})
    every = (await person.get("/v1/me/consents", state="all")).json()["consents"]
    assert {each["state"] for each in every} == {"withdrawn"}
    assert (await person.get("/v1/me/records")).json()["records"] == []
    assert (await person.request("DELETE", path)).status_code == 404
    assert (await person.post(f"{path}/sync")).status_code == 404


async def test_a_consent_that_was_given_in_the_app_outlives_the_connection(
    google: Google, make: Make
) -> None:
    person = await google.person()
    await make.consents(person, ["steps.collect"])
    await google.connected(person, "steps")
    await person.request("DELETE", "/v1/me/connections/google-fit")
    assert await person.statuses(make.record("steps")) == ["created"]
