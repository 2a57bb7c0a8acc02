"""Rules and results in words: exact sentences, and never a failure."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from campaigns.engine import explain
from campaigns.engine.wording import FACTS, LANGUAGES, OPERATORS, PHRASES, TRIGGERS, UNITS, WEEKDAYS, WINDOWS
from campaigns.templates import TEMPLATES
from tests.campaigns import table
from tests.campaigns.engine.test_naive import rules
from tests.campaigns.engine.test_table import evaluated
from tests.campaigns.test_schema import GOOD

WORDS = explain.Words(
    points_name={"zh-hans": "积分", "en": "points"},
    timezone=ZoneInfo("Asia/Shanghai"),
    tiers={"gold": {"zh-hans": "金卡", "en": "Gold"}},
)
CASES = dict(table.cases())


def texts(name: str, language: str) -> dict[str, str]:
    case = CASES[name]
    bodies = {body["code"]: body for body in case["bodies"]}
    return {
        item["rule"]: item["text"] for item in explain.explanation(evaluated(case), bodies, language, WORDS)
    }


def test_a_rule_in_full_for_operators() -> None:
    assert explain.rule_text(GOOD, "en", WORDS) == (
        "When an order is paid: 2× the base points, on the lines that match; if the category is fresh and "
        "the member's tier is at least Gold and the channel is one of store, miniprogram and the member's "
        "tags include new-parent and not (the member's tags include staff); from 2026-11-01 00:00; every "
        "Saturday, Sunday; between 18:30–21:30; at most 500 points per order; at most 1000 points per "
        "member a day; at most 5000 points per member a month; once per member in all; 1000000 points in "
        "all, while they last; usable after 7 days; valid for 12 months; only the best rule of the group "
        "“promo” counts; "
        "priority 10; paid by hq."
    )
    assert explain.rule_text(GOOD, "zh-hans", WORDS) == (
        "下单付款时：基础积分 2 倍，限满足条件的商品；条件：品类为 fresh，且会员等级不低于金卡，"
        "且渠道为 store、miniprogram 之一，且会员标签包含 new-parent，且不满足（会员标签包含 staff）；"
        "自 2026-11-01 00:00 起；每周六、日；每天 18:30–21:30；每单最多 500 积分；每人每天最多 1000 积分；"
        "每人每月最多 5000 积分；每人累计限 1 次；总量 1000000 积分，发完为止；7 天后可用；有效期 12 个月；"
        "与“promo”组内其他规则取最高，不叠加；优先级 10；成本归属 hq。"
    )


def test_members_are_not_told_of_priorities_and_cost() -> None:
    told = explain.member_text(GOOD, "en", WORDS)
    assert told.endswith("usable after 7 days; valid for 12 months.")
    assert "priority" not in told
    assert "hq" not in told


def test_the_results_of_the_example() -> None:
    assert texts("effects: the example of rules.md", "en") == {
        "default": "10.00 × 1 point per CNY → 10",
        "fresh": "33.30 × 2 points per CNY → 66",
        "luxury": "199.99 × 5 points per CNY → 999",
        "tier": "1076.55 base points × (1.2 − 1) → 215",
        "weekend": "1076.55 base points × (1.5 − 1) → 538",
    }
    assert texts("effects: the example of rules.md", "zh-hans")["fresh"] == "33.30 × 每元 2 积分 → 66"


@pytest.mark.parametrize(
    ("case", "rule", "text"),
    [
        ("effects: the example on a Friday", "weekend", "outside its time"),
        ("effects: the example for silver", "tier", "condition not met: the member's tier is Gold"),
        ("effects: less than a point is rounding", "half", "less than one point"),
        (
            "effects: a rate that loses on every line gives way to stacking",
            "default",
            "a better rule of the same group counted",
        ),
        ("effects: ten for each full hundred", "per-hundred", "249.99, 10 points for each full 100 CNY → 20"),
        (
            "effects: points for each unit, categories match their sub-categories",
            "per-piece",
            "3.5 units × 3 points → 10",
        ),
        ("effects: fixed points once, never multiplied", "welcome", "100 points"),
        ("effects: a grant is returned as data", "coupon", "grants the coupon “MILK5” × 2"),
        ("compliance: infant formula does not exist", "baby", "the law keeps this article out"),
        (
            "caps: nothing left",
            "per-day",
            "cap reached: at most 1000 points per member a day",
        ),
        ("caps: cut per order", "per-order", "900.00 × 1 point per CNY → 900, capped at 500"),
        (
            "conditions: the none names what held",
            "nested",
            "condition not met: not (the member's tags include staff)",
        ),
        (
            "conditions: no branch of the any",
            "nested",
            "condition not met: (the member's tags include new-parent or the member's region is 440100)",
        ),
        (
            "windows: a small order does not count",
            "three-this-month",
            "condition not met: the number of orders this month (each of at least 20 CNY) is 3",
        ),
        ("conditions: outside the segment", "segment", "not for this member"),
    ],
)
def test_why(case: str, rule: str, text: str) -> None:
    assert texts(case, "en")[rule] == text


@pytest.mark.parametrize(
    ("rrule", "english", "chinese"),
    [
        ("FREQ=WEEKLY;BYDAY=SA,SU", "every Saturday, Sunday", "每周六、日"),
        ("FREQ=MONTHLY;BYMONTHDAY=8,18", "on day 8, 18 of each month", "每月 8、18 日"),
        ("FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=11", "on day 11 of November, each year", "每年 11 月 11 日"),
        ("FREQ=DAILY", "every day", "每天"),
        ("FREQ=WEEKLY;INTERVAL=2", "every 2 weeks", "每 2 周"),
        ("FREQ=MONTHLY;BYDAY=2FR", "on the second Friday of each month", "每月第 2 个周五"),
        ("FREQ=MONTHLY;BYDAY=3SA", "on the third Saturday of each month", "每月第 3 个周六"),
        ("FREQ=MONTHLY;BYDAY=-1FR", "on the last Friday of each month", "每月最后一个周五"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "on the last day of each month", "每月最后一天"),
        (
            "FREQ=MONTHLY;BYMONTHDAY=20,-2",
            "on day 20, on the second last day of each month",
            "每月 20 日、倒数第 2 天",
        ),
        (
            "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
            "on the fourth Thursday of November, each year",
            "每年 11 月第 4 个周四",
        ),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SA", "every 2 weeks, on Saturday", "每 2 周，周六"),
        ("FREQ=WEEKLY;BYDAY=SA;BYMONTH=11,12", "every Saturday, in November, December", "11、12 月，每周六"),
        ("FREQ=DAILY;COUNT=3", "every day, 3 times", "每天，共 3 次"),
        ("FREQ=DAILY;UNTIL=20261231", "every day, until 2026-12-31", "每天，至 2026-12-31 止"),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1",
            "on Monday, on Tuesday of each month (only day 1 of these, from the end)",
            "每月周一、周二（仅取其中倒数第 1 天）",
        ),
        (
            "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
            "on day 13 if that is on Friday of each month",
            "每月 13 日且为周五",
        ),
        ("FREQ=YEARLY;BYWEEKNO=20", "in week 20", "每年第 20 周"),
    ],
)
def test_days_in_words(rrule: str, english: str, chinese: str) -> None:
    body = {"trigger": "order.paid", "effect": {"type": "fixed", "points": 1}, "schedule": {"rrule": rrule}}
    assert explain.rule_text(body, "en") == f"When an order is paid: 1 point once; {english}."
    assert explain.rule_text(body, "zh-hans") == f"下单付款时：得 1 积分；{chinese}。"


@pytest.mark.parametrize(
    ("effect", "english", "chinese"),
    [
        ({"type": "per_amount", "points": "10", "per": "100"},
         "10 points for each 100 CNY spent, in proportion", "每消费 100 元得 10 积分（按比例）"),
        ({"type": "per_amount", "points": "10", "per": "100", "whole": True},
         "10 points for each full 100 CNY of the sum", "每满 100 元得 10 积分（不满不计）"),
        ({"type": "per_amount", "points": "1", "per": "1"}, "1 point per CNY", "每消费 1 元得 1 积分"),
        ({"type": "per_amount", "points": "0.5", "per": "1"}, "0.5 points per CNY", "每消费 1 元得 0.5 积分"),
        ({"type": "per_unit", "points": "1"}, "1 point for each unit", "每件得 1 积分"),
    ],
)  # fmt: skip
def test_rates_in_words(effect: dict[str, Any], english: str, chinese: str) -> None:
    body = {"trigger": "order.paid", "effect": effect}
    assert explain.rule_text(body, "en") == f"When an order is paid: {english}."
    assert explain.rule_text(body, "zh-hans") == f"下单付款时：{chinese}。"


def test_one_of_a_brand_s_own_points() -> None:
    body = {"trigger": "order.paid", "effect": {"type": "fixed", "points": 1}, "caps": {"per_order": 1}}
    stars = explain.Words(points_name={"en": "Stars"})
    assert (
        explain.rule_text(body, "en", stars)
        == "When an order is paid: 1 Star once; at most 1 Star per order."
    )


@pytest.mark.parametrize(
    ("name", "one"),
    [
        ("beans", "bean"), ("Miles", "Mile"), ("berries", "berry"), ("Cookies", "Cookie"),
        ("peaches", "peach"), ("boxes", "box"), ("Bonus", "Bonus"), ("Plus", "Plus"), ("gold", "gold"),
    ],
)  # fmt: skip
def test_one_of_any_points_is_told_in_the_singular(name: str, one: str) -> None:
    words = explain.Words(points_name={"zh-hans": "鲜豆", "en": name}, currency="USD")
    body = {"trigger": "order.paid", "effect": {"type": "per_amount", "points": "1", "per": "1"}}
    assert explain.rule_text(body, "en", words) == f"When an order is paid: 1 {one} per USD."
    assert explain.rule_text(body, "zh-hans", words) == "下单付款时：每消费 1 美元得 1 鲜豆。"
    many = {"trigger": "order.paid", "effect": {"type": "per_amount", "points": "2", "per": "1"}}
    assert explain.rule_text(many, "en", words) == f"When an order is paid: 2 {name} per USD."


def test_every_word_exists_in_both_languages() -> None:
    for words in (FACTS, OPERATORS, PHRASES, TRIGGERS, UNITS, WEEKDAYS, WINDOWS):
        for key, pair in words.items():
            assert len(pair) == len(LANGUAGES), key
            assert all(text.strip() for text in pair), key


def test_a_name_falls_back_to_the_other_language_then_to_the_code() -> None:
    assert explain.rule_name({"code": "a", "name": {"zh-hans": "生鲜"}}, "en") == "生鲜"
    assert explain.rule_name({"code": "a", "name": "Fresh"}, "zh-hans") == "Fresh"
    assert explain.rule_name({"code": "a"}, "en") == "a"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_case_of_the_table_has_words(language: str) -> None:
    for case in CASES.values():
        bodies = {body["code"]: body for body in case["bodies"]}
        for body in bodies.values():
            assert explain.rule_text(body, language, WORDS)
            assert explain.member_text(body, language, WORDS)
        items = explain.explanation(evaluated(case), bodies, language, WORDS)
        assert all(item["text"] and "{" not in item["text"] for item in items)


@pytest.mark.parametrize("body", [rule for found in TEMPLATES.values() for rule in found])
def test_templates_have_words(body: dict[str, Any]) -> None:
    for language in LANGUAGES:
        assert explain.rule_text(body, language, WORDS)


@settings(max_examples=60, deadline=None)
@given(rules(["points", "stars"]))
def test_any_rule_has_words(bodies: list[dict[str, Any]]) -> None:
    for body in bodies:
        for language in LANGUAGES:
            assert "None" not in explain.rule_text(body, language, WORDS)
