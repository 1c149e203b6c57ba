"""What looks out of purpose in the trail: a report for the operator, who then asks.

Nobody is refused by it, and it proves nothing. It names staff by id, role and organization, never a
value, a label or a person.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from statistics import median
from typing import Final, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

DAY: Final = timedelta(days=1)
HISTORY_DAYS: Final = 30
"""A month holds every working rhythm but holidays."""
MIN_DAYS: Final = 5
"""Of fewer days on which somebody read, a working week, no habit can be told."""
MODIFIED_Z: Final = 3.5
"""Source: Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993): more is an outlier."""
MAD_TO_SIGMA: Final = 1.4826
"""The median absolute deviation of normally distributed values, times this, is their deviation."""
LEAST_SPREAD: Final = 0.25
"""Of the median: whoever did the same each day may do a little more."""
LEAST_EXCESS: Final = {"records": 1000, "cases": 5}
"""Over the median: a page more, or a few more persons, is nothing that anybody would look into."""
BEFORE_CLOSING: Final = timedelta(hours=24)
"""A last look is due when a case ends; who reads much on its last day may be taking data along."""
BURST: Final = 10
BURST_WITHIN: Final = timedelta(minutes=10)
"""A wrong link is tried a few times. So many refusals in so short a time are searching."""

Measure: TypeAlias = Literal["records", "cases"]
Days: TypeAlias = dict[int, int]
"""What was read by days ago, 0 being the last 24 hours; a day without a look is absent."""

VOLUMES: Final = text(
    """
    SELECT e.staff_id, e.organization_id, o.name AS organization, max(e.role) AS role,
           floor(extract(epoch FROM CAST(:until AS timestamptz) - e.at) / 86400)::int AS ago,
           sum(e.count)::bigint AS records, count(DISTINCT e.case_id) AS cases
    FROM access_events e JOIN organizations o ON o.organization_id = e.organization_id
    WHERE e.outcome = 'given' AND e.at >= :begin AND e.at <= :until
    GROUP BY 1, 2, 3, 5
    """
)
CLOSINGS: Final = text(
    """
    SELECT e.staff_id, e.organization_id, o.name AS organization, max(e.role) AS role,
           e.case_id, k.closed_at, sum(e.count)::bigint AS records, count(DISTINCT e.at) AS looks
    FROM access_events e
    JOIN cases k ON k.person_id = e.person_id AND k.case_id = e.case_id
    JOIN organizations o ON o.organization_id = e.organization_id
    WHERE e.outcome = 'given' AND e.at >= :begin AND k.closed_at >= :since
      AND k.closed_at <= :until AND e.at <= k.closed_at
      AND e.at > k.closed_at - CAST(:before AS interval)
    GROUP BY 1, 2, 3, 5, 6 ORDER BY k.closed_at, e.case_id, e.staff_id
    """
)
# One refused request leaves an event a type, all of one moment.
BURSTS: Final = text(
    """
    SELECT staff_id, organization_id, organization, max(role) AS role, max(refusals) AS refusals,
           count(DISTINCT case_id) AS cases
    FROM (
        SELECT *, count(*) OVER near AS refusals
        FROM (
            SELECT DISTINCT e.staff_id, e.organization_id, o.name AS organization, e.role,
                   e.case_id, e.at
            FROM access_events e JOIN organizations o ON o.organization_id = e.organization_id
            WHERE e.outcome = 'denied' AND e.at >= :since AND e.at <= :until
        ) refused
        WINDOW near AS (PARTITION BY staff_id ORDER BY at
                        RANGE BETWEEN CAST(:within AS interval) PRECEDING AND CURRENT ROW)
    ) counted
    GROUP BY 1, 2, 3 HAVING max(refusals) >= :burst ORDER BY refusals DESC, staff_id
    """
)


@dataclass(frozen=True, slots=True)
class Reader:
    """A staff member, as the report names them."""

    staff_id: UUID
    organization_id: UUID
    organization: str
    role: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to ask about: `figures` say what was found and what is usual."""

    kind: Literal["volume", "before_closing", "denied_burst"]
    reader: Reader
    figures: dict[str, object]


@dataclass(frozen=True, slots=True)
class Report:
    """Findings of a period. So many `readers` read in it, `unjudged` ones without any history."""

    since: datetime
    until: datetime
    readers: int
    unjudged: int
    findings: list[Finding] = field(default_factory=list)


async def report_reads(connection: AsyncConnection, since: datetime, until: datetime) -> Report:
    """Reads from `since` to `until` that look out of purpose. For operators only."""
    days = max(1, ceil((until - since) / DAY))
    begin = until - (days + HISTORY_DAYS) * DAY
    period = {"since": since, "until": until}
    volumes = await connection.execute(VOLUMES, {"begin": begin, "until": until})
    by_reader: dict[Reader, dict[Measure, Days]] = defaultdict(lambda: {"records": {}, "cases": {}})
    for row in volumes:
        reader = Reader(row.staff_id, row.organization_id, row.organization, row.role)
        by_reader[reader]["records"][row.ago] = row.records
        by_reader[reader]["cases"][row.ago] = row.cases
    present = [each for each, read in by_reader.items() if min(read["records"]) < days]
    unjudged = [each for each in present if not usual_days(by_reader, each, "records", days)]
    closings = await connection.execute(
        CLOSINGS, {**period, "begin": since - BEFORE_CLOSING, "before": BEFORE_CLOSING}
    )
    bursts = await connection.execute(BURSTS, {**period, "within": BURST_WITHIN, "burst": BURST})
    findings = [
        *(each for reader in present for each in outliers(by_reader, reader, days, until)),
        *(to_finding("before_closing", row) for row in closings.mappings()),
        *(to_finding("denied_burst", row) for row in bursts.mappings()),
    ]
    return Report(since, until, len(present), len(unjudged), findings)


def to_finding(kind: Literal["before_closing", "denied_burst"], row: RowMapping) -> Finding:
    """A row's reader, and its other columns as figures."""
    reader = Reader(row["staff_id"], row["organization_id"], row["organization"], row["role"])
    return Finding(kind, reader, {name: row[name] for name in row if not hasattr(reader, name)})


def outliers(
    by_reader: Mapping[Reader, Mapping[Measure, Days]], reader: Reader, days: int, until: datetime
) -> Iterator[Finding]:
    """The days of the period on which the reader read more than is usual, by either measure."""
    measures: Sequence[Measure] = ("records", "cases")
    for measure in measures:
        usual = usual_days(by_reader, reader, measure, days)
        for ago, read in sorted(by_reader[reader][measure].items()):
            # More than they are used to, and, where there are peers, than those read.
            if ago < days and usual and all(is_outlier(read, each, measure) for each in usual):
                figures: dict[str, object] = {
                    "measure": measure,
                    "read": read,
                    "usual": median(usual[0]),
                    "from": until - (ago + 1) * DAY,
                    "to": until - ago * DAY,
                }
                yield Finding("volume", reader, figures)


def usual_days(
    by_reader: Mapping[Reader, Mapping[Measure, Days]], reader: Reader, measure: Measure, days: int
) -> list[list[int]]:
    """What the reader read on days before the period, and what others of the same role in their
    organization did; either is left out when it is too few days to tell.
    """
    peers = [
        read
        for each, read in by_reader.items()
        if each.staff_id != reader.staff_id
        and (each.organization_id, each.role) == (reader.organization_id, reader.role)
    ]
    known = (before(days, [by_reader[reader][measure]]), before(days, (p[measure] for p in peers)))
    return [each for each in known if len(each) >= MIN_DAYS]


def before(days: int, read: Iterable[Days]) -> list[int]:
    """What was read on each day before the period."""
    return [amount for each in read for ago, amount in each.items() if ago >= days]


def is_outlier(amount: int, usual: Sequence[int], measure: Measure) -> bool:
    """Whether the amount is far above the usual ones: their median by more than 3.5 deviations.

    Median and median deviation, because one wild day in the history must not make the next usual.
    """
    middle = median(usual)
    spread = MAD_TO_SIGMA * median(abs(each - middle) for each in usual)
    excess = amount - middle
    return excess >= max(MODIFIED_Z * max(spread, LEAST_SPREAD * middle), LEAST_EXCESS[measure])
