"""A sender that is killed, or meets what it cannot write out: nothing goes twice, nothing holds up others."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from campaigns.models import Message
from campaigns.services.messages import recording, sending
from loyalty.dev.channel_sandbox import Sandbox
from loyalty.lib import clock
from loyalty.outbox.models import OutboxEvent
from members.models import Member
from tenants.models import Brand
from tests.messages import support
from tests.support.brands import ANNA, BORIS, CHEN


@pytest.fixture(autouse=True)
def _channels(in_acme: Brand, now: datetime) -> None:
    support.all_channels(now)


# --- a worker that is killed ---
class _Killed(BaseException):
    """What ends a worker at once."""


def _kill(*_args: Any, **_more: Any) -> None:
    raise _Killed


def test_a_worker_killed_between_claim_and_sending_never_sends_twice(
    providers: Sandbox, now: datetime
) -> None:
    message = support.addressed("sms", now)
    with pytest.raises(_Killed):
        sending.run(after_claim=_kill)
    assert support.fresh(message).status == "sending"
    with clock.frozen(now + timedelta(minutes=2)):
        assert sending.run() == 0  # the lease holds
    assert support.fresh(message).status == "sending"
    with clock.frozen(now + timedelta(minutes=3)):
        assert sending.run() == 0
    assert (support.fresh(message).status, support.fresh(message).reason) == ("unknown", "worker_lost")
    assert not providers.messages


@pytest.mark.parametrize(("channel", "status"), [("sms", "unknown"), ("wechat_official", "sent")])
def test_a_worker_killed_between_sending_and_recording_has_sent_once(
    providers: Sandbox, now: datetime, monkeypatch: pytest.MonkeyPatch, channel: str, status: str
) -> None:
    message = support.addressed(channel, now)
    with monkeypatch.context() as patched:
        patched.setattr(recording, "record", _kill)
        with pytest.raises(_Killed):
            sending.run()
    assert len(providers.messages) == 1
    with clock.frozen(now + timedelta(minutes=4)):
        sending.run()
    assert support.fresh(message).status == status
    assert len(providers.messages) == 1


def test_a_late_record_of_a_lost_worker_changes_nothing(providers: Sandbox, now: datetime) -> None:
    message = support.addressed("sms", now)
    with pytest.raises(_Killed):
        sending.run(after_claim=_kill)
    answers = {message.pk: recording.Answer(recording.Outcome.SENT)}
    assert recording.record(worker="somebody else", answers=answers, now=now) == 0
    assert support.fresh(message).status == "sending"


def test_a_merged_members_message_goes_to_who_stays(providers: Sandbox, now: datetime) -> None:
    support.addressed("sms", now)
    Member.objects.filter(pk=ANNA).update(status="merged", merged_into=BORIS)
    support.known_by(BORIS, "phone", "+8613800000777", now)
    sending.run()
    assert [arrived["to"] for arrived in providers.messages] == ["13800000777"]


def test_one_message_that_cannot_be_written_out_holds_up_no_other(providers: Sandbox, now: datetime) -> None:
    body = {"channels": {"sms": {"template_id": "SMS_1", "fields": {"points": {"en": "{lost}"}}}}}
    broken = support.addressed("sms", now, body=body)
    fine = support.template(now=now, code="fine", purpose="transactional")
    support.known_by(CHEN, "phone", "+8613800000888", now)
    support.queued(fine, "sms", now, CHEN)
    sending.run()
    assert (support.fresh(broken).status, support.fresh(broken).reason) == ("suppressed", "fact_missing")
    assert [arrived["to"] for arrived in providers.messages] == ["13800000888"]


def test_one_message_with_a_broken_fact_fails_and_holds_up_no_other(
    providers: Sandbox, now: datetime
) -> None:
    body = {"channels": {"sms": {"template_id": "SMS_1", "fields": {"day": {"en": "{end_at}"}}}}}
    broken = support.addressed("sms", now, body=body)
    Message.objects.update(facts={"end_at": "2026-13-45T00:00:00Z"})
    fine = support.template(now=now, code="fine", purpose="transactional")
    support.known_by(CHEN, "phone", "+8613800000888", now)
    support.queued(fine, "sms", now, CHEN)
    sending.run()
    assert (support.fresh(broken).status, support.fresh(broken).reason) == ("failed", "sender_failed")
    assert [arrived["to"] for arrived in providers.messages] == ["13800000888"]


def test_a_message_to_the_webhook_is_never_lost_however_often_its_worker_is_killed(
    providers: Sandbox, now: datetime
) -> None:
    template = support.template(now=now, purpose="transactional", channels=("webhook",))
    message, at = support.queued(template, "webhook", now, ANNA), now
    for _times in range(3):
        with clock.frozen(at), pytest.raises(_Killed):
            sending.run(after_claim=_kill)
        at += timedelta(minutes=4)
    with clock.frozen(at):
        sending.run()
    assert support.fresh(message).status == "sent"
    assert OutboxEvent.objects.filter(type="message.sent").count() == 1


def test_a_worker_killed_twice_is_in_doubt_even_where_repeats_are_dropped(
    providers: Sandbox, now: datetime
) -> None:
    message = support.addressed("wechat_official", now)
    for minutes in (0, 4):
        with clock.frozen(now + timedelta(minutes=minutes)), pytest.raises(_Killed):
            sending.run(after_claim=_kill)
    with clock.frozen(now + timedelta(minutes=8)):
        sending.run()
    assert support.fresh(message).status == "unknown"
    assert not providers.messages
