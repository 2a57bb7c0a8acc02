"""Consents on the member's page: what holds and who said so, and writing down what a member says to care."""

from datetime import datetime

import pytest

from campaigns.models import SubscriptionConsent
from loyalty.console import consentpanel
from loyalty.outbox.models import OutboxEvent
from members import selectors
from members.models import Consent, Member
from members.services import consents
from tenants.context import in_brand
from tenants.models import Brand
from tests.console.pages import Browser, signed_in, told
from tests.messages import support
from tests.support.brands import ANNA

PAGE = f"members/member/{ANNA}/"


@pytest.fixture
def care(acme: Brand) -> Browser:
    return signed_in(acme, "care")


def test_the_page_tells_what_holds_since_when_and_by_whom(care: Browser, acme: Brand, now: datetime) -> None:
    nothing = care.get(f"{PAGE}change/").content.decode()
    assert "The member never said anything to marketing: none is sent." in nothing
    with in_brand(acme):
        support.agrees(ANNA, now)
        consents.say(
            member_id=ANNA,
            purpose="marketing.sms",
            version="reply",
            granted=False,
            source="sms_reply",
            now=now,
        )
        support.subscribed(ANNA, 3, now)
        support.template(now=now)
        member = Member.objects.get(pk=ANNA)
        shown = consentpanel.consents_of(member)
        assert [(str(w.purpose), w.consent.granted, str(w.by)) for w in shown.current] == [
            ("Marketing", True, "test"),
            ("Marketing · text message", False, "reply to a text message"),
        ]
        assert (shown.earlier, shown.asked) == ([], True)
        assert [(each.template_id, each.remaining) for each in shown.left] == [(support.WX_TEMPLATE, 3)]
    page = care.get(f"{PAGE}change/").content.decode()
    assert "withdrawn · reply</span>" in page
    assert "agreed · 2026-01</span>" in page
    assert "never said anything" not in page


def test_care_writes_a_withdrawal_down_with_its_name(care: Browser, acme: Brand, now: datetime) -> None:
    with in_brand(acme):
        support.agrees(ANNA, now)
    data = {"purpose": "marketing", "why": "call", "reason": "10:15, from her own number"}
    assert care.post(f"{PAGE}withdraw-consent/", data).status_code == 302
    with in_brand(acme):
        last = selectors.consents_of(ANNA).first()
        assert last is not None
        assert (last.purpose, last.version, last.granted, last.source, last.actor, last.note) == (
            "marketing",
            "2026-01",
            False,
            "console",
            "operator:care@acme.example",
            "Said on the phone – 10:15, from her own number",
        )
        assert selectors.consents_now([ANNA], ["marketing"]) == {(ANNA, "marketing"): False}
        assert Member.objects.get(pk=ANNA).consents[-1]["granted"] is False
    page = care.get(f"{PAGE}change/").content.decode()
    assert "care@acme.example · console" in page
    assert "Said before" in page
    # Again: it stands so already.
    assert care.post(f"{PAGE}withdraw-consent/", data).status_code == 302
    assert "It stood so already; nothing was written." in told(care, f"{PAGE}change/")
    with in_brand(acme):
        assert Consent.objects.filter(member=ANNA).count() == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"reason": ""}, "reason"), ({"version": ""}, "version"), ({"purpose": "anything"}, "purpose")],
)
def test_a_consent_needs_its_version_and_what_proves_it(
    care: Browser, acme: Brand, changes: dict[str, str], field: str
) -> None:
    data = {"purpose": "marketing.sms", "version": "2026-01", "why": "shop", "reason": "form 17"}
    refused = care.post(f"{PAGE}give-consent/", {**data, **changes})
    assert refused.status_code == 200
    assert list(refused.context["form"].errors) == [field]
    with in_brand(acme):
        assert not Consent.objects.filter(member=ANNA).exists()
    assert care.post(f"{PAGE}give-consent/", data).status_code == 302
    with in_brand(acme):
        rows = Consent.objects.filter(member=ANNA).values_list("purpose", "version", "granted", "note")
        assert rows.get() == ("marketing.sms", "2026-01", True, "Said or signed in a shop – form 17")


def test_marketing_sees_consents_and_writes_none(acme: Brand, now: datetime) -> None:
    marketing = signed_in(acme, "marketing")
    assert 'id="consents"' in marketing.get(f"{PAGE}change/").content.decode()
    data = {"purpose": "marketing", "version": "1", "reason": "x"}
    for what in ("withdraw-consent", "give-consent"):
        assert marketing.get(f"{PAGE}{what}/").status_code == 403
        assert marketing.post(f"{PAGE}{what}/", data).status_code == 403
    with in_brand(acme):
        assert not Consent.objects.exists()
        assert not SubscriptionConsent.objects.exists()


def test_partners_hear_of_what_care_writes_down_once(care: Browser, acme: Brand, now: datetime) -> None:
    given = {"purpose": "marketing.sms", "version": "2026-01", "why": "call", "reason": "call 17, recorded"}
    withdrawn = {"purpose": "marketing.sms", "why": "call", "reason": "call 18"}
    for path, said in (("give", given), ("give", given), ("withdraw", withdrawn), ("withdraw", withdrawn)):
        assert care.post(f"{PAGE}{path}-consent/", said).status_code == 302
    with in_brand(acme):
        events = OutboxEvent.objects.filter(type="member.updated").order_by("id")
        told_of = {"member_id": str(ANNA), "changed": ["consents"]}
        assert [each.payload for each in events] == [told_of, told_of]
        assert [each.granted for each in Consent.objects.order_by("recorded_at", "at")] == [True, False]
