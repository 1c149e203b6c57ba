"""Google's two services: which types each has, under which scope, and what we call it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

from vitalkeep.consents.schemas import Platform
from vitalkeep.datatypes.registry import BY_NAME, TYPES

ProviderName = Literal["google-fit", "google-health"]


@dataclass(frozen=True, slots=True)
class Provider:
    """A service. `name` stands in paths, `platform` in the ledger and in tables; `via` is the
    number under which its records' sources are kept.
    """

    name: ProviderName
    platform: Platform
    via: int
    supported: frozenset[str]

    def read_scope(self, type_name: str) -> str:
        """The scope URL under which a supported type is read."""
        kind = BY_NAME[type_name]
        upstream = kind.google_fit if self.platform == "google_fit" else kind.google_health
        if upstream is None:
            raise KeyError(type_name)
        return upstream.read_scope

    def list_scopes(self, type_names: Collection[str]) -> list[str]:
        """The scope URLs to ask for, each once: one may cover several types."""
        return list(dict.fromkeys(self.read_scope(name) for name in type_names))


_FIT: Final = frozenset(kind.name for kind in TYPES if kind.google_fit is not None)
_HEALTH: Final = frozenset(kind.name for kind in TYPES if kind.google_health is not None)
GOOGLE_FIT: Final = Provider("google-fit", "google_fit", 1, _FIT)
GOOGLE_HEALTH: Final = Provider("google-health", "google_health", 2, _HEALTH)
BY_PATH: Final = {each.name: each for each in (GOOGLE_FIT, GOOGLE_HEALTH)}
BY_PLATFORM: Final = {str(each.platform): each for each in (GOOGLE_FIT, GOOGLE_HEALTH)}
