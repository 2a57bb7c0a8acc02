"""Types of activities: those that every brand has, and those that it registers, with what belongs to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from campaigns import selectors
from campaigns.engine.types import ACTIVITY_PREFIX, ACTIVITY_TYPE
from campaigns.models import ActivityType, Rule, RuleVersion
from campaigns.services import attributeschema
from loyalty.lib import compliance
from loyalty.lib.errors import FieldError
from loyalty.outbox import services as outbox

PATTERN: Final = ACTIVITY_TYPE
ANYTHING: Final[Mapping[str, Any]] = {"type": "object"}
BUILT_IN: Final[Mapping[str, Mapping[str, str]]] = {
    "check-in": {"zh-hans": "签到", "en": "Check-in"},
    "profile-complete": {"zh-hans": "完善资料", "en": "Profile completed"},
    "review": {"zh-hans": "评价", "en": "Review"},
    "survey": {"zh-hans": "问卷", "en": "Survey"},
    "share": {"zh-hans": "分享", "en": "Share"},
    "reuse-bag": {"zh-hans": "自带购物袋", "en": "Own bag"},
    "delayed-delivery": {"zh-hans": "延迟配送", "en": "Delayed delivery"},
    "low-carbon": {"zh-hans": "低碳行为", "en": "Low-carbon act"},
    "code-scan": {"zh-hans": "扫码", "en": "Code scanned"},
}
"""Their names. They take any attributes until the brand registers a schema under the same code."""


def known_types() -> list[dict[str, Any]]:
    """All types by code: built in, and registered; a registered one stands before a built-in of its code."""
    registered = {row.code: row for row in ActivityType.objects.all()}
    found = [
        {
            "code": code,
            "name": dict(name),
            "attributes_schema": dict(ANYTHING),
            "enabled": True,
            "built_in": True,
        }
        for code, name in BUILT_IN.items()
        if code not in registered
    ]
    found += [told(row) for row in registered.values()]
    return sorted(found, key=lambda each: str(each["code"]))


def told(row: ActivityType) -> dict[str, Any]:
    """A registered type as the API tells it."""
    return {
        "code": row.code,
        "name": row.name,
        "attributes_schema": row.attributes_schema,
        "enabled": row.enabled,
        "built_in": False,
    }


def register(
    *,
    code: str,
    name: Mapping[str, str],
    attributes_schema: Mapping[str, Any],
    enabled: bool,
    actor: str,
    now: datetime,
) -> ActivityType:
    """Register a type, or change it; what was recorded stays. Raises Invalid for an unusable schema."""
    attributeschema.check(attributes_schema)
    kept = attributeschema.stored(attributes_schema)
    row, _made = ActivityType.objects.update_or_create(
        code=code,
        defaults={
            "name": dict(name),
            "attributes_schema": kept,
            "enabled": enabled,
            "updated_at": now,
            "updated_by": actor,
        },
    )
    outbox.publish(
        type="activity_type.registered",
        payload={"code": code, "enabled": enabled, "actor": actor},
        occurred_at=now,
    )
    return row


def errors_of(kind: str, attributes: Mapping[str, Any]) -> Iterator[FieldError]:
    """What is wrong with an activity's type and attributes.

    A type is known if it is built in, registered and enabled, or if a rule in force waits for it.
    """
    row = ActivityType.objects.filter(code=kind).first()
    if row is not None and not row.enabled:
        yield FieldError(
            "/type", "type_disabled", _("The brand does not take this type of activity any more.")
        )
        return
    if row is None and kind not in BUILT_IN and not _has_rule(kind):
        detail = _("Unknown type of activity. Register it with PUT /activity-types/%(type)s.") % {
            "type": kind
        }
        yield FieldError("/type", "unknown_type", detail)
        return
    if row is None:
        return
    yield from attributeschema.faults(row.attributes_schema, attributes)


def is_off(kind: str) -> bool:
    """Whether the brand does not take this type any more."""
    return ActivityType.objects.filter(code=kind, enabled=False).exists()


def misfits(kind: str, attributes: Mapping[str, Any]) -> list[FieldError]:
    """What of recorded attributes does not fit the type as it is now: it may have changed since."""
    row = ActivityType.objects.filter(code=kind).first()
    return (
        [] if row is None else list(attributeschema.faults(row.attributes_schema, attributes, recorded=True))
    )


def _has_rule(kind: str) -> bool:
    return RuleVersion.objects.filter(
        rule__status=Rule.Status.PUBLISHED,
        version=F("rule__current_version"),
        body__trigger=ACTIVITY_PREFIX + kind,
    ).exists()


def warnings(trigger: str) -> Iterator[FieldError]:
    """What is odd about a rule's trigger: the brand does not take that type of activity, or compliance keeps
    part of it from earning."""
    if not trigger.startswith(ACTIVITY_PREFIX):
        return
    kind = trigger.removeprefix(ACTIVITY_PREFIX)
    row = ActivityType.objects.filter(code=kind).first()
    if row is not None and not row.enabled:
        detail = _("The brand does not take this type of activity any more.")
        yield FieldError("/trigger", "type_disabled", detail)
    elif row is None and kind not in BUILT_IN:
        detail = _("No type of activity “%(type)s” is registered: is it written as callers write it?")
        yield FieldError("/trigger", "type_not_registered", detail % {"type": kind})
    if compliance.is_wechat_share(kind, "wechat") and not selectors.shares_on_wechat_earn():
        detail = _("Sharing and inviting in WeChat channels gives nothing: the compliance matrix blocks it.")
        yield FieldError("/trigger", "wechat_share", detail)
