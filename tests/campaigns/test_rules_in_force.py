"""The compiled set that orders are judged by: what is in it, when it is compiled anew, what it costs."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from campaigns import selectors, templates
from campaigns.errors import RuleNotFound
from campaigns.models import Rule, RuleVersion
from campaigns.services import rules, tierrules
from loyalty.lib.errors import Invalid
from loyalty.outbox.models import OutboxEvent
from points.tiers import Program
from tenants.context import in_brand
from tenants.models import Brand

pytestmark = pytest.mark.django_db
BASE: dict[str, Any] = {
    "code": "base",
    "name": {"en": "Base"},
    "trigger": "order.paid",
    "effect": {"type": "per_amount", "points": "1", "per": "1"},
}


def publish(now: datetime, **changes: Any) -> None:
    body = {**BASE, **changes}
    rules.create_draft(body=body, actor="test", now=now)
    rules.publish(code=body["code"], actor="test", now=now)


def running() -> dict[str, int]:
    return {rule.code: rule.version for rule in selectors.published_rules(tiers=()).rules}


def test_drafts_do_not_run_and_retired_rules_no_longer_do(in_acme: Brand, now: datetime) -> None:
    assert running() == {}
    rules.create_draft(body=BASE, actor="test", now=now)
    assert running() == {}
    rules.publish(code="base", actor="test", now=now)
    assert running() == {"base": 1}
    rules.update_draft(code="base", changes={"priority": 1}, now=now)
    assert running() == {"base": 1}
    rules.publish(code="base", actor="test", now=now)
    assert running() == {"base": 2}
    rules.retire(code="base", actor="test", now=now)
    assert running() == {}


def test_it_is_compiled_once_and_costs_one_query_or_none(
    in_acme: Brand, now: datetime, django_assert_num_queries: Any
) -> None:
    publish(now)
    first = selectors.published_rules(tiers=())
    with django_assert_num_queries(1):
        assert selectors.published_rules(tiers=()) is first
    known = selectors.revision()
    with django_assert_num_queries(0):
        assert selectors.published_rules(tiers=(), known=known) is first


def test_a_publication_and_a_policy_compile_it_anew(in_acme: Brand, now: datetime) -> None:
    publish(now)
    first = selectors.published_rules(tiers=())
    publish(now, code="other")
    second = selectors.published_rules(tiers=())
    assert second is not first
    assert selectors.published_rules(tiers=("silver",)) is not second


def test_a_publication_that_was_rolled_back_leaves_nothing_behind(in_acme: Brand, now: datetime) -> None:
    publish(now)
    with transaction.atomic():
        publish(now, code="other")
        assert running() == {"base": 1, "other": 1}
        transaction.set_rollback(True)
    assert running() == {"base": 1}
    publish(now, code="third")
    assert running() == {"base": 1, "third": 1}


def test_each_brand_has_its_own(globex: Brand, in_acme: Brand, now: datetime) -> None:
    publish(now)
    with in_brand(globex):
        assert running() == {}
        publish(now, code="theirs")
        assert running() == {"theirs": 1}
    assert running() == {"base": 1}


def test_recorded_versions_are_found_after_they_were_replaced(in_acme: Brand, now: datetime) -> None:
    publish(now)
    rules.update_draft(code="base", changes={"priority": 9}, now=now)
    rules.publish(code="base", actor="test", now=now)
    rules.retire(code="base", actor="test", now=now)
    found = selectors.recorded_rules([("base", 1)], tiers=())
    assert [(rule.code, rule.version, rule.priority) for rule in found.rules] == [("base", 1, 0)]


def test_a_preview_takes_the_draft_in_the_place_of_its_rule(in_acme: Brand, now: datetime) -> None:
    publish(now)
    publish(now, code="other")
    found = selectors.rules_with_draft("base", {**BASE, "priority": 4}, tiers=())
    assert {rule.code: rule.priority for rule in found.rules} == {"base": 4, "other": 0}
    assert running() == {"base": 1, "other": 1}


def test_publishing_checks_the_draft_again(in_acme: Brand, now: datetime) -> None:
    Rule.objects.create(
        code="old",
        draft={
            **BASE,
            "code": "old",
            "when": {"all": [{"fact": "member.tier", "op": "eq", "value": "gone"}]},
        },
        created_at=now,
        updated_at=now,
    )
    with pytest.raises(Invalid) as refused:
        rules.publish(code="old", actor="test", now=now)
    assert [(e.pointer, e.code) for e in refused.value.errors] == [("/when/all/0/value", "unknown_tier")]
    assert RuleVersion.objects.count() == 0
    assert running() == {}


def test_publishing_says_nothing_over_the_network_and_is_few_queries(in_acme: Brand, now: datetime) -> None:
    rules.create_draft(body=BASE, actor="test", now=now)
    with CaptureQueriesContext(connection) as queries:
        rules.publish(code="base", actor="test", now=now)
    assert len(queries) <= 12


def test_unknown_rules_are_not_found(in_acme: Brand, now: datetime) -> None:
    with pytest.raises(RuleNotFound):
        rules.publish(code="none", actor="test", now=now)


def test_templates_install_once(in_acme: Brand, now: datetime) -> None:
    templates.install("retail", now=now)
    assert running() == {"base": 1, "fresh": 1, "luxury": 1, "weekend": 1}
    before = (RuleVersion.objects.count(), OutboxEvent.objects.count())
    templates.install("retail", now=now)
    assert (RuleVersion.objects.count(), OutboxEvent.objects.count()) == before


def test_the_blank_template_has_no_rules(in_acme: Brand, now: datetime) -> None:
    templates.install("blank", now=now)
    assert Rule.objects.count() == 0


def program(**multipliers: str) -> Program:
    return Program.of(
        {
            "qualify_by": "points",
            "period": {"type": "rolling_months", "months": 12},
            "downgrade": "one_step",
            "grace_days": 0,
            "on_return": "at_once",
            "levels": [
                {"code": code, "name": {"en": code.title()}, "threshold": str(n), "multiplier": multiplier}
                for n, (code, multiplier) in enumerate(multipliers.items())
            ],
        }
    )


def sync(
    levels: Any, now: datetime, monkeypatch: pytest.MonkeyPatch, codes: tuple[str, ...]
) -> dict[str, int]:
    monkeypatch.setattr(selectors, "tier_codes", lambda: codes)
    tierrules.sync(levels=levels, actor="test", now=now)
    return running()


def test_tier_multipliers_are_rules(in_acme: Brand, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = ("silver", "gold", "diamond")
    first = program(silver="1", gold="1.2", diamond="1.5")
    assert sync(first.levels, now, monkeypatch, codes) == {"tier-diamond": 1, "tier-gold": 1}
    assert sync(first.levels, now, monkeypatch, codes) == {"tier-diamond": 1, "tier-gold": 1}
    richer = program(silver="1.1", gold="1.30", diamond="1")
    assert sync(richer.levels, now, monkeypatch, codes) == {"tier-gold": 2, "tier-silver": 1}
    assert sync(first.levels, now, monkeypatch, codes) == {"tier-diamond": 2, "tier-gold": 3}
    body = RuleVersion.objects.get(rule__code="tier-gold", version=3).body
    assert body["effect"] == {"type": "multiplier", "factor": "1.2"}
    assert body["when"] == {"all": [{"fact": "member.tier", "op": "eq", "value": "gold"}]}


def test_a_rule_of_an_operator_that_sounds_like_a_tiers_is_left_alone(
    in_acme: Brand, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(now, code="tier-party")
    assert sync(program(gold="1.2").levels, now, monkeypatch, ("gold",)) == {"tier-gold": 1, "tier-party": 1}


def test_a_tiers_multiplier_that_somebody_changed_is_put_right_or_ended(
    in_acme: Brand, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels, codes = program(gold="1.2").levels, ("gold",)
    assert sync(levels, now, monkeypatch, codes) == {"tier-gold": 1}
    for changes in ({"when": None}, {"schedule": {"starts_at": "2030-01-01T00:00:00+08:00"}}):
        rules.update_draft(code="tier-gold", changes=changes, now=now)
        before = running()["tier-gold"]
        assert sync(levels, now, monkeypatch, codes) == {"tier-gold": before}  # a draft changes nothing
        rules.publish(code="tier-gold", actor="op", now=now)
        assert sync(levels, now, monkeypatch, codes) == {"tier-gold": before + 2}
        body = RuleVersion.objects.get(rule__code="tier-gold", version=before + 2).body
        assert body == tierrules.body_of(levels[0])
    rules.update_draft(code="tier-gold", changes={"when": None}, now=now)
    rules.publish(code="tier-gold", actor="op", now=now)
    assert sync(program(gold="1").levels, now, monkeypatch, codes) == {}


def test_the_revision_never_repeats(in_acme: Brand, now: datetime) -> None:
    seen: set[UUID | None] = {selectors.revision()}
    for code in ("a", "b", "c"):
        publish(now, code=code)
        assert selectors.revision() not in seen
        seen.add(selectors.revision())
