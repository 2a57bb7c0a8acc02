"""E-mail over real SMTP; and no more of it: the link in a marketing mail, pressed by a member or mailbox."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from campaigns.channels import Outcome
from campaigns.models import Message
from campaigns.services.messages import channelsetup, claiming, links, sending
from loyalty.dev import mail_sandbox
from loyalty.lib.errors import Invalid
from members import selectors
from members.models import Consent, Member
from tenants.context import in_brand
from tenants.models import Brand
from tests.messages import support
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api

OUTSIDE = Api("acme.localhost", None, prefix="")
ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def server(settings: Any) -> Iterator[mail_sandbox.Server]:
    """The mail server's stand-in, to which the platform's mail goes."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = "127.0.0.1", False, False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    with mail_sandbox.Server() as server:
        settings.EMAIL_PORT = server.port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(timeout=5)


@pytest.fixture
def channel(in_acme: Brand, now: datetime) -> None:
    support.channel("email", now=now, settings={"from": "Acme <hello@acme.example>"})
    support.agrees(ANNA, now)


def queued(
    now: datetime, purpose: str = "marketing", address: str = "anna@example.com", link: str = ""
) -> Message:
    body = {**support.BODY, "link": link}
    template = support.template(now=now, code=purpose, purpose=purpose, channels=("email",), body=body)
    support.known_by(ANNA, "email", address, now)
    return support.queued(template, "email", now, ANNA)


def stopped() -> bool | None:
    said = selectors.consents_now([ANNA], ["marketing.email"])
    return None if (ANNA, "marketing.email") not in said else not said[ANNA, "marketing.email"]


def post(path: str, body: str = ONE_CLICK) -> Any:
    """As a mailbox provider does, with no cookie; a browser's form is empty."""
    client, before = Client(enforce_csrf_checks=True), connection.tenant
    answer = client.post(path, body, content_type=FORM, headers={"Host": "acme.localhost"})
    connection.set_tenant(before)
    return answer


def test_marketing_goes_out_with_a_link_by_which_it_ends(
    server: mail_sandbox.Server, channel: None, now: datetime
) -> None:
    message = queued(now)
    sending.run()
    (mail,) = server.mails
    link = f"http://acme.localhost/unsubscribe/{links.token(message.pk, links.UNSUBSCRIBE)}"
    assert (mail["From"], mail["To"], mail["Subject"]) == (
        "Acme <hello@acme.example>", "anna@example.com", "39 积分",
    )  # fmt: skip
    assert mail["Message-ID"] == f"<{message.pk}@acme.example>"
    assert mail["List-Unsubscribe"] == f"<{link}>"
    assert mail["List-Unsubscribe-Post"] == ONE_CLICK
    assert mail.get_content().splitlines() == ["您有 39 积分。", "", f"退订: {link}"]
    message.refresh_from_db()
    assert (message.status, message.provider_id) == ("sent", f"<{message.pk}@acme.example>")


def test_what_is_about_the_account_has_no_such_link(
    server: mail_sandbox.Server, channel: None, now: datetime
) -> None:
    queued(now, "transactional")
    sending.run()
    (mail,) = server.mails
    assert (mail["List-Unsubscribe"], mail["List-Unsubscribe-Post"]) == (None, None)
    assert mail.get_content().strip() == "您有 39 积分。"


def _link_of(server: mail_sandbox.Server) -> str:
    """The path that the header of the only mail names."""
    return str(server.mails[0]["List-Unsubscribe"]).strip("<>").removeprefix("http://acme.localhost")


def test_the_mailboxs_button_withdraws_the_consent_at_once(
    server: mail_sandbox.Server, channel: None, now: datetime
) -> None:
    queued(now)
    sending.run()
    path = _link_of(server)
    for _twice in range(2):
        answer = post(path)
        assert answer.status_code == 200
    rows = Consent.objects.filter(member_id=ANNA, purpose="marketing.email")
    assert list(rows.values_list("granted", "source")) == [(False, "unsubscribe_link")]
    # Of the other purposes nothing was withdrawn, and the next mail stays here.
    assert selectors.consents_now([ANNA], ["marketing"]) == {(ANNA, "marketing"): True}
    support.queued(Message.objects.get().template, "email", now, ANNA, "o-2")
    claiming.claim(worker="w", now=now + timedelta(days=8))
    after = Message.objects.get(occasion="o-2")
    assert (after.status, after.reason) == ("suppressed", "opted_out")


def test_looking_at_the_page_changes_nothing_and_its_button_does(
    server: mail_sandbox.Server, channel: None, now: datetime
) -> None:
    queued(now)
    sending.run()
    path = _link_of(server)
    page = OUTSIDE.get(path)
    assert (page.status_code, page["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "no-store" in page["Cache-Control"]
    assert "不再接收Acme的优惠邮件？" in page.content.decode()
    assert '<form method="post"><button>退订</button></form>' in page.content.decode()
    assert stopped() is None
    after = post(path, "")
    assert (after.status_code, stopped()) == (200, True)
    assert "您不会再收到Acme的优惠邮件。" in after.content.decode()
    assert "<form" not in after.content.decode()
    assert "<form" not in OUTSIDE.get(path).content.decode()


def test_the_page_speaks_the_members_language(channel: None, now: datetime) -> None:
    message = queued(now)
    Member.objects.filter(pk=ANNA).update(locale="en")
    page = OUTSIDE.get(f"/unsubscribe/{links.token(message.pk, links.UNSUBSCRIBE)}")
    assert "No more e-mails with offers from Acme?" in page.content.decode()
    assert '<html lang="en">' in page.content.decode()


def test_who_was_merged_unsubscribes_who_stays(channel: None, api: Api, now: datetime) -> None:
    message = queued(now)
    assert api.post(f"/members/{ANNA}/merge", {"into": str(BORIS)}).status_code == 200
    assert post(f"/unsubscribe/{links.token(message.pk, links.UNSUBSCRIBE)}").status_code == 200
    said = selectors.consents_now([BORIS], ["marketing.email"])
    assert said == {(BORIS, "marketing.email"): False}


@pytest.mark.parametrize("forge", ["other-brand", "click-link", "cut", "changed", "nonsense"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_link_that_is_not_ours_stops_nothing(
    globex: Brand, channel: None, now: datetime, forge: str, method: str
) -> None:
    message = queued(now)
    with in_brand(globex):
        foreign = links.token(message.pk, links.UNSUBSCRIBE)
    ours = links.token(message.pk, links.UNSUBSCRIBE)
    token = {
        "other-brand": foreign,
        "click-link": links.token(message.pk),
        "cut": ours[:-4],
        "changed": ("A" if ours[0] != "A" else "B") + ours[1:],
        "nonsense": "nonsense",
    }[forge]
    path = f"/unsubscribe/{token}"
    answer = OUTSIDE.get(path) if method == "get" else post(path)
    assert (answer.status_code, stopped()) == (404, None)


def test_a_link_to_unsubscribe_notes_no_click(channel: None, now: datetime) -> None:
    message = queued(now, link="/offers")
    assert OUTSIDE.get(f"/m/{links.token(message.pk, links.UNSUBSCRIBE)}").status_code == 404
    assert Message.objects.get().clicked_at is None


@pytest.mark.parametrize(
    ("mailbox", "status", "reason", "arrived"),
    [
        ("anna-busy", "queued", "provider_busy", 0),
        ("anna-gone", "failed", "address_invalid", 0),
        ("anna-spam", "failed", "provider_refused", 0),
        ("anna-broken", "unknown", "no_answer", 1),
    ],
)
def test_what_a_mail_server_may_answer(
    server: mail_sandbox.Server,
    channel: None,
    now: datetime,
    mailbox: str,
    status: str,
    reason: str,
    arrived: int,
) -> None:
    message = queued(now, address=f"{mailbox}@example.com")
    sending.run()
    message.refresh_from_db()
    assert (message.status, message.reason, len(server.mails)) == (status, reason, arrived)


@pytest.mark.parametrize(
    ("password", "status", "reason"),
    [(mail_sandbox.SECRET, "sent", ""), ("wrong", "queued", "credentials")],
)
def test_the_platform_signs_in_at_its_mail_server(
    server: mail_sandbox.Server,
    channel: None,
    settings: Any,
    now: datetime,
    password: str,
    status: str,
    reason: str,
) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "acme", password
    message = queued(now)
    sending.run()
    message.refresh_from_db()
    assert (message.status, message.reason) == (status, reason)
    if status == "queued":
        assert message.due_at == now + timedelta(minutes=10)


def test_without_a_mail_server_the_channel_is_not_switched_on(
    in_acme: Brand, settings: Any, now: datetime
) -> None:
    settings.MAIL_IS_SENT = False
    values = {"from": "hello@acme.example"}
    with pytest.raises(Invalid) as refused:
        channelsetup.save(channel="email", enabled=True, values=values, actor="t", now=now)
    assert [(e.pointer, e.code) for e in refused.value.errors] == [("/from", "no_mail_server")]
    assert not channelsetup.save(channel="email", enabled=False, values=values, actor="t", now=now).enabled


def test_a_trial_goes_through_the_same_server(
    server: mail_sandbox.Server, channel: None, now: datetime
) -> None:
    template = support.template(now=now, channels=("email",))
    row = channelsetup.save(
        channel="email", enabled=True, values={"from": "hello@acme.example"}, actor="t", now=now
    )
    told = channelsetup.send_test(
        channel=row, template=template, address="operator@acme.example", language="en"
    )
    assert (told.outcome, len(server.mails)) == (Outcome.SENT, 1)
