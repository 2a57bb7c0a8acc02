"""A brand may demand that points do not end unless the notice went out in time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from loyalty.analytics.finance import liability
from loyalty.lib import clock
from loyalty.outbox.models import OutboxEvent
from points import selectors
from points import services as points
from points.models import Account, Lot
from tenants.models import Brand
from tests.points.support import assert_sound, book, earn, lots, numbers
from tests.support.brands import ANNA, BORIS, CHEN
from tests.support.client import Api

pytestmark = pytest.mark.django_db


def local(text: str) -> datetime:
    return datetime.fromisoformat(text + "+08:00")


ENDS = local("2027-01-01T00:00")  # last valid day: 31 December
PUT_OFF = local("2027-01-09T00:00")  # told on 1 January, seven full days


@pytest.fixture(autouse=True)
def _a_week(in_acme: Brand, now: datetime) -> None:
    points.require_notice(days=7, actor="test", now=now)
    earn(ANNA, 10, "a", now=now, expires_at=ENDS)


def announced() -> list[tuple[int, int, str]]:
    found = OutboxEvent.objects.filter(type="points.expiring").order_by("id")
    return [(e.payload["days_before"], e.payload["points"], e.payload["expires_at"]) for e in found]


def test_told_in_time_they_end_on_their_day() -> None:
    points.announce_expiring(now=local("2026-12-24T23:00"))
    points.expire_due(now=ENDS)
    assert book(ANNA)[-1] == ("expiry", -10, 0)
    assert_sound()


def test_untold_they_are_announced_then_and_end_after_a_week() -> None:
    assert points.expire_due(now=local("2027-01-01T09:00")) == 1
    assert (numbers(ANNA), announced()) == ((10, 0, 0, 0), [(7, 10, "2027-01-08T16:00:00+00:00")])
    lot = Lot.objects.get()
    assert (lot.expires_at, lot.original_expires_at) == (PUT_OFF, ENDS)
    assert points.expire_due(now=PUT_OFF - timedelta(microseconds=1)) == 0
    assert points.burn(member_id=ANNA, points=4, reference="b", now=PUT_OFF - timedelta(seconds=1))
    assert points.expire_due(now=PUT_OFF) == 1
    assert book(ANNA)[-1] == ("expiry", -6, 0)
    assert len(announced()) == 1
    assert_sound()


def test_finance_sees_them_end_when_they_were_put_off_to(in_acme: Brand) -> None:
    points.expire_due(now=local("2027-01-01T09:00"))
    for at, month in (("2026-12-31T12:00", "2026-12"), ("2027-01-02T12:00", "2027-01")):
        (owed,) = liability.owed_at(local(at), in_acme.tz)
        assert [(part.expiry, part.points) for part in owed.slices] == [(month, 10)]


def test_an_operation_puts_off_as_the_sweep_does() -> None:
    points.burn(member_id=ANNA, points=3, reference="b", now=local("2027-01-01T00:00"))
    assert (numbers(ANNA), lots(ANNA)) == ((7, 0, 0, 0), [(7, 0, "open")])
    assert Account.objects.get(member_id=ANNA).next_due_at == PUT_OFF


def test_told_too_late_they_are_put_off_too() -> None:
    points.announce_expiring(now=local("2026-12-30T10:00"))
    points.expire_due(now=ENDS)
    assert numbers(ANNA) == (10, 0, 0, 0)
    assert [days for days, _points, _at in announced()] == [1, 7]


def test_points_earned_after_the_notice_were_not_in_it() -> None:
    points.announce_expiring(now=local("2026-12-02T10:00"))  # 30 days before
    earn(ANNA, 5, "late", now=local("2026-12-20T10:00"), expires_at=ENDS)
    points.expire_due(now=ENDS)
    assert (book(ANNA)[-1], numbers(ANNA)) == (("expiry", -10, 5), (5, 0, 0, 0))
    points.expire_due(now=PUT_OFF)
    assert numbers(ANNA) == (0, 0, 0, 0)


def test_the_demand_can_be_taken_back(now: datetime) -> None:
    points.require_notice(days=None, actor="test", now=now)
    points.expire_due(now=ENDS)
    assert numbers(ANNA) == (0, 0, 0, 0)


def test_a_gift_ends_as_for_the_giver_and_cannot_be_put_off_by_giving_it_on() -> None:
    before = local("2026-12-31T12:00")
    points.transfer(from_member_id=ANNA, to_member_id=BORIS, points=10, reference="g", now=before)
    points.expire_due(now=ENDS)
    assert numbers(BORIS) == (0, 0, 0, 0)
    assert_sound()


def test_sliding_points_and_held_ones(now: datetime) -> None:
    earn(BORIS, 8, "b", now=now, inactivity_months=1)
    earn(CHEN, 9, "c", now=now, expires_at=ENDS)
    points.hold(member_id=CHEN, points=9, reference="h", expires_at=ENDS + timedelta(days=1), now=now)
    slid = local("2026-12-23T00:00")
    points.expire_due(now=slid)
    lot = Lot.objects.get(account__member_id=BORIS)
    assert (lot.inactivity_months, lot.expires_at) == (None, local("2026-12-31T00:00"))
    points.expire_due(now=ENDS + timedelta(days=1))
    assert numbers(CHEN) == (9, 0, 0, 0)
    assert Lot.objects.get(account__member_id=CHEN).expires_at == local("2027-01-10T00:00")
    assert_sound()


@pytest.mark.parametrize(
    ("told", "read"), [(None, "12-20"), (None, "12-31"), ("12-24", "12-31"), ("12-28", "12-31")]
)
def test_the_projection_says_what_will_happen(told: str | None, read: str) -> None:
    if told:
        points.announce_expiring(now=local(f"2026-{told}T10:00"))
    with clock.frozen(local(f"2026-{read}T10:00")):
        view = selectors.account_view(ANNA, clock.now())
        later = selectors.account_view(ANNA, ENDS).available
    # What can still be told in time is taken to be told; else a week counts from the reading on.
    in_time = read == "12-20" or told == "12-24"
    ends = ENDS if in_time else local("2027-01-08T00:00")
    assert (view.expiring, later) == ([(ends, 10)], 0 if in_time else 10)
    with clock.frozen(ENDS + timedelta(hours=1)):
        assert selectors.account_view(ANNA, clock.now()).available == (0 if told == "12-24" else 10)


def test_over_http(api: Api, reader: Api) -> None:
    assert api.get("/expiry-notice").json() == {"required_days": 7, "stages": [30, 7, 1]}
    assert api.put("/expiry-notice", {"required_days": None}).json()["required_days"] is None
    for wrong in (0, 91, "7", True, 1.5):
        answer = api.put("/expiry-notice", {"required_days": wrong})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/required_days")
    assert reader.put("/expiry-notice", {"required_days": 3}).status_code == 403
    assert points.notice_days() is None
