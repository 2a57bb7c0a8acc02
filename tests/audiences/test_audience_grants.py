"""Grants to a whole audience: in four eyes, in batches, once each, within their budget, whatever happens."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from campaigns.models import AudienceGrant
from campaigns.services import audiencegrants
from loyalty.lib import clock
from loyalty.outbox.models import OutboxEvent
from mall.models import Grant
from points import services as points
from points.models import Entry, Lot
from tenants.models import Brand
from tests.audiences.shapes import policy, segment, where
from tests.points.support import assert_sound, numbers
from tests.support.brands import ANNA, BORIS, CHEN
from tests.support.client import Api

pytestmark = pytest.mark.django_db
Counts = Callable[[], dict[str, int]]
SORRY: dict[str, Any] = {
    "code": "sorry",
    "name": {"en": "Sorry"},
    "segment": "everybody",
    "points": 100,
    "budget": 300,
    "reason": "Late deliveries",
}


@pytest.fixture
def everybody(in_acme: Brand, api: Api) -> None:
    segment(api, "everybody", where("member.enrolled_days", "gte", 0))


def approved(api: Api, colleague: Api, **changes: Any) -> AudienceGrant:
    """A grant that was decided on."""
    body = {name: value for name, value in (SORRY | changes).items() if value is not ...}
    answer = api.post("/audience-grants", body)
    assert answer.status_code == 201, answer.content
    assert api.post(f"/audience-grants/{body['code']}/submit").json()["status"] == "submitted"
    assert colleague.post(f"/audience-grants/{body['code']}/approve").json()["status"] == "scheduled"
    return AudienceGrant.objects.get(code=body["code"])


def progress(api: Api) -> tuple[str, int, int, int, bool]:
    told = api.get("/audience-grants/sorry").json()
    p = told["progress"]
    return told["status"], p["given"], p["refused"], p["spent"], p["budget_reached"]


def test_everybody_is_given_once_by_their_own_reference(
    everybody: None, in_acme: Brand, api: Api, colleague: Api, now: datetime
) -> None:
    policy(in_acme, expiry={"policy": "months", "months": 1})
    grant = approved(api, colleague)
    assert audiencegrants.give_due(now=now) == 0  # one batch, and that was all
    entries = Entry.objects.order_by("account__member_id")
    assert list(entries.values_list("account__member_id", "points", "kind", "source", "reference")) == [
        (who, 100, "accrual", "audience_grant", f"sorry:{who}") for who in (ANNA, BORIS, CHEN)
    ]
    assert set(entries.values_list("rule", "reason", "actor")) == {
        ("sorry", "Late deliveries", grant.approved_by)
    }
    # A month, and the anniversary day is the last.
    assert set(Lot.objects.values_list("expires_at", flat=True)) == {
        datetime.fromisoformat("2026-12-23T00:00:00+08:00")
    }
    assert progress(api) == ("done", 3, 0, 300, False)
    events = OutboxEvent.objects.filter(type="points.accrued")
    assert {each.payload["reference"] for each in events} == {f"sorry:{who}" for who in (ANNA, BORIS, CHEN)}
    # Two beats, and a batch asked for again: nothing more.
    assert audiencegrants.give_due(now=now) == 0
    assert audiencegrants.give_batch(grant_id=grant.pk, now=now) is False
    assert Entry.objects.count() == 3
    assert_sound()


def test_batches_go_on_where_the_last_one_ended(
    everybody: None, api: Api, colleague: Api, now: datetime
) -> None:
    grant = approved(api, colleague)
    seen = []
    for _batch in range(2):
        assert audiencegrants.give_batch(grant_id=grant.pk, now=now, batch=1) is True
        seen.append(progress(api)[:4])
    assert seen == [("running", 1, 0, 100), ("running", 2, 0, 200)]
    # A batch that is cut off leaves neither points nor progress.
    with transaction.atomic():
        audiencegrants.give_batch(grant_id=grant.pk, now=now, batch=1)
        transaction.set_rollback(True)
    assert (progress(api)[:2], Entry.objects.count()) == (("running", 2), 2)
    while audiencegrants.give_batch(grant_id=grant.pk, now=now, batch=1):
        pass
    assert progress(api) == ("done", 3, 0, 300, False)
    assert [numbers(who)[0] for who in (ANNA, BORIS, CHEN)] == [100, 100, 100]


def test_a_cursor_that_was_lost_gives_nothing_twice(
    everybody: None, api: Api, colleague: Api, now: datetime
) -> None:
    grant = approved(api, colleague)
    audiencegrants.give_batch(grant_id=grant.pk, now=now, batch=2)
    AudienceGrant.objects.update(cursor=None, given=0, spent=0)
    audiencegrants.give_due(now=now)
    assert [numbers(who)[0] for who in (ANNA, BORIS, CHEN)] == [100, 100, 100]
    assert progress(api)[1] == 3


def _merged(api: Api, member_id: UUID, into: UUID) -> None:
    assert api.post(f"/members/{member_id}/merge", {"into": str(into)}).status_code == 200


def test_who_was_given_it_before_being_merged_is_not_given_it_again(
    everybody: None, api: Api, colleague: Api, now: datetime
) -> None:
    grant = approved(api, colleague)
    audiencegrants.give_batch(grant_id=grant.pk, now=now, batch=1)
    _merged(api, ANNA, BORIS)  # Anna had hers, Boris's turn is still to come
    while audiencegrants.give_due(now=now):
        pass
    assert [numbers(who)[0] for who in (ANNA, BORIS, CHEN)] == [0, 100, 100]
    assert progress(api) == ("done", 2, 0, 200, False)
    assert_sound()


def test_who_is_merged_before_their_turn_leaves_it_to_who_stays(
    everybody: None, api: Api, colleague: Api, now: datetime
) -> None:
    grant = approved(api, colleague)
    audiencegrants.give_batch(grant_id=grant.pk, now=now, batch=1)
    _merged(api, CHEN, ANNA)  # Anna had hers
    _merged(api, BORIS, ANNA)
    while audiencegrants.give_due(now=now):
        pass
    assert numbers(ANNA)[0] == 100
    assert progress(api) == ("done", 1, 0, 100, False)


def test_a_gift_is_given_once_to_who_were_merged(
    everybody: None, api: Api, colleague: Api, now: datetime
) -> None:
    gift = {"kind": "coupon", "code": "five-off"}
    grant = approved(api, colleague, points=..., gift=gift, budget=3)
    audiencegrants.give_batch(grant_id=grant.pk, now=now, batch=1)
    _merged(api, ANNA, BORIS)
    while audiencegrants.give_due(now=now):
        pass
    assert sorted(Grant.objects.values_list("member_id", flat=True)) == [BORIS, CHEN]


def test_the_budget_ends_it(everybody: None, api: Api, colleague: Api, now: datetime) -> None:
    approved(api, colleague, budget=250)
    audiencegrants.give_due(now=now)
    assert progress(api) == ("done", 2, 0, 200, True)
    assert Entry.objects.count() == 2
    with pytest.raises(IntegrityError), transaction.atomic():
        AudienceGrant.objects.update(spent=251)


def test_a_frozen_account_is_refused_and_keeps_nobody_else_from_theirs(
    everybody: None, api: Api, colleague: Api, now: datetime
) -> None:
    points.open_account(member_id=BORIS, now=now)
    points.freeze(member_id=BORIS, earn=True, burn=False, reason="x", now=now)
    approved(api, colleague)
    while audiencegrants.give_due(now=now):
        pass
    assert progress(api) == ("done", 2, 1, 200, False)
    assert numbers(BORIS)[0] == 0


def test_budget_that_a_frozen_account_left_goes_to_who_comes_next(
    everybody: None, api: Api, colleague: Api, now: datetime
) -> None:
    points.open_account(member_id=ANNA, now=now)
    points.freeze(member_id=ANNA, earn=True, burn=False, reason="x", now=now)
    approved(api, colleague, budget=200)
    while audiencegrants.give_due(now=now):
        pass
    assert progress(api) == ("done", 2, 1, 200, False)
    assert [numbers(who)[0] for who in (ANNA, BORIS, CHEN)] == [0, 100, 100]


def test_an_audience_that_was_put_forward_stays_what_it_was(
    everybody: None, api: Api, colleague: Api, row_counts: Counts, now: datetime
) -> None:
    other = {"definition": {"all": [where("member.tags", "has", "friends")]}}
    api.post("/audience-grants", SORRY)
    assert api.patch("/segments/everybody", other).status_code == 200  # a draft binds nobody
    same = {"definition": {"all": [where("member.enrolled_days", "gte", 0)]}}
    assert api.patch("/segments/everybody", same).status_code == 200
    api.post("/audience-grants/sorry/submit")
    for decide in (None, "approve"):
        if decide:
            assert colleague.post(f"/audience-grants/sorry/{decide}").status_code == 200
        before = row_counts()
        told = api.patch("/segments/everybody", other)
        assert (told.status_code, told.json()["code"]) == (409, "segment_in_use")
        assert told.json()["audience_grant"] == "sorry"
        assert row_counts() == before
        assert api.get("/segments/everybody").json()["definition"]["all"] == same["definition"]["all"]
    # What is not another audience is no change of it.
    assert api.patch("/segments/everybody", same | {"name": {"en": "All"}}).status_code == 200
    audiencegrants.give_due(now=now)
    assert progress(api)[:2] == ("done", 3)
    assert api.patch("/segments/everybody", other).status_code == 200


def test_a_gift_instead_of_points(everybody: None, api: Api, colleague: Api, now: datetime) -> None:
    gift = {"kind": "coupon", "code": "five-off", "quantity": 2, "valid_days": 7}
    approved(api, colleague, points=..., gift=gift, budget=5)
    audiencegrants.give_due(now=now)
    assert progress(api) == ("done", 2, 0, 4, True)
    rows = Grant.objects.order_by("member_id").values_list("member_id", "code", "quantity", "source")
    assert list(rows) == [(who, "five-off", 2, "audience_grant") for who in (ANNA, BORIS)]


def test_it_waits_for_its_time(everybody: None, api: Api, colleague: Api, now: datetime) -> None:
    approved(api, colleague, at="2026-11-22T10:00:01+08:00")
    audiencegrants.give_due(now=now)
    assert progress(api)[:2] == ("scheduled", 0)
    audiencegrants.give_due(now=now + timedelta(seconds=1))
    assert progress(api)[:2] == ("done", 3)


def test_cancelled_between_batches_what_was_given_stays(
    everybody: None, api: Api, colleague: Api, now: datetime
) -> None:
    grant = approved(api, colleague)
    audiencegrants.give_batch(grant_id=grant.pk, now=now, batch=1)
    for _again in range(2):
        assert api.post("/audience-grants/sorry/cancel").json()["status"] == "cancelled"
    assert audiencegrants.give_due(now=now) == 0
    assert progress(api) == ("cancelled", 1, 0, 100, False)


def test_whoever_submits_does_not_approve(
    everybody: None, api: Api, colleague: Api, row_counts: Counts
) -> None:
    api.post("/audience-grants", SORRY)
    assert colleague.post("/audience-grants/sorry/approve").json()["code"] == "wrong_state"
    api.post("/audience-grants/sorry/submit", {"note": "please"})
    before = row_counts()
    assert api.post("/audience-grants/sorry/approve").json()["code"] == "same_operator"
    assert api.post("/audience-grants/sorry/reject", {"reason": "no"}).json()["code"] == "same_operator"
    assert row_counts() == before
    told = colleague.post("/audience-grants/sorry/reject", {"reason": "too much"}).json()
    assert (told["status"], told["note"]) == ("draft", "too much")
    with pytest.raises(IntegrityError), transaction.atomic():
        AudienceGrant.objects.update(status="scheduled", due_at="2026-11-22T02:00:00Z", approved_by="")


def test_where_the_brand_asks_for_nobody_else_it_is_scheduled_at_once(
    everybody: None, in_acme: Brand, api: Api
) -> None:
    policy(in_acme, audience_grant_approval="none")
    api.post("/audience-grants", SORRY)
    assert api.post("/audience-grants/sorry/submit").json()["status"] == "scheduled"
    assert api.patch("/audience-grants/sorry", {"points": 5}).json()["code"] == "wrong_state"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"segment": "nobody"}, "/segment"),
        ({"points": ...}, "/points"),
        ({"gift": {"kind": "coupon", "code": "x"}}, "/points"),
        ({"budget": 99}, "/budget"),
        ({"points": 0}, "/points"),
        ({"points": ..., "gift": {"kind": "tag", "code": "x"}}, "/gift/kind"),
        ({"code": "Sorry!"}, "/code"),
    ],
    ids=str,
)
def test_bad_input_is_told_at_its_field(
    everybody: None, api: Api, row_counts: Counts, changes: dict[str, Any], pointer: str
) -> None:
    before = row_counts()
    body = {name: value for name, value in (SORRY | changes).items() if value is not ...}
    answer = api.post("/audience-grants", body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert row_counts() == before


def test_a_code_is_taken_once(everybody: None, api: Api) -> None:
    assert api.post("/audience-grants", SORRY).status_code == 201
    assert api.post("/audience-grants", SORRY).json()["code"] == "code_taken"


def test_a_time_that_is_past_is_refused_and_a_late_approval_is_not(
    everybody: None, api: Api, colleague: Api, now: datetime, row_counts: Counts
) -> None:
    before = row_counts()
    answer = api.post("/audience-grants", SORRY | {"at": "2026-11-22T09:59:59+08:00"})
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/at", "past")]
    assert row_counts() == before
    api.post("/audience-grants", SORRY | {"at": "2026-11-22T10:00:01+08:00"})
    later = now + timedelta(hours=1)
    with clock.frozen(later):
        answer = api.post("/audience-grants/sorry/submit")
        assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/at", "past")]
    assert AudienceGrant.objects.get().status == "draft"
    api.post("/audience-grants/sorry/submit")
    with clock.frozen(later):
        assert colleague.post("/audience-grants/sorry/approve").json()["status"] == "scheduled"
    assert AudienceGrant.objects.get().due_at == later


@pytest.mark.parametrize(
    ("budget", "expected"), [(300, (3, 300, 3, 300)), (299, (3, 300, 2, 200))], ids=["enough", "short"]
)
def test_what_a_grant_would_come_to(
    everybody: None, api: Api, now: datetime, budget: int, expected: tuple[int, int, int, int]
) -> None:
    api.post("/audience-grants", SORRY | {"budget": budget})
    found = audiencegrants.reckon(grant=AudienceGrant.objects.get(), now=now)
    assert (found.members, found.total, found.paid, found.spent) == expected
