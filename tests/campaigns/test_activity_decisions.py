"""Approving and rejecting activities; types with a schema; the profile that is completed."""

from collections.abc import Callable
from typing import Any

import pytest

from loyalty.outbox import handling, registry, relay
from loyalty.outbox.models import OutboxEvent
from members.models import Activity
from tenants.models import Brand
from tests.campaigns.test_grants import granting
from tests.campaigns.test_moments import held
from tests.orders.test_activities import activity, fixed
from tests.support.brands import ANNA
from tests.support.client import Api

pytestmark = pytest.mark.django_db
REVIEW = fixed(
    "review",
    200,
    "activity.review",
    when={"all": [{"fact": "activity.pictures", "op": "gte", "value": 1}]},
    caps={"once_per": ["activity.order_id", "activity.sku"]},
    points={"pending": {"until": "activity.approved"}},
)


def reviewed(api: Api, activity_id: str = "R-1", **attributes: Any) -> dict[str, Any]:
    said = {"order_id": "O-1", "sku": "MILK", "pictures": 2} | attributes
    answer = api.post("/activities", activity(activity_id, type="review", attributes=said))
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    return body


def account(api: Api) -> tuple[int, int, int]:
    found = api.get(f"/members/{ANNA}/account").json()
    return found["available"], found["pending"], found["debt"]


def test_a_review_with_picture_once_per_article_after_approval(
    api: Api, publish: Callable[..., None], in_acme: Brand
) -> None:
    publish(REVIEW)
    assert reviewed(api)["points"]["pending"] == 200
    assert reviewed(api, "R-2")["points"]["accrued"] == 0
    assert reviewed(api, "R-3", sku="BREAD", pictures=0)["points"]["accrued"] == 0
    assert account(api) == (0, 200, 0)
    for _time in range(2):
        approved = api.post("/activities/R-1/approve", {"reason": "nice"})
        assert (approved.status_code, approved.json()["status"]) == (200, "approved")
        assert account(api) == (200, 0, 0)
    assert OutboxEvent.objects.filter(type="activity.approved").count() == 1
    late = api.post("/activities/R-1/reject")
    assert (late.status_code, late.json()["code"]) == (409, "activity_decided")
    assert account(api) == (200, 0, 0)


def test_what_is_rejected_is_taken_back(api: Api, publish: Callable[..., None], in_acme: Brand) -> None:
    publish(
        REVIEW,
        fixed("any-review", 30, "activity.review"),
        granting("coupon", "coupon", "MILK5", "activity.review"),
    )
    reviewed(api)
    assert account(api) == (30, 200, 0)
    api.post("/burns", {"member": {"member_id": str(ANNA)}, "points": 30, "reference": "till-1"})
    for _time in range(2):
        answer = api.post("/activities/R-1/reject", {"reason": "another milk"})
        assert (answer.status_code, answer.json()["status"]) == (200, "rejected")
        assert account(api) == (0, 0, 30)
    row = Activity.objects.get()
    assert (row.status, row.decision_reason) == ("rejected", "another milk")
    assert row.decided_by.startswith("key:")
    assert api.get(f"/members/{ANNA}/grants").json()["items"][0]["status"] == "revoked"
    assert api.post("/activities/R-1/approve").json()["code"] == "activity_decided"


def test_an_unknown_activity(api: Api, foreign: Api, publish: Callable[..., None]) -> None:
    publish(REVIEW)
    reviewed(api)
    for caller, number in ((api, "nothing"), (foreign, "R-1")):
        answer = caller.post(f"/activities/{number}/approve")
        assert (answer.status_code, answer.json()["code"]) == (404, "activity_not_found")
    assert account(api) == (0, 200, 0)


def test_types_are_known_registered_or_waited_for(
    api: Api, publish: Callable[..., None], row_counts: Callable[[], Any]
) -> None:
    before = row_counts()
    refused = api.post("/activities", activity(type="tasting"))
    assert refused.status_code == 422
    assert [(e["pointer"], e["code"]) for e in refused.json()["errors"]] == [("/type", "unknown_type")]
    assert row_counts() == before
    stars = {"type": "integer", "maximum": 5}
    schema = {"type": "object", "required": ["sku"], "properties": {"stars": stars}}
    put = api.put("/activity-types/tasting", {"name": {"en": "Tasting"}, "attributes_schema": schema})
    assert put.status_code == 200, put.content
    wrong = api.post("/activities", activity(type="tasting", attributes={"stars": 6}))
    assert [(e["pointer"], e["code"]) for e in wrong.json()["errors"]] == [
        ("/attributes/sku", "schema_required"),
        ("/attributes/stars", "schema_maximum"),
    ]
    right = activity(type="tasting", attributes={"sku": "MILK", "stars": 5})
    assert api.post("/activities", right).status_code == 201
    codes = {each["code"]: each["built_in"] for each in api.get("/activity-types").json()["items"]}
    assert (codes["tasting"], codes["check-in"]) == (False, True)
    api.put("/activity-types/tasting", {"name": {"en": "Tasting"}, "enabled": False})
    off = api.post("/activities", activity("A-2", type="tasting"))
    assert off.json()["errors"][0]["code"] == "type_disabled"
    # What was taken before answers as the first time, whatever the brand takes by now.
    again = api.post("/activities", right)
    assert (again.status_code, again.json()["points"]["accrued"]) == (200, 0)
    publish(fixed("swim", 5, "activity.swim"))
    assert api.post("/activities", activity("A-3", type="swim")).json()["points"]["accrued"] == 5


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"type": "nonsense"}, "/attributes_schema/type"),
        ({"type": ["array", "null"]}, "/attributes_schema/type"),
        (
            {"properties": {"a": {"$ref": "https://elsewhere.example/schema"}}},
            "/attributes_schema/properties/a/$ref",
        ),
        ({"description": "x" * 17_000}, "/attributes_schema"),
    ],
)
def test_a_schema_that_is_none(
    api: Api, schema: dict[str, Any], pointer: str, row_counts: Callable[[], Any]
) -> None:
    before = row_counts()
    answer = api.put("/activity-types/tasting", {"name": {"en": "T"}, "attributes_schema": schema})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert row_counts() == before


def test_a_completed_profile_earns_once(api: Api, publish: Callable[..., None], in_acme: Brand) -> None:
    publish(fixed("profile", 50, "activity.profile-complete"))
    profile = {"external_id": "C-new", "phone": "+8613800000000", "name": "陈静", "birthday": "1990-05-17"}
    member_id = api.post("/members", profile).json()["member_id"]
    wanted = [h for h in registry.handlers() if h.name == "campaigns.profile"]

    def handle() -> int:
        relay.run()
        handling.run(only=wanted)
        return held(api, member_id)

    assert handle() == 0
    api.patch(f"/members/{member_id}", {"region": "440100"})
    assert handle() == 50
    api.patch(f"/members/{member_id}", {"name": "陈小静"})
    assert handle() == 50
    assert Activity.objects.get().type == "profile-complete"
