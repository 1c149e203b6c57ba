"""A person with a row in every table, and where in the whole database something is found again."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import orjson
from fastapi import FastAPI

from tests.care.sql import run_sql
from tests.connectors.accounts import enter_ended_connection, enter_what_google_told
from tests.make import App, Caller, Make
from tests.records.stored import push_bytes
from vitalkeep.base.db import tables_of_a_person
from vitalkeep.datatypes.dialects.healthkit import EXAMPLES
from vitalkeep.erasure.desk import Asked, enter_request
from vitalkeep.persons.lookup import load_person
from vitalkeep.records.pushes import WORTH


@dataclass(frozen=True)
class Life:
    """What is known of a person who has used everything."""

    person: Caller
    nurse: Caller
    app: App
    refresh_token: str
    case_id: UUID
    consent_ids: list[UUID]
    record_ids: list[UUID]

    @property
    def ids(self) -> list[UUID]:
        """Every random id that belongs to the person."""
        return [self.person.id, self.case_id, *self.consent_ids, *self.record_ids]


async def live(make: Make, app: App | None = None, nurse: Caller | None = None) -> Life:
    """A person who signed in, agreed, pushed, looked at their days, connected a Google account,
    opened a case, was read, and asked to watch over a relative; they have asked the operator, too,
    to be erased.
    """
    app, nurse = app or await make.app(), nurse or await make.staff()
    person = await make.person(app)
    refresh = (await make.sign_in(app, person.external_id))["refresh_token"]
    records = [make.record(kind) for kind in ("steps", "weight", "weight")]
    # Long enough to be known when it comes again.
    body = orjson.dumps({"records": records}).ljust(WORTH)
    pushed = (await push_bytes(person, body)).json()
    samples = {"records": [EXAMPLES["sleep"]]}
    night = (await person.post("/v1/me/records/healthkit", samples)).json()
    assert (await person.get("/v1/me/days")).json()["days"]
    order = {"sources": [{"device_type": "phone"}]}
    answer = await person.request("PUT", "/v1/me/source-priority", json=order)
    assert answer.status_code == 200, answer.text
    scopes = ["steps.read", "weight.read"]
    code = await make.invitation(nurse, scopes, teams=[str(await make.team(nurse))])
    agreed = {"scopes": scopes, "label": "田中 さくら"}
    accepted = (await person.post(f"/v1/me/invitations/{code}/acceptance", agreed)).json()
    case_id = UUID(accepted["case"]["id"])
    await make.watch(person, ["sleep.read"])
    assert (await nurse.get(f"/v1/cases/{case_id}/records")).status_code == 200
    await tell_of_a_closed_case(make, person, nurse)
    await ask_at_the_desk(make.fastapi, person.id)
    await enter_ended_connection(make, person)
    await enter_what_google_told(make, person)
    consents = (await person.get("/v1/me/consents")).json()["consents"]
    return Life(
        person=person,
        nurse=nurse,
        app=app,
        refresh_token=refresh,
        case_id=case_id,
        consent_ids=[UUID(consent["id"]) for consent in consents],
        record_ids=[UUID(result["id"]) for result in pushed["results"] + night["results"]],
    )


async def tell_of_a_closed_case(make: Make, person: Caller, nurse: Caller) -> None:
    """Closes another case of the person's, of which a notice waits that can't be sent."""
    assert nurse.organization_id is not None
    admin = await make.staff(nurse.organization_id, role="administrator")
    url = {"url": "https://notices.harbor.jp.example/vitalkeep"}
    await admin.request("PUT", "/v1/organization/notices", json=url)
    accepted = await make.case(nurse, person, ["steps.read"])
    reason = {"reason": "not_needed"}
    closed = await person.post(f"/v1/me/cases/{accepted['case']['id']}/closure", reason)
    assert closed.status_code == 200, closed.text
    await admin.request("DELETE", "/v1/organization/notices")


ASKED = Asked("山田 太郎", "passport", note="窓口 12")


async def ask_at_the_desk(app: FastAPI, person_id: UUID, asked: Asked = ASKED) -> UUID:
    """The id of a request to be erased that an operator has entered."""
    async with app.state.engine.begin() as connection:
        person = await load_person(connection, app.state.keyring, person_id)
        entered = await enter_request(connection, app.state.keyring, person, asked)
    return entered[0]


async def confirm_token(person: Caller) -> str:
    """The token of a fresh preview."""
    answer = await person.get("/v1/me/deactivation")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["confirm_token"])


async def deactivate(person: Caller, token: str | None = None) -> httpx.Response:
    """Leaves, with the token of a fresh preview if none is given."""
    token = token or await confirm_token(person)
    return await person.post("/v1/me/deactivation", {"confirm_token": token})


async def left(person: Caller) -> dict[str, Any]:
    """The answer to a deactivation, which has to be 200."""
    answer = await deactivate(person)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def list_columns(app: FastAPI) -> list[tuple[str, str]]:
    """Every column of every table in the database, whoever made it."""
    rows = await run_sql(
        app,
        "SELECT c.table_name, c.column_name FROM information_schema.columns c "
        "JOIN information_schema.tables t USING (table_schema, table_name) "
        "WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'",
    )
    return [(row[0], row[1]) for row in rows]


async def traces(app: FastAPI, ids: Iterable[UUID], *words: str) -> set[tuple[str, str]]:
    """The columns, of any type, in which one of the ids or words stands, also as raw bytes.

    Whole rows are looked through first, since that is quicker; columns only where one has it.
    """
    spellings = [text for each in ids for text in (str(each), each.hex)]
    spellings += [text for word in words for text in (word, word.encode().hex())]
    columns = await list_columns(app)
    rows = [(table, "") for table in dict(columns)]
    having = {table for table, _ in await find(app, rows, spellings)}
    return await find(app, [each for each in columns if each[0] in having], spellings)


async def find(
    app: FastAPI, places: list[tuple[str, str]], spellings: list[str]
) -> set[tuple[str, str]]:
    """The columns in which one of the spellings stands; "" is all of a table's columns."""
    if not places:
        return set()
    looks = [
        f"SELECT '{table}', '{column}' WHERE EXISTS (SELECT FROM \"{table}\" c, LATERAL "  # noqa: S608
        f"(SELECT to_jsonb({(column and f'c.{column}') or 'c'})::text AS line OFFSET 0) l "
        "WHERE (SELECT bool_or(position(u IN l.line) > 0) FROM unnest(s) AS u))"
        for table, column in places
    ]
    given = "SELECT CAST(:spellings AS text[]) AS s"
    everywhere = f"SELECT f.* FROM ({given}) g, LATERAL ({' UNION ALL '.join(looks)}) f"  # noqa: S608
    return {(row[0], row[1]) for row in await run_sql(app, everywhere, spellings=spellings)}


async def list_rows(app: FastAPI, person_id: UUID) -> dict[str, list[Any]]:
    """Every row of a person, as the database writes it, by table."""
    return {
        table: [
            row[0]
            for row in await run_sql(
                app,
                f"SELECT t::text FROM {table} t WHERE {column} = :id ORDER BY 1",  # noqa: S608
                id=person_id,
            )
        ]
        for table, column in tables_of_a_person().items()
    }
