"""The sample policy of the demo world, written for it, in Japanese and English."""

from typing import Final

from vitalkeep.consents.policies import PolicyRef

POLICY_ID: Final = "wellness"
VERSION: Final = "2026-11-01"

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


def sample_ref(locale: str) -> PolicyRef:
    """The sample policy in one language."""
    return PolicyRef(id=POLICY_ID, version=VERSION, locale=locale)
