"""Shapes of the order of sources, and the query of days."""

from datetime import date, timedelta
from typing import Annotated, Final, Self

from fastapi import Query
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from vitalkeep.base.bodies import RequestBody
from vitalkeep.datatypes.choices import DEVICE_TYPE
from vitalkeep.datatypes.texts import to_text
from vitalkeep.datatypes.wire import LINE_PATTERN
from vitalkeep.records.published import ref
from vitalkeep.summaries.priority import Priority

MAX_DAYS: Final = 400
DEFAULT_DAYS: Final = timedelta(days=29)
MAX_CHOICES: Final = 100


def require_full_date(value: object) -> object:
    """The value, if it is a date as RFC 3339 writes it, in years that have a day before and after.

    Raises ValueError.
    """
    if not isinstance(value, str) or len(value) != 10 or not value.isascii():
        raise ValueError("not an RFC 3339 date")
    if value[4] != "-" or value.startswith(("0000", "0001", "9999")):
        raise ValueError("not an RFC 3339 date")
    return value


Day = Annotated[date, BeforeValidator(require_full_date)]


class DayQuery(BaseModel):
    """Which days: types, and dates of which both are included."""

    model_config = ConfigDict(extra="forbid")

    type: list[str] = Field(default=[], max_length=20, description="may repeat; default: all types")
    first: Day | None = Field(
        default=None, alias="from", description="default: 29 days before `to`"
    )
    last: Day | None = Field(
        default=None, alias="to", description="default: today in the person's time zone"
    )


DayQueryParameters = Annotated[DayQuery, Query()]


def require_device_type(name: str) -> str:
    """The name of a kind of device. Raises ValueError."""
    if name not in DEVICE_TYPE.values:
        raise ValueError("not one of the kinds of device")
    return name


App = Annotated[
    str,
    StringConstraints(min_length=1, max_length=256, pattern=LINE_PATTERN),
    AfterValidator(to_text),
]
DeviceType = Annotated[
    str, AfterValidator(require_device_type), WithJsonSchema(ref(DEVICE_TYPE.name))
]


class SourceChoice(RequestBody):
    """Sources that a person puts at one place: those of an app, of a kind of device, or both."""

    app: App | None = Field(default=None, examples=["jp.example.walk"])
    device_type: DeviceType | None = Field(default=None, examples=["watch"])

    @model_validator(mode="after")
    def _name_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name an app, a device_type or both")
        return self


class SourceOrder(RequestBody):
    """The order in which sources count where they measured at the same time, the first in front.

    The first entry that fits a source decides its place. Sources that none fits come behind:
    watches before rings, fitness bands, chest straps, head-mounted devices, smart displays, phones,
    scales, and everything else. An empty list is that order alone.
    """

    sources: Annotated[list[SourceChoice], Field(max_length=MAX_CHOICES)]

    def to_priority(self) -> Priority:
        """The order as the summaries take it."""
        return tuple((choice.app, choice.device_type) for choice in self.sources)


def to_order(priority: Priority) -> SourceOrder:
    """The order as it is answered; what a choice leaves open is absent."""
    given = ({"app": app, "device_type": kind} for app, kind in priority)
    choices = [{name: value for name, value in each.items() if value} for each in given]
    return SourceOrder.model_validate({"sources": choices})
