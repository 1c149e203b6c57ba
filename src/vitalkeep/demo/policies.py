"""The sample policy of the demo world, written for it, in Japanese and English.

It has two versions: the second adds remote consultations, so it asks for consent again.
"""

from typing import Final

from vitalkeep.consents.policies import Coverage, PolicyRef
from vitalkeep.datatypes.registry import TYPES

POLICY_ID: Final = "wellness"
VERSION: Final = "2026-11-01"
NEXT_VERSION: Final = "2026-12-01"

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "ja": (
        "健康データの取り扱いについて",
        "このアプリは、あなたが選んだ種類の健康データだけを受け取り、保存します。\n"
        "保健指導の担当者は、あなたが同意した種類だけを、同意した目的のために読むことができます。"
        "読んだ記録はすべて残り、あなたが確認できます。\n"
        "同意はいつでもやめられます。退会すると全て削除され、復元できません。\n",
    ),
    "en": (
        "How your health data is handled",
        "This app receives and keeps only the kinds of health data that you choose.\n"
        "Guidance staff can read only the kinds you agreed to, for the purpose you agreed to. "
        "Every look is written down and you can see it.\n"
        "You can stop at any time. When you leave, everything is deleted and can't be restored.\n",
    ),
}
COVERS: Final = Coverage(
    purposes=["storage", "guidance"],
    scopes=[f"{kind.name}.{action}" for kind in TYPES for action in ("collect", "read")],
    recipients=["app", "guidance_provider", "medical_institution"],
)

NEXT_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "ja": (
        TEXTS["ja"][0],
        TEXTS["ja"][1]
        + "2026年12月から：あなたが別に同意した場合に限り、提携する医療機関の医師が、"
        "オンライン相談のために、同意した種類のデータを読むことができます。\n",
    ),
    "en": (
        TEXTS["en"][0],
        TEXTS["en"][1]
        + "From December 2026: only if you agree to it separately, a doctor of a partner clinic "
        "can read the kinds you agreed to for a remote consultation.\n",
    ),
}
NEXT_COVERS: Final = COVERS.model_copy(
    update={"purposes": sorted([*COVERS.purposes, "teleconsultation"])}
)


def sample_ref(locale: str, version: str = VERSION) -> PolicyRef:
    """The sample policy in one language."""
    return PolicyRef(id=POLICY_ID, version=version, locale=locale)
