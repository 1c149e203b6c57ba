"""Days as the person is answered them, and as they are when nothing is kept."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import select, text

from tests.make import Caller, Make
from tests.records.stored import get_caller, get_json
from vitalkeep.datatypes.registry import BY_NAME, TYPES
from vitalkeep.persons.models import Person
from vitalkeep.persons.sign_in import sign_in
from vitalkeep.persons.tokens import AccessClaims, issue
from vitalkeep.records.query import Window
from vitalkeep.summaries.compute import View, compute_days
from vitalkeep.summaries.priority import find_priority

Json = dict[str, Any]
NAMES = [kind.name for kind in TYPES]


def local(day: int, hour: int = 0, minute: int = 0, *, month: int = 5, offset: int = 9) -> str:
    """A time in 2024 at whole hours east of UTC; hours may run beyond the day."""
    moment = datetime(2024, month, day, tzinfo=UTC) + timedelta(hours=hour, minutes=minute)
    return f"{moment:%Y-%m-%dT%H:%M:%S}{'-' if offset < 0 else '+'}{abs(offset):02}:00"


def steps(start: str, end: str, count: int, device: str = "watch", **more: object) -> Json:
    """Steps of a device of the one app."""
    origin = {"app": "jp.example.walk", "device": {"type": device}}
    return {"type": "steps", "start": start, "end": end, "count": count, "origin": origin, **more}


async def new_person(make: Make) -> Caller:
    """A person who lets their app collect everything, without the token route."""
    state = make.fastapi.state
    app = await make.app()
    async with state.engine.begin() as connection:
        person_id, epoch = await sign_in(
            connection, state.keyring, state.settings, "days", str(uuid4())
        )
    token = issue(state.keyring, state.settings, AccessClaims(person_id, app.id, "person", epoch))
    person = Caller(make.client, person_id, token, app)
    await make.consents(person, [f"{name}.collect" for name in NAMES])
    return person


async def list_days(person: Caller, first: str, last: str, **more: object) -> list[Json]:
    """The days that the person is answered."""
    answer = await get_json(person, "/v1/me/days", **{"from": first, "to": last}, **more)
    days: list[Json] = answer["days"]
    return days


async def get_day(person: Caller, day: str, name: str = "steps") -> Json:
    """The one day of a type, without date and type."""
    (found,) = await list_days(person, day, day, type=name)
    assert (found.pop("date"), found.pop("type")) == (day, name)
    return found


async def view_of(make: Make, person: Caller) -> View:
    """What the person's days depend on now."""
    caller = await get_caller(make, person)
    zone = select(Person.time_zone).where(Person.person_id == person.id)
    async with make.fastapi.state.engine.begin() as connection:
        priority = await find_priority(connection, person.id, caller.key)
        return View(person.id, caller.key, str(await connection.scalar(zone)), priority)


async def compute_all(make: Make, person: Caller, first: date, last: date) -> list[Json]:
    """What the person would be answered if no day were kept."""
    view = await view_of(make, person)
    days: list[Json] = []
    async with make.fastapi.state.engine.begin() as connection:
        await connection.execute(text("SELECT 1"))
        for name in NAMES:
            window = Window(BY_NAME[name].number)
            found = await compute_days(connection, view, window, first, last)
            days += [orjson.loads(day) for day in found.values()]
    return sorted(days, key=lambda day: (day["date"], day["type"]))


async def kept_days(make: Make, person_id: UUID, name: str = "steps") -> set[date]:
    """The days of a type that are kept."""
    query = text("SELECT day FROM day_summaries WHERE person_id = :person_id AND type = :type")
    values = {"person_id": person_id, "type": BY_NAME[name].number}
    async with make.fastapi.state.engine.connect() as connection:
        return set((await connection.scalars(query, values)).all())
