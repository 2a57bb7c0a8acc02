"""Queueing: once for each occasion, by the first channel that reaches the member, or a whole audience."""

from datetime import datetime, timedelta

import pytest
from django.db.models import F, Func, JSONField, Value

from campaigns.errors import TemplateNotPublished
from campaigns.models import Message, MessageTemplate, SubscriptionConsent
from campaigns.services import messages
from campaigns.services.messages.queueing import recipients_of
from members.models import Member
from tenants.models import Brand
from tests.messages import support
from tests.support.brands import ANNA, BORIS, CHEN


@pytest.fixture
def template(in_acme: Brand, now: datetime) -> MessageTemplate:
    support.channel("sms", now=now, settings={"signature": "Acme"})
    support.channel("wechat_subscribe", now=now, settings={"app_id": support.MINI})
    return support.template(now=now)


def _queue(template: MessageTemplate, now: datetime, occasion: str = "event-1") -> Message | None:
    return messages.queue(template=template, member_id=ANNA, occasion=occasion, facts={"points": 5}, now=now)


def test_the_first_channel_that_reaches_the_member_is_taken(template: MessageTemplate, now: datetime) -> None:
    support.known_by(ANNA, "phone", "+8613800000000", now)
    support.known_by(ANNA, "openid", "o-anna", now, support.MINI)
    first = _queue(template, now)
    assert first is not None
    assert (first.channel, first.status, first.due_at) == ("sms", "queued", now)

    SubscriptionConsent.objects.create(
        member_id=ANNA,
        app_id=support.MINI,
        template_id=support.WX_TEMPLATE,
        remaining=1,
        accepted=1,
        updated_at=now,
    )
    second = _queue(template, now, "event-2")
    assert second is not None
    assert (second.channel, second.facts) == ("wechat_subscribe", {"points": 5})


def test_what_queued_messages_will_take_of_the_consents_is_not_promised_again(
    template: MessageTemplate, now: datetime
) -> None:
    support.known_by(ANNA, "phone", "+8613800000000", now)
    support.known_by(ANNA, "openid", "o-anna", now, support.MINI)
    support.subscribed(ANNA, 2, now)
    chosen = [_queue(template, now, f"event-{number}") for number in range(3)]
    assert [each.channel if each else None for each in chosen] == ["wechat_subscribe"] * 2 + ["sms"]


def test_an_occasion_is_queued_once(template: MessageTemplate, now: datetime) -> None:
    support.known_by(ANNA, "phone", "+8613800000000", now)
    assert _queue(template, now) is not None
    assert _queue(template, now) is None
    assert Message.objects.count() == 1


def test_who_cannot_be_reached_has_a_row_that_says_so(template: MessageTemplate, now: datetime) -> None:
    message = _queue(template, now)
    assert message is not None
    assert (message.status, message.reason) == ("suppressed", "unreachable")


def test_without_a_channel_that_is_on_nothing_is_written(in_acme: Brand, now: datetime) -> None:
    assert _queue(support.template(now=now), now) is None
    assert Message.objects.count() == 0


def test_a_template_that_was_never_published_is_not_queued(in_acme: Brand, now: datetime) -> None:
    draft = MessageTemplate.objects.create(code="x", purpose="marketing", draft={}, updated_at=now)
    with pytest.raises(TemplateNotPublished):
        _queue(draft, now)
    with pytest.raises(TemplateNotPublished):
        messages.queue_many(
            template=draft, channel="sms", occasion="run-1", recipients=Member.objects.all(), now=now
        )
    assert Message.objects.count() == 0


def test_an_audience_is_queued_in_one_statement_and_once(
    template: MessageTemplate, now: datetime, django_assert_num_queries: object
) -> None:
    named = Func(Value("name"), F("name"), function="jsonb_build_object", output_field=JSONField())
    audience = recipients_of(Member.objects.filter(pk__in=[ANNA, BORIS]), facts=named, variant=Value("b"))
    due = now + timedelta(hours=1)

    def run() -> int:
        return messages.queue_many(
            template=template,
            channel="sms",
            occasion="run-1",
            recipients=audience,
            now=now,
            due_at=due,
            facts={"points": 100, "name": "everybody"},
            wakeup_id=CHEN,
        )

    with django_assert_num_queries(1):
        assert run() == 2
    assert run() == 0
    rows = Message.objects.order_by("member").values_list(
        "member", "facts", "variant", "wakeup_id", "due_at", "version", "purpose", "status"
    )
    assert list(rows) == [
        (ANNA, {"points": 100, "name": "C-anna of acme"}, "b", CHEN, due, 1, "marketing", "queued"),
        (BORIS, {"points": 100, "name": "C-boris of acme"}, "b", CHEN, due, 1, "marketing", "queued"),
    ]
    everybody = messages.queue_many(
        template=template, channel="sms", occasion="run-1", recipients=Member.objects.all(), now=now
    )
    assert everybody == 1
    assert Message.objects.get(member=CHEN).wakeup_id is None


def test_an_audience_may_be_a_select(template: MessageTemplate, now: datetime) -> None:
    select = "SELECT id, NULL::jsonb, NULL FROM members_member WHERE id = %s"
    queued = messages.queue_many(
        template=template, channel="sms", occasion="run-2", recipients=(select, [CHEN]), now=now
    )
    assert queued == 1
    assert Message.objects.values_list("member", "variant", "facts").get() == (CHEN, "", {})


def test_what_a_wake_up_sends_is_marketing_whatever_its_template_says(
    template: MessageTemplate, now: datetime
) -> None:
    MessageTemplate.objects.update(purpose="transactional")
    template.refresh_from_db()
    for occasion, wakeup_id in (("run-1", CHEN), ("run-2", None)):
        messages.queue_many(
            template=template,
            channel="sms",
            occasion=occasion,
            recipients=Member.objects.filter(pk=ANNA),
            now=now,
            wakeup_id=wakeup_id,
        )
    purposes = dict(Message.objects.values_list("occasion", "purpose"))
    assert purposes == {"run-1": "marketing", "run-2": "transactional"}
