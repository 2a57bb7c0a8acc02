"""What a new brand begins with in this room: its tier programme, the key of its log."""

from copy import deepcopy
from datetime import datetime
from typing import Any, Final

from points.models import TierProgram
from points.services import logkeys, tiers


def _level(code: str, chinese: str, english: str, threshold: str, multiplier: str) -> dict[str, Any]:
    return {
        "code": code,
        "name": {"zh-hans": chinese, "en": english},
        "threshold": threshold,
        "multiplier": multiplier,
    }


_ROLLING: Final = {"type": "rolling_months", "months": 12}
PROGRAMS: Final[dict[str, dict[str, Any]]] = {
    "retail": {
        "qualify_by": "points",
        "period": _ROLLING,
        "downgrade": "one_step",
        "grace_days": 30,
        "on_return": "at_once",
        "levels": [
            _level("silver", "银卡", "Silver", "0", "1"),
            _level("gold", "金卡", "Gold", "5000", "1.2"),
            _level("diamond", "钻石卡", "Diamond", "20000", "1.5"),
        ],
    },
    "dairy": {
        "qualify_by": "points",
        "period": _ROLLING,
        "downgrade": "by_earned",
        "grace_days": 0,
        "on_return": "at_once",
        "levels": [
            _level("fresh", "鲜享", "Fresh", "0", "1"),
            _level("daily", "日享", "Daily", "1000", "1.1"),
            _level("family", "家享", "Family", "3000", "1.3"),
        ],
    },
    "fmcg": {
        "qualify_by": "spend",
        "period": {"type": "calendar_year"},
        "downgrade": "by_earned",
        "grace_days": 0,
        "on_return": "at_once",
        "levels": [
            _level("member", "会员", "Member", "0", "1"),
            _level("plus", "优享", "Plus", "2000", "1.1"),
            _level("premium", "尊享", "Premium", "8000", "1.25"),
        ],
    },
}


def install(template: str, *, now: datetime) -> None:
    """Set up the brand's beginnings for `template`, and the key of its log.

    Safe to repeat: a programme in force and a key are left alone.
    """
    logkeys.signing_key(now=now)
    config = PROGRAMS.get(template)
    if config is None or TierProgram.objects.exists():
        return
    tiers.store_program(config=deepcopy(config), actor="template", now=now)
