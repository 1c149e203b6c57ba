"""What the door costs: a nurse's read of a page against the person's own read of the same page."""

from datetime import UTC, datetime
from statistics import median
from time import perf_counter

import orjson

from bench.world import Pusher, Wire, World
from vitalkeep.base.db import create_engine
from vitalkeep.persons.organizations import add_organization, add_staff
from vitalkeep.persons.tokens import AccessClaims, issue

TYPES = ("weight", "blood_pressure", "steps", "heart_rate")


async def open_case(world: World, pusher: Pusher) -> tuple[str, str]:
    """A case on which a nurse may read some types: their token, and its id."""
    engine = create_engine(world.settings)
    async with engine.begin() as connection:
        center = await add_organization(connection, "Harbor Guidance", "guidance_provider")
        email = f"nurse-{datetime.now(UTC).timestamp()}@staff.example"
        staff_id = await add_staff(connection, world.keyring, center, email, "public_health_nurse")
    await engine.dispose()
    nurse = issue(world.keyring, world.settings, AccessClaims(staff_id, staff_id, "staff", 0))
    scopes = {"scopes": [f"{name}.read" for name in TYPES]}
    wire = await Wire.open()
    asked = orjson.dumps({"purpose": "guidance", **scopes})
    invited = await wire.request("POST", "/v1/cases/invitations", nurse, asked)
    path = f"/v1/me/invitations/{orjson.loads(invited)['code']}/acceptance"
    accepted = await wire.request("POST", path, pusher.token, orjson.dumps(scopes))
    return nurse, orjson.loads(accepted)["case"]["id"]


async def measure_door(world: World, rounds: int) -> dict[str, float]:
    """Medians of both reads of one page of 1,000, taken in turns."""
    pusher = world.pushers[0]
    nurse, case_id = await open_case(world, pusher)
    query = "?limit=1000&" + "&".join(f"type={name}" for name in TYPES)
    reads: dict[tuple[str, str], list[float]] = {
        ("/v1/me/records" + query, pusher.token): [],
        (f"/v1/cases/{case_id}/records" + query, nurse): [],
    }
    await pusher.wire.renew()
    for _ in range(rounds):
        for (path, token), seconds in reads.items():
            begun = perf_counter()
            page = await pusher.wire.request("GET", path, token)
            seconds.append(perf_counter() - begun)
            if len(orjson.loads(page)["records"]) != 1000:
                raise RuntimeError("the page is not full")
    own, door = (median(seconds) for seconds in reads.values())
    return {"own_ms": own * 1000, "door_ms": door * 1000, "times": door / own}
