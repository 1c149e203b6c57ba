"""Giving consents, and refusing them: what is in force comes of what is entered here.

Every function that writes runs behind the person's gate: an event and its projection are written
in one transaction, so no write or read can fall between them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID, uuid4

import orjson
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.consents.events import (
    About,
    Entry,
    Principal,
    append_event,
    append_events,
    bound,
    is_entered,
    list_events,
)
from vitalkeep.consents.models import STANDING, Consent
from vitalkeep.consents.policies import PolicyRef
from vitalkeep.consents.schemas import ConsentSource, ConsentView, Recipient
from vitalkeep.consents.scopes import Scope, scope_of
from vitalkeep.consents.states import expire, pause, unfreeze
from vitalkeep.consents.stored import (
    ConsentRow,
    Shown,
    change,
    get_consent,
    has_ended,
    list_consents,
    open_shown,
    place_of,
    to_view,
)
from vitalkeep.persons.gate import take_gate

__all__ = [
    "ConsentRow", "Grant", "enter_refusal", "get_consent", "give", "list_consents", "list_events",
    "to_view",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a person gives at once: scopes, for one purpose, to one recipient.

    `asked` has the phone's or Google's name of a scope that was asked for by one of theirs. `anew`
    are scopes whose consent rests on another grant from now on, which makes it another consent.
    """

    scopes: Sequence[Scope]
    recipient: Recipient
    purpose: str
    policy: PolicyRef | None
    policy_sha256: str | None
    source: ConsentSource
    valid_until: datetime | None = None
    data_from: datetime | None = None
    data_until: datetime | None = None
    asked: Mapping[Scope, str] = field(default_factory=dict)
    anew: frozenset[Scope] = frozenset()


async def give(connection: AsyncConnection, person: Principal, grant: Grant) -> list[ConsentView]:
    """One consent for each scope; one that stands already on the same terms is answered as it is.

    On other terms (times, or another version of the policy) a new one takes its place.
    """
    await take_gate(connection, person.person_id)
    now = clock.now()
    rows = await _find_standing(connection, person.person_id, grant)
    for scope, row in list(rows.items()):
        if has_ended(row, now):
            await expire(connection, person, row, now)
            del rows[scope]
    fresh = [scope for scope in grant.scopes if scope not in rows]
    others = [
        row
        for scope, row in rows.items()
        if scope in grant.anew or not _on_same_terms(person, row, grant)
    ]
    for before in others:
        rows[scope_of_row(before)] = await _put_in_place_of(connection, person, before, grant, now)
    if fresh:
        new = {scope: uuid4() for scope in fresh}
        rows |= await _insert(connection, person, new, grant, now)
    begun = {*fresh, *map(scope_of_row, others)}
    await unfreeze(connection, person, [rows[scope] for scope in begun], now)
    return [to_view(person, rows[scope], now) for scope in grant.scopes]


Standing: TypeAlias = dict[Scope, ConsentRow]
"""Consents by what they allow."""


def scope_of_row(row: ConsentRow) -> Scope:
    """What a stored consent allows."""
    return scope_of(row.type, row.action)


async def _find_standing(connection: AsyncConnection, person_id: UUID, grant: Grant) -> Standing:
    """Of the grant's scopes those that are given to its recipient for its purpose."""
    query = select(Consent).where(
        Consent.person_id == person_id,
        Consent.purpose == grant.purpose,
        Consent.recipient_id == grant.recipient.id,
        Consent.state.in_(STANDING),
    )
    found = {scope_of_row(row): row for row in (await connection.execute(query)).all()}
    return {scope: found[scope] for scope in grant.scopes if scope in found}


def _on_same_terms(person: Principal, row: ConsentRow, grant: Grant) -> bool:
    """Whether giving it again says nothing new. A translation of the same version does not."""
    before = open_shown(person, row)["policy"] or {}
    policy = grant.policy
    reread = policy is None or (policy.id, policy.version) == (
        before.get("id"), before.get("version"),
    )  # fmt: skip
    times = (row.valid_until, row.data_from, row.data_until)
    return reread and times == (grant.valid_until, grant.data_from, grant.data_until)


async def _put_in_place_of(
    connection: AsyncConnection, person: Principal, before: ConsentRow, grant: Grant, now: datetime
) -> ConsentRow:
    """A new consent instead of one that stood, which is superseded; a pause goes on."""
    scope, new_id = scope_of_row(before), uuid4()
    told = {"superseded_by": str(new_id)}
    await change(connection, person, before, "superseded", told, at=now, state="superseded")
    row = (await _insert(connection, person, {scope: new_id}, grant, now))[scope]
    return await pause(connection, person, row) if before.state == "paused" else row


async def _insert(
    connection: AsyncConnection,
    person: Principal,
    new: Mapping[Scope, UUID],
    grant: Grant,
    now: datetime,
) -> Standing:
    """One consent for each scope, under the id given for it, and its entry in the ledger."""
    rows, entries = [], []
    for scope, consent_id in new.items():
        shown: Shown = {
            "policy": grant.policy.model_dump() if grant.policy else None,
            "source": grant.source.model_dump(),
            "asked": grant.asked.get(scope),
        }
        values = {
            "person_id": person.person_id,
            "consent_id": consent_id,
            "recipient_id": grant.recipient.id,
            "given_at": now,
            "valid_until": grant.valid_until,
            "data_from": grant.data_from,
            "data_until": grant.data_until,
            "type": scope.type.number,
            "action": scope.action,
            "purpose": grant.purpose,
            "recipient_kind": grant.recipient.kind,
            "state": "active",
        }
        sealed = person.key.seal(orjson.dumps(shown), *place_of(values))
        rows.append({**values, "sealed": sealed})
        recipient = grant.recipient
        given = About(consent_id, str(scope), grant.purpose, recipient.kind, recipient.id)
        limits = {name: values[name] for name in ("valid_until", "data_from", "data_until")}
        more = {**shown, **limits, "policy_sha256": grant.policy_sha256}
        entries.append(Entry(given, "given", more))
    made = await connection.execute(insert(Consent).returning(Consent), rows)
    await append_events(connection, person, entries, at=now)
    return {scope_of_row(row): row for row in made.all()}


async def enter_refusal(
    connection: AsyncConnection, person: Principal, grant: Grant, scope: str, code: str
) -> None:
    """Enters that a scope, as it was asked for, was refused; once, however often it is sent.

    It is named after how many such consents there have been, so that who refuses again after
    having given is entered again. The caller holds the gate.
    """
    recipient = grant.recipient
    so_far = await connection.scalar(
        select(func.count()).where(
            Consent.person_id == person.person_id,
            Consent.purpose == grant.purpose,
            Consent.recipient_id == recipient.id,
        )
    )
    policy = grant.policy.model_dump() if grant.policy else None
    name = bound("refused", scope, code, grant.purpose, recipient.id, policy, so_far)
    refused = About(person.key.record_id(name), scope, grant.purpose, recipient.kind, recipient.id)
    if not await is_entered(connection, person.person_id, refused.consent_id, "refused"):
        more = {"policy": policy, "source": grant.source.model_dump(), "code": code}
        await append_event(connection, person, refused, "refused", more, at=clock.now())
