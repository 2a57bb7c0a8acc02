"""Who may agree to what waits for a second operator, and whether anybody is left who could."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from loyalty.lib.errors import Text
from loyalty.lib.foureyes import Submitted
from tenants.context import current_brand
from tenants.operators.models import Operator

TWO: Final = 2
AGREES: Final[Mapping[str, str]] = {
    "rule_approval": "campaigns.approve_rule",
    "wakeup_approval": "campaigns.approve_wakeup",
    "audience_grant_approval": "campaigns.approve_audiencegrant",
}
"""Who may agree to what a policy lets wait."""
RULES: Final = AGREES["rule_approval"]
POLICIES: Final = "operators.set_policychange"
ADJUSTMENTS: Final = "points.adjust_account"
CALLED: Final[Mapping[str, Text]] = {
    RULES: _("rules and tiers"),
    AGREES["wakeup_approval"]: _("wake-ups"),
    AGREES["audience_grant_approval"]: _("audience grants"),
    ADJUSTMENTS: _("adjustments"),
    POLICIES: _("policies that take away a control"),
}


def deciders(permission: str) -> set[str]:
    """The active operators who may agree, as submissions name them."""
    active = Operator.objects.filter(is_active=True)
    return {f"operator:{each.username}" for each in active if each.has_perm(permission)}


def is_dead_end(submission: Submitted | None, permission: str) -> bool:
    """Whether it waits and nobody but who submitted it could agree: the others have left since."""
    if submission is None or submission.status != Submitted.Status.PENDING_APPROVAL:
        return False
    return not deciders(permission) - {submission.submitted_by}


def short_of_two() -> list[str]:
    """What waits for ever from now on, in words: two are asked for, and fewer than two may agree."""
    return [str(called) for permission, called in CALLED.items() if _is_short(permission)]


def _is_short(permission: str) -> bool:
    return _is_asked(permission) and len(deciders(permission)) < TWO


def _is_asked(permission: str) -> bool:
    brand = current_brand()
    if permission == ADJUSTMENTS:
        return brand.setting("adjustment_approval_above") is not None
    asked: list[Any] = [brand.setting(key) for key, needed in AGREES.items() if needed == permission]
    return permission == POLICIES or any(setting != "none" for setting in asked)
