"""Shapes of pushes and reads on the wire, and the queries of lists and the change feed."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from vitalkeep.base.bodies import RequestBody, require_rfc3339
from vitalkeep.base.errors import InvalidRequest
from vitalkeep.datatypes.registry import BY_NAME, TYPES
from vitalkeep.records.query import FAR_AHEAD, FOREVER_AGO
from vitalkeep.records.verdicts import VerdictStatus


def within_reach(moment: datetime) -> datetime:
    """The bound, or the nearest one that can be told in UTC and to the database."""
    return min(max(moment, FOREVER_AGO), FAR_AHEAD)


Bound = Annotated[AwareDatetime, BeforeValidator(require_rfc3339), AfterValidator(within_reach)]


class RecordVerdict(BaseModel):
    """What became of one pushed record; `pointer` and `code` only where it was rejected."""

    status: VerdictStatus
    id: UUID | None = None
    code: str | None = Field(default=None, examples=["out_of_range"])
    pointer: str | None = Field(default=None, examples=["/records/1/count"])
    detail: str | None = None


class PushResult(BaseModel):
    """One verdict for each pushed record, in their order.

    `received_sha256` is over the body's bytes after inflating. `changes_cursor` is the place in the
    change feed behind this push. `deleted` says how many records were deleted, in the answer to a
    dialect's body that named deletions.
    """

    results: list[RecordVerdict]
    counts: dict[VerdictStatus, int]
    deleted: int | None = None
    received_sha256: str
    committed_at: datetime
    changes_cursor: str


class RecordQuery(BaseModel):
    """Which records: types, and a period on their start, `from` inclusive and `to` exclusive."""

    model_config = ConfigDict(extra="forbid")

    type: list[str] = Field(default=[], max_length=20, description="may repeat; default: all types")
    since: Bound | None = Field(default=None, alias="from")
    until: Bound | None = Field(default=None, alias="to")
    cursor: str | None = Field(default=None, max_length=512)
    limit: int = Field(default=1000, ge=1, le=1000)


RecordQueryParameters = Annotated[RecordQuery, Query()]


class ChangeQuery(BaseModel):
    """A page of the change feed; without `cursor` from the beginning."""

    model_config = ConfigDict(extra="forbid")

    type: list[str] = Field(default=[], max_length=20, description="may repeat; default: all types")
    cursor: str | None = Field(default=None, max_length=512)
    limit: int = Field(default=1000, ge=1, le=1000)


ChangeQueryParameters = Annotated[ChangeQuery, Query()]


def known_types(wanted: RecordQuery | ChangeQuery) -> list[int]:
    """Numbers of the types asked for, all if none is. Raises InvalidRequest for unknown names."""
    unknown = [name for name in wanted.type if name not in BY_NAME]
    if unknown:
        raise InvalidRequest(
            f"type has to be one of: {', '.join(BY_NAME)}.",
            errors=[{"pointer": "/type", "code": "unknown_type"}],
        )
    return sorted({BY_NAME[name].number for name in wanted.type}) or [t.number for t in TYPES]


class WithdrawalRequest(RequestBody):
    """What happens to stored records when a `collect` consent is withdrawn.

    `freeze`: only the person sees them, and they are deleted after 30 days.
    """

    stored_data: Literal["delete", "freeze"] = "delete"


class WithdrawalCounts(BaseModel):
    """What a withdrawal did to stored records, and the features that end with it."""

    deleted: int
    frozen: int
    features_lost: list[str] = Field(examples=[["steps.sync", "steps.guidance"]])
