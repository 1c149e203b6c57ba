"""Random worlds of staff, cases and consents, and the oracle that says what may be read in them."""

from dataclasses import dataclass, field

from hypothesis import strategies as st

ASKABLE = ("steps", "weight", "sleep")
# Each type has an early and a late record; a consent covers both, one or none of them.
WINDOWS = {"": {"early", "late"}, "early": {"early"}, "late": {"late"}, "none": set[str]()}
ORGANIZATION_OF = {"nurse": "ours", "colleague": "ours", "stranger": "theirs"}
CASE_OF = {"ours": "first", "theirs": "second"}
Shown = set[tuple[str, str]]


@dataclass(frozen=True)
class Given:
    """One consent of a world, put there as it stands."""

    type: str
    action: str = "read"
    kind: str = "organization"
    to: str = "ours"
    purpose: str = "guidance"
    state: str = "active"
    hours_left: int | None = None
    window: str = ""


@dataclass(frozen=True)
class World:
    """Everything the decision depends on."""

    reader: str = "nurse"
    case: str = "first"
    staffed: frozenset[tuple[str, str]] = frozenset({("first", "nurse")})
    open_cases: frozenset[str] = frozenset({"first", "second"})
    purpose: str = "guidance"
    kind: str = "guidance_provider"
    person_active: bool = True
    reader_active: bool = True
    consents: tuple[Given, ...] = field(default=(Given("steps"),))
    asked: tuple[str, ...] = ()


def shown(world: World) -> Shown:
    """The oracle: types and records that may be read through the case."""
    allowed = {
        "guidance": {"medical_institution", "guidance_provider"},
        "teleconsultation": {"medical_institution"},
    }
    organization = ORGANIZATION_OF[world.reader]
    known = (
        world.case == CASE_OF[organization]
        and (world.case, world.reader) in world.staffed
        and world.case in world.open_cases
        and world.person_active
        and world.reader_active
        and world.kind in allowed[world.purpose]
    )
    return {
        (consent.type, record)
        for consent in world.consents
        if known
        and (consent.action, consent.kind, consent.state) == ("read", "organization", "active")
        and (consent.to, consent.purpose) == (organization, world.purpose)
        and (consent.hours_left is None or consent.hours_left > 0)
        for record in WINDOWS[consent.window] | {"consent"}
    }


def expected(world: World) -> tuple[int, Shown]:
    """The oracle: status, and the records that are read."""
    readable = shown(world)
    types = {kind for kind, _ in readable}
    if not world.reader_active:
        return 401, set()
    if world.kind in {"employer", "insurer"}:
        return 403, set()
    if not types:
        return 404, set()
    if not set(world.asked) <= types:
        return 403, set()
    return 200, {each for each in records(readable) if each[0] in (world.asked or types)}


def records(readable: Shown) -> Shown:
    """Without what only says that there is a consent at all."""
    return {each for each in readable if each[1] != "consent"}


# Each fact is mostly as it should be, so that a world often fails for one reason only.
PURPOSES = st.sampled_from(["guidance", "guidance", "teleconsultation"])
LIKELY = st.sampled_from([True] * 6 + [False])
CONSENTS = st.builds(
    Given,
    type=st.sampled_from(ASKABLE),
    action=st.sampled_from(["read", "read", "read", "collect"]),
    kind=st.sampled_from(["organization", "organization", "organization", "app", "person"]),
    to=st.sampled_from(["ours", "ours", "theirs"]),
    purpose=PURPOSES,
    state=st.sampled_from(["active", "active", "active", "withdrawn", "expired"]),
    hours_left=st.sampled_from([None, None, 1, 0, -1]),
    window=st.sampled_from(["", "", *WINDOWS]),
)
PAIRS = [(case, reader) for case in CASE_OF.values() for reader in ORGANIZATION_OF]
WORLDS = st.builds(
    World,
    reader=st.sampled_from(["nurse", "nurse", "colleague", "stranger"]),
    case=st.sampled_from(["first", "first", "second"]),
    staffed=st.lists(LIKELY, min_size=len(PAIRS), max_size=len(PAIRS)).map(
        lambda there: frozenset(pair for pair, on in zip(PAIRS, there, strict=True) if on)
    ),
    open_cases=st.sampled_from([("first", "second"), ("first",), ("second",)]).map(frozenset),
    purpose=PURPOSES,
    kind=st.sampled_from(
        ["medical_institution", "medical_institution", "guidance_provider", "employer", "insurer"]
    ),
    person_active=LIKELY,
    reader_active=LIKELY,
    consents=st.lists(
        CONSENTS, max_size=6, unique_by=lambda c: (c.type, c.action, c.purpose, c.to)
    ).map(tuple),
    asked=st.lists(st.sampled_from(ASKABLE), max_size=2, unique=True).map(tuple),
)
