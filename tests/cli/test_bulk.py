"""`vitalkeep export` and `vitalkeep import`: what goes out comes in again, no more and no less."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.cli.bulk_files import (
    Json,
    counted,
    exported,
    lines,
    take,
    taken,
    where,
    who,
    without_ids,
)
from tests.cli.commands import AS_A_SCRIPT, call, environment
from tests.make import Caller, Make
from tests.records.stored import list_all
from vitalkeep.base import clock
from vitalkeep.datatypes.registry import TYPES
from vitalkeep.demo.people import canonical_records, phone_days


def everything(make: Make) -> list[Json]:
    """Records of all types, and of all that makes them differ."""
    made = canonical_records(5, 1200, clock.now())
    made += [dict(kind.example) for kind in TYPES]
    made.append(make.record("weight", time="2024-02-29T07:00:00.123456Z"))
    made.append(make.record("weight", time="2024-02-29T07:00:00+00:00", client_version=2**62))
    glucose = {"millimoles_per_liter": None, "milligrams_per_deciliter": 104.3}
    made.append(make.record("blood_glucose", **glucose))
    made.append(make.record("sleep", title="昼寝", notes="a\n\tb é", client_id=None))
    return made


async def furnished(make: Make) -> Caller:
    """A person with records of every kind, from two dialects, one of them in pounds."""
    person = await make.person()
    records = everything(make)
    await person.push(*records[:1000])
    await person.push(*records[1000:])
    phone = phone_days(3, 4, clock.now().date())
    weighed = dict(TYPES[1].health_connect.example)
    for kind in TYPES:
        if kind.name == "weight":
            weighed = {**kind.health_connect.example, "weight": {"value": 150.5, "unit": "pounds"}}
    answer = await person.post("/v1/me/records/health-connect", {"records": [*phone, weighed]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["counts"]["rejected"] == 8, answer.text  # older versions in one batch
    return person


async def test_what_was_exported_comes_in_as_it_was(make: Make, tmp_path: Path) -> None:
    person, other = await furnished(make), await make.person()
    before = exported(make, person, tmp_path / "a.ndjson")
    assert before == await list_all(person)
    units = {each["original"]["unit"] for each in before if "original" in each}
    assert {"mg/dL", "[lb_av]"} <= units
    assert counted(taken(make, other, tmp_path / "a.ndjson")) == {"created": len(before)}
    after = exported(make, other, tmp_path / "b.ndjson")
    assert without_ids(after) == without_ids(before)
    assert {each["id"] for each in after}.isdisjoint(each["id"] for each in before)


async def test_what_is_here_already_is_unchanged(make: Make, tmp_path: Path) -> None:
    person = await furnished(make)
    before = exported(make, person, tmp_path / "a.ndjson")
    assert counted(taken(make, person, tmp_path / "a.ndjson")) == {"unchanged": len(before)}
    assert exported(make, person, tmp_path / "b.ndjson") == before


async def test_a_phones_records_are_taken_with_every_version(make: Make, tmp_path: Path) -> None:
    person, pushed = await make.person(), await make.person()
    records = phone_days(7, 60, clock.now().date())
    (tmp_path / "phone.json").write_text(json.dumps({"records": records}, indent=1))
    answer = taken(make, person, tmp_path / "phone.json", "health-connect")
    # The pedometer writes its day three times, under one id.
    assert counted(answer) == {"created": len(records) - 120, "updated": 120}
    for start in range(0, len(records), 500):
        body = {"records": records[start : start + 500]}
        await pushed.post("/v1/me/records/health-connect", body)
    assert without_ids(await list_all(person)) == without_ids(await list_all(pushed))


async def test_what_is_bad_is_told_by_line_and_stops_nothing(make: Make, tmp_path: Path) -> None:
    person = await make.person(collects=False)
    await make.consents(person, ["steps.collect", "blood_glucose.collect"])
    good = [make.record() for _ in range(1500)]
    odd = make.record("blood_glucose")
    file = [json.dumps(each) for each in good]
    halves = json.dumps(make.record())
    file[3:3] = ["no json", f"{file[0]},{file[1]}", halves[:50], halves[50:], ""]
    file[1100:1100] = [
        json.dumps(make.record(count=-1)),
        json.dumps(make.record("weight")),
        json.dumps({**odd, "original": {"value": 1.0, "unit": "mg/dL"}}),
        json.dumps({**odd, "original": {"value": 1.0, "unit": "stone"}}),
        json.dumps({**odd, "original": 4}),
        "[1]",
        '"' + "x" * (9 << 20) + '"',
    ]
    (tmp_path / "f").write_text("\n".join(file))
    rejects = tmp_path / "rejects"
    done = take(make, person, tmp_path / "f", "vitalkeep", "--rejects", rejects)
    assert done.exit_code == 1
    answer = json.loads(done.stdout)
    assert counted(answer) == {"created": 1500, "rejected": 11}
    assert len(await list_all(person)) == 1500
    told = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(each["line"], each["code"], each["pointer"]) for each in told] == [
        *((line, "invalid", "") for line in (4, 5, 6, 7)),
        (1101, "out_of_range", "/count"),
        (1102, "consent_missing", "/type"),
        (1103, "invalid", "/original/value"),
        (1104, "invalid", "/original/unit"),
        (1105, "invalid", "/original"),
        (1106, "invalid", ""),
        (1107, "invalid", ""),
    ]
    assert answer["rejects"] == told[:10]
    assert told[10]["detail"] == "is longer than 8 MiB"
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    assert "no json" not in done.output


async def test_people_are_told_of_rejects_and_of_a_cut_export(make: Make, tmp_path: Path) -> None:
    person = await make.person()
    options = ("--dialect", "vitalkeep", *who(person))
    (tmp_path / "f").write_bytes(lines(make.record(), make.record(count=-1)))
    done = call("import", tmp_path / "f", *options, **where(make))
    assert done.exit_code == 1
    assert "counts  1 created, 1 rejected" in done.stdout
    said = "rejected 2 at /count: out_of_range, must be between 0 and 1000000\n"
    assert done.stderr == said
    exported(make, person, tmp_path / "whole")
    assert call("import", tmp_path / "whole", *options, **where(make)).stderr == ""
    record, end = (tmp_path / "whole").read_bytes().splitlines(keepends=True)
    (tmp_path / "cut").write_bytes(record)
    done = call("import", tmp_path / "cut", *options, **where(make))
    assert (done.exit_code, "lacks the last line of a whole export" in done.stderr) == (0, True)
    (tmp_path / "odd").write_bytes(record + lines(make.record()) + end)
    done = call("import", tmp_path / "odd", *options, **where(make))
    assert "last line tells of 1 records, and 2 came" in done.stderr


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"file": "/nowhere"}, "/nowhere can't be opened: No such file or directory"),
        ({"--dialect": "mood"}, "--dialect has to be one of: vitalkeep, health-connect"),
        ({"--person": "nobody"}, "The app has no such user here: they sign in first, and consent."),
        ({"--client": "x"}, "--client is not an id: it looks like a UUID."),
        ({"--client": None}, "There are several apps: say with --client which one's user it is."),
    ],
    ids=str,
)
async def test_what_can_not_run_ends_with_2(
    make: Make, tmp_path: Path, changed: Json, said: str
) -> None:
    person = await make.person(await make.app())
    await make.app()
    (tmp_path / "f").write_bytes(lines(make.record()))
    given = {"--dialect": "vitalkeep", **dict(zip(*[iter(who(person))] * 2, strict=True))}
    file = changed.pop("file", str(tmp_path / "f"))
    options = [part for pair in {**given, **changed}.items() if pair[1] for part in pair]
    done = call("import", file, *options, **where(make))
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert await list_all(person) == []


def piped(make: Make, given: bytes, *command: str) -> bytes:
    """The standard output of a command that must say nothing else and succeed."""
    env = environment(**where(make))
    done = subprocess.run(
        [*AS_A_SCRIPT, *command], check=True, input=given, capture_output=True, env=env
    )
    assert done.stderr == b""
    return done.stdout


async def test_standard_input_and_output_are_files_too(make: Make) -> None:
    person, other = await make.person(), await make.person()
    await person.push(*(make.record() for _ in range(30)))
    export = piped(make, b"", "export", *who(person))
    assert len(export.splitlines()) == 31
    options = ("--dialect", "vitalkeep", *who(other), "--json")
    done = piped(make, export, "import", "-", *options)
    assert counted(json.loads(done)) == {"created": 30}
    assert without_ids(await list_all(other)) == without_ids(await list_all(person))


async def test_an_exported_file_is_its_owners_and_whole(make: Make, tmp_path: Path) -> None:
    person = await make.person()
    await person.push(make.record())
    exported(make, person, tmp_path / "a")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["a"]
    refused = call("export", *who(person), "--json", **where(make))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "say with --output where the records go" in refused.stderr
