"""A wake-up that is cancelled sends nothing more: what no sender has taken is withdrawn, and says so."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.channels import Answer, Outcome
from campaigns.models import Message, WakeupRun
from campaigns.services import wakeups
from campaigns.services.messages import claiming, recording
from tenants.models import Brand
from tests.audiences.shapes import segment, where
from tests.audiences.wakeupshapes import first, go, queued, scheduled, template
from tests.messages import support
from tests.support.brands import ANNA, BORIS, CHEN
from tests.support.client import Api

pytestmark = pytest.mark.django_db
PHONES = {ANNA: "+8613800000555", BORIS: "+8613800000556", CHEN: "+8613800000557"}


@pytest.fixture
def ready(in_acme: Brand, api: Api, now: datetime) -> None:
    """Everybody can be reached by text message, and agreed to it."""
    segment(api, "everybody", where("member.enrolled_days", "gte", 0))
    template("hello", now)
    support.channel("sms", now=now, settings={"signature": "Acme"})
    for member_id, phone in PHONES.items():
        support.known_by(member_id, "phone", phone, now)
        support.agrees(member_id, now)


def log() -> dict[Any, tuple[str, str]]:
    rows = Message.objects.values_list("member_id", "status", "reason")
    return {member_id: (status, reason) for member_id, status, reason in rows}


def claim(now: datetime, limit: int = 500) -> list[Any]:
    claimed, _due = claiming.claim(worker="w", now=now, limit=limit)
    return [each.message.member_id for each in claimed]


def cancel(api: Api) -> Any:
    return api.post("/wakeups/come-back/cancel").json()


def report(api: Api) -> dict[str, Any]:
    return dict(api.get("/wakeups/come-back/report").json())


def test_what_no_sender_has_taken_is_withdrawn_in_one_statement(ready: None, api: Api, now: datetime) -> None:
    scheduled(api, schedule={"every": "daily", "time": "10:00"})
    wakeups.start_due(now=now)
    wakeups.run_batch(run_id=WakeupRun.objects.get().pk, now=now, batch=3)
    first(ANNA)
    other = support.template(now=now, code="own", purpose="transactional")
    support.queued(other, "sms", now, ANNA, points=1)
    Message.objects.filter(template=other).update(due_at=now + timedelta(hours=1))
    assert claim(now, limit=1) == [ANNA]
    with CaptureQueriesContext(connection) as seen:
        wakeups.cancel(code="come-back", actor="t", now=now)
    changes = [each["sql"] for each in seen if each["sql"].startswith('UPDATE "campaigns_message"')]
    assert len(changes) == 1
    mine = Message.objects.exclude(template=other)
    assert dict(mine.values_list("member_id", "status")) == {
        ANNA: "sending",
        BORIS: "suppressed",
        CHEN: "suppressed",
    }
    assert set(mine.filter(status="suppressed").values_list("reason", "due_at")) == {("withdrawn", None)}
    assert Message.objects.get(template=other).status == "queued"
    told = report(api)
    assert (told["suppressed"], told["messages"]["queued"]) == ({"withdrawn": 2}, 1)
    # Nothing of it goes out later, and cancelling again changes nothing.
    assert cancel(api)["status"] == "cancelled"
    assert claim(now + timedelta(hours=1)) == [ANNA]
    assert Message.objects.get(template=other).status == "sending"
    go(now + timedelta(days=1))
    assert mine.count() == 3


def test_another_wake_ups_messages_go_out(ready: None, api: Api, now: datetime) -> None:
    scheduled(api)
    scheduled(api, code="stay")
    go(now)
    cancel(api)
    left = Message.objects.filter(status="queued")
    assert set(left.values_list("occasion", flat=True)) == {
        f"wakeup:{WakeupRun.objects.get(wakeup__code='stay').pk}"
    }
    assert sorted(left.values_list("member_id", flat=True)) == [ANNA, BORIS, CHEN]


def test_one_that_is_done_can_be_cancelled_while_messages_wait(ready: None, api: Api, now: datetime) -> None:
    scheduled(api)
    go(now)
    assert wakeups.find("come-back").status == "done"
    first(ANNA)
    assert claim(now, limit=1) == [ANNA]
    assert cancel(api)["status"] == "cancelled"
    assert log() == {
        ANNA: ("sending", ""), BORIS: ("suppressed", "withdrawn"), CHEN: ("suppressed", "withdrawn"),
    }  # fmt: skip
    assert not wakeups.may_cancel(wakeups.find("come-back"))


def test_one_that_is_done_and_sent_cannot_be_cancelled(ready: None, api: Api, now: datetime) -> None:
    scheduled(api)
    go(now)
    assert len(claim(now)) == 3
    before = log()
    assert cancel(api)["code"] == "wrong_state"
    assert (log(), wakeups.find("come-back").status) == (before, "done")


@pytest.mark.parametrize(
    ("outcome", "after"),
    [(Outcome.RETRY, ("suppressed", "withdrawn")), (Outcome.SENT, ("sent", ""))],
)
def test_what_a_sender_had_in_hand_is_not_tried_again(
    ready: None, api: Api, now: datetime, outcome: Outcome, after: tuple[str, str]
) -> None:
    scheduled(api)
    go(now)
    first(ANNA)
    (taken,), _due = claiming.claim(worker="w", now=now, limit=1)
    cancel(api)
    recording.record(worker="w", answers={taken.message.pk: Answer(outcome, "provider_busy")}, now=now)
    assert claim(now + timedelta(minutes=1)) == []
    assert log()[ANNA] == after


def test_what_may_have_arrived_before_is_not_known(ready: None, api: Api, now: datetime) -> None:
    scheduled(api)
    go(now)
    # As if the first attempt had gone out, and the second were still to come.
    Message.objects.filter(member_id=BORIS).update(sent_at=now)
    cancel(api)
    assert log()[BORIS] == ("unknown", "withdrawn")
    assert log()[ANNA] == ("suppressed", "withdrawn")
    assert queued() == [ANNA, BORIS, CHEN]
