"""What members do about messages: allow them, read them, click, answer a text message, come back."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import Message, SubscriptionConsent
from campaigns.services.messages import links, replies, returns, sending
from loyalty.dev.channel_sandbox import Sandbox
from loyalty.lib import clock
from loyalty.outbox import handling, relay
from members import selectors
from tenants.context import in_brand
from tenants.models import Brand
from tests.messages import support
from tests.messages.test_notices import BASE, order
from tests.support import sessions
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api

# Whoever clicks, or the provider.
OUTSIDE = Api("acme.localhost", None, prefix="")
ACCEPT = {"answers": {support.WX_TEMPLATE: "accept"}}


@pytest.fixture
def anna(acme: Brand) -> Api:
    return sessions.signed_in("acme", ANNA)


@pytest.fixture
def channels(in_acme: Brand, now: datetime) -> None:
    support.all_channels(now)
    support.template(now=now)


# --- subscription consents ---
def test_each_acceptance_allows_one_more_message(anna: Api, channels: None) -> None:
    assert anna.get("/me/subscriptions").json() == {
        "items": [{"template_id": support.WX_TEMPLATE, "messages": [""], "remaining": 0}]
    }
    assert anna.post("/me/subscriptions", ACCEPT).status_code == 201
    answer = anna.post("/me/subscriptions", ACCEPT)
    assert answer.json()["items"][0]["remaining"] == 2
    refused = anna.post("/me/subscriptions", {"answers": {support.WX_TEMPLATE: "reject"}})
    assert refused.json()["items"][0]["remaining"] == 2


def test_a_report_that_is_repeated_under_its_key_counts_once(anna: Api, channels: None) -> None:
    first = anna.post("/me/subscriptions", ACCEPT, key="question-number-0001")
    again = anna.post("/me/subscriptions", ACCEPT, key="question-number-0001")
    assert first.content == again.content
    assert again["Idempotent-Replayed"] == "true"
    assert SubscriptionConsent.objects.get().remaining == 1


@pytest.mark.parametrize(
    ("answers", "pointer", "code"),
    [
        ({"strange": "accept"}, "/answers/strange", "unknown"),
        ({support.WX_TEMPLATE: "maybe"}, f"/answers/{support.WX_TEMPLATE}", "invalid_choice"),
        ({"a/b~c": "accept"}, "/answers/a~1b~0c", "unknown"),
        ({"a/b~c": "maybe"}, "/answers/a~1b~0c", "invalid_choice"),
        ({}, "/answers", "length"),
    ],
)
def test_what_is_no_answer_counts_nothing(
    anna: Api, channels: None, answers: dict[str, str], pointer: str, code: str
) -> None:
    answer = anna.post("/me/subscriptions", {"answers": answers})
    assert answer.status_code == 422
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)]
    assert not SubscriptionConsent.objects.exists()


def test_a_brand_without_subscription_messages_says_so(anna: Api, in_acme: Brand) -> None:
    assert (anna.get("/me/subscriptions").status_code, anna.get("/me/subscriptions").json()["code"]) == (
        409,
        "channel_off",
    )


def test_a_merge_adds_up_what_is_allowed(api: Api, channels: None, now: datetime) -> None:
    support.subscribed(ANNA, 2, now)
    support.subscribed(BORIS, 1, now)
    assert api.post(f"/members/{ANNA}/merge", {"into": str(BORIS)}).status_code == 200
    left = dict(SubscriptionConsent.objects.values_list("member", "remaining"))
    assert left == {ANNA: 0, BORIS: 3}


# --- consents by purpose ---
def test_consents_are_given_and_withdrawn_by_the_same_call(anna: Api, api: Api, in_acme: Brand) -> None:
    said = {"purpose": "marketing", "version": "2026-01", "granted": True, "source": "mini-program"}
    assert anna.post("/me/consents", said).status_code == 201
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        withdrawn = anna.post("/me/consents", {**said, "granted": False})
    assert [c["granted"] for c in withdrawn.json()["history"]] == [False, True]
    current = {
        **said,
        "granted": False,
        "at": "2026-11-22T02:01:00Z",
    }
    assert withdrawn.json()["current"] == [current]
    assert api.get(f"/members/{ANNA}/consents").json() == withdrawn.json()
    assert api.get(f"/members/{BORIS}/consents").json() == {"current": [], "history": []}


def test_a_partner_records_a_consent_once(api: Api, in_acme: Brand) -> None:
    said = {"purpose": "marketing", "version": "1", "granted": True}
    for _twice in range(2):
        answer = api.post(f"/members/{ANNA}/consents", said, key="consent-number-0001")
        assert answer.status_code == 201
    assert len(answer.json()["history"]) == 1
    bad = api.post(f"/members/{ANNA}/consents", {"purpose": "marketing"})
    assert bad.status_code == 422
    assert selectors.consents_now([ANNA], ["marketing"]) == {(ANNA, "marketing"): True}


# --- the inbox ---
def test_the_inbox_has_what_was_sent_to_me_and_nothing_else(
    providers: Sandbox, anna: Api, channels: None, now: datetime
) -> None:
    own = support.template(now=now, code="own", purpose="transactional")
    support.known_by(ANNA, "email", "anna@example.com", now)
    support.known_by(BORIS, "email", "boris@example.com", now)
    sent = support.queued(own, "email", now, ANNA)
    support.queued(own, "email", now, BORIS)
    support.queued(own, "sms", now, ANNA, "o-2")
    sending.run()
    assert anna.get("/me/messages").json() == {
        "items": [
            {
                "message_id": str(sent.pk),
                "channel": "email",
                "purpose": "transactional",
                "name": "own",
                "title": "39 积分",
                "text": "您有 39 积分。",
                "sent_at": "2026-11-22T02:00:00Z",
            }
        ],
        "next_cursor": None,
    }


def test_a_long_inbox_asks_as_often_as_a_short_one(anna: Api, channels: None, now: datetime) -> None:
    def read() -> tuple[int, list[str]]:
        with CaptureQueriesContext(connection) as seen:
            items = anna.get("/me/messages").json()["items"]
        return len(seen), [each["text"] for each in items]

    _in_the_inbox(1, now)
    anna.get("/me/messages")  # what a process reads once
    short = read()
    _in_the_inbox(9, now)
    longer = read()
    assert (len(short[1]), len(longer[1])) == (1, 10)
    assert short[0] == longer[0]
    # Each from the version that it was sent with.
    assert longer[1] == [f"Text {number}: 39" for number in (*range(8, -1, -1), 0)]


def _in_the_inbox(count: int, now: datetime) -> None:
    """Messages that were sent, each from a template of its own."""
    for number in range(count):
        text = {"zh-hans": f"Text {number}: {{points}}"}
        body = {"channels": {"email": {"fields": {"subject": {"en": "x"}, "text": text}}}}
        made = support.template(now=now, code=f"t-{count}-{number}", purpose="transactional", body=body)
        message = support.queued(made, "email", now + timedelta(seconds=count + number), ANNA, made.code)
        Message.objects.filter(pk=message.pk).update(status="sent", sent_at=now, due_at=None)


# --- clicks ---
def _linked(now: datetime, link: str) -> Message:
    body = {**support.BODY, "link": link}
    template = support.template(now=now, code="linked", purpose="transactional", body=body)
    support.known_by(ANNA, "email", "anna@example.com", now)
    return support.queued(template, "email", now, ANNA)


def test_a_click_is_noted_once_and_leads_to_the_brand(
    providers: Sandbox, channels: None, now: datetime, mailoutbox: Any
) -> None:
    message = _linked(now, "https://acme.localhost/offers")
    sending.run()
    link = mailoutbox[0].body.removeprefix("您有 39 积分。")
    assert link == f"http://acme.localhost/m/{links.token(message.pk)}"
    path = "/m/" + link.rpartition("/")[2]
    for minutes in (1, 2):
        with clock.frozen(now + timedelta(minutes=minutes)):
            answer = OUTSIDE.get(path)
        assert (answer.status_code, answer["Location"]) == (302, "https://acme.localhost/offers")
        assert "no-store" in answer["Cache-Control"]
    assert Message.objects.get().clicked_at == now + timedelta(minutes=1)


@pytest.mark.parametrize("forge", ["other-brand", "cut", "changed", "nonsense"])
def test_a_link_that_is_not_ours_leads_nowhere(
    globex: Brand, channels: None, now: datetime, forge: str
) -> None:
    message = _linked(now, "/offers")
    with in_brand(globex):
        foreign = links.token(message.pk)
    ours = links.token(message.pk)
    token = {
        "other-brand": foreign,
        "cut": ours[:-4],
        "changed": ("A" if ours[0] != "A" else "B") + ours[1:],
        "nonsense": "nonsense",
    }[forge]
    assert OUTSIDE.get(f"/m/{token}").status_code == 404
    assert Message.objects.get().clicked_at is None


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("/offers?a=1", True),
        ("https://acme.localhost/x", True),
        ("https://shop.example/x", True),
        ("https://SHOP.example/x", True),
        ("http://acme.localhost/x", False),
        ("https://globex.localhost/x", False),
        ("https://acme.localhost.evil.example/", False),
        ("https://acme.localhost@evil.example/", False),
        ("//evil.example", False),
        ("/\\evil.example", False),
        ("javascript:alert(1)", False),
        ("", False),
    ],
)
def test_links_lead_to_hosts_of_the_brand_alone(in_acme: Brand, url: str, allowed: bool) -> None:
    in_acme.settings = {"message_link_hosts": ["shop.example"]}
    assert links.allowed(url, links.hosts_allowed()) is allowed


# --- text messages: replies and reports ---
def _call(what: str, rows: Any, secret: str | None = None) -> Any:
    path = f"/callbacks/sms/{secret or replies.secret()}/{what}"
    return OUTSIDE.post(path, rows)


@pytest.mark.parametrize("content", ["TD", " td ", "退订", "回复退订"])
def test_a_reply_opts_out_of_text_messages(channels: None, now: datetime, content: str) -> None:
    support.known_by(ANNA, "phone", "+8613800000555", now)
    support.agrees(ANNA, now)
    reply = [{"phone_number": "13800000555", "content": content}]
    for _twice in range(2):
        answer = _call("replies", reply)
        assert (answer.status_code, answer.json()) == (200, {"code": 0, "msg": "OK"})
    assert selectors.consents_now([ANNA], ["marketing", "marketing.sms"]) == {
        (ANNA, "marketing"): True,
        (ANNA, "marketing.sms"): False,
    }
    assert selectors.consents_of(ANNA).filter(purpose="marketing.sms").count() == 1


@pytest.mark.parametrize(
    ("phone", "content"), [("13800000555", "thank you"), ("13999999999", "TD"), ("x", "TD")]
)
def test_other_replies_change_nothing(channels: None, now: datetime, phone: str, content: str) -> None:
    support.known_by(ANNA, "phone", "+8613800000555", now)
    assert _call("replies", [{"phone_number": phone, "content": content}]).status_code == 200
    assert not selectors.consents_of(ANNA).exists()


def test_only_the_provider_may_call(globex: Brand, channels: None, now: datetime) -> None:
    support.known_by(ANNA, "phone", "+8613800000555", now)
    with in_brand(globex):
        foreign = replies.secret()
    for secret in (foreign, "guess"):
        assert _call("replies", [{"phone_number": "13800000555", "content": "TD"}], secret).status_code == 404
    assert _call("replies", {"not": "a list"}).status_code == 400
    assert not selectors.consents_of(ANNA).exists()


@pytest.mark.parametrize(
    ("success", "status", "reason"), [(True, "delivered", ""), (False, "failed", "not_delivered")]
)
def test_a_delivery_report_is_noted(
    providers: Sandbox, channels: None, now: datetime, success: bool, status: str, reason: str
) -> None:
    support.known_by(ANNA, "phone", "+8613800000555", now)
    own = support.template(now=now, code="own", purpose="transactional")
    message = support.queued(own, "sms", now, ANNA)
    sending.run()
    report = {"out_id": str(message.pk), "success": success, "err_code": "UNDELIVERED"}
    for _twice in range(2):
        assert _call("reports", [report, {"out_id": "strange"}]).status_code == 200
    after = Message.objects.get()
    assert (after.status, after.reason) == (status, reason)
    assert after.delivered_at == (now if success else None)


def test_a_delivery_report_that_overtakes_the_record_is_kept(
    providers: Sandbox, channels: None, now: datetime
) -> None:
    support.known_by(ANNA, "phone", "+8613800000555", now)
    own = support.template(now=now, code="own", purpose="transactional")
    message = support.queued(own, "sms", now, ANNA)
    sending.run(
        after_claim=lambda: replies.reported(reports=[{"out_id": str(message.pk), "success": True}], now=now)
    )
    assert len(providers.messages) == 1
    after = Message.objects.get()
    assert (after.status, after.delivered_at, after.lease_until) == ("delivered", now, None)


# --- coming back ---
def _sent(now: datetime, purpose: str = "marketing") -> Message:
    template = support.template(now=now, code="wake-up", purpose=purpose)
    message = support.queued(template, "email", now, ANNA)
    Message.objects.filter(pk=message.pk).update(status="sent", sent_at=now, due_at=None)
    return message


@pytest.mark.parametrize(("days", "noted"), [(0, 1), (7, 1), (7.01, 0)])
def test_an_order_within_the_days_is_a_return(channels: None, now: datetime, days: float, noted: int) -> None:
    _sent(now)
    at = now + timedelta(days=days)
    assert returns.note(member_id=ANNA, by="order", at=at) == noted
    assert returns.note(member_id=ANNA, by="sign_in", at=at) == 0
    assert Message.objects.get().returned_at == (at if noted else None)


def test_the_days_count_from_the_click(channels: None, now: datetime) -> None:
    message = _sent(now)
    Message.objects.filter(pk=message.pk).update(clicked_at=now + timedelta(days=5))
    assert returns.note(member_id=ANNA, by="order", at=now + timedelta(days=11)) == 1


def test_what_came_before_the_message_or_was_no_marketing_is_no_return(channels: None, now: datetime) -> None:
    _sent(now)
    assert returns.note(member_id=ANNA, by="order", at=now - timedelta(seconds=1)) == 0
    assert returns.note(member_id=BORIS, by="order", at=now) == 0


def test_an_order_is_noted_through_the_event(
    api: Api, publish: Callable[..., None], channels: None, now: datetime
) -> None:
    _sent(now - timedelta(days=1))
    publish(BASE)
    order(api)
    relay.run()
    handling.run()
    assert Message.objects.get().returned_by == "order"
