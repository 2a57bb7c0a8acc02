"""What a template gives in an example, and the sample with which a draft is tried first."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils.translation import gettext as _

from campaigns import gallery, selectors
from campaigns.engine import explain
from campaigns.engine.exact import number, plain
from campaigns.engine.schedule import compile_schedule
from campaigns.engine.speaker import Speaker
from campaigns.gallery import Template
from campaigns.services import sampling
from campaigns.templates import BASE
from campaigns.wording import in_words
from loyalty.lib import clock
from loyalty.lib.words import language
from tenants.context import current_brand

LOOK_AHEAD: Final = 366


@dataclass(frozen=True, slots=True)
class Example:
    """A template as the gallery shows it; without a sentence the brand lacks what it needs."""

    key: str
    group: str
    name: str
    code: str
    sentence: str
    sample: str
    points: int
    unit: str
    verdict: str


def example_of(template: Template, tiers: Sequence[str]) -> Example:
    """The template with its example, computed by the engine; what multiplies does so on one point a yuan."""
    body = gallery.fitted(template.body, tiers)
    name = explain.rule_name(template.body, language())
    if body is None:
        return Example(template.key, template.group, name, str(template.body["code"]), "", "", 0, "", "")
    sample = template.sample
    if "tier" in sample and tiers:
        sample = {**sample, "tier": tiers[len(tiers) // 2]}
    read = sampling.read_sample(dict(sample), now=clock.now())
    base = [BASE] if body["effect"]["type"] == "multiplier" else []
    tried = sampling.alone([*base, body], read)
    verdict = next((each for each in tried.verdicts if each["rule"] == body["code"]), None)
    points = int(verdict["points"]) if verdict else 0
    speaker = Speaker(language(), selectors.words())
    return Example(
        key=template.key,
        group=template.group,
        name=name,
        code=str(body["code"]),
        sentence=in_words(body),
        sample=_said(sample, speaker),
        points=points,
        unit=speaker.counted(points, speaker.name("points")),
        verdict=str(verdict["text"]) if verdict else "",
    )


def sample_for(body: Any, now: datetime) -> dict[str, Any]:
    """A sample that suits a body at hand: with the first category and tier that it names."""
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            body = {}
    body = body if isinstance(body, dict) else {}
    named = list(_named(body.get("when")))
    return {
        "at": _time_for(body.get("schedule"), now).isoformat(timespec="minutes"),
        "lines": [
            {"category": _first(named, "line.category"), "unit_price": "100.00", "quantity": "1"},
        ],
        "channel": _first(named, "order.channel"),
        "store_id": _first(named, "order.store_id"),
        "tier": _first(named, "member.tier"),
        "member_tags": [value for fact, value in named if fact == "member.tags"],
    }


def _time_for(schedule: Any, now: datetime) -> datetime:
    """The first time from now on, within a year, at which the rule runs; now where there is none."""
    local = now.astimezone(current_brand().tz)
    try:
        compiled = compile_schedule(schedule, current_brand().tz)
    except (ValueError, TypeError, KeyError, AttributeError):
        return local
    if compiled is None:
        return local
    begin = max(local, compiled.starts_at.astimezone(local.tzinfo)) if compiled.starts_at else local
    for day in range(LOOK_AHEAD):
        noon = (begin + timedelta(days=day)).replace(hour=12, minute=0)
        hours = (noon.replace(hour=start // 60 % 24, minute=start % 60) for start, _end in compiled.hours)
        for at in (begin + timedelta(days=day), noon, *hours):
            if at >= begin and compiled.refuses(at, at) is None:
                return at
    return local


def _named(node: Any) -> list[tuple[str, str]]:
    if not isinstance(node, Mapping):
        return []
    if "fact" in node:
        value = node.get("value")
        first = value[0] if isinstance(value, list) and value else value
        return [(str(node["fact"]), first)] if isinstance(first, str) else []
    children = [child for kind in ("all", "any") for child in node.get(kind) or ()]
    return [found for child in children for found in _named(child)]


def _first(named: Sequence[tuple[str, str]], fact: str) -> str:
    return next((value for name, value in named if name == fact), "")


def _said(sample: Mapping[str, Any], speaker: Speaker) -> str:
    """What is bought in the sample: amount and category."""
    parts = [
        _("%(amount)s %(currency)s (category %(category)s)")
        % {
            "amount": plain(number(line["unit_price"])),
            "currency": speaker.unit,
            "category": line["category"],
        }
        for line in sample.get("lines") or ()
    ]
    return speaker.list(parts)
