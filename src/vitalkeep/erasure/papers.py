"""Papers of requests at the operator's desk: what they may say, and how long they are kept.

A paper leads to the person only through the row of `pending_requests`, which goes with the answer.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import InvalidRequest
from vitalkeep.base.keys import Keyring
from vitalkeep.base.sealing import open_text, seal_text
from vitalkeep.erasure.models import PendingRequest, RequestPaper

KEPT_YEARS: Final = 1
"""From the answer; by the policy on requests (`certificate.POLICY`)."""
LONGEST: Final = 100
LONGEST_NOTE: Final = 500

IDENTITY_CHECKS: Final = (
    "drivers_license",  # 運転免許証
    "passport",  # 旅券
    "my_number_card_front",  # マイナンバーカードの表面, never the number on its back
    "residence_card",  # 在留カード
    "special_permanent_resident_certificate",  # 特別永住者証明書
    "health_insurance_eligibility",  # 資格確認書
    "residence_certificate",  # 住民票の写し
    "video_call",
    "app_sign_in",
)
"""How somebody showed who they are. The fact is kept, no number and no image."""
AGENTS: Final = (
    "authorized_agent",  # 任意代理人
    "parent",  # 親権者
    "guardian_of_minor",  # 未成年後見人
    "guardian_of_adult",  # 成年後見人
)
"""Who may ask for somebody else; the identity that was checked is then theirs."""
REFUSALS: Final = (
    "identity_not_proven",
    "agent_not_authorized",
    "documents_too_old",
    "withdrawn",
    "entered_by_mistake",
    "required_by_law",
)
"""Why a request is not granted: codes, since a text could say whose it was."""

MY_NUMBER: Final = re.compile(r"(?<!\d)\d{4}[ -]?\d{4}[ -]?\d{4}(?!\d)")


@dataclass(frozen=True, slots=True)
class Paper:
    """A request as operators see it.

    `state`: `pending`, `approved`, `refused`, `expired`, or `left` when the person left meanwhile.
    `ends_at` is when it was answered, or lapses. `note` is there while it is pending.
    """

    request_id: UUID
    state: str
    identity_check: str
    agent: str | None
    requested_at: datetime
    operator: str
    ends_at: datetime
    answered_by: str | None
    refusal: str | None
    erasure_id: UUID | None
    note: str | None = None


def require_known(code: str, known: tuple[str, ...], option: str) -> str:
    """The code. Raises InvalidRequest, naming those there are."""
    if code not in known:
        raise InvalidRequest(f"{option} has to be one of: {', '.join(known)}.")
    return code


def read_operator(name: str) -> str:
    """An operator's name as it is kept. Raises InvalidRequest."""
    kept = " ".join(name.split())
    if not fold(kept) or len(kept) > LONGEST or not kept.isprintable():
        raise InvalidRequest(f"--operator has to be a name of at most {LONGEST} characters.")
    return kept


def read_note(note: str | None) -> str | None:
    """A note as it is kept. Raises InvalidRequest for a long one, or one with a My Number."""
    if note is None or not note.strip():
        return None
    if len(note) > LONGEST_NOTE:
        raise InvalidRequest(f"--note has to have at most {LONGEST_NOTE} characters.")
    if MY_NUMBER.search(unicodedata.normalize("NFKC", note)):
        raise InvalidRequest("--note holds twelve digits: an Individual Number must not be kept.")
    return note.strip()


def fold(name: str) -> str:
    """What is left of a name when case, width, blanks and marks without a form are set aside."""
    seen = "".join(each for each in name if not is_blank(each))
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", seen).casefold())
    # Some characters stand for a blank and a mark, which meet what was before them.
    return folded if folded == name else fold(folded)


def is_blank(character: str) -> bool:
    """Whether nobody sees it: blanks, controls, and what only steers how text is set."""
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf", "Zs")


def seal_operator(keyring: Keyring, request_id: UUID, role: bytes, name: str) -> bytes:
    """An operator's name for a paper; `role` is the column."""
    return seal_text(keyring.system_siv(), name, b"request_papers", role, request_id.bytes)


def open_operator(keyring: Keyring, request_id: UUID, role: bytes, sealed: bytes) -> str:
    """The operator's name. Raises SealBroken."""
    return open_text(keyring.system_siv(), sealed, b"request_papers", role, request_id.bytes)


def read_paper(keyring: Keyring, row: Row[tuple[object, ...]], note: str | None = None) -> Paper:
    """A paper from its row, which has to know the pending request's `person_id`."""
    request_id, answerer = row.request_id, row.sealed_answerer
    return Paper(
        request_id=request_id,
        state=tell_state(row.state, row.ends_at, pending=row.person_id is not None),
        identity_check=row.identity_check,
        agent=row.agent,
        requested_at=row.requested_at,
        operator=open_operator(keyring, request_id, b"operator", row.sealed_operator),
        ends_at=row.ends_at,
        answered_by=answerer and open_operator(keyring, request_id, b"answerer", answerer),
        refusal=row.refusal,
        erasure_id=row.erasure_id,
        note=note,
    )


def tell_state(state: str, ends_at: datetime, *, pending: bool) -> str:
    """The state for people: of what is stored as pending, whether it still can be approved."""
    if state != "pending":
        return state
    if ends_at <= clock.now():
        return "expired"
    return "pending" if pending else "left"


async def find_end(connection: AsyncConnection, erasure_id: UUID) -> datetime | None:
    """Until when the paper of this erasure's request is kept; None if there is none."""
    query = select(RequestPaper.ends_at).where(RequestPaper.erasure_id == erasure_id)
    answered: datetime | None = await connection.scalar(query)
    return None if answered is None else clock.move_years(answered, KEPT_YEARS)


PAPERS: Final = select(
    RequestPaper.__table__, PendingRequest.person_id, PendingRequest.sealed_note
).outerjoin(PendingRequest, PendingRequest.request_id == RequestPaper.request_id)
"""Papers, and whose they are while they are pending."""
