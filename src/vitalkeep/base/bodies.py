"""What every JSON body of a request has in common."""

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError


class RequestBody(BaseModel):
    """A body, or an object inside one: unknown members are refused, and null is not accepted.

    What is absent is absent; a null would be a second way to say so.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_null(cls, body: object) -> object:
        if isinstance(body, dict) and any(value is None for value in body.values()):
            raise PydanticCustomError("null_member", "a member is null: leave it out instead")
        return body
