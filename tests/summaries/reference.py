"""Daily summaries written the slow way: time is cut at every quarter of an hour and wherever
anything begins or ends, and for each piece every record is asked.

Works on records as answers carry them, and shares nothing with the package.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]
Choices = list[dict[str, str]]

QUARTER = timedelta(minutes=15)  # every offset is a multiple of it, so every midnight is on it
MICROSECOND = timedelta(microseconds=1)
WORN = ["watch", "ring", "fitness_band", "chest_strap", "head_mounted", "smart_display"]
CARRIED = ["phone", "scale"]


def days_of(kind: str, records: Iterable[Json], zone: str, choices: Choices) -> dict[date, Json]:
    """Every day that has data, without date and type."""
    mine = [record for record in records if record["type"] == kind]
    if kind in ("steps", "distance"):
        field, digits = ("count", 0) if kind == "steps" else ("meters", 6)
        return totals(mine, ZoneInfo(zone), choices, (field, digits))
    if kind == "sleep":
        return sleep(mine, ZoneInfo(zone), choices)
    if kind == "heart_rate":
        return pulse(mine, ZoneInfo(zone))
    return spreads(mine, ZoneInfo(zone), choices)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def offset_of(text: str) -> timedelta | None:
    return None if text.endswith("Z") else datetime.fromisoformat(text).utcoffset()


def times(record: Json) -> tuple[datetime, datetime]:
    return (
        instant(record.get("start") or record["time"]),
        instant(record.get("end") or record["time"]),
    )


def offsets(record: Json) -> tuple[timedelta | None, timedelta | None]:
    begun = offset_of(record.get("start") or record["time"])
    ended = offset_of(record.get("end") or record["time"])
    return begun if begun is not None else ended, ended if ended is not None else begun


def date_of(moment: datetime, offset: timedelta | None, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date() if offset is None else (moment + offset).date()


def date_in(record: Json, moment: datetime, zone: ZoneInfo, *, closed: bool = False) -> date:
    """The date of a moment of a record; `closed`: the record's end belongs to it."""
    (start, end), (begun, ended) = times(record), offsets(record)
    day = date_of(moment, begun, zone)
    if begun is None or begun == ended:
        return day
    last = end if closed or end == start else end - MICROSECOND
    return min(day, max(date_of(start, begun, zone), date_of(last, ended, zone)))


def place(origin: Json, choices: Choices) -> int:
    kind = origin.get("device", {}).get("type")
    for number, choice in enumerate(choices):
        if choice.get("app", origin["app"]) == origin["app"] and (
            "device_type" not in choice or choice["device_type"] == kind
        ):
            return number
    order = [*WORN, *CARRIED]
    return len(choices) + (order.index(kind) if kind in order else len(order))


def beats(one: Json, other: Json, choices: Choices) -> bool:
    """Whether `one` counts before `other`."""
    places = place(one["origin"], choices), place(other["origin"], choices)
    if places[0] != places[1]:
        return places[0] < places[1]
    changed = instant(one["modified_at"]), instant(other["modified_at"])
    if changed[0] != changed[1]:
        return changed[0] > changed[1]
    return str(one["id"]) > str(other["id"])


def winner(running: list[Json], choices: Choices) -> Json:
    return reduce(lambda best, each: each if beats(each, best, choices) else best, running)


def pieces(cuts: Iterable[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """The time between the first and the last cut, also cut at every quarter of an hour."""
    given = sorted(set(cuts))
    if not given:
        return
    every = set(given)
    at = given[0].replace(minute=0, second=0, microsecond=0)
    while at < given[-1]:
        every |= {at} if at > given[0] else set()
        at += QUARTER
    yield from pairwise(sorted(every))


def covers(record: Json, begun: datetime, ended: datetime) -> bool:
    start, end = times(record)
    return start <= begun and ended <= end and start < end


def impulse_counts(record: Json, others: list[Json], choices: Choices) -> bool:
    at = times(record)[0]
    for other in others:
        start, end = times(other)
        there = start <= at < end or (start == end == at and other is not record)
        if there and beats(other, record, choices):
            return False
    return True


def half_up(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def totals(
    records: list[Json], zone: ZoneInfo, choices: Choices, told: tuple[str, int]
) -> dict[date, Json]:
    field, digits = told
    own: defaultdict[tuple[date, str], Fraction] = defaultdict(Fraction)
    counted: defaultdict[tuple[date, str], Fraction] = defaultdict(Fraction)
    sources: dict[str, Json] = {}
    for begun, ended in pieces(at for record in records for at in times(record)):
        running = [record for record in records if covers(record, begun, ended)]
        for record in running:
            start, end = times(record)
            part = Fraction(record[field]) * ((ended - begun) // MICROSECOND)
            part /= (end - start) // MICROSECOND
            key = date_in(record, begun, zone), repr(record["origin"])
            own[key] += part
            counted[key] += part if record is winner(running, choices) else 0
            sources[key[1]] = record["origin"]
    for record in records:
        start, end = times(record)
        if start == end:
            key = date_in(record, start, zone), repr(record["origin"])
            own[key] += Fraction(record[field])
            counts = impulse_counts(record, records, choices)
            counted[key] += Fraction(record[field]) if counts else 0
            sources[key[1]] = record["origin"]
    days: dict[date, Json] = {}
    for day in {day for day, _ in own}:
        present = [name for other, name in own if other == day]
        present.sort(key=lambda name: (place(sources[name], choices), spelled(sources[name])))
        scale = 10**digits
        total, parts = shared_out([counted[day, name] * scale for name in present])
        wholes = [half_up(own[day, name] * scale) for name in present]
        days[day] = {
            field: total / scale if digits else total,
            "by_source": [
                {
                    "origin": sources[name],
                    field: whole / scale if digits else whole,
                    "counted": part / scale if digits else part,
                }
                for name, whole, part in zip(present, wholes, parts, strict=True)
            ],
        }
    return days


def spelled(origin: Json) -> str:
    """The origin as compact JSON, members in their order."""
    device = origin.get("device")
    text = f'{{"app":"{origin["app"]}"'
    if device:
        text += ',"device":{' + ",".join(f'"{k}":"{v}"' for k, v in device.items()) + "}"
    return text + "}"


def shared_out(exact: list[Fraction]) -> tuple[int, list[int]]:
    """The rounded sum, and parts that add up to it: one more at a time to whoever lacks most."""
    total = half_up(sum(exact, Fraction()))
    parts = [each.numerator // each.denominator for each in exact]
    while sum(parts) < total:
        parts[max(range(len(parts)), key=lambda at: exact[at] - parts[at])] += 1
    return total, parts


def sleep(records: list[Json], zone: ZoneInfo, choices: Choices) -> dict[date, Json]:
    nights = [r for r in records if times(r)[1] - times(r)[0] <= timedelta(hours=48)]
    waking = {record["id"]: wakes(record, nights, zone, choices) for record in nights}
    cuts = [at for record in nights for at in times(record)]
    cuts += [instant(s[edge]) for r in nights for s in r["stages"] for edge in ("start", "end")]
    won = [
        (begun, ended, winner(running, choices))
        for begun, ended in pieces(cuts)
        if (running := [record for record in nights if covers(record, begun, ended)])
    ]
    won += [
        (times(record)[0], times(record)[1], record)
        for record in nights
        if times(record)[0] == times(record)[1] and impulse_counts(record, nights, choices)
    ]
    days: dict[date, Json] = {}
    for day in {waking[record["id"]] for _, _, record in won}:
        mine = [piece for piece in won if waking[piece[2]["id"]] == day]
        days[day] = one_day_of_sleep(mine)
    return days


def wakes(record: Json, nights: list[Json], zone: ZoneInfo, choices: Choices) -> date:
    last, grows = record, True
    while grows:
        grows = False
        for other in nights:
            start, end = times(other)
            if (
                other["origin"] == record["origin"]
                and start < times(last)[1] + timedelta(hours=1)
                and start < times(record)[0] + timedelta(hours=24)
                and (
                    end > times(last)[1] or (end == times(last)[1] and beats(other, last, choices))
                )
            ):
                last, grows = other, True
    return date_of(times(last)[1], offsets(last)[1], zone)


def one_day_of_sleep(won: list[tuple[datetime, datetime, Json]]) -> Json:
    stages: defaultdict[str, timedelta] = defaultdict(timedelta)
    asleep = timedelta()
    for begun, ended, record in won:
        there = [
            each["stage"]
            for each in record["stages"]
            if instant(each["start"]) <= begun and ended <= instant(each["end"]) and begun < ended
        ]
        for stage in there:
            stages[stage] += ended - begun
        if not {"awake", "out_of_bed", "awake_in_bed"} & set(there):
            asleep += ended - begun
    first = min(won, key=lambda piece: (piece[0], piece[1]))
    last = max(won, key=lambda piece: (piece[1], piece[0]))
    ends = [piece for piece in won if piece[1] == last[1]]
    return {
        "asleep_s": half_up(Fraction(asleep // MICROSECOND, 10**6)),
        "stages_s": {
            name: half_up(Fraction(length // MICROSECOND, 10**6))
            for name, length in sorted(stages.items())
        },
        "start": (first[0], offsets(first[2])[0]),
        "end": (last[1], offsets(ends[0][2])[1]),
    }


def pulse(records: list[Json], zone: ZoneInfo) -> dict[date, Json]:
    days: defaultdict[date, list[int]] = defaultdict(list)
    for record in records:
        for sample in record["samples"]:
            moment, own = instant(sample["time"]), offset_of(sample["time"])
            if own is None:
                day = date_in(record, moment, zone, closed=True)
            else:
                day = date_of(moment, own, zone)
            days[day].append(sample["beats_per_minute"])
    return {
        day: {**spread(values), "count": len(values), "unit": "/min"}
        for day, values in days.items()
    }


def spread(values: list[Any]) -> Json:
    mean: Fraction = sum(map(Fraction, values), Fraction()) / len(values)
    return {"min": sorted(values)[0], "max": sorted(values)[-1], "mean": float(round(mean, 6))}


def spreads(records: list[Json], zone: ZoneInfo, choices: Choices) -> dict[date, Json]:
    days: defaultdict[date, list[Json]] = defaultdict(list)
    for record in records:
        days[date_of(times(record)[0], offsets(record)[0], zone)].append(record)
    told: dict[date, Json] = {}
    for day, measured in days.items():
        latest = max(times(record)[0] for record in measured)
        last = winner([each for each in measured if times(each)[0] == latest], choices)
        if measured[0]["type"] == "blood_pressure":
            told[day] = {
                name: {**spread([each[name] for each in measured]), "last": last[name]}
                for name in ("systolic_mmhg", "diastolic_mmhg")
            }
        else:
            values = [each["kilograms"] for each in measured]
            told[day] = {**spread(values), "last": last["kilograms"], "unit": "kg"}
        told[day]["count"] = len(measured)
    return told
