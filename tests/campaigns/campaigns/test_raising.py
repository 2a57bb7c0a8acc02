"""Where the brand asks for a second operator, nobody alone makes a running campaign's budget larger."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest

from campaigns.models import Campaign
from loyalty.lib import clock
from tenants.context import in_brand
from tenants.models import Brand
from tests.campaigns.shapes import count, created, earned, life, told
from tests.campaigns.test_submissions import ask, colleague
from tests.support.client import Api

pytestmark = pytest.mark.django_db
Counts = Callable[[], dict[str, int]]
DAY = {"starts_at": "2026-11-22T00:00:00+08:00", "ends_at": "2026-11-24T00:00:00+08:00"}
AT = "2026-11-22T10:00:00+08:00"
__all__ = ["colleague"]


@pytest.fixture
def approved(api: Api, acme: Brand, colleague: Api, base_rule: None) -> None:
    """A campaign of 1,000 points and 50.00 that two people agreed on."""
    ask(acme, "all")
    created(api, **DAY, budget_points=1000, budget_amount="50.00")
    assert api.post("/campaigns/double/submit").status_code == 200
    assert colleague.post("/campaigns/double/approve").json()["status"] == "running"


def budgets() -> tuple[int | None, Decimal | None]:
    return Campaign.objects.values_list("budget_points", "budget_amount").get(code="double")


@pytest.mark.sampled(2)
@pytest.mark.usefixtures("approved")
@pytest.mark.parametrize(
    ("asked", "then", "note"),
    [
        ({"budget_points": 2000}, (2000, Decimal(50)), "budget_points: 1000 → 2000"),
        ({"budget_points": None}, (None, Decimal(50)), "budget_points: 1000 → –"),
        ({"budget_amount": "60.50"}, (1000, Decimal("60.50")), "budget_amount: 50.00 → 60.50"),
    ],
)
def test_a_larger_budget_waits_for_somebody_else(
    api: Api, acme: Brand, colleague: Api, asked: dict[str, object], then: tuple[object, object], note: str
) -> None:
    answer = api.patch("/campaigns/double", {**asked, "name": {"en": "Twice"}})
    assert (answer.status_code, answer.json()["name"], answer.json()["status"]) == (
        200, {"en": "Twice"}, "running"
    )  # fmt: skip
    assert answer.json()["actions"] == ["pause", "end", "approve", "reject", "withdraw"]
    assert [each["note"] for each in answer.json()["history"] if each["step"] == "submitted"] == ["", note]
    with in_brand(acme):
        assert budgets() == (1000, Decimal(50))
    refused = api.post("/campaigns/double/approve")
    assert (refused.status_code, refused.json()["code"]) == (403, "same_operator")
    with in_brand(acme):
        assert budgets() == (1000, Decimal(50))
    agreed = colleague.post("/campaigns/double/approve")
    assert (agreed.status_code, agreed.json()["actions"]) == (200, ["pause", "end"])
    with in_brand(acme):
        assert budgets() == then
        assert told()[-1][0] == "campaign.changed"


@pytest.mark.usefixtures("approved")
def test_who_approved_the_campaign_may_not_raise_it_alone_either(
    api: Api, acme: Brand, colleague: Api, row_counts: Counts
) -> None:
    assert colleague.patch("/campaigns/double", {"budget_points": 2000}).status_code == 200
    before = row_counts()
    # Again is nothing new; another one waits its turn.
    assert colleague.patch("/campaigns/double", {"budget_points": 2000}).status_code == 200
    for other, budget in ((colleague, 3000), (api, 2000)):
        answer = other.patch("/campaigns/double", {"budget_points": budget})
        assert (answer.status_code, answer.json()["code"]) == (409, "campaign_state")
    assert colleague.post("/campaigns/double/approve").status_code == 403
    assert row_counts() == before
    assert api.post("/campaigns/double/approve").json()["budget_points"] == 2000


@pytest.mark.usefixtures("approved")
def test_lowered_at_once(api: Api, acme: Brand) -> None:
    answer = api.patch("/campaigns/double", {"budget_points": 900, "budget_amount": "49.99"}).json()
    assert (answer["budget_points"], answer["budget_amount"]) == (900, "49.99")
    assert answer["actions"] == ["pause", "end"]


@pytest.mark.usefixtures("approved")
def test_turned_down_or_taken_back_everything_is_as_before(api: Api, acme: Brand, colleague: Api) -> None:
    before = api.get("/campaigns/double").json()
    for other, path, body in ((colleague, "reject", {"reason": "no"}), (api, "withdraw", {})):
        api.patch("/campaigns/double", {"budget_points": 2000})
        answer = other.post(f"/campaigns/double/{path}", body)
        assert answer.status_code == 200, answer.content
        kept = {name for name in before if name not in ("history", "updated_at")}
        assert {name: answer.json()[name] for name in kept} == {name: before[name] for name in kept}
        answer = colleague.post("/campaigns/double/approve")
        assert (answer.status_code, answer.json()["code"]) == (409, "campaign_state")


@pytest.mark.usefixtures("approved")
def test_a_stopped_one_goes_on_when_the_larger_budget_is_approved(
    api: Api, acme: Brand, colleague: Api, now: datetime
) -> None:
    earned(api, "o1", AT, "1000")
    with in_brand(acme):
        count(now)
    assert api.patch("/campaigns/double", {"budget_points": 2000}).json()["status"] == "stopped"
    assert earned(api, "o2", AT) == 100
    assert colleague.post("/campaigns/double/approve").json()["status"] == "running"
    assert earned(api, "o3", AT) == 200
    with in_brand(acme):
        assert [kind for kind, _at in life()][-4:] == ["budget_reached", "submitted", "approved", "resumed"]


def test_where_the_console_alone_asks_the_api_raises_at_once(api: Api, acme: Brand) -> None:
    ask(acme, "console")
    created(api, **DAY, budget_points=1000)
    with clock.frozen(datetime.fromisoformat(AT)):
        assert api.post("/campaigns/double/start").status_code == 200
    answer = api.patch("/campaigns/double", {"budget_points": 2000}).json()
    assert (answer["budget_points"], answer["actions"]) == (2000, ["pause", "end"])
