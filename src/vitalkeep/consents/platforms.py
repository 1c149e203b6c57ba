"""What a phone or Google really grants the calling app: it narrows what is in force, never widens.

Health Connect and Google let a person take back a single grant at any time, and tell only the app.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.consents.models import STANDING
from vitalkeep.consents.schemas import GrantsTaken, Platform
from vitalkeep.consents.scopes import Scope
from vitalkeep.consents.states import expire, narrow
from vitalkeep.consents.stored import (
    ConsentRow,
    has_ended,
    list_rows,
    open_shown,
    to_view,
)
from vitalkeep.datatypes.registry import (
    BY_GOOGLE_FIT_SCOPE,
    BY_GOOGLE_HEALTH_SCOPE,
    BY_NAME,
    BY_NUMBER,
    BY_PERMISSION,
    TYPES,
)
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.gate import take_gate

GRANTS: Final[Mapping[Platform, Mapping[str, tuple[str, ...]]]] = {
    "health_connect": BY_PERMISSION,
    "google_fit": BY_GOOGLE_FIT_SCOPE,
    "google_health": BY_GOOGLE_HEALTH_SCOPE,
}
"""By platform: what each of its grants covers, by the names of our types."""


async def take_grants(
    connection: AsyncConnection, person: PersonCaller, platform: Platform, granted: Iterable[str]
) -> GrantsTaken:
    """Ends the calling app's consents that rest on a grant of the platform which is not among
    these. A grant without a consent makes none, and one that comes back revives none.
    """
    await take_gate(connection, person.person_id)
    now = clock.now()
    covered = {name for grant in granted for name in GRANTS[platform].get(grant, ())}
    ended = set()
    for row in await list_rows(connection, person):
        if not _collects_for(person, row):
            continue
        if has_ended(row, now):
            await expire(connection, person, row, now)
        elif BY_NUMBER[row.type].name not in covered and rests_on(person, row, platform):
            await narrow(connection, person, row, platform, now)
            ended.add(row.consent_id)
    rows = await list_rows(connection, person)
    standing = [row for row in rows if _collects_for(person, row)]
    consented = {BY_NUMBER[row.type].name for row in standing}
    return GrantsTaken(
        consents=[to_view(person, row, now) for row in standing if row.state == "active"],
        narrowed=[to_view(person, row, now) for row in rows if row.consent_id in ended],
        without_consent=[
            str(Scope(kind, "collect"))
            for kind in TYPES
            if kind.name in covered and kind.name not in consented
        ],
    )


def _collects_for(person: PersonCaller, row: ConsentRow) -> bool:
    """Whether the consent stands and lets the calling app collect."""
    return bool(
        row.action == "collect" and row.recipient_id == person.client_id and row.state in STANDING
    )


def rests_on(person: PersonCaller, row: ConsentRow, platform: Platform) -> bool:
    """Whether the consent came of a grant of this platform.

    It did if it was asked for by the platform's name, if its evidence has a grant of the platform
    that covers its type, or if it was given there and its evidence names no grant at all.
    """
    shown = open_shown(person, row)
    told = [shown["asked"], *_texts(shown["source"].get("evidence"))]
    name = BY_NUMBER[row.type].name
    naming = {
        each
        for each, grants in GRANTS.items()
        for text in told
        if name in grants.get(text or "", ())
    }
    if naming:
        return platform in naming
    kind = shown["source"]["kind"]
    return kind == "health_connect" == platform or (
        kind == "google_oauth"
        and platform in ("google_fit", "google_health")
        and _reaches(platform, name)
    )


def _texts(evidence: object) -> list[str]:
    return [str(each) for each in evidence] if isinstance(evidence, list) else []


def _reaches(platform: Platform, name: str) -> bool:
    """Whether any grant of the platform covers the type: what it can't grant, it can't end."""
    return name in BY_NAME and any(name in names for names in GRANTS[platform].values())
