"""The report of reads that look out of purpose, as a command."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from tests.cli.commands import call, refusal
from vitalkeep.base import clock, devdb
from vitalkeep.base.db import create_engine
from vitalkeep.base.settings import Settings

DENIED = text(
    "INSERT INTO access_events (person_id, event_id, at, staff_id, organization_id, case_id, "
    "count, role, purpose, outcome) VALUES (:person, gen_random_uuid(), :at, :staff, "
    ":organization, gen_random_uuid(), 0, 'nurse', 'guidance', 'denied')"
)
PERSON = text(
    "INSERT INTO persons (person_id, feed, token_epoch, created_at, state, time_zone, locale) "
    "VALUES (:person, 0, 0, :at, 'active', 'Asia/Tokyo', 'ja')"
)


async def add_refusals(data: Path, staff_id: UUID, organization_id: str) -> UUID:
    """Twelve refusals of a staff member within a minute, three hours ago; whose data it was."""
    running = devdb.find_running(data)
    assert running is not None
    engine = create_engine(Settings(data=data).with_database(running.url))
    person, at = uuid4(), clock.now() - timedelta(hours=3)
    who = {"person": person, "staff": staff_id, "organization": organization_id}
    async with engine.begin() as connection:
        await connection.execute(PERSON, {"person": person, "at": at})
        for number in range(12):
            await connection.execute(DENIED, {**who, "at": at + number * timedelta(seconds=5)})
    await engine.dispose()
    return person


def test_the_report_names_staff_and_organization_and_no_person(data: Path) -> None:
    added = call("org", "add", "はなまる [center]", "--kind", "insurer", "--data", data, "--json")
    staff_id = uuid4()
    person = asyncio.run(add_refusals(data, staff_id, json.loads(added.stdout)["organization_id"]))
    told = json.loads(call("audit", "report", "--data", data, "--json").stdout)
    (finding,) = [each for each in told["findings"] if each["staff_id"] == str(staff_id)]
    assert finding == {
        "kind": "denied_burst",
        "staff_id": str(staff_id),
        "organization_id": finding["organization_id"],
        "organization": "はなまる [center]",
        "role": "nurse",
        "refusals": 12,
        "cases": 12,
    }
    table = call("audit", "report", "--data", data).stdout
    for words in (str(staff_id), "はなまる [center]", "was refused again and again", "refusals 12"):
        assert words in table
    assert str(person) not in table
    since = (clock.now() - timedelta(hours=1)).isoformat()
    later = json.loads(call("audit", "report", "--since", since, "--data", data, "--json").stdout)
    assert str(staff_id) not in str(later)


@pytest.mark.parametrize("since", ["yesterday", "2999-01-01"])
def test_a_period_that_cannot_be_is_refused(data: Path, since: str) -> None:
    assert "--since" in refusal(call("audit", "report", "--since", since, "--data", data))
