"""The ledger of consents: each word is kept, the latest by its own time decides."""

from datetime import datetime, timedelta

import pytest
from django.db import ProgrammingError, transaction

from loyalty.lib import clock, instants
from members import selectors
from members.models import Consent, Member
from members.services import consents
from tenants.models import Brand
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api


def _say(api: Api, granted: bool, at: str) -> None:
    said = {"purpose": "marketing", "version": "2026-01", "granted": granted, "at": at, "source": "store"}
    assert api.patch(f"/members/{ANNA}", {"consents": [said]}).status_code == 200


def test_what_a_partner_reports_stands_in_the_ledger(api: Api, in_acme: Brand) -> None:
    _say(api, True, "2026-11-20T10:00:00+08:00")
    _say(api, False, "2026-11-21T10:00:00+08:00")
    _say(api, True, "2026-11-19T10:00:00+08:00")  # late, and older than the withdrawal
    rows = Consent.objects.order_by("at").values_list("purpose", "version", "granted", "source")
    assert list(rows) == [
        ("marketing", "2026-01", True, "store"),
        ("marketing", "2026-01", True, "store"),
        ("marketing", "2026-01", False, "store"),
    ]
    assert selectors.consents_now([ANNA, BORIS], ["marketing"]) == {(ANNA, "marketing"): False}
    assert not selectors.who_consented(Member.objects.all(), "marketing").exists()


def test_a_withdrawal_holds_behind_a_consent_from_a_clock_ahead(
    api: Api, in_acme: Brand, now: datetime
) -> None:
    _say(api, True, instants.text(now + timedelta(hours=8)))  # a local time, marked as UTC
    with clock.frozen(now + timedelta(hours=1)):
        _say(api, False, instants.text(now + timedelta(hours=1)))
    assert selectors.consents_now([ANNA], ["marketing"]) == {(ANNA, "marketing"): False}
    with clock.frozen(now + timedelta(hours=9)):
        assert api.post(f"/members/{ANNA}/merge", {"into": str(BORIS)}).status_code == 200
    assert selectors.consents_now([BORIS], ["marketing"]) == {(BORIS, "marketing"): False}


def test_what_is_recorded_is_never_ahead_of_the_record(in_acme: Brand, now: datetime) -> None:
    said = {"purpose": "marketing", "version": "1", "granted": True, "at": instants.text(now + timedelta(1))}
    consents.record(member_id=ANNA, consents=[said], now=now)
    assert Consent.objects.get().at == now


def test_a_word_now_stands_behind_one_that_was_kept_with_a_later_time(in_acme: Brand, now: datetime) -> None:
    Consent.objects.create(
        member_id=ANNA,
        purpose="marketing.sms",
        version="1",
        granted=True,
        at=now + timedelta(hours=8),
        recorded_at=now,
    )
    for granted in (False, True):
        consents.say(
            member_id=ANNA, purpose="marketing.sms", version="2", granted=granted, source="", now=now
        )
        assert selectors.consents_now([ANNA], ["marketing.sms"]) == {(ANNA, "marketing.sms"): granted}


def test_enrolling_with_a_consent_writes_it(api: Api, in_acme: Brand) -> None:
    said = {"purpose": "marketing", "version": "1", "granted": True}
    answer = api.post("/members", {"external_id": "C-new", "consents": [said]})
    assert answer.status_code == 201
    agreed = selectors.who_consented(Member.objects.all(), "marketing")
    assert [str(member.pk) for member in agreed] == [answer.json()["member_id"]]


def test_a_merge_brings_the_consents_along(api: Api, in_acme: Brand) -> None:
    _say(api, True, "2026-11-20T10:00:00+08:00")
    assert api.post(f"/members/{ANNA}/merge", {"into": str(BORIS)}).status_code == 200
    assert selectors.consents_now([BORIS], ["marketing"]) == {(BORIS, "marketing"): True}


def test_saying_the_same_again_is_not_written_again(in_acme: Brand, now: datetime) -> None:
    for later in range(2):
        said = consents.say(
            member_id=ANNA,
            purpose="marketing.sms",
            version="reply",
            granted=False,
            source="sms",
            now=now + timedelta(days=later),
        )
    assert Consent.objects.count() == len(said.consents) == 1


def test_the_ledger_cannot_be_rewritten(in_acme: Brand, now: datetime) -> None:
    consents.say(member_id=ANNA, purpose="marketing", version="1", granted=True, source="", now=now)
    for change in (lambda: Consent.objects.update(granted=False), lambda: Consent.objects.all().delete()):
        with pytest.raises(ProgrammingError), transaction.atomic():
            change()
    assert Consent.objects.get().granted
