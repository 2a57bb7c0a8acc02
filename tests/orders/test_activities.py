"""`POST /activities`: recorded once, judged by the rules on their type."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from campaigns.services import activities as service
from loyalty.lib import clock
from loyalty.outbox.models import OutboxEvent
from members.models import Activity
from partners.api.activities import ACTIVITY
from tenants.models import Brand
from tests.support.brands import ANNA
from tests.support.client import Api

pytestmark = pytest.mark.django_db


def activity(activity_id: str = "A-1", **changes: Any) -> dict[str, Any]:
    body = {
        "activity_id": activity_id,
        "member": {"external_id": "C-anna"},
        "type": "check-in",
        "occurred_at": "2026-11-22T09:15:00+08:00",
        "attributes": {},
    }
    return {name: value for name, value in (body | changes).items() if value is not ...}


def fixed(code: str, gives: int, trigger: str = "activity.check-in", **more: Any) -> dict[str, Any]:
    return {
        "code": code,
        "name": {"en": code},
        "trigger": trigger,
        "effect": {"type": "fixed", "points": gives},
        **more,
    }


def test_it_earns_once(api: Api, publish: Callable[..., None], in_acme: Brand) -> None:
    publish(fixed("check-in", 5, caps={"times": {"day": 1}}))
    first = api.post("/activities", activity())
    assert first.status_code == 201, first.content
    body = first.json()
    assert (body["member_id"], body["points"]) == (str(ANNA), {"accrued": 5, "pending": 0, "debt_repaid": 0})
    assert [(e["rule"], e["points"], e["version"]) for e in body["entries"]] == [("check-in", 5, 1)]
    assert body["account"]["available"] == 5
    entry = api.get(f"/entries/{body['entries'][0]['entry_id']}").json()
    assert (entry["points"], entry["reference"]) == (5, "A-1")
    again = api.post("/activities", activity(member={"member_id": str(ANNA)}))
    assert (again.status_code, again.json()) == (200, body)
    second = api.post("/activities", activity("A-2")).json()
    assert (second["points"]["accrued"], second["explanation"][0]["reason"]) == (0, "cap")
    assert OutboxEvent.objects.filter(type="activity.recorded").count() == 2


def test_a_streak_counts_local_days(api: Api, publish: Callable[..., None], now: datetime) -> None:
    publish(
        fixed("check-in", 1),
        fixed("week", 50, when={"all": [{"fact": "activity.streak_day", "op": "eq", "value": 7}]}),
        fixed("third", 10, when={"all": [{"fact": "activity.streak", "op": "eq", "value": 3}]}),
    )
    days = [12, 13, 14, 16, 17, 18, 19, 20, 21, 22]
    given = []
    for day in days:
        sent = activity(f"A-{day}", occurred_at=f"2026-11-{day}T00:30:00+08:00")
        with clock.frozen(now - timedelta(days=22 - day)):
            given.append(api.post("/activities", sent).json()["points"]["accrued"])
    assert given == [1, 1, 11, 1, 1, 11, 1, 1, 1, 51]


def test_it_waits_for_approval(api: Api, publish: Callable[..., None]) -> None:
    publish(fixed("review", 200, "activity.review", points={"pending": {"until": "activity.approved"}}))
    body = api.post("/activities", activity(type="review")).json()
    assert (body["points"]["pending"], body["entries"][0]["waits_for"]) == (200, "activity.approved")
    assert (body["account"]["available"], body["account"]["pending"]) == (0, 200)


def test_it_never_enrols(api: Api, row_counts: Callable[[], Any]) -> None:
    before = row_counts()
    answer = api.post("/activities", activity(member={"external_id": "nobody"}))
    assert (answer.status_code, answer.json()["code"]) == (404, "member_not_found")
    assert row_counts() == before


@pytest.mark.parametrize(
    "other",
    [
        activity(type="review"),
        activity(occurred_at="2026-11-22T09:16:00+08:00"),
        activity(attributes={"a": 1}),
        activity(member={"external_id": "C-boris"}),
    ],
)
def test_other_content_is_a_conflict(api: Api, row_counts: Callable[[], Any], other: dict[str, Any]) -> None:
    api.post("/activities", activity())
    api.post("/activities", activity("B-1", member={"external_id": "C-boris"}))
    before = row_counts()
    answer = api.post("/activities", other)
    assert (answer.status_code, answer.json()["code"]) == (409, "activity_conflict")
    assert row_counts() == before


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        (activity(activity_id=...), "/activity_id", "required"),
        (activity(activity_id="x" * 101), "/activity_id", "max_length"),
        (activity(member=...), "/member", "required"),
        (activity(member=None), "/member", "required"),
        (activity(member={"phone": "1"}), "/member/phone", "phone"),
        (activity(type=...), "/type", "required"),
        (activity(type="Check in!"), "/type", "type_code"),
        (activity(type=5), "/type", "type"),
        (activity(occurred_at=...), "/occurred_at", "required"),
        (activity(occurred_at="2026-11-24T00:00:00Z"), "/occurred_at", "future"),
        (activity(attributes=[]), "/attributes", "invalid"),
        (activity(mood="good"), "/mood", "unknown_field"),
    ],
)
def test_bad_activities_name_the_field(
    api: Api, row_counts: Callable[[], Any], body: dict[str, Any], pointer: str, code: str
) -> None:
    before = row_counts()
    answer = api.post("/activities", body)
    assert answer.status_code == 422, answer.content
    errors = [(e["pointer"], e["code"]) for e in answer.json()["errors"]]
    assert errors[0] == (pointer, code)
    assert len(errors) == 1
    assert row_counts() == before


def test_it_is_of_one_brand_only(api: Api, intruder: Api, in_acme: Brand) -> None:
    assert intruder.post("/activities", activity()).status_code == 401
    assert Activity.objects.count() == 0


def test_the_document_names_the_fields_that_the_parser_knows() -> None:
    assert set(ACTIVITY["properties"]) == service.ACTIVITY_FIELDS
