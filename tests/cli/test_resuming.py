"""An import that broke off goes on behind its last stored batch, and never skips another file."""

import json
import signal
import subprocess
import time
from pathlib import Path

from tests.cli.bulk_files import counted, exported, lines, take, taken, where, who
from tests.cli.commands import AS_A_SCRIPT, environment
from tests.make import Make
from tests.records.stored import list_all
from vitalkeep.base import clock
from vitalkeep.demo.people import canonical_records


async def test_what_came_before_a_break_is_stored(make: Make, tmp_path: Path) -> None:
    person = await make.person()
    records = [make.record() for _ in range(1200)]
    text = json.dumps({"records": records})
    (tmp_path / "f").write_text(text[: text.rindex(records[-1]["client_id"])])
    done = take(make, person, tmp_path / "f")
    assert done.exit_code == 2
    assert "ends in the middle of its list of records" in done.stderr
    assert len(await list_all(person)) == 1199
    # The rest arrives, and the same command goes on.
    (tmp_path / "f").write_text(text)
    answer = taken(make, person, tmp_path / "f")
    assert (answer["resumed_at"], answer["records"]) == (1199, 1200)
    assert counted(answer) == {"created": 1200}


def kill_when(command: list[str], state: Path, make: Make) -> None:
    """Runs a command and kills it as soon as the file is there."""
    with subprocess.Popen(command, env=environment(**where(make))) as running:
        while not state.exists():
            assert running.poll() is None
            time.sleep(0.005)
        running.send_signal(signal.SIGKILL)


async def test_a_killed_import_goes_on_behind_its_last_batch(make: Make, tmp_path: Path) -> None:
    person = await make.person()
    records = [*canonical_records(11, 9000, clock.now()), {"type": "steps"}]
    file, state = tmp_path / "f.ndjson", tmp_path / "f.ndjson.vitalkeep-import"
    file.write_bytes(lines(make.record(count=-1), *records))
    rejects = tmp_path / "rejects"
    options = ["--dialect", "vitalkeep", *who(person), "--rejects", str(rejects)]
    kill_when([*AS_A_SCRIPT, "import", str(file), *options], state, make)
    with rejects.open("a") as file_of_rejects:
        file_of_rejects.write("of a batch that was not remembered\n" * 99)
    stored = json.loads(state.read_text())["records"]
    assert stored % 1000 == 0
    assert 1000 <= stored < 9000
    done = take(make, person, file, "vitalkeep", "--rejects", rejects)
    answer = json.loads(done.stdout)
    assert done.exit_code == 1
    assert answer["resumed_at"] >= stored
    # A batch may have been committed and not yet remembered: its records are unchanged.
    counts = counted(answer)
    assert counts["created"] + counts.get("unchanged", 0) == 9000
    assert [each["line"] for each in answer["rejects"]] == [1, 9002]
    assert len(rejects.read_text().splitlines()) == 2
    assert not state.exists()
    assert len(exported(make, person, tmp_path / "back")) == 9000


async def test_another_file_of_the_same_name_is_not_skipped(make: Make, tmp_path: Path) -> None:
    person = await make.person()
    file, state = tmp_path / "f", tmp_path / "f.vitalkeep-import"
    records = [make.record() for _ in range(1200)]
    text = json.dumps({"records": records})
    file.write_text(text[:-9])
    assert take(make, person, file).exit_code == 2
    kept = state.read_bytes()
    others = [make.record() for _ in range(1200)]
    file.write_text(json.dumps({"records": others}))
    answer = taken(make, person, file)
    assert ("resumed_at" in answer, counted(answer)) == (False, {"created": 1200})
    assert not state.exists()
    # Nor is the same file for somebody else.
    file.write_text(text)
    state.write_bytes(kept)
    other = await make.person()
    assert counted(taken(make, other, file)) == {"created": 1200}
    assert len(await list_all(other)) == 1200
