"""What a rule may not say, and what it cannot do to an order: words, caps, rates, triggers."""

from collections.abc import Callable
from typing import Any

import pytest

from campaigns.models import Rule
from tests.campaigns.test_grants import granting, grants
from tests.campaigns.test_moments import held
from tests.orders.shapes import BASE, line, order
from tests.orders.test_activities import activity, fixed
from tests.support.brands import ANNA
from tests.support.client import Api

pytestmark = pytest.mark.django_db
BANNED = "替代母乳 双倍"


def faults(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.content
    return [(each["pointer"], each["code"]) for each in answer.json()["errors"]]


def rated(**effect: str) -> dict[str, Any]:
    return BASE | {"effect": {"type": "per_amount", "points": "1", "per": "1"} | effect}


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"name": {"zh-hans": BANNED, "en": "Double"}}, "/name/zh-hans", "forbidden_phrase"),
        ({"name": {"en": "替 代 母 乳"}}, "/name/en", "forbidden_phrase"),
        ({"name": BANNED}, "/name", "forbidden_phrase"),
        ({"description": f"x {BANNED}"}, "/description", "forbidden_phrase"),
        ({"name": {"en": "  "}}, "/name/en", "blank"),
        ({"name": "\u3000 "}, "/name", "blank"),
        ({"name": {"en": ""}}, "/name/en", "blank"),
        ({"trigger": "activity.code_scan"}, "/trigger", "unknown_trigger"),
        ({"trigger": "activity.9x"}, "/trigger", "unknown_trigger"),
        ({"trigger": "activity." + "x" * 45}, "/trigger", "unknown_trigger"),
    ],
)
def test_a_rule_that_is_refused(
    api: Api, row_counts: Callable[[], Any], changes: dict[str, Any], pointer: str, code: str
) -> None:
    good = fixed("bag", 5, "activity.reuse-bag")
    before = row_counts()
    assert faults(api.post("/earning-rules", good | changes)) == [(pointer, code)]
    assert row_counts() == before
    assert api.post("/earning-rules", good).status_code == 201
    assert faults(api.patch("/earning-rules/bag", changes)) == [(pointer, code)]
    assert api.get("/earning-rules/bag").json()["name"] == {"en": "bag"}


def test_a_draft_with_a_phrase_that_was_banned_since_is_not_published(
    api: Api, publish: Callable[..., None], in_acme: Any
) -> None:
    assert api.post("/earning-rules", fixed("bag", 5)).status_code == 201
    row = Rule.objects.get(code="bag")
    row.draft = row.draft | {"name": {"zh-hans": BANNED}}
    row.save()
    assert faults(api.post("/earning-rules/bag/publish")) == [("/name/zh-hans", "forbidden_phrase")]
    row.refresh_from_db()
    assert (row.status, row.current_version) == ("draft", None)


@pytest.mark.parametrize(
    ("caps", "pointer"),
    [
        ({"total": 1}, "/caps/total"),
        ({"per_order": 1}, "/caps/per_order"),
        ({"per_member": {"day": 1}}, "/caps/per_member/day"),
        ({"per_member": {"lifetime": 1}, "times": {"day": 1}}, "/caps/per_member/lifetime"),
    ],
)
def test_caps_of_points_on_a_grant(
    api: Api, row_counts: Callable[[], Any], caps: dict[str, Any], pointer: str
) -> None:
    before = row_counts()
    answer = api.post("/earning-rules", granting("milk", "coupon", "MILK5", caps=caps))
    assert faults(answer) == [(pointer, "not_for_grants")]
    assert row_counts() == before


def test_the_caps_that_a_grant_has_hold(api: Api, publish: Callable[..., None]) -> None:
    publish(granting("milk", "coupon", "MILK5", caps={"times": {"day": 1}, "total": None}))
    for number in range(3):
        api.post("/orders", order(f"O-{number}"))
    assert len(grants(api)) == 1


@pytest.mark.parametrize(
    ("effect", "pointer", "code"),
    [
        ({"points": "1000000000", "per": "0.000001"}, "/effect/points", "max_value"),
        ({"points": "1000001"}, "/effect/points", "max_value"),
        ({"per": "0.000001"}, "/effect/per", "min_value"),
        ({"points": "1000000", "per": "0.5"}, "/effect/points", "max_value"),
        ({"per": "1000000001"}, "/effect/per", "max_value"),
    ],
)
def test_a_rate_beyond_measure(
    api: Api, row_counts: Callable[[], Any], effect: dict[str, str], pointer: str, code: str
) -> None:
    before = row_counts()
    assert faults(api.post("/earning-rules", rated(**effect))) == [(pointer, code)]
    assert row_counts() == before


@pytest.mark.parametrize("caps", [{}, {"per_member": {"day": 999_999_999}}])
def test_no_order_is_refused_for_what_a_rule_gives(
    api: Api, publish: Callable[..., None], caps: dict[str, Any]
) -> None:
    most = caps["per_member"]["day"] if caps else 10**12
    publish(rated(points="1000000") | {"caps": caps})
    answer = api.post("/orders", order("O-1", lines=[line("1000000000.00", "2")]))
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert body["points"]["accrued"] == most
    assert str(most) in body["explanation"][0]["text"]
    back = {"return_id": "R-1", "lines": [{"line_id": "1", "quantity": "1"}]}
    assert api.post("/orders/O-1/returns", back).status_code == 201
    assert held(api, ANNA) == most
    assert api.post("/orders/O-1/cancel").status_code == 200
    assert held(api, ANNA) == 0


def test_a_draft_does_not_make_a_type_known(
    api: Api, publish: Callable[..., None], row_counts: Callable[[], Any]
) -> None:
    made = api.post("/earning-rules", fixed("typo", 5, "activity.reveiw"))
    assert made.status_code == 201
    assert [(w["pointer"], w["code"]) for w in made.json()["warnings"]] == [
        ("/trigger", "type_not_registered")
    ]
    before = row_counts()
    assert faults(api.post("/activities", activity(type="reveiw"))) == [("/type", "unknown_type")]
    assert row_counts() == before
    api.post("/earning-rules/typo/publish")
    assert api.post("/activities", activity(type="reveiw")).status_code == 201
    api.post("/earning-rules/typo/retire")
    assert faults(api.post("/activities", activity("A-2", type="reveiw"))) == [("/type", "unknown_type")]


def test_a_rule_on_a_type_that_is_switched_off_is_odd(api: Api) -> None:
    api.put("/activity-types/tasting", {"name": {"en": "Tasting"}, "enabled": False})
    made = api.post("/earning-rules", fixed("taste", 5, "activity.tasting"))
    assert [(w["pointer"], w["code"]) for w in made.json()["warnings"]] == [("/trigger", "type_disabled")]
    assert api.post("/earning-rules", fixed("review", 5, "activity.review")).json()["warnings"] == []


def test_once_per_something_that_is_not_said_gives_nothing(api: Api, publish: Callable[..., None]) -> None:
    publish(
        fixed("review", 20, "activity.review", caps={"once_per": ["activity.sku", "activity.order_id"]}),
        fixed("any", 1, "activity.review"),
    )
    given = []
    for number, said in enumerate(
        [{"sku": "A"}, {}, {"sku": "A", "order_id": "O"}, {"sku": "B", "order_id": "O"}]
    ):
        answer = api.post("/activities", activity(f"A-{number}", type="review", attributes=said)).json()
        mine = next(each for each in answer["explanation"] if each["rule"] == "review")
        given.append((answer["points"]["accrued"], mine.get("reason"), mine.get("path")))
        if not mine["points"]:
            assert "activity." in mine["text"]
    assert given == [
        (1, "cap", "/caps/once_per/1"),
        (1, "cap", "/caps/once_per/0"),
        (21, None, None),
        (21, None, None),
    ]


def test_a_preview_by_a_retired_rule_says_so(api: Api, publish: Callable[..., None]) -> None:
    publish(BASE)
    assert "notice" not in api.post("/orders/preview?rule=base", order()).json()
    api.post("/earning-rules/base/retire")
    told = api.post("/orders/preview?rule=base", order()).json()
    assert (told["points"]["accrued"], told["notice"]) == (39, "rule_retired")
