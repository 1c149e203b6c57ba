"""What every JSON body of a request has in common."""

import re
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    field_validator,
)
from pydantic_core import PydanticCustomError

RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII
)


def require_rfc3339(value: object) -> object:
    """The value, if it is a time as RFC 3339 writes it; numbers of seconds are none.

    Raises ValueError, which pydantic turns into a rejected place.
    """
    if not isinstance(value, str) or not RFC3339.fullmatch(value):
        raise ValueError("not an RFC 3339 time with an offset")
    return value


def _is_storable(moment: datetime) -> datetime:
    # In UTC it may fall into a year that no `datetime` can hold.
    if not MINYEAR < moment.year < MAXYEAR:
        raise ValueError("out of range")
    return moment


Moment = Annotated[AwareDatetime, BeforeValidator(require_rfc3339), AfterValidator(_is_storable)]
"""A time with its offset, in the years 2 to 9998: one that the database takes."""


class RequestBody(BaseModel):
    """A body, or an object inside one: unknown members are refused, and null is not accepted.

    What is absent is absent; a null would be a second way to say so.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_null(cls, value: object) -> object:
        if value is None:
            raise PydanticCustomError("null_member", "null is not accepted: leave the member out")
        return value
