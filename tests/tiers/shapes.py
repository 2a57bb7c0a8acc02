"""Tier programmes of the tests."""

from typing import Any


def level(code: str, threshold: Any, multiplier: str = "1", **more: Any) -> dict[str, Any]:
    return {"code": code, "threshold": threshold, "multiplier": multiplier, **more}


SILVER, GOLD, DIAMOND = level("silver", 0), level("gold", 1000, "1.2"), level("diamond", 5000, "1.5")


def program(**changes: Any) -> dict[str, Any]:
    """Silver, gold from 1,000 and diamond from 5,000 points in twelve rolling months."""
    body: dict[str, Any] = {
        "qualify_by": "points",
        "period": {"type": "rolling_months", "months": 12},
        "downgrade": "one_step",
        "grace_days": 0,
        "levels": [SILVER, GOLD, DIAMOND],
    }
    return {name: value for name, value in (body | changes).items() if value is not ...}
