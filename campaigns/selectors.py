"""The published rules, compiled once per process and brand."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from campaigns import framing, seen
from campaigns.engine import BrandContext, ComplianceMatrix, RuleSet, compile_rules
from campaigns.engine.explain import Words
from campaigns.engine.frame import Frame
from campaigns.engine.rule import CompiledRule, bucket
from campaigns.models import Rule, RulesInForce, RuleVersion, Segment
from campaigns.schema import CheckContext, Named
from loyalty.lib.compliance import WECHAT_SHARE_TAG
from loyalty.lib.errors import FieldError
from points.services import tiers as tier_services
from tenants.context import current_brand

BRANDS_KEPT: Final = 256


@dataclass(frozen=True, slots=True)
class _Compiled:
    revision: UUID | None
    context: BrandContext
    rules: RuleSet


_compiled: OrderedDict[str, _Compiled] = OrderedDict()
_lock = threading.Lock()


def revision() -> UUID | None:
    """The revision of the rules in force: one cheap query. It never repeats, not even after a rollback."""
    return RulesInForce.objects.filter(pk=1).values_list("revision", flat=True).first()


def brand_context(tiers: Sequence[str]) -> BrandContext:
    """The current brand's policies as the engine takes them; ``tiers`` from the lowest to the highest."""
    brand = current_brand()
    return BrandContext(
        timezone=brand.tz,
        tiers=tuple(tiers),
        compliance=ComplianceMatrix.of(brand.setting("compliance"), brand.setting("compliance_unlocked")),
        rounding=brand.setting("rounding"),
    )


def published_rules(*, tiers: Sequence[str], known: UUID | None = None) -> RuleSet:
    """The current brand's published rules.

    ``known`` is the revision if the caller has just read it with other facts; without it one query
    reads it. The rules themselves are read and compiled only when they or the brand's policies changed.
    """
    seen = known or revision()
    context = brand_context(tiers)
    schema = current_brand().schema_name
    held = _compiled.get(schema)
    if held is not None and held.revision == seen and held.context == context:
        return held.rules
    with _lock:
        held = _compiled.get(schema)
        if held is not None and held.revision == seen and held.context == context:
            return held.rules
        bodies = published_bodies()
        rules = compile_rules(bodies, context, framing.frames(bodies, context.timezone))
        _compiled[schema] = _Compiled(seen, context, rules)
        _compiled.move_to_end(schema)
        while len(_compiled) > BRANDS_KEPT:
            _compiled.popitem(last=False)
    return rules


def published_bodies() -> list[tuple[dict[str, Any], int]]:
    """Body and version of every rule that runs."""
    return list(
        RuleVersion.objects.filter(rule__status=Rule.Status.PUBLISHED, version=F("rule__current_version"))
        .order_by("rule__code")
        .values_list("body", "version")
    )


def recorded_rules(
    versions: Sequence[tuple[str, int]], *, tiers: Sequence[str], frames: Mapping[str, Frame] | None = None
) -> RuleSet:
    """The named (code, version) pairs, compiled: what judges a return (`RuleSet.reevaluate`).

    `frames` are those that the recorded order stood in (`framing.recorded`), or a corrected one stands in.
    """
    wanted = set(versions)
    rows = RuleVersion.objects.filter(
        rule__code__in={code for code, _ in wanted}, version__in={version for _, version in wanted}
    ).values_list("rule__code", "version", "body")
    bodies = [(body, version) for code, version, body in rows if (code, version) in wanted]
    return compile_rules(bodies, brand_context(tiers), frames)


def rules_with_draft(code: str, draft: dict[str, Any], *, tiers: Sequence[str]) -> RuleSet:
    """The published rules with one draft in the place of its rule's version: for previews.

    A draft is judged by the time of the campaign that it belongs to, as if that were scheduled.
    """
    published = [(body, version) for body, version in published_bodies() if body["code"] != code]
    bodies, context = [*published, (draft, 0)], brand_context(tiers)
    return compile_rules(bodies, context, framing.frames(bodies, context.timezone, drafts={code}))


def tier_codes() -> tuple[str, ...]:
    """The brand's tiers from the lowest to the highest; empty where it has no tier programme."""
    program = tier_services.program()
    return program.codes if program else ()


def words() -> Words:
    """What the current brand calls its money, points and tiers, for sentences about its rules."""
    brand = current_brand()
    return Words(
        currency=brand.currency,
        points_name=brand.points_name,
        timezone=brand.tz,
        tiers=tier_names(),
        wechat_rewards=shares_on_wechat_earn(),
    )


def shares_on_wechat_earn() -> bool:
    """Whether the brand's compliance matrix lets sharing and inviting in WeChat channels be rewarded."""
    return brand_context(()).compliance.blocked([WECHAT_SHARE_TAG], "bonus") is None


def tier_names() -> dict[str, Mapping[str, str]]:
    """What the brand calls its tiers, by code and language."""
    program = tier_services.program()
    return {level.code: level.name for level in program.levels} if program else {}


def check_context(now: datetime) -> CheckContext:
    """What a check of a rule needs to know of the current brand."""
    brand = current_brand()
    currencies = brand.setting("points_currencies")
    return CheckContext(
        timezone=brand.tz,
        today=now.astimezone(brand.tz).date(),
        tiers=tier_codes(),
        currencies=None if currencies is None else frozenset({"points", *currencies}),
        currency=brand.currency,
        expiry=brand.setting("expiry"),
    )


def working_body(rule: Rule) -> dict[str, Any]:
    """What an editor goes on from: the draft, else the version that runs or ran last."""
    if rule.draft is not None:
        return dict(rule.draft)
    body = rule.versions.filter(version=rule.current_version or 0).values_list("body", flat=True).first()
    return dict(body or {})


def warnings(named: Sequence[Named]) -> tuple[FieldError, ...]:
    """The categories, SKUs and stores among ``named`` that no order ever had, and the segments that there are
    not; at most three queries for each kind, and none for a rule that names nothing."""
    unseen: list[FieldError] = []
    for kind in ("category", "sku", "store"):
        wanted = {each.value for each in named if each.kind == kind}
        missing = wanted - seen.known(kind, wanted) if wanted else set()
        detail = _("No order so far has “%(value)s”.")
        unseen += [
            FieldError(each.pointer, f"{kind}_never_seen", detail % {"value": each.value})
            for each in named
            if each.kind == kind and each.value in missing
        ]
    return (*unseen, *_no_segments([each for each in named if each.kind == "segment"]))


def _no_segments(named: Sequence[Named]) -> list[FieldError]:
    if not named:
        return []
    wanted = {each.value for each in named}
    known = set(Segment.objects.filter(code__in=wanted, archived=False).values_list("code", flat=True))
    detail = _("There is no segment “%(value)s”: nobody is in it.")
    return [
        FieldError(each.pointer, "segment_unknown", detail % {"value": each.value})
        for each in named
        if each.value not in known
    ]


def open_rules(member_id: UUID, at: datetime) -> list[CompiledRule]:
    """The published rules that have not ended by `at` and whose rollout has this member in it, by code."""
    return [
        rule
        for rule in published_rules(tiers=tier_codes()).rules
        if not (rule.schedule and rule.schedule.ends_at is not None and rule.schedule.ends_at <= at)
        and not (rule.rollout is not None and bucket(rule.code, str(member_id)) >= rule.rollout)
        and not (rule.frame is not None and rule.frame.over(at, str(member_id)))
    ]
