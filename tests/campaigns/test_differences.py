"""What differs between two versions of a rule, in words."""

from typing import Any

import pytest

from campaigns.engine.differences import Difference, differences
from campaigns.engine.wording import FIELDS
from tests.campaigns.table import cases

RULE: dict[str, Any] = {
    "code": "fresh",
    "name": {"zh-hans": "生鲜", "en": "Fresh"},
    "trigger": "order.paid",
    "when": {"all": [{"fact": "line.category", "op": "in", "value": ["fresh"]}]},
    "effect": {"type": "multiplier", "factor": "2"},
}


@pytest.mark.parametrize(
    ("change", "english", "chinese"),
    [
        (
            {"effect": {"type": "multiplier", "factor": "3"}},
            ("effect", "effect", "2× the base points", "3× the base points"),
            ("effect", "奖励", "基础积分 2 倍", "基础积分 3 倍"),
        ),
        (
            {"when": {"all": [{"fact": "line.category", "op": "in", "value": ["fresh", "fruit"]}]}},
            ("when", "conditions", "the category is fresh", "the category is one of fresh, fruit"),
            ("when", "条件", "品类为 fresh", "品类为 fresh、fruit 之一"),
        ),
        (
            {"caps": {"per_member": {"day": 100}}},
            ("caps", "caps", "", "at most 100 points per member a day"),
            ("caps", "上限", "", "每人每天最多 100 积分"),
        ),
        (
            {"schedule": {"rrule": "FREQ=WEEKLY;BYDAY=SA,SU"}},
            ("schedule", "schedule", "", "every Saturday, Sunday"),
            ("schedule", "活动时间", "", "每周六、日"),
        ),
    ],
)
def test_one_part_that_changed_is_the_only_difference(
    change: dict[str, Any], english: tuple[str, ...], chinese: tuple[str, ...]
) -> None:
    after = {**RULE, **change}
    assert differences(RULE, after, "en") == [Difference(*english)]
    assert differences(RULE, after, "zh-hans") == [Difference(*chinese)]


def test_numbers_written_as_text_are_no_difference() -> None:
    assert (
        differences(RULE, {**RULE, "effect": {"type": "multiplier", "factor": 2}, "priority": "0"}, "en")
        == []
    )


def test_every_part_has_its_words_and_every_rule_of_the_tables_can_be_compared() -> None:
    bodies = [body for _name, case in cases() for body in case["bodies"]]
    assert len(bodies) > 100
    for body in bodies:
        assert differences(body, body, "en") == []
        for language in ("en", "zh-hans"):
            for found in differences(RULE, body, language):
                assert found.part in FIELDS
