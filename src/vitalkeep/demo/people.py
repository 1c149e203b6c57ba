"""Invented people's measurements, the same for the same seed.

`phone_days` is what a phone hands over from Health Connect, oddities included; `canonical_records`
is bulk for measuring speed. Apps, devices and values are made up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from random import Random
from typing import Final
from uuid import UUID

from vitalkeep.datatypes.descriptors import DataType, JsonObject
from vitalkeep.datatypes.registry import BY_NAME, TYPES

_WATCH: Final[JsonObject] = {"type": 1, "manufacturer": "Example", "model": "Watch 3"}
_PHONE: Final[JsonObject] = {"type": 2, "manufacturer": "Example", "model": "Phone 9"}
_SCALE: Final[JsonObject] = {"type": 3, "manufacturer": "Example", "model": "Scale S1"}
_CUFF: Final[JsonObject] = {"type": 0, "manufacturer": "Example", "model": "Cuff 10"}
_NIGHT: Final = ((4, 35), (5, 50), (4, 60), (6, 25), (1, 5), (4, 70), (5, 40), (4, 65), (6, 55))
"""One night's stages in order: Health Connect's stage and its usual minutes."""
_TOKYO: Final = timezone(timedelta(hours=9))
_USUAL: Final = {
    "count": (200, 4000),
    "meters": (150, 3000),
    "kilograms": (55, 85),
    "percent": (93, 99),
    "systolic_mmhg": (105, 145),
    "diastolic_mmhg": (65, 95),
    "millimoles_per_liter": (4, 9),
    "celsius": (36, 37),
}
"""Where a field's values usually lie; what is missing here is left out of bulk records."""
_SCALARS: Final = tuple(kind.name for kind in TYPES if kind.shape in ("instant", "interval"))


@dataclass(frozen=True, slots=True)
class _Day:
    """One local day of one phone, and the randomness it draws on."""

    rng: Random
    midnight: datetime
    offset_minutes: int

    def at(self, hour: int, minute: int = 0) -> datetime:
        """That local time, up to ten minutes later."""
        return self.midnight + timedelta(
            hours=hour, minutes=minute, seconds=self.rng.randrange(600)
        )


def phone_days(seed: int, days: int, until: date, offset_minutes: int = 540) -> list[JsonObject]:
    """Health Connect records of `days` local days, the last one `until`, oldest day first.

    Watch and phone count the same steps; a pedometer rewrites its whole-day record under one
    metadata.id, so that of each day's three versions only the highest counts in a batch. Offsets
    are given by the watch and the scale and null elsewhere, quantities come in both shapes.
    """
    rng = Random(seed)  # noqa: S311 - repeatable invention, not a secret
    zone = timezone(timedelta(minutes=offset_minutes))
    records: list[JsonObject] = []
    for back in reversed(range(days)):
        midnight = datetime.combine(until - timedelta(days=back), time(), zone)
        day = _Day(rng, midnight, offset_minutes)
        for part in (_night, _morning, _walks, _heart, _pedometer):
            records += part(day)
    return records


def _uuid(rng: Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))


def _utc(moment: datetime) -> str:
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def _zone(day: _Day) -> JsonObject:
    return {"id": day.midnight.isoformat()[-6:], "totalSeconds": day.offset_minutes * 60}


def _metadata(day: _Day, app: str, device: JsonObject | None, written: datetime) -> JsonObject:
    return {
        "id": _uuid(day.rng),
        "dataOrigin": app,
        "lastModifiedTime": _utc(written),
        "clientRecordId": None,
        "clientRecordVersion": 0,
        "recordingMethod": 2 if device else 3,
        "device": device,
    }


def _instant(kind: str, moment: datetime, zone: JsonObject | None) -> JsonObject:
    return {"recordType": kind, "time": _utc(moment), "zoneOffset": zone}


def _interval(kind: str, start: datetime, end: datetime, zone: JsonObject | None) -> JsonObject:
    return {
        "recordType": kind,
        "startTime": _utc(start),
        "startZoneOffset": zone,
        "endTime": _utc(end),
        "endZoneOffset": zone,
    }


def _night(day: _Day) -> list[JsonObject]:
    """Sleep that began the evening before, and the oxygen saturation measured in it."""
    start = moment = day.at(-1, 10)
    stages: list[JsonObject] = []
    for stage, minutes in _NIGHT:
        end = moment + timedelta(minutes=minutes + day.rng.randrange(-4, 5))
        stages.append({"startTime": _utc(moment), "endTime": _utc(end), "stage": stage})
        moment = end
    meta = _metadata(day, "jp.example.sleep", _WATCH, moment)
    sleep = _interval("SleepSession", start, moment, _zone(day))
    oxygen = _instant("OxygenSaturation", day.at(3), _zone(day))
    return [
        {**sleep, "title": None, "notes": "", "stages": stages, "metadata": meta},
        {
            **oxygen,
            "percentage": float(day.rng.randrange(94, 100)),
            "metadata": _metadata(day, "jp.example.sleep", _WATCH, moment),
        },
    ]


def _morning(day: _Day) -> list[JsonObject]:
    """What a person measures after getting up; shapes alternate from one day to the next."""
    rng, as_read = day.rng, day.midnight.toordinal() % 2 == 0
    kilograms, mg_per_dl = round(rng.gauss(68.4, 0.4), 1), round(rng.gauss(104, 9))
    glucose = {"inMillimolesPerLiter": mg_per_dl / 18.0}
    celsius = round(rng.gauss(36.5, 0.2), 1)
    weight = {"weight": _quantity(kilograms, "kilograms", as_read, inGrams=kilograms * 1000)}
    fat = {"percentage": round(rng.gauss(22.8, 0.3), 1)}
    pressure = {
        "systolic": _quantity(round(rng.gauss(128, 6)), "millimetersOfMercury", as_read),
        "diastolic": _quantity(round(rng.gauss(82, 4)), "millimetersOfMercury", as_read),
        "bodyPosition": 2,
        "measurementLocation": 3,
    }
    level = _quantity(mg_per_dl, "milligramsPerDeciliter", as_read, **glucose)
    warmth = _quantity(celsius, "celsius", as_read, inFahrenheit=celsius * 1.8 + 32)
    return [
        _measured(day, "Weight", _SCALE, weight),
        _measured(day, "BodyFat", _SCALE, fat),
        _measured(day, "BloodPressure", _CUFF, pressure),
        _measured(day, "BloodGlucose", None, {"level": level, "relationToMeal": 2, "mealType": 1}),
        _measured(day, "BodyTemperature", None, {"temperature": warmth, "measurementLocation": 1}),
    ]


def _measured(
    day: _Day, kind: str, device: JsonObject | None, fields: Mapping[str, object]
) -> JsonObject:
    moment = day.at(7)
    zone = _zone(day) if device is _SCALE else None
    app = "jp.example.diary" if device is None else "jp.example.body"
    metadata = _metadata(day, app, device, moment)
    return {**_instant(kind, moment, zone), **fields, "metadata": metadata}


def _quantity(value: float, unit: str, as_read: bool, **also: float) -> JsonObject:
    """A quantity as readRecords gives it, in every unit at once, or as insertRecords takes it."""
    if not as_read:
        return {"value": value, "unit": unit}
    return {"in" + unit[0].upper() + unit[1:]: float(value), **also}


def _walks(day: _Day) -> list[JsonObject]:
    """Four walks, each seen by the watch and, a little less of it, by the phone."""
    records: list[JsonObject] = []
    for hour in (8, 12, 15, 18):
        start = day.at(hour)
        minutes = day.rng.randrange(10, 40)
        end = start + timedelta(minutes=minutes)
        steps = minutes * day.rng.randrange(90, 115)
        late = start + timedelta(minutes=2)
        seen = (
            (_interval("Steps", start, end, _zone(day)), "jp.example.walk", _WATCH, steps),
            (_interval("Steps", late, end, None), "jp.example.phone", _PHONE, steps * 9 // 10),
        )
        for record, app, device, count in seen:
            meta = _metadata(day, app, device, end)
            records.append({**record, "count": count, "metadata": meta})
        meters = round(steps * 0.72, 1)
        length = {"inMeters": meters, "inKilometers": meters / 1000, "inMiles": meters / 1609.344}
        meta = _metadata(day, "jp.example.walk", _WATCH, end)
        walked = _interval("Distance", start, end, _zone(day))
        records.append({**walked, "distance": length, "metadata": meta})
    return records


def _heart(day: _Day) -> list[JsonObject]:
    """One hour of the watch's heart rate, a sample a minute."""
    start = day.at(12)
    rate = 72.0
    samples: list[JsonObject] = []
    for minute in range(60):
        rate = min(150.0, max(52.0, rate + day.rng.gauss(0, 4)))
        moment = start + timedelta(minutes=minute)
        samples.append({"time": _utc(moment), "beatsPerMinute": round(rate)})
    end = start + timedelta(minutes=59)
    meta = _metadata(day, "jp.example.walk", _WATCH, end)
    return [
        {**_interval("HeartRate", start, end, _zone(day)), "samples": samples, "metadata": meta}
    ]


def _pedometer(day: _Day) -> list[JsonObject]:
    """The whole day's steps as written at noon, at six and at ten: one id, a growing version."""
    end = day.midnight + timedelta(days=1, milliseconds=-1)
    meta = _metadata(day, "jp.example.pedometer", _PHONE, end)
    records: list[JsonObject] = []
    count = 0
    for version, hour in enumerate((12, 18, 22), start=1):
        count += day.rng.randrange(1500, 4000)
        grown = {
            **meta,
            "clientRecordId": f"day-{day.midnight.date()}",
            "clientRecordVersion": version,
            "lastModifiedTime": _utc(day.at(hour)),
        }
        whole = _interval("Steps", day.midnight, end, None)
        records.append({**whole, "count": count, "metadata": grown})
    return records


def canonical_records(seed: int, n: int, until: datetime) -> list[JsonObject]:
    """`n` valid records of mixed types with fresh client ids, going back in time from `until`.

    77 % are single values over eight types, 20 % heart rates of 12 samples, 3 % nights of 12
    stages.
    """
    rng = Random(seed)  # noqa: S311 - repeatable invention, not a secret
    records: list[JsonObject] = []
    for index in range(n):
        start = until.astimezone(UTC) - timedelta(minutes=7 * (index + 1) + 600)
        draw = rng.random()
        if draw < 0.03:
            record = _parts(rng, "sleep", start, 40)
        elif draw < 0.23:
            record = _parts(rng, "heart_rate", start, 1)
        else:
            record = _scalar(rng, BY_NAME[_SCALARS[index % len(_SCALARS)]], start)
        device: JsonObject = {"type": "watch", "manufacturer": "Example", "model": "Watch 3"}
        record["client_id"] = _uuid(rng)
        record["recording_method"] = "automatically_recorded"
        record["origin"] = {"app": "jp.example.walk", "device": device}
        records.append(record)
    return records


def _local(moment: datetime) -> str:
    return moment.astimezone(_TOKYO).isoformat(timespec="seconds")


def _scalar(rng: Random, kind: DataType, start: datetime) -> JsonObject:
    record: JsonObject = {"type": kind.name}
    if kind.shape == "instant":
        record["time"] = _local(start)
    else:
        record["start"], record["end"] = _local(start), _local(start + timedelta(minutes=5))
    for field in kind.fields:
        if field.name in _USUAL:
            low, high = _USUAL[field.name]
            whole = field.kind == "integer"
            record[field.name] = (
                rng.randint(low, high) if whole else round(rng.uniform(low, high), 1)
            )
    return record


def _parts(rng: Random, name: str, start: datetime, minutes: int) -> JsonObject:
    """Twelve stages or samples, one every so many minutes."""
    moments = [_local(start + timedelta(minutes=minutes * i)) for i in range(13)]
    record: JsonObject = {"type": name, "start": moments[0], "end": moments[12]}
    if name == "sleep":
        names = ("light", "deep", "rem", "awake")
        record["stages"] = [
            {"start": moments[i], "end": moments[i + 1], "stage": rng.choice(names)}
            for i in range(12)
        ]
    else:
        record["samples"] = [
            {"time": moments[i], "beats_per_minute": rng.randint(55, 120)} for i in range(12)
        ]
    return record
