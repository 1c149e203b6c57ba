"""The members that records of every type share."""

from typing import Final

from vitalkeep.datatypes.choices import DEVICE_TYPE, RECORDING_METHOD
from vitalkeep.datatypes.descriptors import DataType, Field

CLIENT_ID: Final = Field(
    "client_id",
    "text",
    low=1,
    high=128,
    required=False,
    health_connect="metadata/clientRecordId",
)
CLIENT_VERSION: Final = Field(
    "client_version",
    "integer",
    low=-(2**63),
    high=2**63 - 1,
    required=False,
    health_connect="metadata/clientRecordVersion",
)
PLATFORM_ID: Final = Field(
    "platform_id",
    "text",
    low=1,
    high=128,
    required=False,
    health_connect="metadata/id",
)
RECORDED_BY: Final = Field(
    "recording_method",
    "choice",
    required=False,
    choices=RECORDING_METHOD,
    health_connect="metadata/recordingMethod",
)
DEVICE: Final = Field(
    "device",
    "object",
    required=False,
    model="RecordDevice",
    health_connect="metadata/device",
    parts=(
        Field("type", "choice", required=False, choices=DEVICE_TYPE, health_connect="type"),
        Field(
            "manufacturer",
            "text",
            low=1,
            high=128,
            required=False,
            health_connect="manufacturer",
        ),
        Field("model", "text", low=1, high=128, required=False, health_connect="model"),
    ),
)
ORIGIN: Final = Field(
    "origin",
    "object",
    model="RecordOrigin",
    parts=(
        Field("app", "text", low=1, high=256, health_connect="metadata/dataOrigin"),
        DEVICE,
    ),
)
TIME: Final = Field("time", "time", health_connect="time")
START: Final = Field("start", "time", health_connect="startTime")
END: Final = Field("end", "time", health_connect="endTime")
COMMON: Final = (CLIENT_ID, CLIENT_VERSION, PLATFORM_ID, RECORDED_BY, ORIGIN)


def list_times(kind: DataType) -> tuple[Field, ...]:
    """`time` for an instant, `start` and `end` for everything that lasts."""
    return (TIME,) if kind.shape == "instant" else (START, END)


def list_members(kind: DataType) -> tuple[Field, ...]:
    """Every member a sender may give in a record of the type, except `type` itself."""
    return (*list_times(kind), *kind.fields, *COMMON)
