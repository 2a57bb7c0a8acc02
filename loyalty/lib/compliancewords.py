"""Tags and acts of the compliance matrix in words."""

from typing import Final

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from loyalty.lib.errors import Text

ACTS: Final[dict[str, Text]] = {
    "earn": _("base points"),
    "bonus": _("multipliers and gifts"),
    "tier": _("counting for the tier"),
    "redeem": _("redemption"),
    "show": _("catalogue and search"),
    "recommend": _("recommendation"),
    "push": _("messages and banners"),
    "game": _("games and draws"),
}
TAGS: Final[dict[str, Text]] = {
    "infant_0_6": _("infant formula, 0 to 6 months"),
    "infant_6_12": _("infant formula, 6 to 12 months"),
    "toddler_12_36": _("toddler milk, 12 to 36 months"),
    "fsmp": _("food for special medical purposes"),
    "alcohol": _("alcohol"),
    "tobacco": _("tobacco"),
    "rx_drug": _("prescription drugs"),
    "prepaid_card": _("prepaid cards"),
    "lottery": _("lottery tickets"),
    "wechat_share": _("sharing and inviting in WeChat channels"),
}

POLICIES: Final[dict[str, Text]] = {
    "strict": pgettext_lazy("compliance", "strict"),
    "stage1-closed": _("infants of 6 to 12 months earn base points"),
}


def cell(tag: str, act: str) -> str:
    """A cell in words, with the codes that partners use."""
    return f"{TAGS.get(tag, tag)} × {ACTS.get(act, act)} ({tag}, {act})"
