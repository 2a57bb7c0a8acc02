"""What a condition may name: the brand's own categories, stores, channels, tags …, as seen lately.

A bounded look at the newest rows, so that a brand with a hundred million lines is asked as quickly as a new
one; what is older can be written by hand. Tiers and the names in the rules themselves are complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from campaigns import selectors
from campaigns.engine.types import ACTIVITY_PREFIX
from campaigns.models import Rule, Segment
from campaigns.services import activitytypes
from members.models import Activity, Member, Purchase, PurchaseLine

LATELY: Final = 3000
MOST: Final = 200
FEW: Final = 20
CHANNELS: Final = ("store", "online", "miniprogram", "app")


def choices() -> dict[str, list[str]]:
    """By fact (and for activities, groups, cost centres, segments) what may be chosen, sorted."""
    found: dict[str, set[str]] = {}
    for fact, values in (*_of_orders(), *_of_lines(), *_of_members(), *_of_activities(), *_of_rules()):
        found.setdefault(fact, set()).update(str(value) for value in values if value not in (None, ""))
    found.setdefault("order.channel", set()).update(CHANNELS)
    found.setdefault("activity", set()).update(
        each["code"] for each in activitytypes.known_types() if each["enabled"]
    )
    return {fact: sorted(values)[:MOST] for fact, values in found.items()}


def latest_orders() -> list[str]:
    """The numbers of the newest orders, newest first: to try a draft on."""
    newest = Purchase.objects.order_by("-recorded_at", "-id")
    return list(newest.values_list("order_id", flat=True)[:FEW])


def _of_orders() -> Iterator[tuple[str, Iterable[Any]]]:
    rows = Purchase.objects.order_by("-recorded_at", "-id").values_list(
        "channel", "store_id", "region", "attributes"
    )
    for channel, store, region, attributes in rows[:LATELY]:
        yield "order.channel", (channel,)
        yield "order.store_id", (store,)
        yield "order.region", (region,)
        yield "order.attributes.", attributes
        for name, value in attributes.items():
            if isinstance(value, str):
                yield f"order.attributes.{name}", (value,)


def _of_lines() -> Iterator[tuple[str, Iterable[Any]]]:
    rows = PurchaseLine.objects.order_by("-pk").values_list(
        "category", "sku", "brand", "product_line", "tags"
    )
    for category, sku, brand, product_line, tags in rows[:LATELY]:
        parts = category.strip("/").split("/")
        yield "line.category", ("/".join(parts[: depth + 1]) for depth in range(len(parts)))
        yield "line.sku", (sku,)
        yield "line.brand", (brand,)
        yield "line.product_line", (product_line,)
        yield "line.tags", tags


def _of_members() -> Iterator[tuple[str, Iterable[Any]]]:
    for region, tags in Member.objects.order_by("-pk").values_list("region", "tags")[:LATELY]:
        yield "member.region", (region,)
        yield "member.tags", tags or ()


def _of_activities() -> Iterator[tuple[str, Iterable[Any]]]:
    for kind, attributes in Activity.objects.order_by("-pk").values_list("type", "attributes")[:LATELY]:
        yield "activity", (kind,)
        yield ACTIVITY_PREFIX, attributes


def _of_rules() -> Iterator[tuple[str, Iterable[Any]]]:
    for rule in Rule.objects.exclude(status=Rule.Status.RETIRED).exclude(draft=None)[:MOST]:
        yield from _of_body(rule.draft or {})
    yield "segment", Segment.objects.filter(archived=False).values_list("code", flat=True)[:MOST]
    yield "member.segments", Segment.objects.filter(archived=False).values_list("code", flat=True)[:MOST]
    for body, _version in selectors.published_bodies():
        yield from _of_body(body)


def _of_body(body: Mapping[str, Any]) -> Iterator[tuple[str, Iterable[Any]]]:
    yield "group", ((body.get("stacking") or {}).get("group"),)
    yield "cost_centre", (body.get("cost_centre"),)
    yield "segment", ((body.get("audience") or {}).get("segment"),)
    trigger = str(body.get("trigger", ""))
    if trigger.startswith(ACTIVITY_PREFIX):
        yield "activity", (trigger.removeprefix(ACTIVITY_PREFIX),)
    effect = body.get("effect") or {}
    if effect.get("type") == "grant":
        yield f"grant.{effect.get('kind')}", (effect.get("code"),)
        if effect.get("kind") in ("benefit", "tag"):
            yield {"benefit": "member.benefits", "tag": "member.tags"}[effect["kind"]], (effect.get("code"),)
    yield from _of_node(body.get("when") or {})


def _of_node(node: Mapping[str, Any]) -> Iterator[tuple[str, Iterable[Any]]]:
    if "fact" in node:
        value = node.get("value")
        texts = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
        yield str(node["fact"]), texts
        where = node.get("where") or {}
        named = where.get("category") or ()
        yield "line.category", [named] if isinstance(named, str) else named
    for kind in ("all", "any", "none"):
        for child in node.get(kind) or ():
            yield from _of_node(child)
