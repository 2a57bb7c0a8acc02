"""What law asks of an activity: compliance tags of its article, and of the act itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q

from loyalty.lib import compliance
from members.models import PurchaseLine


def tags_of(*, kind: str, attributes: Mapping[str, Any], member_id: UUID) -> frozenset[str]:
    """The tags by which the matrix judges an activity of this type with these attributes.

    They are those that it names (`tags`), those of its article (`sku`) in the order that it names
    (`order_id`) and in the member's own orders, those of the named order where compliance left nothing of it
    to see; and that of sharing in a WeChat channel.
    """
    tags = set(named(kind=kind, attributes=attributes))
    order_id, sku = _text(attributes.get("order_id")), _text(attributes.get("sku"))
    if sku:
        wanted = Q(purchase__member_id=member_id)
        if order_id:
            wanted |= Q(purchase__order_id=order_id)
        lines = PurchaseLine.objects.filter(wanted, sku=sku)
    elif order_id:
        lines = PurchaseLine.objects.filter(purchase__order_id=order_id, purchase__visible_bonus=False)
    else:
        return frozenset(tags)
    # Most articles have no tags at all.
    for found in lines.exclude(tags=[]).values_list("tags", flat=True):
        tags.update(_texts(found))
    return frozenset(tags)


def named(*, kind: str, attributes: Mapping[str, Any]) -> frozenset[str]:
    """Those of the tags that the activity itself says."""
    shared = compliance.is_wechat_share(kind, str(attributes.get("channel") or ""))
    return frozenset(_texts(attributes.get("tags"))) | ({compliance.WECHAT_SHARE_TAG} if shared else set())


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
