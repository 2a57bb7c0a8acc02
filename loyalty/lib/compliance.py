"""The matrix of law: which tag of an article blocks which act.

Pure; the brand chooses the policy (``strict`` or ``stage1-closed``) and may have single cells unlocked
by its owner and a second operator. The infant rows are never unlocked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Act = Literal["earn", "bonus", "tier", "redeem", "show", "recommend", "push", "game"]
ACTS: Final[frozenset[str]] = frozenset(
    {"earn", "bonus", "tier", "redeem", "show", "recommend", "push", "game"}
)
INFANT_TAGS: Final = frozenset({"infant_0_6", "infant_6_12"})
TODDLER_TAG: Final = "toddler_12_36"
TODDLER_ACTS: Final = frozenset({"show", "recommend", "push"})
ADULT_TAG: Final = "alcohol"
ADULT_AGE: Final = 18
# Not of an article but of an act: something was shared, somebody invited or followed, in a WeChat channel.
WECHAT_SHARE_TAG: Final = "wechat_share"
_SHARING: Final = frozenset({"share", "sharing", "shared", "invite", "invitation", "follow"})
_WECHAT_STARTS: Final = ("wechat", "weixin", "wecom", "wework", "微信", "企业微信", "企微")
_WECHAT_PLACES: Final = frozenset(
    {"wx", "miniprogram", "moments", "officialaccount", "小程序", "朋友圈", "公众号", "视频号"}
)

_ALWAYS: Final[dict[str, frozenset[str]]] = {
    "infant_0_6": ACTS,
    "infant_6_12": ACTS,
    "fsmp": ACTS,
    "tobacco": ACTS,
    "rx_drug": ACTS,
    "prepaid_card": ACTS,
    "lottery": ACTS,
    "alcohol": frozenset({"push", "game"}),
    WECHAT_SHARE_TAG: frozenset({"earn", "bonus", "tier"}),
}
POLICIES: Final[dict[str, dict[str, frozenset[str]]]] = {
    "strict": _ALWAYS,
    "stage1-closed": {**_ALWAYS, "infant_6_12": ACTS - {"earn", "tier"}},
}

_KNOWN: Final = {policy: frozenset({*rows, TODDLER_TAG, ADULT_TAG}) for policy, rows in POLICIES.items()}


@dataclass(frozen=True, slots=True)
class ComplianceMatrix:
    """One brand's matrix: a policy and the cells (tag, act) that were unlocked."""

    policy: str = "strict"
    unlocked: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, policy: str, unlocked: Iterable[Sequence[str]]) -> ComplianceMatrix:
        """The matrix of a brand's two settings, the unlocked cells as pairs of tag and act."""
        return cls(policy, frozenset((tag, act) for tag, act in unlocked))

    @property
    def splits_views(self) -> bool:
        """Whether some article may earn but not take part in a bonus, or the other way round."""
        rows = POLICIES[self.policy]
        return any(
            self._cell(tag, "earn", acts) != self._cell(tag, "bonus", acts)
            for tag, acts in rows.items()
            if tag != WECHAT_SHARE_TAG
        )

    def _cell(self, tag: str, act: str, acts: frozenset[str]) -> bool:
        return act in acts and (tag in INFANT_TAGS or (tag, act) not in self.unlocked)

    def blocking_tags(
        self, act: str, *, adult: bool | None = None, youngest_child_months: int | None = None
    ) -> frozenset[str]:
        """Every tag that blocks ``act`` for such a person: what a query over articles leaves out."""
        known = {*POLICIES[self.policy], TODDLER_TAG, ADULT_TAG}
        return frozenset(
            tag
            for tag in known
            if self.blocked([tag], act, adult=adult, youngest_child_months=youngest_child_months)
        )

    def touches(self, tags: Iterable[str]) -> bool:
        """Whether any of these tags may block anything for anybody: most articles need no closer look."""
        return not _KNOWN[self.policy].isdisjoint(tags)

    def blocked(
        self,
        tags: Iterable[str],
        act: str,
        *,
        adult: bool | None = None,
        youngest_child_months: int | None = None,
    ) -> str | None:
        """The tag that blocks ``act`` for an article with these tags, or None if it is allowed.

        ``adult`` is None when the age is unknown; only a known minor is refused alcohol.
        ``youngest_child_months`` is negative for an unborn child, None when there is no child.
        """
        rows = POLICIES[self.policy]
        for tag in sorted(tags):
            if tag == TODDLER_TAG:
                if act in TODDLER_ACTS and youngest_child_months is not None and youngest_child_months < 12:
                    return tag
                continue
            if tag == ADULT_TAG and adult is False:
                return tag
            if self._cell(tag, act, rows.get(tag, frozenset())):
                return tag
        return None


STRICT: Final = ComplianceMatrix()


def rows(policy: str) -> dict[str, frozenset[str]]:
    """The rows of a policy as nothing unlocked them: each tag with the acts that it blocks for everybody."""
    return {**POLICIES[policy], TODDLER_TAG: frozenset()}


def unlockable(policy: str) -> frozenset[tuple[str, str]]:
    """The cells (tag, act) that the policy blocks for everybody and that a brand may have unlocked.

    Never those of infants; and neither what is blocked for some people only, minors or families with a baby.
    """
    blocking = POLICIES[policy].items()
    return frozenset((tag, act) for tag, acts in blocking if tag not in INFANT_TAGS for act in acts)


def is_wechat(channel: str) -> bool:
    """Whether a channel, as a caller writes it, is one of WeChat's: `wechat`, `wechat_moments`, `小程序` …"""
    plain = "".join(char for char in channel.casefold() if char not in " _-./:")
    return plain.startswith(_WECHAT_STARTS) or plain in _WECHAT_PLACES


def is_wechat_share(kind: str, channel: str) -> bool:
    """Whether an activity of this type is sharing, inviting or following in a WeChat channel, which the
    channel's or the type's own name says (`wechat-share`)."""
    parts = kind.split("-")
    return not _SHARING.isdisjoint(parts) and (is_wechat(channel) or any(map(is_wechat, parts)))
