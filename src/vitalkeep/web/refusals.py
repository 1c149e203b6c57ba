"""Refusals that only pages make; each has a text of its own beside the code it shares."""

from typing import ClassVar

from vitalkeep.base.errors import Forbidden, NotFound, Unauthenticated


class SessionEnded(Unauthenticated):
    """There is no session, or its time is over, or the person was signed out elsewhere."""

    page: ClassVar[str] = "session_ended"


class FormNotOurs(Forbidden):
    """A form without the token of its page: another site made it, or cookies are blocked."""

    page: ClassVar[str] = "form_not_ours"


class LinkUnusable(NotFound):
    """A one-time link that was used, ran out, was replaced, or is none."""

    page: ClassVar[str] = "link_unusable"


class SignInBroken(Forbidden):
    """What Google sent back doesn't belong to a sign-in that this browser began."""

    page: ClassVar[str] = "sign_in_broken"


class SignInCancelled(Forbidden):
    """The person didn't let Google tell who they are."""

    page: ClassVar[str] = "sign_in_cancelled"


class NobodyKnown(NotFound):
    """Nobody here signs in with this Google account."""

    page: ClassVar[str] = "nobody_known"


class NoGoogle(NotFound):
    """Signing in with Google is not set up here."""

    page: ClassVar[str] = "no_google"
