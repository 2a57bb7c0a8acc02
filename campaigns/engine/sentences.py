"""The parts of a rule's sentence: effect, conditions, schedule, caps, life of its points. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from campaigns.engine.calendarwords import days_text
from campaigns.engine.caps import PERIODS
from campaigns.engine.compliance import is_wechat_share
from campaigns.engine.exact import number, plain
from campaigns.engine.facts import spec_of
from campaigns.engine.predicates import as_bool
from campaigns.engine.schedule import parse_instant
from campaigns.engine.speaker import Speaker
from campaigns.engine.types import ACTIVITY_PREFIX
from campaigns.engine.wording import (
    OPERATORS,
    TRIGGERS,
    WINDOWS,
)

Body = Mapping[str, Any]


def trigger_text(speaker: Speaker, trigger: str) -> str:
    """When the rule looks: on which trigger."""
    if trigger in TRIGGERS:
        return speaker.pick(TRIGGERS[trigger])
    kind = trigger.removeprefix("activity.")
    name = speaker.of(speaker.words.activities.get(kind)) or kind
    return speaker.fill(TRIGGERS["activity"], type=name)


def effect_text(speaker: Speaker, body: Body) -> str:
    """What the rule gives."""
    effect = body.get("effect") or {}
    kind = str(effect.get("type", ""))
    name = speaker.name((body.get("points") or {}).get("currency", "points"))
    if kind == "multiplier":
        text = speaker.say("multiplier", factor=plain(number(effect["factor"])))
    elif kind == "grant":
        quantity = f" × {effect['quantity']}" if effect.get("quantity") else ""
        kind_name = speaker.say(f"grant.{effect['kind']}")
        text = speaker.say("grant", kind=kind_name, code=effect["code"], quantity=quantity)
        if effect.get("valid_days"):
            text += speaker.say("valid_days", days=effect["valid_days"])
    else:
        points = plain(number(effect["points"]))
        per = number(effect.get("per", 1))
        values = {
            "points": points,
            "name": speaker.counted(points, name),
            "currency": speaker.unit,
            "per": f"{plain(per)} {speaker.unit}",
        }
        phrase = "whole" if effect.get("whole") else kind
        if phrase == "per_amount" and per == 1:
            phrase = "per_amount_one"
        text = speaker.say(phrase, **values)
    on_lines = kind in ("per_amount", "per_unit", "multiplier") and _sees_lines(body.get("when"))
    return text + (speaker.say("on_lines") if on_lines else "")


def _sees_lines(node: Any) -> bool:
    if isinstance(node, Mapping):
        if "fact" in node:
            return str(node["fact"]).startswith("line.")
        return any(_sees_lines(child) for child in node.values())
    return isinstance(node, list) and any(_sees_lines(child) for child in node)


def member_parts(speaker: Speaker, body: Body) -> list[str]:
    """Conditions, schedule, receiver, caps and the life of the points: what members may know."""
    conditions = node_text(speaker, body["when"]) if body.get("when") else ""
    name = speaker.name((body.get("points") or {}).get("currency", "points"))
    to = body.get("to", "member")
    return [
        speaker.say("if", conditions=conditions) if conditions else "",
        *schedule_parts(speaker, body.get("schedule") or {}),
        speaker.say(f"to.{to}") if to != "member" else "",
        "" if speaker.words.wechat_rewards or not _is_shared(body) else speaker.say("not_on_wechat"),
        *caps_parts(speaker, _caps_that_count(body), name),
        *life_parts(speaker, body.get("points") or {}),
    ]


def _is_shared(body: Body) -> bool:
    """Whether the rule rewards sharing or inviting."""
    trigger = str(body.get("trigger", ""))
    kind = trigger.removeprefix(ACTIVITY_PREFIX)
    return trigger.startswith("referral.") or (kind != trigger and is_wechat_share(kind, "wechat"))


def operator_parts(speaker: Speaker, body: Body) -> list[str]:
    """Stacking, priority, audience, qualifying and cost: what only operators are told."""
    stacking, audience = body.get("stacking") or {}, body.get("audience") or {}
    parts: list[str] = []
    if stacking.get("group") and stacking.get("policy", "best") == "best":
        parts.append(speaker.say("group", group=stacking["group"]))
    if int(body.get("priority") or 0):
        parts.append(speaker.say("priority", priority=body["priority"]))
    if audience.get("segment", "all") != "all":
        parts.append(speaker.say("segment", segment=audience["segment"]))
    percent = number(audience.get("rollout_percent", 100))
    if percent < 100:
        parts.append(speaker.say("rollout", percent=plain(percent)))
    qualifying = (body.get("points") or {}).get("qualifying")
    if qualifying is not None:
        parts.append(speaker.say("qualifying" if qualifying else "not_qualifying"))
    if body.get("cost_centre"):
        parts.append(speaker.say("cost_centre", cost_centre=body["cost_centre"]))
    return parts


def node_text(speaker: Speaker, node: Any, nested: bool = False) -> str:
    """A condition or group in words; groups inside others stand in brackets."""
    if "fact" in node:
        return _leaf(speaker, node)
    parts: list[str] = []
    for kind in ("all", "any", "none"):
        children = [node_text(speaker, child, nested=True) for child in node.get(kind) or ()]
        if not children:
            continue
        joined = speaker.say("and" if kind == "all" else "or").join(children)
        if kind == "none":
            parts.append(speaker.say("none", conditions=joined))
        elif len(children) > 1 and (nested or kind == "any"):
            parts.append(f"({joined})")
        else:
            parts.append(joined)
    return speaker.say("and").join(parts)


def _leaf(speaker: Speaker, leaf: Body) -> str:
    spec = spec_of(leaf["fact"])
    fact = speaker.fact(leaf["fact"])
    if spec is not None and spec.windowed:
        fact = _windowed(speaker, leaf, fact)
    op, value = leaf["op"], leaf["value"]
    if spec is not None and spec.type == "bool":
        holds = as_bool(value) is (op == "eq")
        return speaker.say("is_true" if holds else "is_false", fact=fact)
    if op == "between":
        low, high = (_value(speaker, leaf["fact"], each) for each in value)
        shown = speaker.say("range", low=low, high=high)
    else:
        values = value if isinstance(value, list) else [value]
        shown = speaker.list(_value(speaker, leaf["fact"], each) for each in values)
        single = isinstance(value, list) and len(value) == 1
        op = {"in": "eq", "not_in": "ne"}.get(op, op) if single else op
    return speaker.fill(OPERATORS[op], fact=fact, value=shown)


def _value(speaker: Speaker, fact: str, value: Any) -> str:
    if fact == "member.tier":
        return speaker.of(speaker.words.tiers.get(str(value))) or str(value)
    if fact == "member.birthday":
        return speaker.say(str(value))
    return str(value)


def _windowed(speaker: Speaker, leaf: Body, fact: str) -> str:
    period, _, count = str(leaf.get("window", "")).partition(":")
    window = speaker.fill(WINDOWS[period], n=count)
    fact = f"{window}{fact}" if speaker.language == "zh-hans" else f"{fact} {window}"
    where, details = leaf.get("where") or {}, []
    if "min_amount" in where:
        amount = f"{plain(number(where['min_amount']))} {speaker.unit}"
        details.append(speaker.say("where_amount", amount=amount))
    if where.get("category"):
        categories = where["category"] if isinstance(where["category"], list) else [where["category"]]
        details.append(speaker.say("where_category", categories=speaker.list(categories)))
    if where.get("distinct_days"):
        details.append(speaker.say("distinct_days"))
    return speaker.say("where", fact=fact, details=speaker.list(details)) if details else fact


def schedule_parts(speaker: Speaker, schedule: Body) -> list[str]:
    """When the rule runs."""
    parts: list[str] = []
    for key, phrase in (("starts_at", "from"), ("ends_at", "until")):
        if schedule.get(key):
            at = parse_instant(schedule[key]).astimezone(speaker.words.timezone)
            parts.append(speaker.say(phrase, at=at.strftime("%Y-%m-%d %H:%M")))
    if schedule.get("rrule"):
        parts.append(days_text(speaker, schedule["rrule"]))
    if schedule.get("hours"):
        hours = speaker.list(f"{start}–{end}" for start, end in schedule["hours"])
        parts.append(speaker.say("hours", hours=hours))
    return parts


def _caps_that_count(body: Body) -> Body:
    """The caps but for those of points where the rule gives none."""
    caps = body.get("caps") or {}
    granting = (body.get("effect") or {}).get("type") == "grant"
    return {name: caps[name] for name in ("times", "once_per") if name in caps} if granting else caps


def caps_parts(speaker: Speaker, caps: Body, name: str) -> list[str]:
    """How much it gives at most."""
    parts: list[str] = []
    most = caps.get("per_order")
    if most is not None:
        parts.append(speaker.say("cap.per_order", n=most, name=speaker.counted(most, name)))
    for kind in ("per_member", "times"):
        for period in PERIODS:
            limit = (caps.get(kind) or {}).get(period)
            if limit is not None and kind == "times" and int(limit) == 1:
                parts.append(speaker.say("cap.once", period=speaker.say(f"period.{period}")))
            elif limit is not None:
                said = speaker.say(f"period.{period}")
                called = speaker.counted(limit, name)
                parts.append(speaker.say(f"cap.{kind}", period=said, n=limit, name=called))
    if caps.get("once_per"):
        named = [speaker.fact(each) if speaker.words.for_members else each for each in caps["once_per"]]
        parts.append(speaker.say("cap.once_per", facts=speaker.list(named)))
    most = caps.get("total")
    if most is not None:
        parts.append(speaker.say("cap.total", n=most, name=speaker.counted(most, name)))
    return parts


def cap_text(speaker: Speaker, body: Body, path: str, name: str) -> str:
    """The one cap that a path points at, in words."""
    kind, _, period = path.removeprefix("/caps/").partition("/")
    caps = body.get("caps") or {}
    only = {kind: {period: (caps.get(kind) or {}).get(period)} if period else caps.get(kind)}
    return speaker.list(caps_parts(speaker, only, name))


def life_parts(speaker: Speaker, points: Body) -> list[str]:
    """When its points can be used, and until when."""
    parts: list[str] = []
    pending, expiry = points.get("pending") or {}, points.get("expiry") or {}
    if pending.get("until"):
        parts.append(speaker.say(f"pending.{pending['until']}"))
    elif pending.get("days"):
        parts.append(speaker.say("pending.days", n=pending["days"]))
    if expiry.get("policy"):
        count = expiry.get("days") or expiry.get("months") or expiry.get("years") or 0
        parts.append(speaker.say(f"expiry.{expiry['policy']}", n=count, on=expiry.get("on", "")))
    return parts
