"""What PostgreSQL is set to, as far as it decides whether values outlive their rows.

Values reach the database sealed; ids, types and times in clear. Its log, its recycled WAL, its
statistics and slots that nobody reads can keep those, and whatever a failing statement quotes.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.db import tables_of_a_person

Severity = Literal["refuse", "warn"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A setting and the values that do no harm; the first is the one to set.

    `milder_if`: another setting with a value that keeps parameters, but not ids, out of the log.
    """

    setting: str
    accepted: tuple[str, ...]
    why: str
    severity: Severity = "warn"
    milder_if: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that keeps what was erased, or could. `refuse`: the server doesn't start."""

    setting: str
    found: str
    wanted: str
    why: str
    severity: Severity


NO_PARAMETERS: Final = ("log_parameter_max_length", "0")
NAMING: Final = "the texts of logged statements name persons: `SET LOCAL vitalkeep.person_id`"
TIMED: Final = "logged slow statements bring their parameters along"
WANTED: Final = (
    Wanted(
        "log_statement",
        ("none", "ddl"),
        "the log would hold every statement with its parameters",
        "refuse",
    ),
    Wanted(
        "log_parameter_max_length_on_error",
        ("0",),
        "the log would hold the parameters of failing statements",
        "refuse",
    ),
    Wanted(
        "log_min_error_statement",
        ("panic", "fatal", "log"),
        "the log would hold the text of failing statements, in which ids of persons stand",
        "refuse",
    ),
    Wanted(
        "log_error_verbosity",
        ("terse",),
        "DETAIL lines in the log would quote the row that broke a constraint",
        "refuse",
    ),
    Wanted("log_min_duration_statement", ("-1",), TIMED, "refuse", NO_PARAMETERS),
    Wanted("log_min_duration_sample", ("-1",), TIMED, "refuse", NO_PARAMETERS),
    Wanted("log_transaction_sample_rate", ("0",), TIMED, "refuse", NO_PARAMETERS),
    Wanted("log_min_messages", ("log", "fatal", "panic"), "an ERROR's own text may quote a value"),
    Wanted("wal_recycle", ("off",), "recycled WAL files keep erased rows behind what is new"),
    Wanted("pg_stat_statements.track_utility", ("off",), "its texts would hold ids of persons"),
    Wanted("auto_explain.log_min_duration", ("-1",), "it logs statements and their parameters"),
    Wanted("pgaudit.log_parameter", ("off",), "the log would hold parameters", "refuse"),
    Wanted("fsync", ("on",), "what was acknowledged or erased might not be after a crash"),
    Wanted(
        "synchronous_commit",
        ("on", "remote_apply", "remote_write", "local"),
        "what was acknowledged or erased might not be after a crash",
    ),
)
"""Settings of a library that is not loaded are not there, and can't harm."""

SETTINGS: Final = text("SELECT name, setting FROM pg_settings WHERE name = ANY(:names)")
SLOTS: Final = text(
    """
    SELECT slot_name, active, wal_status,
           current_setting('max_slot_wal_keep_size') = '-1' AS unlimited
    FROM pg_replication_slots ORDER BY slot_name
    """
)
ARCHIVING: Final = text(
    """
    SELECT last_failed_wal FROM pg_stat_archiver
    WHERE last_failed_time > coalesce(last_archived_time, '-infinity')
    """
)
# The owner sees these statistics; to a login that may not read a table they are hidden.
REMEMBERED: Final = text(
    """
    WITH kept AS MATERIALIZED (
        SELECT s.most_common_vals::text AS common, s.histogram_bounds::text AS bounds
        FROM pg_stats s
        JOIN unnest(CAST(:tables AS text[]), CAST(:columns AS text[])) AS p (tab, col)
          ON s.tablename = p.tab AND s.attname = p.col
        WHERE s.schemaname = current_schema()
    ), ids AS (SELECT unnest(common::uuid[]) AS id FROM kept
               UNION SELECT unnest(bounds::uuid[]) FROM kept)
    SELECT count(*) FROM ids WHERE NOT EXISTS (SELECT FROM persons WHERE person_id = id)
                               AND NOT EXISTS (SELECT FROM staff WHERE staff_id = id)
    """
)
MIGRATED: Final = text("SELECT to_regclass('persons') IS NOT NULL")


async def list_findings(connection: AsyncConnection) -> list[Finding]:
    """Everything that should be otherwise, what refuses a start first.

    Asks as the login, since to the role that requests run under the statistics are hidden.
    """
    found = [*await list_misset(connection), *await list_slots(connection)]
    failed = await connection.scalar(ARCHIVING)
    if failed is not None:
        found.append(
            Finding(
                "archive_command",
                f"failed for {failed}",
                "every WAL file archived",
                "WAL that can't be archived is kept, and erased rows with it",
                "warn",
            )
        )
    if await connection.scalar(MIGRATED):
        found += await list_remembered(connection)
    return sorted(found, key=lambda each: each.severity)


async def list_leaks(connection: AsyncConnection) -> list[Finding]:
    """Only what refuses a start; one quick query."""
    return [each for each in await list_misset(connection) if each.severity == "refuse"]


async def list_misset(connection: AsyncConnection) -> list[Finding]:
    """Settings with another value than wanted, as this login's sessions have them."""
    names = {each.setting for each in WANTED} | {NO_PARAMETERS[0]}
    rows = await connection.execute(SETTINGS, {"names": sorted(names)})
    return list(judge({row.name: row.setting for row in rows}))


def judge(settings: Mapping[str, str]) -> Iterator[Finding]:
    """What is wrong among settings and their values."""
    for each in WANTED:
        value = settings.get(each.setting)
        if value is None or value in each.accepted:
            continue
        if each.milder_if is None or settings.get(each.milder_if[0]) != each.milder_if[1]:
            yield Finding(each.setting, value, each.accepted[0], each.why, each.severity)
        else:
            yield Finding(each.setting, value, each.accepted[0], NAMING, "warn")


async def list_slots(connection: AsyncConnection) -> list[Finding]:
    """Replication slots that keep WAL for nobody, or without a limit."""
    found = []
    why = "a slot keeps the WAL, and what was erased in it, until somebody reads it"
    slots = (await connection.execute(SLOTS)).all()
    for slot in slots:
        if not slot.active or slot.wal_status not in ("reserved", None):
            state = slot.wal_status if slot.active else "inactive"
            found.append(Finding(f"slot {slot.slot_name}", state, "read, or dropped", why, "warn"))
    if any(slot.unlimited for slot in slots):
        found.append(Finding("max_slot_wal_keep_size", "-1", "a size", why, "warn"))
    return found


async def list_remembered(connection: AsyncConnection) -> list[Finding]:
    """Whether planner statistics name somebody who is not here any more."""
    tables = tables_of_a_person()
    values = {"tables": list(tables), "columns": list(tables.values())}
    count = await connection.scalar(REMEMBERED, values)
    if not count:
        return []
    return [
        Finding(
            "pg_statistic",
            f"{count} ids of nobody who is here",
            "none: run `vitalkeep erasures scrub`",
            "statistics keep samples of columns until the next ANALYZE, and on disk longer",
            "warn",
        )
    ]


def explain(findings: Collection[Finding]) -> str:
    """One line: what is set how, and the statements that mend it."""
    wrong = "; ".join(f"{each.setting} is {each.found}: {each.why}" for each in findings)
    mend = " ".join(f"ALTER SYSTEM SET {each.setting} = '{each.wanted}';" for each in findings)
    return (
        f"PostgreSQL would keep what has to be forgotten. {wrong}. {mend} SELECT pg_reload_conf();"
    )
