"""What keeps a message back: consent by purpose, age, compliance, quiet hours, caps; each with its reason."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from campaigns.models import Message, MessageTemplate
from campaigns.services.messages import judging, sending
from loyalty.dev.channel_sandbox import Sandbox
from loyalty.lib import clock
from members.models import Member
from tenants.context import in_brand
from tenants.models import Brand
from tests.messages import support
from tests.support.brands import ANNA

NIGHT = (time(22), time(8))
SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")


@pytest.fixture
def template(in_acme: Brand, now: datetime) -> MessageTemplate:
    support.all_channels(now)
    support.known_by(ANNA, "phone", "+8613800000555", now)
    support.known_by(ANNA, "email", "anna@example.com", now)
    return support.template(now=now)


def _send(
    template: MessageTemplate, at: datetime, channel: str = "sms", occasion: str = "o-1"
) -> tuple[str, str]:
    message = support.queued(template, channel, at, ANNA, occasion)
    with clock.frozen(at):
        sending.run()
    after = Message.objects.get(pk=message.pk)
    return after.status, after.reason


def test_marketing_needs_a_consent_to_marketing(
    providers: Sandbox, template: MessageTemplate, now: datetime
) -> None:
    assert _send(template, now) == ("suppressed", "no_consent")
    support.agrees(ANNA, now, purpose="profiling")
    assert _send(template, now, occasion="o-2") == ("suppressed", "no_consent")
    support.agrees(ANNA, now)
    assert _send(template, now, occasion="o-3") == ("sent", "")
    support.agrees(ANNA, now + timedelta(minutes=1), granted=False)
    assert _send(template, now + timedelta(minutes=2), occasion="o-4") == ("suppressed", "no_consent")
    assert len(providers.messages) == 1


def test_a_consent_withdrawn_while_the_message_waits_holds(
    providers: Sandbox, template: MessageTemplate, now: datetime
) -> None:
    support.agrees(ANNA, now)
    support.queued(template, "sms", now, ANNA)
    support.agrees(ANNA, now + timedelta(seconds=1), granted=False)
    sending.run()
    assert Message.objects.get().reason == "no_consent"


def test_an_opt_out_of_one_channel_leaves_the_others(
    providers: Sandbox, template: MessageTemplate, now: datetime
) -> None:
    support.agrees(ANNA, now)
    support.agrees(ANNA, now, purpose="marketing.sms", granted=False)
    assert _send(template, now) == ("suppressed", "opted_out")
    assert _send(template, now, "email") == ("sent", "")


def test_what_concerns_the_account_needs_no_marketing_consent_and_no_day(
    providers: Sandbox, template: MessageTemplate, now: datetime
) -> None:
    own = support.template(now=now, code="own", purpose="transactional")
    support.agrees(ANNA, now, granted=False)
    night = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)  # 02:00 in Shanghai
    assert _send(own, night) == ("sent", "")


def test_a_minor_is_not_advertised_to(providers: Sandbox, template: MessageTemplate, now: datetime) -> None:
    support.agrees(ANNA, now)
    Member.objects.filter(pk=ANNA).update(birthday=date(2008, 11, 23))  # 18 tomorrow
    assert _send(template, now) == ("suppressed", "minor")
    assert _send(template, now + timedelta(days=1), occasion="o-2") == ("sent", "")


@pytest.mark.parametrize(
    ("tags", "child", "reason"),
    [
        (["infant_0_6"], None, "compliance"),
        (["alcohol"], None, "compliance"),
        (["toddler_12_36"], "2026-06", "compliance"),
        (["toddler_12_36"], "2025-06", ""),
        (["dairy"], None, ""),
    ],
)
@pytest.mark.parametrize("purpose", ["marketing", "transactional"])
def test_texts_about_articles_keep_the_matrix(
    providers: Sandbox,
    template: MessageTemplate,
    now: datetime,
    purpose: str,
    tags: list[str],
    child: str | None,
    reason: str,
) -> None:
    support.agrees(ANNA, now)
    if child:
        children = [{"birth_month": child, "guardian_consent": True}]
        Member.objects.filter(pk=ANNA).update(children=children)
    body = {**support.BODY, "tags": tags}
    about = support.template(now=now, code="about", purpose=purpose, body=body)
    assert _send(about, now)[1] == reason


def test_a_closed_member_gets_nothing(providers: Sandbox, template: MessageTemplate, now: datetime) -> None:
    support.agrees(ANNA, now)
    Member.objects.filter(pk=ANNA).update(status="closed")
    assert _send(template, now) == ("suppressed", "member_closed")


def test_the_night_is_waited_out_and_the_message_is_not_lost(
    providers: Sandbox, template: MessageTemplate, now: datetime
) -> None:
    support.agrees(ANNA, now)
    night = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)  # 23:30 in Shanghai
    morning = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)  # 08:00
    assert _send(template, night) == ("queued", "quiet_hours")
    assert Message.objects.get().due_at == morning
    with clock.frozen(morning - timedelta(seconds=1)):
        assert sending.run() == 0
    with clock.frozen(morning):
        assert sending.run() == 1
    assert Message.objects.get().status == "sent"


@pytest.mark.parametrize(
    ("at", "tz", "quiet", "until"),
    [
        ("2026-11-22T22:00:00+08:00", SHANGHAI, NIGHT, "2026-11-23T08:00:00+08:00"),
        ("2026-11-22T21:59:59+08:00", SHANGHAI, NIGHT, None),
        ("2026-11-23T07:59:59+08:00", SHANGHAI, NIGHT, "2026-11-23T08:00:00+08:00"),
        ("2026-11-23T08:00:00+08:00", SHANGHAI, NIGHT, None),
        ("2026-11-22T23:30:00+08:00", SHANGHAI, None, None),
        # The clocks go back (01:59 EDT → 01:00 EST): the night has 11 hours.
        ("2026-10-31T22:00:00-04:00", NEW_YORK, NIGHT, "2026-11-01T08:00:00-05:00"),
        # They go forward: 9 hours.
        ("2026-03-07T22:00:00-05:00", NEW_YORK, NIGHT, "2026-03-08T08:00:00-04:00"),
        # The second 01:30 of that night is inside quiet hours that end at 02:00, and they end at 02:00 EST.
        ("2026-11-01T01:30:00-05:00", NEW_YORK, (time(1), time(2)), "2026-11-01T02:00:00-05:00"),
        # 02:30 does not exist in March: the hours end when the clock has passed it.
        ("2026-03-08T01:30:00-05:00", NEW_YORK, (time(1), time(2, 30)), "2026-03-08T03:30:00-04:00"),
        ("2026-11-22T12:30:00+08:00", SHANGHAI, (time(12), time(14)), "2026-11-22T14:00:00+08:00"),
        ("2026-11-22T14:00:00+08:00", SHANGHAI, (time(12), time(14)), None),
    ],
)
def test_quiet_hours_are_the_brands_and_know_changes_of_the_clock(
    at: str, tz: ZoneInfo, quiet: tuple[time, time] | None, until: str | None
) -> None:
    now = datetime.fromisoformat(at).astimezone(UTC)
    expected = None if until is None else datetime.fromisoformat(until)
    assert judging.quiet_until(now, quiet, tz) == expected


def test_a_second_text_message_of_a_day_is_kept_back(
    providers: Sandbox, template: MessageTemplate, now: datetime
) -> None:
    support.agrees(ANNA, now)
    assert _send(template, now) == ("sent", "")
    assert _send(template, now, occasion="o-2") == ("suppressed", "cap")
    assert _send(template, now, "email", occasion="o-3") == ("sent", "")
    assert _send(template, now, "email", occasion="o-4") == ("suppressed", "cap")  # two a day by all channels
    tomorrow = now + timedelta(days=1)
    assert _send(template, tomorrow, occasion="o-5") == ("sent", "")
    assert _send(template, now + timedelta(days=2), occasion="o-6") == ("suppressed", "cap")  # two a week


def test_messages_claimed_together_are_counted_together(
    providers: Sandbox, template: MessageTemplate, now: datetime
) -> None:
    support.agrees(ANNA, now)
    for number in range(3):
        support.queued(template, "sms", now, ANNA, f"o-{number}")
    assert sending.run() == 1
    assert sorted(Message.objects.values_list("status", flat=True)) == ["sent", "suppressed", "suppressed"]


def test_a_brand_sets_its_own_hours_and_caps(
    providers: Sandbox, template: MessageTemplate, now: datetime, acme: Brand
) -> None:
    support.agrees(ANNA, now)
    acme.settings = {"quiet_hours": {"from": "09:00", "until": "11:00"}, "message_caps": {}}
    with in_brand(acme):
        assert _send(template, now) == ("queued", "quiet_hours")  # 10:00 in Shanghai
        noon = now + timedelta(hours=2)
        for number in range(4):
            assert _send(template, noon, occasion=f"n-{number}") == ("sent", "")


def test_a_message_that_was_switched_off_is_not_sent(
    providers: Sandbox, template: MessageTemplate, now: datetime
) -> None:
    support.agrees(ANNA, now)
    support.queued(template, "sms", now, ANNA)
    MessageTemplate.objects.update(enabled=False)
    sending.run()
    assert Message.objects.get().reason == "template_off"
    assert not providers.messages


def test_a_channel_that_was_switched_off_sends_nothing(
    providers: Sandbox, template: MessageTemplate, now: datetime
) -> None:
    support.agrees(ANNA, now)
    support.queued(template, "sms", now, ANNA)
    support.switch_off("sms")
    sending.run()
    assert Message.objects.get().reason == "channel_off"
