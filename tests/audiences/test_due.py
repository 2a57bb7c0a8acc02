"""What a tick looks at before it sends a task: nothing at rest, and each kind of work once it is due."""

from datetime import datetime, timedelta

import pytest

from campaigns import due
from campaigns.models import Message
from campaigns.services import audiencegrants, moments, rules, submissions
from campaigns.services.campaigns.turning import turn_due
from campaigns.tasks import tick_campaigns, tick_messages, tick_moments, tick_rules, tick_wakeups
from members.models import Member
from tenants.models import Brand
from tests.audiences.shapes import segment, where
from tests.audiences.test_audience_grants import approved
from tests.audiences.wakeupshapes import go, scheduled, template
from tests.campaigns.shapes import started
from tests.orders.conftest import base_rule, publish
from tests.orders.shapes import BASE
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api

pytestmark = pytest.mark.django_db
__all__ = ["base_rule", "publish"]  # fixtures of orders serve here too
LOOKS = (due.rules, due.moments, due.wakeups, due.audience_grants, due.campaigns, due.messages)


def found(now: datetime) -> list[str]:
    return [look.__name__ for look in LOOKS if look(now)]


def test_a_brand_at_rest_gets_no_tasks(acme: Brand, globex: Brand) -> None:
    ticks = (tick_rules, tick_moments, tick_wakeups, tick_campaigns, tick_messages)
    assert [tick() for tick in ticks] == [0, 0, 0, 0, 0]


def test_a_rule_whose_time_has_come(in_acme: Brand, now: datetime) -> None:
    later = now + timedelta(days=1)
    rules.create_draft(body=BASE, actor=str(ANNA), now=now)
    submissions.submit(code="base", actor=str(ANNA), now=now, at=later)
    submissions.approve(code="base", actor=str(BORIS), now=now)
    assert found(later - timedelta(seconds=1)) == []
    assert found(later) == ["rules"]


def test_a_wake_up_and_its_messages(in_acme: Brand, api: Api, now: datetime) -> None:
    segment(api, "everybody", where("member.enrolled_days", "gte", 0))
    template("hello", now)
    scheduled(api)
    assert found(now) == ["wakeups"]
    go(now)
    assert found(now) == ["messages"]
    lease = {"due_at": None, "sent_at": now, "lease_until": now + timedelta(minutes=1)}
    Message.objects.update(status="sending", **lease)
    assert found(now) == []
    assert found(now + timedelta(minutes=1)) == ["messages"]


def test_a_grant_to_an_audience(in_acme: Brand, api: Api, colleague: Api, now: datetime) -> None:
    segment(api, "everybody", where("member.enrolled_days", "gte", 0))
    approved(api, colleague)
    assert found(now) == ["audience_grants"]
    while audiencegrants.give_due(now=now):
        pass
    assert found(now) == []


def test_a_campaign(in_acme: Brand, api: Api, base_rule: None) -> None:
    started(api)
    begins = datetime.fromisoformat("2026-11-28T00:00:00+08:00")
    assert found(begins - timedelta(seconds=1)) == []
    assert found(begins) == ["campaigns"]
    turn_due(now=begins)
    assert found(begins) == []


def test_a_moment(in_acme: Brand, now: datetime) -> None:
    anna = Member.objects.get(pk=ANNA)
    moments.note(trigger="member.birthday", reference="2026", member=anna, occurred_at=now, now=now)
    assert found(now) == ["moments"]
