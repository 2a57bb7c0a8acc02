"""The calendar and the results of campaigns in a real browser: both languages, a wide screen and a phone."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from campaigns.engine.frame import in_control
from campaigns.models import Campaign, ProgrammeBudget
from campaigns.services import campaigns
from campaigns.services.campaigns.content import Content
from loyalty.lib import ids
from members.models import Member, Purchase
from tenants.context import in_brand
from tenants.models import Brand
from tests.browser.conftest import PHONE, WIDE, Visit, Visitor

ACTOR = "operator:owner@acme.example"
CHANNELS = ("store", "app", "miniprogram", "online")


def _campaign(code: str, zh: str, en: str, start: str, end: str, now: datetime, **more: Any) -> Campaign:
    content = Content(
        code=code,
        name={"zh-hans": zh, "en": en},
        kind=more.pop("kind", "double_points"),
        starts_at=datetime.fromisoformat(f"{start}+08:00"),
        ends_at=datetime.fromisoformat(f"{end}+08:00"),
        **more,
    )
    return campaigns.create(content=content, multiplier="2", actor=ACTOR, now=min(now, content.starts_at))


def _buyers(count: int, at: datetime) -> None:
    """Members who bought in a campaign; those who could get it bought more."""
    people = [
        Member(
            id=ids.new(), name=f"会员 {n}", referral_code=f"CAMP{n:04d}", enrolled_at=at - timedelta(days=90)
        )
        for n in range(count)
    ]
    Member.objects.bulk_create(people)
    rows = []
    for number, person in enumerate(people):
        control = in_control("member-week", str(person.pk), 2000)
        if number % (3 if control else 2):
            rows.append(
                Purchase(
                    order_id=f"camp-{number}",
                    member=person,
                    ordered_at=at,
                    recorded_at=at,
                    channel=CHANNELS[number % 4],
                    currency="CNY",
                    amount=Decimal(40 + number % 50 if control else 90 + number % 80),
                    content_hash="x",
                )
            )
    Purchase.objects.bulk_create(rows)


@pytest.fixture
def busy_november(shop_with_history: str, now: datetime) -> tuple[str, str]:
    """Campaigns of every state in a month, one with results; the owner's name and that campaign's id."""
    connection.set_schema_to_public()
    with in_brand(Brand.objects.get(slug="acme")):
        week = _campaign(
            "member-week", "会员周双倍积分", "Member week: double points", "2026-11-16T00:00:00",
            "2026-11-25T00:00:00", now, budget_points=20_000, control_percent=20,
        )  # fmt: skip
        _campaign(
            "member-day", "每月 28 日会员日", "Member day on the 28th", "2026-11-01T00:00:00",
            "2027-06-01T00:00:00", now, kind="member_day", rrule="FREQ=MONTHLY;BYMONTHDAY=28",
        )  # fmt: skip
        night = _campaign(
            "flash", "夜场加倍", "Night flash", "2026-11-20T20:00:00", "2026-11-21T02:00:00", now,
            budget_points=5000,
        )  # fmt: skip
        _campaign(
            "double-12", "双 12 双倍积分", "Double points on 12/12", "2026-12-12T00:00:00",
            "2026-12-13T00:00:00", now,
        )  # fmt: skip
        for code in ("member-week", "member-day"):
            campaigns.start(code=code, actor=ACTOR, now=now)
        _buyers(400, now - timedelta(days=2))
        Campaign.objects.filter(pk=week.pk).update(given_points=17_260, given_amount="172.60", alarmed_at=now)
        Campaign.objects.filter(pk=night.pk).update(
            status="ended", ended_at=night.ends_at, given_points=5040, reached_at=night.starts_at
        )
        ProgrammeBudget.objects.create(
            starts_at=now - timedelta(days=50),
            ends_at=now + timedelta(days=40),
            limit=Decimal(1500),
            spent=Decimal(1266),
            forecast=Decimal(1712),
            status="alarm",
            computed_at=now,
        )
    return shop_with_history, str(week.pk)


@pytest.mark.parametrize(
    ("language", "size"),
    [
        pytest.param(language, size, id=f"{language}-{name}")
        for language in ("zh-hans", "en")
        for name, size in (("wide", WIDE), ("phone", PHONE))
    ],
)
def test_calendar_and_results(
    busy_november: tuple[str, str], visit: Visit, language: str, size: dict[str, int]
) -> None:
    owner, week = busy_november

    def story(visitor: Visitor) -> dict[str, Any]:
        visitor.sign_in(owner)
        found = {}
        for name, path in {
            "calendar": "campaigns/calendar/?month=2026-11",
            "results": f"campaigns/results/{week}/",
            "campaigns": "campaigns/campaign/",
            "campaign": f"campaigns/campaign/{week}/change/",
            "add": "campaigns/campaign/add/",
            "dashboard": "",
        }.items():
            visitor.open(path)
            found[name] = (visitor.overflow(), visitor.page.get_attribute("html", "lang"))
            visitor.shoot(f"campaign-{name}-{language}-{size['width']}")
        return found

    found = visit(story, language=language, size=size)
    assert set(found.values()) == {(0, language)}
