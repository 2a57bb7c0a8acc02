"""Segments and the report of a wake-up in a browser: the count follows the fields, the charts are drawn."""

from datetime import datetime, timedelta

import pytest
from django.db import connection

from campaigns.models import Message, Wakeup, WakeupRecipient
from campaigns.services import segments, wakeups
from loyalty.lib import ids
from members.models import Purchase
from tenants.context import in_brand
from tenants.models import Brand
from tests.audiences.wakeupshapes import crowd, go, template
from tests.browser.conftest import PHONE, WIDE, Visit, Visitor
from tests.console.pages import operator_of


@pytest.fixture
def pushed(committed_db: None, now: datetime) -> tuple[str, Wakeup]:
    """Acme, where a wake-up went out to a thousand nine days ago; its owner, and the wake-up."""
    connection.set_schema_to_public()
    acme, then = Brand.objects.get(slug="acme"), now - timedelta(days=9)
    with in_brand(acme):
        crowd(1000, then - timedelta(days=30))
        segments.create(
            code="sleeping",
            name={"zh-hans": "沉睡会员", "en": "Sleeping members"},
            definition={"all": [{"fact": "member.enrolled_days", "op": "gte", "value": 20}]},
            actor="test",
            now=then,
        )
        for code in ("short", "long"):
            template(code, then)
        wakeups.create(
            code="come-back",
            values={
                "name": {"zh-hans": "回来有礼", "en": "Come back"},
                "segment": "sleeping",
                "channel": "sms",
                "variants": [
                    {"code": "a", "template": "short", "share": 50},
                    {"code": "b", "template": "long", "share": 50},
                ],
                "holdout_percent": 20,
            },
            actor="test",
            now=then,
        )
        wakeups.submit(code="come-back", actor="test", now=then)
        go(then)
        _what_became_of_it(then)
        wakeup = Wakeup.objects.get()
    return operator_of(acme, "owner"), wakeup


def _what_became_of_it(then: datetime) -> None:
    """Of the messages a tenth had no consent; of the members some came back, more of those who were told."""
    told = list(Message.objects.order_by("pk").values_list("pk", "member_id"))
    few, rest = told[: len(told) // 10], told[len(told) // 10 :]
    Message.objects.filter(pk__in=[key for key, _ in few]).update(
        status="suppressed", reason="no_consent", due_at=None
    )
    Message.objects.filter(pk__in=[key for key, _ in rest]).update(
        status="delivered", due_at=None, sent_at=then, delivered_at=then
    )
    Message.objects.filter(pk__in=[key for key, _ in rest[:90]]).update(clicked_at=then)
    held = list(WakeupRecipient.objects.filter(held_out=True).values_list("member_id", flat=True))
    came = [*(member for _, member in rest[:120]), *held[:8]]
    Purchase.objects.bulk_create(
        Purchase(
            id=ids.new(), order_id=f"back-{number}", member_id=member, ordered_at=then + timedelta(days=2),
            recorded_at=then + timedelta(days=2), currency="CNY", amount=60 + number % 40, content_hash="x",
        )
        for number, member in enumerate(came)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("language", "size", "none", "counted"),
    [
        pytest.param("en", WIDE, "No condition yet.", "1,003 members", id="en-wide"),
        pytest.param("zh-hans", PHONE, "尚无条件。", "1,003 位会员", id="zh-hans-phone"),
        pytest.param("zh-hans", WIDE, "尚无条件。", "1,003 位会员", id="zh-hans-wide"),
    ],
)
def test_the_count_follows_the_fields_and_the_report_is_drawn(
    pushed: tuple[str, Wakeup], visit: Visit, language: str, size: dict[str, int], none: str, counted: str
) -> None:
    owner, wakeup = pushed

    def story(visitor: Visitor) -> list[int]:
        page, wider = visitor.page, []
        visitor.sign_in(owner)
        visitor.open("campaigns/segment/add/")
        page.wait_for_function(
            "text => document.getElementById('meant-count').textContent === text", arg=none
        )
        page.fill("#id_name_en", "Sleeping members")
        page.fill("#id_name_zh", "沉睡会员")
        page.fill("#id_code", "sleeping-20")
        page.fill("#id_enrolled_min", "20")
        page.wait_for_function(
            "text => document.getElementById('meant-count').textContent === text", arg=counted
        )
        wider.append(visitor.overflow())
        visitor.shoot(f"segment-{language}-{size['width']}")
        visitor.open(f"campaigns/wakeup/{wakeup.pk}/change/")
        wider.append(visitor.overflow())
        visitor.shoot(f"wakeup-{language}-{size['width']}")
        visitor.open(f"wakeups/{wakeup.pk}/report/")
        page.wait_for_selector("#chart-wakeup-rates canvas")
        wider.append(visitor.overflow())
        visitor.shoot(f"wakeup-report-{language}-{size['width']}")
        return wider

    assert visit(story, language=language, size=size) == [0, 0, 0]
