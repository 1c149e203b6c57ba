"""What is kept for how long, from when, and why, as data.

What no rule names and is a person's stays while they are here and goes with them. Articles are
those of the Act on the Protection of Personal Information (個人情報の保護に関する法律, APPI).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from vitalkeep.base.clock import move_years
from vitalkeep.erasure.certificate import POLICY
from vitalkeep.erasure.papers import KEPT_YEARS
from vitalkeep.notices.delivery import KEEP_FOR
from vitalkeep.records.models import PASSING
from vitalkeep.records.pushes import KEPT_FOR

NEEDED_NO_LONGER: Final = "APPI art. 22: erased without delay when needed no longer"
OWN_TASK: Final = "sweep_retention"


@dataclass(frozen=True, slots=True)
class Kept:
    """A time to keep something: calendar years, or days."""

    years: int = 0
    days: int = 0

    def before(self, now: datetime) -> datetime:
        """What is from before that moment has been kept for long enough."""
        return move_years(now - timedelta(days=self.days), -self.years)

    def after(self, since: datetime) -> datetime:
        """When something of that moment has been kept for long enough."""
        return move_years(since, self.years) + timedelta(days=self.days)

    def __str__(self) -> str:
        """For people."""
        parts = ((self.years, "year"), (self.days, "day"))
        told = [f"{count} {unit}{'s' * (count > 1)}" for count, unit in parts if count]
        return " and ".join(told) or "no longer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Rows of a table that go when `kept` has passed since the moment in a column.

    `since` is None where they go as soon as the condition holds. `kept` is None where they stay.
    `reckoned`: the column already holds the moment when they are due. `person` is the column with
    whose rows they are, `key` what tells one row apart where they are nobody's. `buries`: they are
    records, of which a tombstone stays for the change feed. `task` of the worker does it.
    """

    name: str
    what: str
    table: str
    kept: Kept | None
    since: str | None
    from_when: str
    basis: str
    statute: str = NEEDED_NO_LONGER
    where: str = "true"
    person: str | None = "person_id"
    key: str | None = None
    reckoned: bool = False
    buries: bool = False
    task: str = OWN_TASK

    def before(self, now: datetime) -> datetime | None:
        """Rows from before this moment are due; None where time alone decides nothing."""
        if self.kept is None or self.since is None:
            return None
        return now if self.reckoned else self.kept.before(now)


UNUSED_RELATIVE: Final = """
NOT EXISTS (SELECT FROM invitations i WHERE i.relative_id = relatives.relative_id)
AND NOT EXISTS (SELECT FROM case_handles h WHERE h.relative_id = relatives.relative_id)
"""
INVITATION: Final = "an invitation that can't be accepted any more serves nothing"
SIGN_IN: Final = "a sign-in that can't be renewed any more serves nothing"


def list_rules(tombstone_days: int) -> tuple[Rule, ...]:
    """Every rule, in the order in which a sweep goes by them: invitations before relatives."""
    return (
        Rule(
            name="frozen_records",
            what="records that a withdrawal froze",
            table="consents",
            kept=Kept(days=30),
            since="frozen_until",
            from_when="the withdrawal",
            where="frozen_until IS NOT NULL",
            reckoned=True,
            basis="the person asked to freeze; time to change their mind or export",
            statute="APPI arts. 22 and 35: stopped, then erased",
            task="delete_frozen",
        ),
        Rule(
            name="passing_tombstones",
            what="deletions by a phone's own store or a withdrawal",
            table="records",
            kept=Kept(days=tombstone_days),
            since="modified_at",
            from_when="the deletion",
            where=PASSING,
            basis="other devices of the person have to learn of it (VITALKEEP_TOMBSTONE_DAYS)",
            task="purge_tombstones",
        ),
        Rule(
            name="pushes",
            what="digests of pushes",
            table="pushes",
            kept=Kept(days=KEPT_FOR.days),
            since="pushed_at",
            from_when="the push",
            basis="a phone that got no answer sends the same again",
        ),
        Rule(
            name="access_events",
            what="looks at a person's records, from which provision records are made",
            table="access_events",
            kept=Kept(years=3),
            since="at",
            from_when="the look",
            basis="the person sees who looked; the law wants records of what was provided",
            statute="APPI art. 29 (2) and its Enforcement Rules: in principle 3 years",
        ),
        Rule(
            name="notices",
            what="notices to apps and organizations",
            table="notices",
            kept=Kept(days=KEEP_FOR.days),
            since="ended_at",
            from_when="delivery, or the end of trying",
            where="ended_at IS NOT NULL",
            basis="what became of them can be looked up; they name cases",
            person=None,
            key="notice_id",
            task="purge_notices",
        ),
        Rule(
            name="invitations",
            what="invitations by an organization",
            table="invitations",
            kept=Kept(),
            since="expires_at",
            from_when="expiry",
            reckoned=True,
            where="organization_id IS NOT NULL",
            person=None,
            key="code_digest",
            basis=INVITATION,
        ),
        Rule(
            name="invitations_of_relatives",
            what="invitations by a person",
            table="invitations",
            kept=Kept(),
            since="expires_at",
            from_when="expiry",
            reckoned=True,
            where="inviter_id IS NOT NULL",
            person="inviter_id",
            basis=INVITATION,
        ),
        Rule(
            name="relatives",
            what="random ids of relatives that no invitation and no case names",
            table="relatives",
            kept=Kept(),
            since=None,
            from_when="the end of the last of them",
            where=UNUSED_RELATIVE,
            basis="an id that nothing names finds nothing",
        ),
        Rule(
            name="sign_ins_of_persons",
            what="refresh tokens of persons",
            table="refresh_families",
            kept=Kept(),
            since="expires_at",
            from_when="expiry",
            reckoned=True,
            where="role = 'person'",
            person="subject_id",
            basis=SIGN_IN,
        ),
        Rule(
            name="sign_ins_of_others",
            what="refresh tokens of staff",
            table="refresh_families",
            kept=Kept(),
            since="expires_at",
            from_when="expiry",
            reckoned=True,
            where="role <> 'person'",
            person=None,
            key="family_id",
            basis=SIGN_IN,
        ),
        Rule(
            name="pending_requests",
            what="whose erasure an operator has asked another one to approve",
            table="pending_requests",
            kept=Kept(),
            since="expires_at",
            from_when="the end of the 14 days in which it could be approved",
            reckoned=True,
            basis="a request that can't be approved any more serves nothing",
        ),
        Rule(
            name="request_papers",
            what="papers of requests that came to the operator's desk",
            table="request_papers",
            kept=Kept(years=KEPT_YEARS),
            since="ends_at",
            from_when="the answer, or the end of the 14 days if there was none",
            person=None,
            key="request_id",
            basis="who asks what became of a request is told; who decided is known",
            statute=POLICY,
        ),
        Rule(
            name="pending_authorizations",
            what="persons who were sent to Google and did not come back",
            table="pending_authorizations",
            kept=Kept(),
            since="expires_at",
            from_when="expiry",
            reckoned=True,
            basis="an authorization that can't be finished any more serves nothing",
        ),
        Rule(
            name="erasures",
            what="certificates of erasure",
            table="erasures",
            kept=None,
            since="erased_at",
            from_when="the erasure",
            person=None,
            key="erasure_id",
            basis="the proof that somebody was forgotten; nothing in it leads to them",
            statute="no personal information",
            task="none",
        ),
    )
