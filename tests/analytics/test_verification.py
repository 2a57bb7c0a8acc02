"""The daily verification: when it runs, what is kept, who is told, and that nobody overlooks a red one."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils.module_loading import autodiscover_modules

from loyalty.analytics import tasks
from loyalty.analytics.models import Verification
from loyalty.analytics.services import verification
from loyalty.analytics.wording import MEANING
from loyalty.lib import checks, clock
from loyalty.outbox.models import OutboxEvent
from points import services as points
from tenants.context import in_brand
from tenants.models import Brand
from tests.conftest import NOW
from tests.console.pages import signed_in
from tests.support import databases
from tests.support.brands import ANNA


def test_every_check_is_told_in_words() -> None:
    autodiscover_modules("invariants")
    assert {check.code for check in checks.registered()} == set(MEANING)


def damage(schema: str) -> None:
    """A superuser gives every account a point that no entry knows of."""
    with databases.superuser(connection.settings_dict["NAME"]) as server:
        server.execute("SET session_replication_role = replica")
        server.execute(f"UPDATE {schema}.points_account SET available = available + 1")


def metrics() -> dict[tuple[str, str], float]:
    page = Client().get("/metrics").content.decode()
    found = re.findall(r'^(loyalty_ledger\w+){brand="(\w+)"} (\S+)$', page, re.MULTILINE)
    return {(name, brand): float(value) for name, brand, value in found}


def test_a_violation_is_kept_published_measured_and_shown(committed_db: None, now: datetime) -> None:
    acme, globex = Brand.objects.order_by("slug")
    with in_brand(acme):
        points.adjust(member_id=ANNA, points=9, reference="g", reason="gift", actor="test", now=now)
    assert tasks.tick_verification() == 2
    with in_brand(acme):
        sound = Verification.objects.get()
        assert (sound.status, sound.violated, sound.error) == ("sound", [], "")
        assert {"I1", "I9", "I10"} <= {check["code"] for check in sound.checks}
        assert next(check["rows"] for check in sound.checks if check["code"] == "I2") == 1
        assert not OutboxEvent.objects.filter(type="ledger.verification_failed").exists()
    assert tasks.tick_verification() == 0

    damage("acme")
    with clock.frozen(now + timedelta(days=1)):
        assert tasks.tick_verification() == 2
    with in_brand(acme):
        red = Verification.objects.latest("started_at")
        assert red.status == "violated"
        assert "I1" in {check["code"] for check in red.violated}
        event = OutboxEvent.objects.get(type="ledger.verification_failed")
        assert event.payload["verification_id"] == str(red.pk)
        assert {"I1", "I8"} <= {check["code"] for check in event.payload["violated"]}
    with in_brand(globex):
        assert Verification.objects.latest("started_at").status == "sound"
        assert not OutboxEvent.objects.filter(type="ledger.verification_failed").exists()
    at = (now + timedelta(days=1)).timestamp()
    assert metrics() == {
        ("loyalty_ledger_verified", "acme"): 0,
        ("loyalty_ledger_verified", "globex"): 1,
        ("loyalty_ledger_verified_timestamp_seconds", "acme"): at,
        ("loyalty_ledger_verified_timestamp_seconds", "globex"): at,
    }
    owner = signed_in(acme, "owner")
    assert "The books contradict themselves." in owner.get("").content.decode()
    page = owner.get(f"analytics/verification/{red.pk}/change/").content.decode()
    assert "Every balance is the sum of its entries" in page
    assert re.search(r'account <a href="/console/points/account/([0-9a-f-]{36})/change/">\1</a>: ', page)
    for other in (signed_in(acme, "care"), signed_in(globex, "owner")):
        assert "The books contradict themselves." not in other.get("").content.decode()


@pytest.mark.django_db
def test_the_day_begins_in_the_brands_hour_and_not_for_all_at_once(acme: Brand, globex: Brand) -> None:
    before, after = datetime(2026, 11, 22, 2, 0, tzinfo=UTC), datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    first, second = (
        verification.scheduled_at(brand=brand, now=before).astimezone(brand.tz) for brand in (acme, globex)
    )
    assert (first.date(), first.hour) == (second.date(), second.hour) == (NOW.date(), 4)
    assert first.minute != second.minute
    later = verification.scheduled_at(brand=acme, now=after).astimezone(acme.tz)
    assert (later - first, later.hour) == (timedelta(days=1), 4)
    acme.settings["verify_hour"] = 11
    assert verification.scheduled_at(brand=acme, now=before).astimezone(acme.tz).day == 21


@pytest.mark.django_db
def test_once_a_day_or_when_asked_or_an_hour_after_it_broke(in_acme: Brand, now: datetime) -> None:
    assert verification.is_due(now=now)
    run = Verification.objects.create(
        status="sound", asked_at=now, started_at=now, finished_at=now, checks=[]
    )
    assert not verification.is_due(now=now + timedelta(hours=12))
    assert verification.is_due(now=now + timedelta(hours=24))
    verification.ask(actor="operator:x", now=now)
    verification.ask(actor="operator:y", now=now)
    assert verification.is_due(now=now)
    Verification.objects.get(status="waiting", asked_by="operator:x").delete()
    run.status = "broken"
    run.save()
    assert not verification.is_due(now=now + timedelta(minutes=59))
    assert verification.is_due(now=now + timedelta(minutes=60))


@pytest.mark.django_db
def test_a_run_that_cannot_be_finished_says_why_and_judges_nothing(in_acme: Brand, now: datetime) -> None:
    # The snapshot cannot be taken inside this test's own transaction.
    run = verification.verify(now=now)
    assert run.status == "broken"
    assert "SET TRANSACTION" in run.error
    assert OutboxEvent.objects.count() == 0


@pytest.mark.django_db
def test_the_owner_asks_for_a_run_and_nobody_else(acme: Brand) -> None:
    owner = signed_in(acme, "owner")
    assert "Verify now" in owner.get("analytics/verification/").content.decode()
    for _ in range(2):
        assert owner.post("analytics/verification/run/").status_code == 302
    assert owner.get("analytics/verification/run/").status_code == 405
    assert signed_in(acme, "marketing").post("analytics/verification/run/").status_code == 403
    with in_brand(acme):
        assert Verification.objects.get().asked_by == "operator:owner@acme.example"
