"""Members who are merged while a wake-up is under way: one person is told once, and paid once."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from campaigns.models import Message, Wakeup, WakeupRun
from campaigns.services import wakeups
from campaigns.services.messages import claiming
from loyalty.lib import clock
from tenants.models import Brand
from tests.audiences.shapes import segment, where
from tests.audiences.wakeupshapes import first, go, queued, reached, scheduled, template
from tests.messages import support
from tests.orders.shapes import priced
from tests.points.support import assert_sound, numbers
from tests.support.brands import ANNA, BORIS, CHEN
from tests.support.client import Api

pytestmark = pytest.mark.django_db
TASK = {"points": 100, "days": 7, "budget": 300}


@pytest.fixture
def ready(in_acme: Brand, api: Api, now: datetime) -> None:
    """Everybody can be reached by text message, agreed to it, and is to come back; no cap is in the way."""
    segment(api, "everybody", where("member.enrolled_days", "gte", 0))
    template("hello", now)
    support.channel("sms", now=now, settings={"signature": "Acme"})
    for number, member_id in enumerate((ANNA, BORIS, CHEN)):
        support.known_by(member_id, "phone", f"+861380000055{number}", now)
        support.agrees(member_id, now)
    scheduled(api, task=TASK)


def merge(api: Api, member_id: UUID, into: UUID) -> None:
    assert api.post(f"/members/{member_id}/merge", {"into": str(into)}).status_code == 200


def claim(brand: Brand, now: datetime, limit: int = 500) -> None:
    brand.settings = {**brand.settings, "message_caps": {}}
    claiming.claim(worker="w", now=now, limit=limit)


def log() -> dict[UUID, tuple[str, str]]:
    rows = Message.objects.values_list("member_id", "status", "reason")
    return {member_id: (status, reason) for member_id, status, reason in rows}


GOES, LEFT_OUT = ("sending", ""), ("suppressed", "merged")


@pytest.mark.parametrize(("member_id", "into"), [(ANNA, BORIS), (BORIS, ANNA)])
def test_of_two_that_wait_the_own_message_of_who_stays_goes(
    ready: None, in_acme: Brand, api: Api, now: datetime, member_id: UUID, into: UUID
) -> None:
    go(now)
    merge(api, member_id, into)
    claim(in_acme, now)
    assert log() == {member_id: LEFT_OUT, into: GOES, CHEN: GOES}
    assert api.get("/wakeups/come-back/report").json()["suppressed"] == {"merged": 1}


@pytest.mark.parametrize(("member_id", "into"), [(ANNA, BORIS), (BORIS, ANNA)])
def test_what_was_sent_before_the_merge_was_the_one(
    ready: None, in_acme: Brand, api: Api, now: datetime, member_id: UUID, into: UUID
) -> None:
    go(now)
    first(ANNA)
    claim(in_acme, now, limit=1)
    assert log()[ANNA] == GOES
    merge(api, member_id, into)
    claim(in_acme, now)
    assert log() == {ANNA: GOES, BORIS: LEFT_OUT, CHEN: GOES}


def test_of_two_who_were_merged_into_a_third_one_message_goes(
    ready: None, in_acme: Brand, api: Api, now: datetime
) -> None:
    go(now)
    Message.objects.filter(member_id=CHEN).delete()
    merge(api, ANNA, CHEN)
    merge(api, BORIS, CHEN)
    claim(in_acme, now)
    assert log() == {ANNA: GOES, BORIS: LEFT_OUT}


def test_who_was_told_and_merged_since_leaves_no_turn_to_who_stays(
    ready: None, api: Api, now: datetime
) -> None:
    wakeups.start_due(now=now)
    wakeups.run_batch(run_id=WakeupRun.objects.get().pk, now=now, batch=1)
    merge(api, ANNA, BORIS)
    go(now)
    assert queued() == [ANNA, CHEN]


def test_other_messages_to_both_all_go(ready: None, in_acme: Brand, api: Api, now: datetime) -> None:
    own = support.template(now=now, code="own", purpose="transactional")
    for member_id in (ANNA, BORIS):
        support.queued(own, "sms", now, member_id, "o-1")
    merge(api, ANNA, BORIS)
    claim(in_acme, now)
    assert log() == {ANNA: GOES, BORIS: GOES}


def test_coming_back_is_paid_once(ready: None, api: Api, now: datetime) -> None:
    go(now)
    reached([ANNA, BORIS, CHEN], now)
    for number, who in enumerate(("anna", "boris"), 1):
        later = now + timedelta(minutes=number)
        with clock.frozen(later):
            sent = priced(f"O-{who}", "10", member={"external_id": f"C-{who}"}, ordered_at=later.isoformat())
            assert api.post("/orders", sent).status_code == 201
        if who == "anna":
            assert wakeups.look_at_orders(now=later, everything=True).paid == 1
            merge(api, ANNA, BORIS)
    assert wakeups.look_at_orders(now=now + timedelta(minutes=3), everything=True).paid == 0
    assert (numbers(BORIS)[0], Wakeup.objects.get().task_spent) == (100, 100)
    assert_sound()
