"""Random worlds of staff, cases and consents, and the oracle that says what may be read in them."""

from dataclasses import dataclass, field

from hypothesis import strategies as st

ASKABLE = ("steps", "weight", "sleep")
# Each type has an early and a late record; a consent covers both, one or none of them.
WINDOWS = {"": {"early", "late"}, "early": {"early"}, "late": {"late"}, "none": set[str]()}
# On whose side a reader is: an organization's, or a relative's who watches.
SIDE_OF = {"nurse": "ours", "colleague": "ours", "stranger": "theirs", "daughter": "kin"}
CASE_OF = {"ours": "first", "theirs": "second", "kin": "third"}
CLINICAL = {"nurse", "physician"}
ALLOWED = {
    "guidance": {"medical_institution", "guidance_provider"},
    "teleconsultation": {"medical_institution"},
    "family_watch": {"person"},
}
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
    role: str = "nurse"
    staffed: frozenset[tuple[str, str]] = frozenset({("first", "nurse")})
    in_team: frozenset[tuple[str, str]] = frozenset()
    open_cases: frozenset[str] = frozenset({"first", "second", "third"})
    frozen: frozenset[str] = frozenset()
    purpose: str = "guidance"
    kind: str = "guidance_provider"
    person_active: bool = True
    reader_active: bool = True
    consents: tuple[Given, ...] = field(default=(Given("steps"),))
    asked: tuple[str, ...] = ()


def consented(world: World) -> Shown:
    """Types and records that the case's consents let its side read, whoever of it asks."""
    side = SIDE_OF[world.reader]
    kind = "person" if side == "kin" else "organization"
    known = (
        world.case == CASE_OF[side]
        and world.case in world.open_cases
        and world.person_active
        and world.reader_active
        and (kind if kind == "person" else world.kind) in ALLOWED[world.purpose]
    )
    return {
        (consent.type, record)
        for consent in world.consents
        if known
        and (consent.action, consent.kind, consent.state) == ("read", kind, "active")
        and (consent.to, consent.purpose) == (side, world.purpose)
        and (consent.hours_left is None or consent.hours_left > 0)
        for record in ({"consent"} | WINDOWS[consent.window])
        if record == "consent" or consent.type not in world.frozen
    }


def shown(world: World) -> Shown:
    """The oracle: types and records that may be read through the case."""
    at_work = (world.case, world.reader) in world.staffed | world.in_team
    reads = SIDE_OF[world.reader] == "kin" or (at_work and world.role in CLINICAL)
    return consented(world) if reads else set()


def listed(world: World) -> bool:
    """The oracle: whether the reader's list of cases has this one, with the name it shows."""
    coordinates = SIDE_OF[world.reader] != "kin" and world.role == "coordinator"
    return bool(consented(world) if coordinates else shown(world))


def expected(world: World) -> tuple[int, Shown]:
    """The oracle: status, and the records that are read."""
    readable = shown(world)
    types = {kind for kind, _ in readable}
    if not world.reader_active:
        return 401, set()
    never = world.kind in {"employer", "insurer"} or world.role not in CLINICAL
    if never and SIDE_OF[world.reader] != "kin":
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
PURPOSES = st.sampled_from(["guidance", "guidance", "teleconsultation", "family_watch"])
LIKELY = st.sampled_from([True] * 6 + [False])
CONSENTS = st.builds(
    Given,
    type=st.sampled_from(ASKABLE),
    action=st.sampled_from(["read", "read", "read", "collect"]),
    kind=st.sampled_from(
        ["organization", "organization", "organization", "app", "person", "person"]
    ),
    to=st.sampled_from(["ours", "ours", "theirs", "kin", "kin"]),
    purpose=PURPOSES,
    state=st.sampled_from(["active", "active", "active", "withdrawn", "expired"]),
    hours_left=st.sampled_from([None, None, 1, 0, -1]),
    window=st.sampled_from(["", "", *WINDOWS]),
)
STAFF = [name for name, side in SIDE_OF.items() if side != "kin"]
PAIRS = [(case, reader) for case in ("first", "second") for reader in STAFF]


def some_pairs(likely: bool) -> st.SearchStrategy[frozenset[tuple[str, str]]]:
    """Which staff are on which case."""
    there = LIKELY if likely else LIKELY.map(lambda on: not on)
    return st.lists(there, min_size=len(PAIRS), max_size=len(PAIRS)).map(
        lambda on: frozenset(pair for pair, each in zip(PAIRS, on, strict=True) if each)
    )


WORLDS = st.builds(
    World,
    reader=st.sampled_from(["nurse", "nurse", "colleague", "stranger", "daughter", "daughter"]),
    case=st.sampled_from(["first", "first", "second", "third", "third"]),
    role=st.sampled_from(["nurse", "nurse", "physician", "coordinator", "administrator"]),
    staffed=some_pairs(likely=True) | some_pairs(likely=False),
    in_team=some_pairs(likely=False),
    open_cases=st.sampled_from(
        [("first", "second", "third"), ("first", "third"), ("second", "third"), ("first", "second")]
    ).map(frozenset),
    frozen=st.sampled_from([(), (), ("steps",), ("sleep", "weight")]).map(frozenset),
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
