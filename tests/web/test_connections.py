"""Connections to other services, on the pages of leaving."""

from fastapi import FastAPI

from tests.care.sql import run_sql
from tests.connectors.accounts import enter_ended_connection
from tests.make import Make
from tests.web.browsing import arrive, browser
from vitalkeep.web.texts import text


async def test_a_connection_is_shown_before_and_what_became_of_it_after(
    app: FastAPI, make: Make
) -> None:
    person = await make.person(collects=False)
    await enter_ended_connection(make, person)
    standing = "UPDATE connections SET sealed_tokens = :damaged WHERE person_id = :id"
    await run_sql(app, standing, id=person.id, damaged=bytes(40))
    async with browser(app) as visitor:
        account = await arrive(make, person, visitor)
        assert "Google Fit" in account.text
        assert text("connections_none", "en") not in account.text
        done = await visitor.send(account.forms[0], agreed="yes")
        assert text("upstream_failed", "en") in done.text
