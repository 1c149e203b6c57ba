"""Deleting what is past its time, and seeing what would go when."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vitalkeep.base.clock import rfc3339
from vitalkeep.base.db import transaction
from vitalkeep.base.errors import Unauthenticated
from vitalkeep.base.metrics import OVERDUE
from vitalkeep.persons.gate import take_gate
from vitalkeep.records.models import BY_WITHDRAWAL
from vitalkeep.records.tombstones import bury
from vitalkeep.retention.rules import OWN_TASK, Rule

BATCH: Final = 500
"""Persons, or rows that are nobody's, looked for at a time."""
NOBODY: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Planned:
    """What a rule would do now: rows that are due and since when the oldest is, rows that are not,
    and when the next one of them will be due. A person who is leaving takes theirs along.
    """

    rule: Rule
    due: int
    overdue_since: datetime | None
    waiting: int
    next_due: datetime | None

    def to_json(self) -> dict[str, object]:
        """For a machine."""
        moments = {"overdue_since": self.overdue_since, "next_due": self.next_due}
        return {
            "rule": self.rule.name,
            "what": self.rule.what,
            "table": self.rule.table,
            "kept": "stays" if self.rule.kept is None else str(self.rule.kept),
            "task": self.rule.task,
            "due": self.due,
            "waiting": self.waiting,
            **{name: rfc3339(at) if at else None for name, at in moments.items()},
        }


async def sweep(engine: AsyncEngine, rules: tuple[Rule, ...], now: datetime) -> int:
    """Deletes what is due by the rules that no other task goes by; how many rows.

    Person by person, each behind their gate and in a transaction of its own: stopped at any
    point, the next run finds the rest. Two runs at once do no harm.
    """
    swept = 0
    for rule in rules:
        if rule.task != OWN_TASK:
            continue
        of_persons = rule.person is not None
        swept += await (sweep_persons if of_persons else sweep_rows)(engine, rule, now)
    return swept


async def sweep_persons(engine: AsyncEngine, rule: Rule, now: datetime, batch: int = BATCH) -> int:
    """Deletes due rows of persons; how many."""
    find = text(
        f"SELECT DISTINCT {rule.person} FROM {rule.table} WHERE {condition(rule)} "  # noqa: S608
        f"AND {rule.person} > :after ORDER BY {rule.person} LIMIT :batch"
    )
    swept, after = 0, NOBODY
    while True:
        async with transaction(engine) as connection:
            values = {**moment(rule, now), "after": after, "batch": batch}
            person_ids = (await connection.execute(find, values)).scalars().all()
        for person_id in person_ids:
            swept += await sweep_person(engine, rule, now, person_id)
        if len(person_ids) < batch:
            return swept
        after = person_ids[-1]


async def sweep_person(engine: AsyncEngine, rule: Rule, now: datetime, person_id: UUID) -> int:
    """Deletes a person's due rows in one transaction; how many."""
    theirs = f"FROM {rule.table} WHERE {rule.person} = :person_id AND {condition(rule)}"
    gone = text(f"DELETE {theirs}")
    found = text(f"SELECT record_id {theirs} ORDER BY feed")
    try:
        async with transaction(engine) as connection:
            await take_gate(connection, person_id)
            values = {**moment(rule, now), "person_id": person_id}
            if rule.buries:
                due = (await connection.execute(found, values)).scalars().all()
                return await bury(connection, person_id, due, BY_WITHDRAWAL)
            return (await connection.execute(gone, values)).rowcount
    except Unauthenticated:
        return 0  # they are leaving, and take everything along


async def sweep_rows(engine: AsyncEngine, rule: Rule, now: datetime, batch: int = BATCH) -> int:
    """Deletes due rows that are no person's, batch by batch; how many."""
    gone = text(
        f"DELETE FROM {rule.table} WHERE {rule.key} IN (SELECT {rule.key} "  # noqa: S608
        f"FROM {rule.table} WHERE {condition(rule)} LIMIT :batch) AND {condition(rule)}"
    )
    swept = 0
    while True:
        async with transaction(engine) as connection:
            values = {**moment(rule, now), "batch": batch}
            count = (await connection.execute(gone, values)).rowcount
        swept += count
        if count < batch:
            return swept


async def plan(
    connection: AsyncConnection, rules: tuple[Rule, ...], now: datetime
) -> list[Planned]:
    """What each rule would do now and next."""
    return [await plan_one(connection, rule, now) for rule in rules]


async def plan_one(connection: AsyncConnection, rule: Rule, now: datetime) -> Planned:
    """What a rule would do now and next. `waiting` are rows that it will delete some day."""
    if rule.since is None:
        counted = text(f"SELECT count(*) FROM {rule.table} WHERE {rule.where}")  # noqa: S608
        return Planned(rule, await connection.scalar(counted) or 0, None, 0, None)
    since = rule.since
    is_due = "false" if rule.kept is None else condition(rule)
    row = (
        await connection.execute(
            text(
                f"SELECT count(*) FILTER (WHERE {is_due}) AS due, "  # noqa: S608
                f"min({since}) FILTER (WHERE {is_due}) AS oldest, "
                f"count({since}) FILTER (WHERE NOT ({is_due})) AS waiting, "
                f"min({since}) FILTER (WHERE NOT ({is_due})) AS next "
                f"FROM {rule.table} WHERE {rule.where}"
            ),
            moment(rule, now),
        )
    ).one()
    return Planned(rule, row.due, due_at(rule, row.oldest), row.waiting, due_at(rule, row.next))


async def measure(engine: AsyncEngine, rules: tuple[Rule, ...], now: datetime) -> None:
    """Sets the metric: for how long the oldest overdue row of each rule has been due, 0 if none."""
    for rule in rules:
        if rule.since is None or rule.kept is None:
            continue
        oldest = text(f"SELECT min({rule.since}) FROM {rule.table} WHERE {condition(rule)}")  # noqa: S608
        async with transaction(engine) as connection:
            since = due_at(rule, await connection.scalar(oldest, moment(rule, now)))
        OVERDUE.labels(rule.name).set((now - since).total_seconds() if since else 0)


def condition(rule: Rule) -> str:
    """What holds for rows that are due, as SQL."""
    return rule.where if rule.since is None else f"({rule.where}) AND {rule.since} < :before"


def moment(rule: Rule, now: datetime) -> dict[str, datetime]:
    """The parameter of `condition`, where it has one."""
    before = rule.before(now)
    return {} if before is None else {"before": before}


def due_at(rule: Rule, since: datetime | None) -> datetime | None:
    """When a row is due that is kept since then."""
    if since is None or rule.kept is None:
        return None
    return since if rule.reckoned else rule.kept.after(since)
