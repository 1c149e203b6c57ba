"""How far an import has come, kept beside its input, so that the same command goes on there.

Bound to the bytes that were taken, by their SHA-256, and to the person, app and dialect. It
holds no value. Losing it costs time only: records that are sent again are `unchanged`.
"""

from pathlib import Path
from typing import Final, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from vitalkeep.cli.inputs import Source
from vitalkeep.records.verdicts import STATUSES, Verdict

SHOWN: Final = 10
"""How many rejects are kept to be shown in the end."""
SUFFIX: Final = ".vitalkeep-import"


class Reject(BaseModel):
    """A record that was not stored: its line (or number, in documents), and where and why."""

    line: int
    code: str
    pointer: str
    detail: str


class Import(BaseModel):
    """An import up to its last committed batch."""

    model_config = ConfigDict(extra="forbid")

    person_id: UUID
    client_id: UUID
    dialect: str
    documents: bool = False
    offset: int = 0
    sha256: str = ""
    line: int = 0
    records: int = 0
    rejects_bytes: int = 0
    counts: dict[str, int] = dict.fromkeys(STATUSES, 0)
    rejects: list[Reject] = []

    def is_of(self, other: Self) -> bool:
        """Whether both are into the same person's records, from the same app and dialect."""
        mine = self.person_id, self.client_id, self.dialect
        return mine == (other.person_id, other.client_id, other.dialect)

    def reach(self, source: Source) -> bool:
        """Takes what was taken before; False if the source begins with something else."""
        return source.skip_to(self.offset) and source.digest.hexdigest() == self.sha256

    def add(self, lines: list[int], verdicts: list[Verdict]) -> list[Reject]:
        """Counts a batch's verdicts; its rejects."""
        found: list[Reject] = []
        for line, verdict in zip(lines, verdicts, strict=True):
            self.counts[verdict["status"]] += 1
            if verdict["status"] == "rejected":
                told = {name: verdict[name] for name in ("code", "pointer", "detail")}
                found.append(Reject(line=line, **told))
        self.records += len(lines)
        self.rejects += found[: SHOWN - len(self.rejects)]
        return found


def read_state(path: Path | None) -> Import | None:
    """What was kept, None if nothing that can be read was."""
    try:
        return None if path is None else Import.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def write_state(path: Path, state: Import) -> None:
    """Replaces what was kept; it is there whole or not at all. Raises OSError."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.touch(mode=0o600)
    unfinished.write_text(state.model_dump_json())
    unfinished.replace(path)


def state_path(name: str, given: Path | None) -> Path | None:
    """Where the state of an input is kept; nowhere for standard input, unless it was said."""
    if given is not None or name == "-":
        return given
    path = Path(name)
    return path.with_name(path.name + SUFFIX)
