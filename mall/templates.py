"""What a new brand begins with in this room: a few rewards as drafts, to be published when they are right."""

from datetime import datetime
from typing import Any, Final

from mall.models import Reward
from mall.services import create_reward


def _reward(chinese: str, english: str, kind: str, points: int, **more: Any) -> dict[str, Any]:
    return {"name": {"zh-hans": chinese, "en": english}, "kind": kind, "points": points, **more}


_DONATION: Final = _reward("为乡村小学捐一本书", "A book for a village school", "donation", 200, sort=90)
REWARDS: Final[dict[str, tuple[dict[str, Any], ...]]] = {
    "retail": (
        _reward("10 元优惠券", "Coupon of 10", "coupon", 1000, category="coupon", sort=10),
        _reward("帆布购物袋", "Canvas bag", "physical", 1500, sku="BAG", stock=0, category="home", sort=20),
        _DONATION,
    ),
    "dairy": (
        _reward("鲜牛奶 1 升", "Fresh milk, 1 litre", "physical", 800, sku="MILK-1L", stock=0, sort=10),
        _reward("5 元优惠券", "Coupon of 5", "coupon", 500, category="coupon", sort=20),
        _DONATION,
    ),
    "fmcg": (
        _reward("旅行装礼盒", "Travel set", "physical", 1200, sku="TRAVEL-SET", stock=0, sort=10),
        _reward("一个月视频会员", "A month of video", "virtual", 2000, category="digital", sort=20),
        _DONATION,
    ),
}


def install(template: str, *, now: datetime) -> None:
    """Set up the beginnings for `template`. Safe to repeat: where there are rewards, none is added."""
    if template not in REWARDS or Reward.objects.exists():
        return
    for values in REWARDS[template]:
        create_reward(values=values, actor="template", now=now)
