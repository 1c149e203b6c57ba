"""Scopes: `<type>.<action>`, and what a phone's or Google's grant means in ours."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from vitalkeep.base.errors import FieldError, InvalidRequest
from vitalkeep.consents.purposes import Action
from vitalkeep.datatypes.descriptors import DataType
from vitalkeep.datatypes.registry import BY_NAME, BY_NUMBER, list_covered

UNKNOWN_SCOPE: Final = (
    "A scope is <type>.collect or <type>.read, a Health Connect READ permission or a Google read "
    "scope URL."
)


@dataclass(frozen=True, slots=True)
class Scope:
    """One type and what may be done with it."""

    type: DataType
    action: Action

    def __str__(self) -> str:
        return f"{self.type.name}.{self.action}"


def scope_of(type_number: int, action: str) -> Scope:
    """The scope of a stored consent."""
    return Scope(BY_NUMBER[type_number], "read" if action == "read" else "collect")


def parse_scope(text: str) -> list[Scope]:
    """Our scope, or what a Health Connect permission or Google scope URL covers; [] if unknown.

    An upstream read grant is evidence that the app may read the type there and send it here, so it
    becomes `collect`.
    """
    name, _, action = text.rpartition(".")
    if name in BY_NAME and action in {"collect", "read"}:
        return [Scope(BY_NAME[name], "read" if action == "read" else "collect")]
    return [Scope(BY_NAME[covered], "collect") for covered in list_covered(text)]


def parse_scopes(texts: Iterable[str]) -> list[Scope]:
    """Every scope once, in the order given. Raises InvalidRequest that points at unknown ones."""
    found: dict[Scope, None] = {}
    errors: list[FieldError] = []
    for position, text in enumerate(texts):
        scopes = parse_scope(text)
        found.update(dict.fromkeys(scopes))
        if not scopes:
            errors.append({"pointer": f"/scopes/{position}", "code": "unknown_scope"})
    if errors:
        raise InvalidRequest(UNKNOWN_SCOPE, errors=errors)
    return list(found)
