"""Which consents have to be asked for again, because their policy covers more by now."""

from collections.abc import Iterable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.consents.models import STANDING
from vitalkeep.consents.policies import PolicyRef, PolicySummary, list_policies
from vitalkeep.consents.schemas import ConsentAgain, ConsentView


async def with_questions(
    connection: AsyncConnection, views: Iterable[ConsentView]
) -> list[ConsentView]:
    """The consents, each with what it has to be asked for again about, if anything."""
    published = await list_policies(connection)
    return [
        view.model_copy(update={"consent_again": find_question(view, published)}) for view in views
    ]


def find_question(view: ConsentView, published: Sequence[PolicySummary]) -> ConsentAgain | None:
    """What the newest version of the consent's policy adds to the one agreed to; None if nothing.

    A version that only rewords asks nothing. Where a version doesn't declare what it covers, it may
    cover anything: it adds to one that did, and nothing is added to it.
    """
    if view.policy is None or view.state not in STANDING:
        return None
    versions = [each for each in published if each.id == view.policy.id]
    agreed = next((each for each in versions if each.version == view.policy.version), None)
    if agreed is None or agreed.covers is None:
        return None
    newest = max(versions, key=lambda each: (each.effective_from, each.version))
    if newest.version == agreed.version:
        return None
    why = ["coverage:undeclared"]
    if newest.covers is not None:
        why = newest.covers.list_added(agreed.covers)
    if not why:
        return None
    locales = [each.locale for each in versions if each.version == newest.version]
    locale = view.policy.locale if view.policy.locale in locales else newest.locale
    return ConsentAgain(
        policy=PolicyRef(id=newest.id, version=newest.version, locale=locale), why=why
    )
