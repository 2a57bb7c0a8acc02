"""Rules and their results in words, from the very data that runs. Pure; Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from campaigns.engine.caps import ONCE_A_DAY
from campaigns.engine.evaluation import Evaluation
from campaigns.engine.exact import number, plain
from campaigns.engine.frame import CAMPAIGN_BUDGET, CAMPAIGN_PAUSED, PROGRAMME_BUDGET
from campaigns.engine.sentences import (
    Body,
    cap_text,
    effect_text,
    member_parts,
    node_text,
    operator_parts,
    trigger_text,
)
from campaigns.engine.speaker import Speaker, Words
from campaigns.engine.types import RuleResult
from campaigns.engine.wording import LANGUAGES

__all__ = ["LANGUAGES", "Words", "explanation", "member_text", "result_text", "rule_name", "rule_text"]


def rule_name(body: Body, language: str) -> str:
    """The rule's name in the language, else in the other one, else its code."""
    return Speaker(language, Words()).of(body.get("name")) or str(body.get("code", ""))


def rule_text(body: Body, language: str, words: Words | None = None) -> str:
    """The whole rule in one sentence, for operators."""
    speaker = Speaker(language, words or Words())
    parts = [effect_text(speaker, body), *member_parts(speaker, body), *operator_parts(speaker, body)]
    return _sentence(speaker, body, parts)


def member_text(body: Body, language: str, words: Words | None = None) -> str:
    """What a member is told: how to earn, when, and up to what; nothing of priorities or cost."""
    speaker = Speaker(language, words or Words())
    return _sentence(speaker, body, [effect_text(speaker, body), *member_parts(speaker, body)])


def _sentence(speaker: Speaker, body: Body, parts: list[str]) -> str:
    said = speaker.say("separator").join(part for part in parts if part)
    trigger = trigger_text(speaker, str(body.get("trigger", "")))
    return f"{trigger}{speaker.say('colon')}{said}{speaker.say('stop')}"


def result_text(result: RuleResult, body: Body, language: str, words: Words | None = None) -> str:
    """How one rule came to its points, or why it gave none: ``33.30 × 2 points per CNY → 66``."""
    speaker = Speaker(language, words or Words())
    name = speaker.name(result.currency)
    if result.reason is not None:
        return _reason(speaker, result, body, name)
    effect = body["effect"]
    if result.effect == "grant":
        return effect_text(speaker, body)
    text = _result(speaker, result, effect, name)
    rated = result.effect != "fixed" and not effect.get("whole")
    if rated and result.floored * result.unit > result.exact_units:
        # Under `rounding: carry` earlier orders made the points full.
        text = speaker.say("result.carried", text=text, name=speaker.counted(1, name))
    capped = result.points < result.floored
    return speaker.say("result.capped", text=text, points=result.points) if capped else text


def explanation(
    evaluation: Evaluation,
    bodies: Mapping[str, Body],
    language: str,
    words: Words | None = None,
    said: dict[Any, dict[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """The evaluation rule by rule, those that gave first, as `POST /orders` answers it.

    `said` remembers what is said of rules that gave nothing, which is the same each time; it belongs to these
    bodies, this language and these words.
    """
    ordered = sorted(evaluation.results, key=lambda result: result.reason is not None)
    items = []
    for result in ordered:
        body = bodies.get(result.rule)
        if body is None:
            continue
        if said is None or result.reason is None:
            items.append(_item(result, body, language, words))
            continue
        key = (result.rule, result.receiver, result.reason, result.path, result.lines)
        item = said.get(key)
        if item is None:
            item = said[key] = _item(result, body, language, words)
        items.append(dict(item))
    return items


def _item(result: RuleResult, body: Body, language: str, words: Words | None) -> dict[str, Any]:
    item: dict[str, Any] = {
        "rule": result.rule,
        "version": result.version,
        "name": rule_name(body, language),
        "points": result.points,
        "text": result_text(result, body, language, words),
    }
    if result.receiver != "member":
        item["receiver"] = result.receiver
    if result.currency != "points":
        item["points_currency"] = result.currency
    if result.reason is not None:
        item["reason"] = result.reason
    if result.path:
        item["path"] = result.path
    if result.lines:
        item["lines"] = list(result.lines)
    if result.grant is not None and result.reason is None:
        item["grant"] = dict(result.grant)
    return item


def money(amount: Fraction) -> str:
    """Money with at least two digits after the point."""
    text = plain(amount)
    if "/" in text:
        return text
    whole, _, digits = text.partition(".")
    return f"{whole}.{digits:0<2}"


def _result(speaker: Speaker, result: RuleResult, effect: Body, name: str) -> str:
    values = {"name": name, "points": result.floored, "currency": speaker.unit}
    if result.effect == "per_amount":
        basis, per = money(result.basis), number(effect["per"])
        if effect.get("whole"):
            each = plain(number(effect["points"]))
            full = f"{plain(per)} {speaker.unit}"
            values["name"] = speaker.counted(each, name)
            text = speaker.say("result.whole", basis=basis, per=full, each=each, **values)
            whole = result.basis // per * number(effect["points"])
            return text if result.exact == whole else speaker.say("result.share", text=text)
        rate = plain(number(effect["points"]) / per)
        values["name"] = speaker.counted(rate, name)
        return speaker.say("result.per_amount", basis=basis, rate=rate, **values)
    if result.effect == "per_unit":
        each = plain(number(effect["points"]))
        values["name"] = speaker.counted(each, name)
        return speaker.say("result.per_unit", basis=plain(result.basis), each=each, **values)
    if result.effect == "multiplier":
        factor = plain(number(effect["factor"]))
        return speaker.say("result.multiplier", basis=plain(result.basis), factor=factor, **values)
    values["name"] = speaker.counted(result.floored, name)
    return speaker.say("result.fixed", **values)


def _reason(speaker: Speaker, result: RuleResult, body: Body, name: str) -> str:
    if result.reason == "condition":
        node = _node_at(body, result.path)
        if node is None:
            return speaker.say("reason.condition.lines")
        return speaker.say("reason.condition", condition=node_text(speaker, node))
    if result.path in (CAMPAIGN_BUDGET, PROGRAMME_BUDGET):
        return speaker.say(f"reason{result.path.replace('/', '.')}")
    if result.path == CAMPAIGN_PAUSED:
        return speaker.say("reason.campaign.paused")
    path = result.path or ""
    if result.reason == "cap" and path == ONCE_A_DAY:
        return speaker.say("reason.once_a_day")
    if result.reason == "cap" and path.startswith("/caps/once_per/"):
        return speaker.say(
            "reason.once_per_unsaid", fact=(body["caps"]["once_per"])[int(path.rpartition("/")[2])]
        )
    if result.reason == "cap":
        return speaker.say("reason.cap", cap=cap_text(speaker, body, result.path or "", name))
    return speaker.say(f"reason.{result.reason}", name=speaker.counted(1, name))


def _node_at(body: Any, path: str | None) -> Any:
    """The condition that a path points at; for ``any`` the group itself."""
    if not path or not path.startswith("/when"):
        return None
    node, parts = body, path.strip("/").split("/")
    for n, part in enumerate(parts):
        if isinstance(node, list):
            node = node[int(part)] if int(part) < len(node) else None
        elif isinstance(node, Mapping):
            following = node.get(part)
            if n == len(parts) - 1 and part in ("any", "none", "all"):
                return {part: following}
            node = following
    negated = len(parts) >= 2 and parts[-2] == "none"
    return {"none": [node]} if negated and node else node
