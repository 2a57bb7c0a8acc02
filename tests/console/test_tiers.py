"""The console's page of tiers: seen by whoever sees members, changed by owner and marketing."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from campaigns.models import Rule, TierSubmission
from campaigns.services import tiersubmissions
from members.models import Member
from points.models import MemberTier, TierProgram
from points.services import tiermoves, tiers
from points.services.accounts import lock_account
from tenants import hosts
from tenants.context import in_brand
from tenants.models import Brand
from tests.console.pages import Browser, signed_in

pytestmark = pytest.mark.django_db

PROGRAM = {
    "qualify_by": "points", "period": "rolling_months", "months": "12", "downgrade": "one_step",
    "grace_days": "30", "on_return": "at_once", "version": "0",
}  # fmt: skip
SILVER = {"name_zh": "银卡", "name_en": "Silver", "code": "silver", "threshold": "0", "multiplier": "1"}
GOLD = {"name_zh": "金卡", "name_en": "Gold", "code": "gold", "threshold": "5000", "multiplier": "1.2"}
DIAMOND = {"name_zh": "钻石", "name_en": "Diamond Card", "code": "", "threshold": "800", "multiplier": ""}
EMPTY = {"name_zh": "", "name_en": "", "code": "", "threshold": "", "multiplier": ""}


def form(*levels: dict[str, str], known: int = 0, **more: str) -> dict[str, str]:
    """What a browser sends."""
    rows = {f"levels-{place}-{name}": text for place, row in enumerate(levels) for name, text in row.items()}
    counts = {"levels-TOTAL_FORMS": str(len(levels)), "levels-INITIAL_FORMS": str(known)}
    return {**PROGRAM, **counts, **rows, **more}


def stored(brand: Brand) -> Any:
    with in_brand(brand):
        row = TierProgram.objects.first()
        return row and row.config


def levels_of(brand: Brand) -> list[tuple[str, str, str]]:
    return [(each["code"], each["threshold"], each["multiplier"]) for each in stored(brand)["levels"]]


def test_levels_are_made_inserted_and_taken_away(acme: Brand, now: datetime) -> None:
    browser = signed_in(acme, "marketing", "en")
    empty = browser.get("tiers/").content.decode()
    assert "There are no tiers yet." in empty
    answer = browser.post("tiers/", form(SILVER, GOLD, EMPTY))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/console/tiers/")
    assert levels_of(acme) == [("silver", "0", "1"), ("gold", "5000", "1.2")]
    assert stored(acme)["levels"][1]["name"] == {"zh-hans": "金卡", "en": "Gold"}
    with in_brand(acme):
        assert Rule.objects.get(code="tier-gold").status == "published"

    # Written below the others, without a code: it takes its place and a code from its name.
    browser.post("tiers/", form(SILVER, GOLD, DIAMOND, known=2, version="1"))
    assert levels_of(acme) == [("silver", "0", "1"), ("diamond-card", "800", "1"), ("gold", "5000", "1.2")]
    page = browser.get("tiers/").content.decode()
    assert "version 2" in page
    assert "100.0 %" in page  # everybody holds the lowest

    browser.post("tiers/", form(SILVER, {**GOLD, "DELETE": "on"}, known=2, version="2"))
    assert levels_of(acme) == [("silver", "0", "1")]
    with in_brand(acme):
        assert Rule.objects.get(code="tier-gold").status == "retired"

    browser.post("tiers/", form(SILVER, known=1, version="3"))
    page = browser.get("tiers/").content.decode()
    assert "Nothing was changed." in page
    assert "version 3" in page


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("levels", "more", "fault"),
    [
        ((SILVER, {**GOLD, "threshold": "0"}), {}, "Must be higher than the level before."),
        (({**SILVER, "threshold": "5"},), {}, "The lowest level begins at 0."),
        ((SILVER, {**GOLD, "threshold": "many"}), {}, "Must be a decimal number"),
        ((SILVER, {**GOLD, "multiplier": "0.5"}), {}, "Must be at least 1."),
        ((SILVER, {**GOLD, "code": "silver"}), {}, "Another level has this code already."),
        ((SILVER, {**GOLD, "code": "", "name_en": ""}), {}, "1 to 32 lower-case letters"),
        ((EMPTY,), {}, "A list of at least one level is needed."),
        ((SILVER,), {"months": ""}, "This field is required."),
        ((SILVER,), {"grace_days": "-1"}, "greater than or equal to 0"),
        ((SILVER,), {"qualify_by": "luck"}, "Select a valid choice."),
        ((SILVER,), {"version": "7"}, "The tiers were changed meanwhile"),
        # Told together with the fault of the form above it.
        ((SILVER, {**GOLD, "threshold": "many"}), {"grace_days": "-1"}, "Must be a decimal number"),
        ((SILVER, {**GOLD, "name_zh": "母乳化"}), {"months": ""}, "may not be said in advertising"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_stored(
    acme: Brand, levels: tuple[dict[str, str], ...], more: dict[str, str], fault: str
) -> None:
    answer = signed_in(acme, "owner", "en").post("tiers/", form(*levels, **more))
    assert answer.status_code == 200
    assert fault in answer.content.decode()
    assert stored(acme) is None


def test_care_looks_and_changes_nothing_and_shops_do_not_look(acme: Brand, foreign: Any) -> None:
    owner = signed_in(acme, "owner", "zh-hans")
    owner.post("tiers/", form(SILVER, GOLD))
    care = signed_in(acme, "care", "zh-hans")
    page = care.get("tiers/").content.decode()
    assert "金卡" in page
    assert "立即生效" not in page
    assert care.post("tiers/", form(SILVER, version="1")).status_code == 403
    assert signed_in(acme, "shop").get("tiers/").status_code == 403
    assert levels_of(acme) == [("silver", "0", "1"), ("gold", "5000", "1.2")]
    assert Browser("acme.localhost").get("tiers/").status_code == 302


def test_where_the_brand_asks_marketing_submits_and_the_owner_puts_in_force(
    acme: Brand, now: datetime
) -> None:
    Brand.objects.filter(pk=acme.pk).update(settings={"rule_approval": "console"})
    hosts.forget()
    marketing, owner = signed_in(acme, "marketing"), signed_in(acme, "owner")
    assert "Submit for approval" in marketing.get("tiers/").content.decode()
    form_of = form(SILVER, GOLD, note="for the anniversary", at="")
    assert marketing.post("tiers/", form_of).status_code == 302
    assert stored(acme) is None
    with in_brand(acme):
        waiting = TierSubmission.objects.get()
    here = f"campaigns/tiersubmission/{waiting.pk}/"
    assert f"{here}change/" in marketing.get("tiers/").content.decode()
    first = owner.get("").content.decode()
    assert f"{here}change/" in first.split('id="rules-to-approve"')[1]
    page = owner.get(f"{here}change/").content.decode()
    assert "Gold: from 5,000, points × 1.2" in page
    assert marketing.post(f"{here}approve/", {"at": "", "note": ""}).status_code == 403
    assert stored(acme) is None
    assert owner.post(f"{here}approve/", {"at": "", "note": "fine"}).status_code == 302
    assert levels_of(acme) == [("silver", "0", "1"), ("gold", "5000", "1.2")]
    with in_brand(acme):
        waiting.refresh_from_db()
        assert (waiting.submitted_by, waiting.approved_by) == (
            "operator:marketing@acme.example",
            "operator:owner@acme.example",
        )
    # The owner's own change needs another owner.
    owner.post("tiers/", form(SILVER, {**GOLD, "multiplier": "9"}, known=2, version="1", note="", at=""))
    with in_brand(acme):
        second = TierSubmission.objects.get(number=2)
    answer = owner.post(f"campaigns/tiersubmission/{second.pk}/approve/", {"at": "", "note": ""})
    assert (answer.status_code, "second operator must decide" in answer.content.decode()) == (200, True)
    assert levels_of(acme)[1] == ("gold", "5000", "1.2")


def test_without_a_second_operator_a_change_can_wait_for_its_time(acme: Brand, now: datetime) -> None:
    browser = signed_in(acme, "owner", "en")
    assert browser.post("tiers/", form(SILVER, GOLD, at="2030-01-01T00:00")).status_code == 302
    assert "The tiers will be in force at" in browser.get("tiers/").content.decode()
    assert stored(acme) is None
    with in_brand(acme):
        scheduled = TierSubmission.objects.get()
        assert (scheduled.status, scheduled.needs_approval) == ("scheduled", False)
        assert tiersubmissions.publish_due(now=scheduled.publish_at) == 1
    assert levels_of(acme) == [("silver", "0", "1"), ("gold", "5000", "1.2")]


PLATINUM = {
    "name_zh": "白金",
    "name_en": "Platinum",
    "code": "platinum",
    "threshold": "9000",
    "multiplier": "1",
}


def submissions(brand: Brand) -> list[tuple[str, str]]:
    with in_brand(brand):
        return list(TierSubmission.objects.order_by("number").values_list("submitted_by", "status"))


def test_what_waits_is_not_replaced_before_one_was_asked(acme: Brand) -> None:
    Brand.objects.filter(pk=acme.pk).update(settings={"rule_approval": "console"})
    hosts.forget()
    marketing, owner = signed_in(acme, "marketing"), signed_in(acme, "owner")
    marketing.post("tiers/", form(SILVER, GOLD, note="", at=""))
    first = ("operator:marketing@acme.example", "pending_approval")
    other = form(SILVER, {**GOLD, "threshold": "300"}, note="", at="")
    for answer in (owner.post("tiers/", other), owner.post("tiers/", {**other, "replaces": "7"})):
        page = answer.content.decode()
        assert answer.status_code == 200
        assert "Submission 1 of marketing@acme.example waits for a second operator." in page
        assert 'name="replaces" value="1"' in page
        assert submissions(acme) == [first]
    # The same again by the same person asks nothing.
    assert marketing.post("tiers/", form(SILVER, GOLD, note="", at="")).status_code == 302
    assert submissions(acme) == [first]
    assert owner.post("tiers/", {**other, "replaces": "1"}).status_code == 302
    assert submissions(acme) == [(first[0], "replaced"), ("operator:owner@acme.example", "pending_approval")]


def test_levels_change_places_only_when_asked_and_the_approver_is_told(acme: Brand) -> None:
    owner = signed_in(acme, "owner")
    owner.post("tiers/", form(SILVER, GOLD, PLATINUM))
    turned = form(SILVER, {**GOLD, "threshold": "10000"}, PLATINUM, known=3, version="1")
    answer = owner.post("tiers/", turned)
    told = "it was Silver &lt; Gold &lt; Platinum, and would be Silver &lt; Platinum &lt; Gold."
    assert (answer.status_code, told in answer.content.decode()) == (200, True)
    assert [code for code, _threshold, _multiplier in levels_of(acme)] == ["silver", "gold", "platinum"]
    Brand.objects.filter(pk=acme.pk).update(settings={"rule_approval": "console"})
    hosts.forget()
    yes = {**turned, "reorders": "silver platinum gold", "note": "", "at": ""}
    assert owner.post("tiers/", yes).status_code == 302
    with in_brand(acme):
        waiting = TierSubmission.objects.get()
    page = owner.get(f"campaigns/tiersubmission/{waiting.pk}/change/").content.decode()
    assert "Order of the levels" in page.split('id="differences"')[1]


def test_what_was_turned_down_is_gone_on_from_with_its_reason(acme: Brand) -> None:
    Brand.objects.filter(pk=acme.pk).update(settings={"rule_approval": "console"})
    hosts.forget()
    marketing, owner = signed_in(acme, "marketing"), signed_in(acme, "owner")
    marketing.post("tiers/", form(SILVER, GOLD, note="anniversary", at="", grace_days="41"))
    with in_brand(acme):
        first = TierSubmission.objects.get()
    here = f"campaigns/tiersubmission/{first.pk}/"
    assert "from=1" not in marketing.get(f"{here}change/").content.decode()
    assert owner.post(f"{here}reject/", {"reason": "too dear"}).status_code == 302
    page = marketing.get("tiers/").content.decode().split('id="turned-down"')[1]
    assert "Submission 1 was rejected by owner@acme.example: too dear" in page.replace("</p>", "")
    decided = marketing.get(f"{here}change/").content.decode()
    assert "tiers/?from=1" in decided
    assert "What was to change" in decided
    assert "Gold: from 5,000, points × 1.2" in decided.split('id="differences"')[1]
    answer = marketing.get("tiers/?from=1")
    assert answer.context["form"].initial["grace_days"] == 41
    assert answer.context["form"].initial["note"] == "anniversary"
    assert [each.initial["code"] for each in answer.context["levels"].initial_forms] == ["silver", "gold"]
    assert "too dear" in answer.content.decode()
    again = form(SILVER, {**GOLD, "multiplier": "1.1"}, known=2, note="anniversary", at="")
    assert marketing.post("tiers/?from=1", again).status_code == 302
    assert submissions(acme)[1] == ("operator:marketing@acme.example", "pending_approval")
    assert 'id="turned-down"' not in marketing.get("tiers/").content.decode()
    assert marketing.get("tiers/?from=99999999999").status_code == 200


def test_the_approver_is_told_whom_it_moves(acme: Brand, api: Any, now: datetime) -> None:
    owner = signed_in(acme, "owner")
    owner.post("tiers/", form(SILVER, {**GOLD, "threshold": "1000"}, PLATINUM))
    with in_brand(acme):
        # One has earned gold, one more than half of it; the others nothing.
        ones = list(Member.objects.filter(status="active").order_by("pk")[:2])
        for member, points in zip(ones, (1500, 600), strict=True):
            lock_account(member_id=member.pk, now=now)
            fact = tiers.Fact(now, points, Decimal(points), 1, "test", str(member.pk))
            tiers.qualify(
                member_id=member.pk, held=tiers.held(member_id=member.pk, now=now), fact=fact, now=now
            )
        assert list(MemberTier.objects.values_list("code", flat=True)) == ["gold"]
    Brand.objects.filter(pk=acme.pk).update(settings={"rule_approval": "console"})
    hosts.forget()

    def told(*levels: dict[str, str]) -> list[str]:
        owner.post(
            "tiers/",
            form(*levels, known=3, version="1", note="", at="", replaces=str(len(submissions(acme)))),
        )
        with in_brand(acme):
            waiting = TierSubmission.objects.latest("number")
        here = f"campaigns/tiersubmission/{waiting.pk}/"
        page = owner.get(f"{here}change/").content.decode().split('id="moves"')[1]
        assert "would rise" in owner.get(f"{here}approve/").content.decode()
        return re.findall(r'"sentence">([^<]*)<', page)[:1]

    assert told(SILVER, {**GOLD, "threshold": "500"}, PLATINUM) == ["1 would rise and 0 would fall at once"]
    assert told(SILVER, {**GOLD, "DELETE": "on"}, PLATINUM) == ["0 would rise and 1 would fall at once"]
    assert told(SILVER, {**GOLD, "threshold": "2000"}, PLATINUM) == [
        "0 would rise and 0 would fall at once; "
        "1 keep a level that they would not have earned, until its period ends"
    ]
    by_visits = form(SILVER, {**GOLD, "threshold": "1"}, PLATINUM, known=3, version="1", qualify_by="visits")
    owner.post("tiers/", {**by_visits, "note": "", "at": "", "replaces": "3"})
    with in_brand(acme):
        assert tiermoves.moves(TierSubmission.objects.get(number=4).body, now) == tiermoves.Moves(up=1)
