"""Ids of Observations and Consents: which case, and what of it, in the 64 characters FHIR allows.

A record's id means something only together with its person, and staff hold no person's id. So the
id is the case's 32 hex digits and then the record's, or the consent's.
"""

import re
from typing import Final
from uuid import UUID

from vitalkeep.base.errors import NotFound

BOTH: Final = re.compile(r"([0-9a-f]{32})([0-9a-f]{32})")


def join_ids(case_id: UUID, part: UUID) -> str:
    """The id of something that belongs to a case."""
    return case_id.hex + part.hex


def split_ids(text: str) -> tuple[UUID, UUID]:
    """The case, and what belongs to it. Raises NotFound for what is no such id."""
    match = BOTH.fullmatch(text)
    if match is None:
        raise NotFound
    return UUID(match[1]), UUID(match[2])
