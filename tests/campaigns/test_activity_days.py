"""Which days an activity may lie on, and that a check-in counts once on each."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from loyalty.lib import clock
from loyalty.outbox.models import OutboxEvent
from members.models import Activity, Member
from tenants.models import Brand
from tests.campaigns.test_grants import granting, grants
from tests.campaigns.test_moments import held
from tests.orders.shapes import set_policy
from tests.orders.test_activities import activity, fixed
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api

pytestmark = pytest.mark.django_db


def fault(answer: Any) -> tuple[str, str]:
    assert answer.status_code == 422, answer.content
    (error,) = answer.json()["errors"]
    return error["pointer"], error["code"]


@pytest.mark.parametrize(
    ("kind", "day", "code"),
    [
        # The clock stands at 2026-11-22, 10:00 in Shanghai.
        ("review", "2026-10-22T23:59:59+08:00", "too_late"),
        ("review", "2026-10-23T00:00:00+08:00", None),
        ("check-in", "2026-11-14T23:59:59+08:00", "too_late"),
        ("check-in", "2026-11-15T00:00:00+08:00", None),
        ("review", "1971-01-01T00:00:00Z", "too_late"),
    ],
)
def test_what_lies_too_far_back_is_refused(
    api: Api,
    publish: Callable[..., None],
    row_counts: Callable[[], Any],
    kind: str,
    day: str,
    code: str | None,
) -> None:
    publish(fixed("any", 5, f"activity.{kind}"))
    before = row_counts()
    answer = api.post("/activities", activity(type=kind, occurred_at=day))
    if code is None:
        assert (answer.status_code, answer.json()["points"]["accrued"]) == (201, 5)
        return
    assert fault(answer) == ("/occurred_at", code)
    assert row_counts() == before


def test_the_brand_says_how_late(api: Api, publish: Callable[..., None], acme: Brand) -> None:
    set_policy(acme, activity_late_days=0, check_in_late_days=1)
    yesterday = "2026-11-21T12:00:00+08:00"
    assert fault(api.post("/activities", activity(type="review", occurred_at=yesterday))) == (
        "/occurred_at",
        "too_late",
    )
    assert api.post("/activities", activity(occurred_at=yesterday)).status_code == 201


def test_what_was_done_before_the_member_was_enrolled_here_counts(
    api: Api, publish: Callable[..., None], in_acme: Brand
) -> None:
    Member.objects.filter(pk=ANNA).update(enrolled_at=datetime(2026, 11, 22, 1, tzinfo=UTC))
    publish(fixed("third", 50, when={"all": [{"fact": "activity.streak", "op": "eq", "value": 3}]}))
    given = [
        api.post("/activities", activity(f"A-{day}", occurred_at=f"2026-11-{day}T23:00:00+08:00")).json()[
            "points"
        ]["accrued"]
        for day in (19, 20, 21)
    ]
    assert given == [0, 0, 50]


def test_a_repeat_that_comes_late_is_a_repeat(api: Api, publish: Callable[..., None], now: datetime) -> None:
    publish(fixed("check-in", 5))
    first = api.post("/activities", activity()).json()
    with clock.frozen(now + timedelta(days=60)):
        again = api.post("/activities", activity())
    assert (again.status_code, again.json()["entries"]) == (200, first["entries"])


def test_caps_go_by_the_day_on_which_it_happened(api: Api, publish: Callable[..., None]) -> None:
    publish(fixed("bag", 5, "activity.reuse-bag", caps={"times": {"day": 1}}))
    days = ["20", "20", "21", "21", "22"]
    given = [
        api.post(
            "/activities",
            activity(f"A-{n}", type="reuse-bag", occurred_at=f"2026-11-{day}T12:00:00+08:00"),
        ).json()["points"]["accrued"]
        for n, day in enumerate(days)
    ]
    assert given == [5, 0, 5, 0, 5]


def test_a_check_in_counts_once_on_a_day(api: Api, publish: Callable[..., None], in_acme: Brand) -> None:
    publish(
        fixed("check-in", 5),
        fixed("third", 50, when={"all": [{"fact": "activity.streak", "op": "gte", "value": 2}]}),
        granting("draw", "draw", "wheel", "activity.check-in"),
    )
    said = []
    for number, at in enumerate(("00:00:01", "09:00:00", "10:30:00")):
        sent = activity(f"A-{number}", occurred_at=f"2026-11-22T{at}+08:00")
        answer = api.post("/activities", sent)
        assert answer.status_code == 201, answer.content
        said.append(answer.json())
    assert [each["points"]["accrued"] for each in said] == [5, 0, 0]
    assert {(e["reason"], e["path"], e["text"]) for each in said[1:] for e in each["explanation"]} == {
        ("cap", "/trigger", "it counted for this day already")
    }
    assert (said[2]["entries"], said[2]["account"]["available"]) == ([], 5)
    assert held(api, ANNA) == 5
    assert grants(api) == [("draw", "wheel", "active")]
    assert Activity.objects.count() == 3
    assert OutboxEvent.objects.filter(type="activity.recorded").count() == 3
    repeated = api.post("/activities", activity("A-2", occurred_at="2026-11-22T10:30:00+08:00"))
    assert (repeated.status_code, repeated.json()) == (200, said[2])
    next_day = activity("A-9", occurred_at="2026-11-21T23:59:59+08:00")
    assert api.post("/activities", next_day).json()["points"]["accrued"] == 5


def test_a_check_in_that_was_rejected_makes_way_for_another(api: Api, publish: Callable[..., None]) -> None:
    publish(fixed("check-in", 5))
    api.post("/activities", activity("A-1"))
    assert api.post("/activities/A-1/reject").status_code == 200
    assert api.post("/activities", activity("A-2")).json()["points"]["accrued"] == 5
    assert held(api, ANNA) == 5


def test_what_was_rejected_is_no_day_of_a_streak(api: Api, publish: Callable[..., None]) -> None:
    publish(fixed("second", 50, when={"all": [{"fact": "activity.streak", "op": "gte", "value": 2}]}))
    api.post("/activities", activity("A-1", occurred_at="2026-11-20T12:00:00+08:00"))
    api.post("/activities", activity("A-2", occurred_at="2026-11-21T12:00:00+08:00"))
    assert api.post("/activities/A-2/reject").status_code == 200
    assert api.post("/activities", activity("A-3")).json()["points"]["accrued"] == 0


def test_the_database_keeps_check_ins_of_one_day_apart(
    api: Api, publish: Callable[..., None], in_acme: Brand
) -> None:
    publish(fixed("check-in", 5))
    for sent in (activity("A-1"), activity("B-1", member={"external_id": "C-boris"}), activity("A-2")):
        assert api.post("/activities", sent).status_code == 201
    first = Activity.objects.get(activity_id="A-1")
    with pytest.raises(IntegrityError, match="activity_one_check_in_a_day"), transaction.atomic():
        Activity.objects.filter(activity_id="A-2").update(repeats=False)
    # Two who were one: the check-in of the one who stays goes on counting.
    assert api.post(f"/members/{BORIS}/merge", {"into": str(ANNA)}).status_code == 200
    kept = Activity.objects.filter(member=ANNA).values_list("activity_id", "repeats").order_by("activity_id")
    assert (list(kept), first.repeats) == ([("A-1", False), ("A-2", True), ("B-1", True)], False)
    assert api.post("/activities", activity("A-3")).json()["points"]["accrued"] == 0


def test_other_activities_count_as_often_as_they_happen(api: Api, publish: Callable[..., None]) -> None:
    publish(fixed("scan", 5, "activity.code-scan"))
    given = []
    for number in range(3):
        sent = activity(f"A-{number}", type="code-scan")
        given.append(api.post("/activities", sent).json()["points"]["accrued"])
    assert given == [5, 5, 5]
