"""The main job as a story, step by step; each step has to hold or the story fails."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final, TypeAlias

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from vitalkeep.base.db import tables_of_a_person
from vitalkeep.base.errors import Problem
from vitalkeep.base.outbound import inside_client
from vitalkeep.datatypes.registry import TYPES
from vitalkeep.demo import world
from vitalkeep.demo.world import bearer
from vitalkeep.erasure.certificate import Certificate, CertificateInvalid, verify

Json: TypeAlias = dict[str, Any]
"""An answer's JSON, looked into by name."""


REPEATED: Final = "duplicate_in_batch"
"""A step record that grew all day is in the batch several times; its newest version counts."""


class StepFailed(Exception):
    """A step did not hold; the message says which and what came instead."""


@dataclass(frozen=True, slots=True)
class Step:
    """What was done, what came of it, and how long it took."""

    title: str
    figures: str
    ms: float


def require(holds: bool, what: str) -> None:
    """Raises StepFailed."""
    if not holds:
        raise StepFailed(what)


class Story:
    """The demo's people and what they know so far."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient) -> None:
        self.app = app
        self.client = client
        self.parties: world.Parties
        self.person = ""
        self.nurse = ""
        self.case_id = ""
        self.batches: list[bytes] = []
        self.pushed = 0

    async def register(self) -> str:
        """The operator adds an app, an organization and a nurse; a person signs in."""
        state = self.app.state
        async with state.engine.begin() as connection:
            self.parties = await world.add_parties(connection, state.keyring)
            nurse = await world.staff_token(
                connection,
                state.keyring,
                state.settings,
                world.NURSE_EMAIL,
                self.parties.client_id,
            )
        self.nurse = nurse or ""
        self.person = await world.person_token(self.client, self.parties)
        return "1 app, 1 organization, 1 nurse, 1 person"

    async def refuse_without_consent(self) -> str:
        """Nothing is stored before the person agrees."""
        self.batches = world.phone_batches(30)
        counts = await world.push(self.client, self.person, self.batches[0])
        require(set(counts) <= {"consent_missing", REPEATED}, f"without consent: {dict(counts)}")
        return f"{dict(counts)}"

    async def consent(self) -> str:
        """The person agrees to the collection of every type."""
        answer = await world.collect_everything(self.client, self.person, self.parties.client_id)
        given = answer.raise_for_status().json()["consents"]
        require(len(given) == len(TYPES), f"{len(given)} consents")
        return f"{len(given)} consents, one a type"

    async def ask_again(self) -> str:
        """A new version of the policy covers more, so it asks for consent again."""
        async with self.app.state.engine.begin() as connection:
            await world.publish_next_policy(connection)
        listed = await self.get("/v1/me/consents", self.person)
        asked = [each.get("consent_again", {}).get("why", []) for each in listed["consents"]]
        require(len(asked) > len(TYPES), f"{len(asked)} consents")
        require(asked == [["purpose:teleconsultation"]] * len(asked), f"asked again: {asked}")
        return f"{len(asked)} consents: {asked[0][0]}"

    async def push(self) -> str:
        """The phone pushes 30 days."""
        counts: Counter[str] = Counter()
        begun = perf_counter()
        for body in self.batches:
            counts.update(await world.push(self.client, self.person, body))
        seconds = perf_counter() - begun
        self.pushed = counts["created"]
        require(set(counts) == {"created", REPEATED}, f"push: {dict(counts)}")
        return f"{dict(counts)}, {sum(counts.values()) / seconds:,.0f} records/s"

    async def push_again(self) -> str:
        """Sending the same again changes nothing."""
        counts: Counter[str] = Counter()
        for body in self.batches:
            counts.update(await world.push(self.client, self.person, body))
        require(set(counts) == {"unchanged", REPEATED}, f"again: {dict(counts)}")
        return f"{dict(counts)}"

    async def changes(self) -> str:
        """Another device follows the change feed to its end."""
        seen, cursor, pages = 0, "", 0
        while True:
            page = await self.get(
                "/v1/me/changes", self.person, **({"cursor": cursor} if cursor else {})
            )
            seen, pages, cursor = seen + len(page["changes"]), pages + 1, page["next_cursor"]
            if not page["has_more"]:
                break
        require(seen == self.pushed, f"{seen} changes of {self.pushed} records")
        return f"{seen} changes in {pages} pages"

    async def nurse_before(self) -> str:
        """Without a case the nurse sees nobody."""
        cases = await self.get("/v1/cases", self.nurse)
        require(cases["cases"] == [], "the nurse sees a case before the invitation")
        return "0 cases"

    async def open_case(self) -> str:
        """The nurse invites, the person accepts reading of two types."""
        scopes = ["steps.read", "blood_pressure.read"]
        answer = await world.open_case(self.client, self.nurse, self.person, scopes)
        self.case_id = answer.raise_for_status().json()["case"]["id"]
        return ", ".join(scopes)

    async def nurse_reads(self) -> str:
        """The nurse reads what was agreed to, and nothing else."""
        path = f"/v1/cases/{self.case_id}/records"
        page = await self.get(path, self.nurse)
        types = Counter(record["type"] for record in page["records"])
        require(set(types) == {"steps", "blood_pressure"}, f"the nurse saw {dict(types)}")
        refused = await self.client.get(path, headers=bearer(self.nurse), params={"type": "weight"})
        require(refused.status_code == 403, f"weight answered {refused.status_code}")
        return f"{dict(types)}; weight: {refused.json()['code']}"

    async def withdraw(self) -> str:
        """The person withdraws the reading of steps; the nurse is refused at once."""
        consents = (await self.get("/v1/me/consents", self.person))["consents"]
        steps = next(each["id"] for each in consents if each["scope"] == "steps.read")
        answer = await self.client.post(
            f"/v1/me/consents/{steps}/withdrawal", headers=bearer(self.person), json={}
        )
        answer.raise_for_status()
        path = f"/v1/cases/{self.case_id}/records"
        refused = await self.client.get(path, headers=bearer(self.nurse), params={"type": "steps"})
        require(refused.status_code == 403, f"steps answered {refused.status_code}")
        return f"steps.read withdrawn; steps: {refused.json()['code']}"

    async def access_log(self) -> str:
        """The person sees who looked, and who was refused."""
        entries = (await self.get("/v1/me/access-log", self.person))["entries"]
        outcomes = Counter(entry["outcome"] for entry in entries)
        require(outcomes["given"] == 2, f"{outcomes['given']} entries for one look at two types")
        require(outcomes["denied"] == 2, f"{outcomes['denied']} entries for two refused looks")
        first = entries[0]
        return f"{dict(outcomes)}: {first['role']}, {first['organization']['name']}"

    async def leave(self) -> str:
        """The person leaves; the certificate verifies, and no row is left."""
        preview = await self.get("/v1/me/deactivation", self.person)
        answer = await self.client.post(
            "/v1/me/deactivation",
            headers=bearer(self.person),
            json={"confirm_token": preview["confirm_token"]},
        )
        done = answer.raise_for_status().json()
        jwks = await self.get("/.well-known/jwks.json", "")
        keys = {key["kid"]: key for key in jwks["keys"]}
        statement = verify(Certificate.model_validate(done["certificate"]), keys)
        found = await self.client.get(f"/v1/erasures/{done['erasure_id']}")
        require(found.json()["certificate"] == done["certificate"], "another certificate is kept")
        return f"{sum(statement.rows_deleted.values()):,} rows deleted, certificate verified"

    async def nothing_left(self) -> str:
        """Every table is empty of the person, and their token is refused."""
        async with self.app.state.engine.begin() as connection:
            left = {
                table: await connection.scalar(text(f"SELECT count({column}) FROM {table}"))  # noqa: S608
                for table, column in tables_of_a_person().items()
            }
        require(not any(left.values()), f"rows left: {left}")
        refused = await self.client.get("/v1/me", headers=bearer(self.person))
        require(refused.status_code == 401, f"the old token answered {refused.status_code}")
        return f"0 rows in {len(left)} tables; old token: {refused.json()['code']}"

    async def get(self, path: str, token: str, **query: str) -> Json:
        """The JSON of a GET."""
        headers = bearer(token) if token else {}
        answer = await self.client.get(path, headers=headers, params=query)
        body: Json = answer.raise_for_status().json()
        return body


async def tell(app: FastAPI) -> AsyncIterator[Step]:
    """The steps as they are done. Raises StepFailed at the first that does not hold."""
    async with inside_client(app) as client:
        story = Story(app, client)
        for chapter in (
            story.register,
            story.refuse_without_consent,
            story.consent,
            story.push,
            story.push_again,
            story.changes,
            story.nurse_before,
            story.open_case,
            story.nurse_reads,
            story.withdraw,
            story.access_log,
            story.ask_again,
            story.leave,
            story.nothing_left,
        ):
            begun = perf_counter()
            try:
                figures = await chapter()
            except (httpx.HTTPStatusError, Problem, CertificateInvalid) as error:
                raise StepFailed(f"{chapter.__doc__} {error}") from None
            title = (chapter.__doc__ or "").strip()
            yield Step(title, figures, (perf_counter() - begun) * 1000)
