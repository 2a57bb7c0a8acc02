"""Each channel over real HTTP against the sandbox: what arrives, what the providers' refusals lead to."""

import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from campaigns.models import Message, SubscriptionConsent
from campaigns.services.messages import recording, sending
from loyalty.dev.channel_sandbox import Sandbox
from loyalty.lib import clock
from loyalty.outbox.models import OutboxEvent
from members.models import Identity, Member
from tenants.models import Brand
from tests.messages import support
from tests.support.brands import ANNA


@pytest.fixture(autouse=True)
def _channels(in_acme: Brand, now: datetime) -> None:
    support.all_channels(now)


@pytest.mark.parametrize(
    ("channel", "to", "fields"),
    [
        ("wechat_subscribe", "o-anna", {"number1": "39", "thing2": "可用 120 积分"}),
        ("wechat_official", "oa-anna", {"thing1": "39 积分到账"}),
        ("wecom", "wm-anna", {"text": "C-anna of acme,39 积分到账"}),
        ("sms", "13800000555", {"points": "39"}),
        ("push", "reg-anna", {"title": "到账", "text": "39 积分"}),
    ],
)
def test_it_arrives(providers: Sandbox, now: datetime, channel: str, to: str, fields: dict[str, str]) -> None:
    message = support.addressed(channel, now)
    assert sending.run() == 1
    assert [(m["channel"], m["to"], m["fields"]) for m in providers.messages] == [(channel, to, fields)]
    sent = support.fresh(message)
    assert (sent.status, sent.reason, sent.sent_at, sent.attempts) == ("sent", "", now, 1)
    assert sent.provider_id
    assert sending.run() == 0
    assert len(providers.messages) == 1


def test_a_text_message_names_signature_template_and_number(providers: Sandbox, now: datetime) -> None:
    Member.objects.filter(pk=ANNA).update(locale="en")
    message = support.addressed("sms", now)
    sending.run()
    (arrived,) = providers.messages
    assert (arrived["signature"], arrived["template"], arrived["out_id"]) == (
        "Acme",
        "SMS_2",
        str(message.pk),
    )


def test_a_mail_is_sent_from_the_brands_address(providers: Sandbox, now: datetime) -> None:
    message = support.addressed("email", now)
    sending.run()
    (sent,) = mail.outbox
    assert (sent.subject, sent.body, sent.from_email, sent.to) == (
        "39 积分",
        "您有 39 积分。",
        "Acme <hello@acme.example>",
        ["anna@example.com"],
    )
    assert sent.extra_headers["Message-ID"] == f"<{message.pk}@acme.example>"
    assert support.fresh(message).status == "sent"


def test_the_webhook_is_an_event(providers: Sandbox, now: datetime) -> None:
    template = support.template(now=now, purpose="transactional", channels=("webhook",))
    message = support.queued(template, "webhook", now, ANNA)
    sending.run()
    event = OutboxEvent.objects.get(type="message.sent")
    assert event.payload == {
        "message_id": str(message.pk),
        "member_id": str(ANNA),
        "template": "hello",
        "occasion": "o-1",
        "purpose": "transactional",
        "facts": {"points": 39, "balance": 120},
    }
    assert (support.fresh(message).status, support.fresh(message).provider_id) == ("sent", str(event.pk))


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("channel", "address", "status", "reason", "wait_s"),
    [
        ("wechat_subscribe", "o-busy", "queued", "provider_busy", 15),
        ("wechat_subscribe", "o-gone", "failed", "address_invalid", None),
        ("wechat_subscribe", "o-broken", "unknown", "no_answer", None),
        ("wechat_subscribe", "o-down", "queued", "unreachable_provider", 15),
        ("wecom", "wm-busy", "queued", "provider_busy", 15),
        ("wecom", "wm-gone", "failed", "address_invalid", None),
        ("wecom", "wm-broken", "unknown", "no_answer", None),
        ("sms", "+8613800000001", "queued", "provider_busy", 15),
        ("sms", "+8613800000002", "failed", "address_invalid", None),
        ("sms", "+8613800000003", "unknown", "no_answer", None),
        ("push", "reg-busy", "queued", "unreachable_provider", 15),
        ("push", "reg-gone", "failed", "address_invalid", None),
        ("push", "reg-broken", "unknown", "no_answer", None),
    ],
)
def test_what_a_provider_says_decides(
    providers: Sandbox,
    now: datetime,
    channel: str,
    address: str,
    status: str,
    reason: str,
    wait_s: int | None,
) -> None:
    message = support.addressed(channel, now, address=address)
    sending.run()
    after = support.fresh(message)
    due = None if wait_s is None else now + timedelta(seconds=wait_s)
    assert (after.status, after.reason, after.due_at) == (status, reason, due)


def test_what_may_have_arrived_is_not_sent_again(providers: Sandbox, now: datetime) -> None:
    support.addressed("sms", now, address="+8613800000003")
    sending.run()
    with clock.frozen(now + timedelta(days=1)):
        assert sending.run() == 0
    assert len(providers.messages) == 1


def test_an_official_accounts_message_is_sent_again_under_its_number_and_arrives_once(
    providers: Sandbox, now: datetime
) -> None:
    message = support.addressed("wechat_official", now, address="oa-broken")
    for seconds in (0, 15, 30):
        with clock.frozen(now + timedelta(seconds=seconds)):
            assert sending.run() == 1
    assert len(providers.messages) == 1
    assert (support.fresh(message).status, support.fresh(message).attempts) == ("unknown", 3)


def test_a_busy_provider_is_given_up_after_the_last_attempt(providers: Sandbox, now: datetime) -> None:
    message, at = support.addressed("sms", now, address="+8613800000001"), now
    for _attempt in range(recording.ATTEMPTS):
        with clock.frozen(at):
            assert sending.run() == 1
        at = support.fresh(message).due_at or at
    assert (support.fresh(message).status, support.fresh(message).reason) == ("failed", "provider_busy")
    assert support.fresh(message).attempts == recording.ATTEMPTS
    assert not providers.messages


def _at(now: datetime, seconds: float) -> None:
    with clock.frozen(now + timedelta(seconds=seconds)):
        sending.run()


def test_an_official_accounts_message_in_doubt_is_not_sent_when_wechat_has_forgotten_it(
    providers: Sandbox, now: datetime
) -> None:
    message = support.addressed("wechat_official", now, address="oa-broken")
    _at(now, 0)
    Message.objects.update(due_at=now + timedelta(minutes=9), reason="quiet_hours")  # put off in between
    _at(now, 540)
    assert (support.fresh(message).status, support.fresh(message).reason) == ("unknown", "no_answer")
    assert (support.fresh(message).attempts, support.fresh(message).sent_at) == (1, now)


def test_a_doubt_outlasts_a_busy_provider(providers: Sandbox, now: datetime) -> None:
    message = support.addressed("wechat_official", now, address="oa-broken")
    _at(now, 0)
    Identity.objects.filter(subject="oa-broken").update(subject="oa-busy")
    _at(now, 15)
    assert (support.fresh(message).status, support.fresh(message).sent_at) == ("queued", now)
    Message.objects.update(due_at=now + timedelta(hours=1))
    _at(now, 3600)
    assert (support.fresh(message).status, support.fresh(message).attempts) == ("unknown", 2)


def test_what_a_busy_provider_refused_is_in_no_doubt(providers: Sandbox, now: datetime) -> None:
    message = support.addressed("wechat_official", now, address="oa-busy")
    for seconds in (0, 15, 75):
        _at(now, seconds)
    assert (
        support.fresh(message).status,
        support.fresh(message).sent_at,
        support.fresh(message).attempts,
    ) == ("queued", None, 3)
    _at(now, 3600)
    assert support.fresh(message).attempts == 4


def test_what_may_have_arrived_is_never_said_to_be_unsent(providers: Sandbox, now: datetime) -> None:
    message = support.addressed("wechat_official", now, address="oa-broken")
    _at(now, 0)
    support.switch_off("wechat_official")
    _at(now, 15)
    assert (support.fresh(message).status, support.fresh(message).reason) == ("unknown", "channel_off")


# --- answers that are not the provider's ---
@pytest.mark.sampled(3)
@pytest.mark.parametrize("channel", ["wechat_subscribe", "wechat_official", "wecom", "sms", "push"])
@pytest.mark.parametrize(
    ("code", "content", "status"),
    [
        (403, {"message": "blocked by a proxy"}, "queued"),
        (404, {"error": "no route", "code": 404}, "queued"),
        (302, {}, "queued"),
        (408, {}, "unknown"),
        (200, {}, "unknown"),
        (200, [], "unknown"),
        (403, [], "unknown"),
    ],
)
def test_an_answer_that_is_not_the_providers_is_no_success(
    providers: Sandbox,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    channel: str,
    code: int,
    content: Any,
    status: str,
) -> None:
    message = support.addressed(channel, now)
    real = providers.answer

    def answer(method: str, path: str, *more: Any) -> tuple[int, Any]:
        return real(method, path, *more) if "token" in path else (code, content)

    monkeypatch.setattr(providers, "answer", answer)
    sending.run()
    after = support.fresh(message)
    reason = {"queued": "unreachable_provider", "unknown": "no_answer"}[status]
    given_back = channel == "wechat_subscribe" and status == "queued"
    wanted = (status, reason, f"HTTP {code}")
    if channel == "wechat_official" and status == "unknown":
        wanted = ("queued", reason, f"HTTP {code}")  # it may be repeated: WeChat drops what it has sent
    assert (after.status, after.reason, after.detail.partition(",")[0]) == wanted
    if channel == "wechat_subscribe":
        assert SubscriptionConsent.objects.get().remaining == (2 if given_back else 1)


# --- a mail server that is not there, or says nothing ---
@pytest.fixture
def mail_server(settings: Any) -> Iterator[socket.socket]:
    """It takes connections and never says a word."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = "127.0.0.1", False, False
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.EMAIL_PORT = server.getsockname()[1]
        yield server


def test_a_mail_server_that_says_nothing_is_left_in_time(
    mail_server: socket.socket, settings: Any, now: datetime
) -> None:
    assert 0 < settings.EMAIL_TIMEOUT <= 30
    settings.EMAIL_TIMEOUT = 0.1
    message = support.addressed("email", now)
    sending.run()
    after = support.fresh(message)
    assert (after.status, after.reason, after.due_at) == (
        "queued",
        "unreachable_provider",
        now + timedelta(seconds=15),
    )


def test_a_mail_server_that_is_not_there_is_tried_again(mail_server: socket.socket, now: datetime) -> None:
    mail_server.close()
    message = support.addressed("email", now)
    sending.run()
    assert (support.fresh(message).status, support.fresh(message).reason) == (
        "queued",
        "unreachable_provider",
    )


# --- tokens ---
def test_a_token_is_asked_for_once_and_shared_by_runs(providers: Sandbox, now: datetime) -> None:
    support.addressed("wechat_subscribe", now)
    sending.run()
    support.queued(Message.objects.get().template, "wechat_subscribe", now, ANNA, "o-2")
    sending.run()
    assert (len(providers.messages), providers.token_calls) == (2, 1)


def test_a_token_that_ends_in_mid_run_is_renewed_once_for_all(providers: Sandbox, now: datetime) -> None:
    support.addressed("wechat_subscribe", now)
    sending.run()
    SubscriptionConsent.objects.update(remaining=30, accepted=30)
    template = Message.objects.get().template
    for number in range(30):
        support.queued(template, "wechat_subscribe", now, ANNA, f"o-{number + 2}")
    calls = providers.token_calls
    providers.expire_tokens()
    assert sending.run() == 30
    assert providers.token_calls == calls + 1
    assert Message.objects.filter(status="sent").count() == len(providers.messages) == 31


def test_wrong_credentials_wait_and_lose_nothing(providers: Sandbox, now: datetime) -> None:
    message = support.addressed("wechat_subscribe", now)
    support.set_channel("wechat_subscribe", {"app_id": support.MINI}, secret="wrong")
    sending.run()
    after = support.fresh(message)
    assert (after.status, after.reason, after.due_at) == (
        "queued",
        "credentials",
        now + timedelta(minutes=10),
    )
    assert after.detail.startswith("40125 ")
    assert SubscriptionConsent.objects.get().remaining == 2


# --- one consent, one message ---
def test_a_sent_message_uses_up_one_consent(providers: Sandbox, now: datetime) -> None:
    support.addressed("wechat_subscribe", now)
    template = Message.objects.get().template
    for number in (2, 3):
        support.queued(template, "wechat_subscribe", now, ANNA, f"o-{number}")
    sending.run()
    counter = SubscriptionConsent.objects.get()
    assert (counter.remaining, counter.accepted, len(providers.messages)) == (0, 2, 2)
    refused = Message.objects.get(status="suppressed")
    assert (refused.reason, refused.attempts, refused.consent) == ("consent_gone", 0, None)


@pytest.mark.parametrize(
    ("address", "left"), [("o-busy", 2), ("o-gone", 2), ("o-down", 2), ("o-broken", 1), ("o-noconsent", 0)]
)
def test_a_consent_is_given_back_only_where_nothing_was_sent(
    providers: Sandbox, now: datetime, address: str, left: int
) -> None:
    message = support.addressed("wechat_subscribe", now, address=address)
    sending.run()
    assert SubscriptionConsent.objects.get().remaining == left
    if address == "o-noconsent":
        assert (support.fresh(message).status, support.fresh(message).reason) == (
            "suppressed",
            "consent_gone",
        )
