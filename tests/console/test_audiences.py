"""Segments, wake-ups and audience grants in the console: forms without JSON, four eyes, a report."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from campaigns.models import AudienceGrant, Message, MessageTemplate, Segment, Wakeup, WakeupRun
from campaigns.services import audiencegrants, segments, wakeups
from loyalty.lib import clock
from mall import services as mall
from tenants.context import in_brand
from tenants.models import Brand
from tenants.provisioning import create_operator
from tests.audiences.shapes import policy
from tests.audiences.wakeupshapes import go, reached, template
from tests.console.pages import PASSWORD, Browser, signed_in
from tests.messages.support import agrees, all_channels, known_by
from tests.support.brands import ANNA, BORIS

pytestmark = [pytest.mark.django_db, pytest.mark.whole]
Counts = Callable[[], dict[str, int]]
SLEEPING = {"code": "sleeping", "name_en": "Sleeping", "name_zh": "沉睡", "silent_min": "60"}
COME_BACK = {
    "code": "come-back",
    "name_en": "Come back",
    "segment": "everybody",
    "channel": "sms",
    "template_a": "hello",
    "every": "once",
    "holdout_percent": "0",
    "return_days": "7",
    "task_points": "100",
    "task_days": "7",
    "task_budget": "1000",
}


@pytest.fixture
def everybody(acme: Brand, now: datetime) -> Brand:
    """Acme with a segment of all its members, and a message."""
    with in_brand(acme):
        segments.create(
            code="everybody",
            name={"en": "Everybody", "zh-hans": "所有人"},
            definition={"all": [{"fact": "member.enrolled_days", "op": "gte", "value": 0}]},
            actor="test",
            now=now,
        )
        template("hello", now)
    return acme


def test_a_segment_is_made_counted_and_changed_without_json(acme: Brand, now: datetime) -> None:
    with in_brand(acme):
        mug = mall.create_reward(
            values={"name": {"en": "Mug"}, "kind": "physical", "points": 600, "sku": "M-1", "stock": 5},
            actor="test",
            now=now,
        )
        mall.update_reward(reward_id=mug.pk, values={"status": "published"}, now=now)
    owner = signed_in(acme, "owner")
    page = owner.get("campaigns/segment/add/").content.decode()
    assert 'href="?silent_min=60&amp;consent=marketing"' in page
    assert 'value="60"' in owner.get("campaigns/segment/add/?silent_min=60").content.decode()
    counted = owner.post("campaigns/segment/count/", {"enrolled_min": "1"}).json()
    assert counted == {"told": "3 members", "sentence": "days since enrolment ≥ 1"}
    assert owner.post("campaigns/segment/count/", {}).json() == {
        "told": "No condition yet.", "sentence": "",
    }  # fmt: skip
    every = {
        **SLEEPING, "silent_max": "90", "regions": "440100, 310000", "tags": "vip，new", "tags_none": "staff",
        "enrolled_min": "5", "orders_min": "1", "orders_max": "9", "orders_days": "30", "spent_min": "19.90",
        "points_max": "500", "expiring_points": "10", "expiring_days": "7", "reward": str(mug.pk),
        "short_by": "100", "child_min": "6", "child_max": "12", "consent": "marketing",
    }  # fmt: skip
    assert owner.post("campaigns/segment/add/", every).status_code == 302
    with in_brand(acme):
        segment = Segment.objects.get()
        made = segment.definition
        assert {each["fact"] for each in made["all"]} == {
            "member.tags", "member.region", "member.enrolled_days", "member.days_since_last_order",
            "member.orders.count", "member.orders.amount", "points.available", "points.expiring",
            "points.short_of", "member.child_age_months", "member.consent",
        }  # fmt: skip
        assert {"fact": "member.days_since_last_order", "op": "between", "value": [60, 90]} in made["all"]
        assert made["none"] == [{"fact": "member.tags", "op": "has", "value": ["staff"]}]
    # The form shows what was saved, and saving it again changes nothing.
    path = f"campaigns/segment/{segment.pk}/change/"
    page = owner.get(path).content.decode()
    assert 'value="440100, 310000"' in page
    again = {name: value for name, value in every.items() if name != "code"}
    assert owner.post(path, again).status_code == 302
    with in_brand(acme):
        assert Segment.objects.get().definition == made


def test_faults_of_a_segment_stand_at_their_field(acme: Brand, row_counts: Counts) -> None:
    owner = signed_in(acme, "owner")
    before = row_counts()
    page = owner.post("campaigns/segment/add/", {**SLEEPING, "silent_max": "10"})
    assert page.status_code == 200
    assert "The second number is below the first." in page.content.decode()
    assert (
        "At least one condition is needed."
        in owner.post("campaigns/segment/add/", {**SLEEPING, "silent_min": ""}).content.decode()
    )
    assert row_counts() == before


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (
            {"orders_days": "30"},
            "Orders, at least: Missing: “Orders of the last … days” says nothing without it.",
        ),
        (
            {"spent_days": "30"},
            "Spent, at least: Missing: “Spent in the last … days” says nothing without it.",
        ),
        (
            {"short_by": "50"},
            "Almost enough for: Missing: “… short by at most (points)” says nothing without it.",
        ),
        ({"silent_max": "10"}, "Last order at least … days ago: The second number is below the first."),
        (
            {"enrolled_min": "-1"},
            "Enrolled at least … days ago: Ensure this value is greater than or equal to 0.",
        ),
        (
            {"consent": "marketing, nonsense"},
            "Agreed to: No member was ever asked for this purpose: nonsense.",
        ),
    ],
)  # fmt: skip
def test_the_count_says_what_saving_would_refuse(
    acme: Brand, row_counts: Counts, sent: dict[str, str], told: str
) -> None:
    owner, before = signed_in(acme, "owner"), row_counts()
    assert owner.post("campaigns/segment/count/", {"silent_min": "60", **sent}).json() == {
        "told": told, "sentence": "",
    }  # fmt: skip
    page = owner.post("campaigns/segment/add/", SLEEPING | sent)
    assert (page.status_code, told.split(": ", 1)[1] in page.content.decode()) == (200, True)
    assert row_counts() == before


@pytest.mark.parametrize("sent", [{"never_ordered": "on"}, {"tags": "vip", "tags_none": "staff, vip"}])
def test_conditions_that_nobody_can_meet_are_told(acme: Brand, sent: dict[str, str]) -> None:
    owner, nobody = signed_in(acme, "owner"), "The conditions contradict each other: nobody can be in it."
    told = owner.post("campaigns/segment/count/", {"silent_min": "60", **sent}).json()["told"]
    assert told == f"0 members · {nobody}"
    assert owner.post("campaigns/segment/add/", SLEEPING | sent).status_code == 302
    assert nobody in owner.get("campaigns/segment/").content.decode()
    assert owner.post("campaigns/segment/add/", SLEEPING | {"code": "b"}).status_code == 302
    assert nobody not in owner.get("campaigns/segment/").content.decode()


def test_a_code_that_is_taken_or_reserved_is_told_at_its_field(everybody: Brand, row_counts: Counts) -> None:
    owner = signed_in(everybody, "owner")
    grant = {
        "code": "sorry", "name_en": "Sorry", "segment": "everybody", "points": "100", "budget": "300",
        "reason": "Late",
    }  # fmt: skip
    assert owner.post("campaigns/audiencegrant/add/", grant).status_code == 302
    before = row_counts()
    page = owner.post("campaigns/audiencegrant/add/", grant)
    assert page.context["adminform"].form.errors == {"code": ["This code is taken already."]}
    for code, told in (
        ("everybody", "A segment of this code exists already."),
        ("all", "This code is reserved."),
    ):
        page = owner.post("campaigns/segment/add/", SLEEPING | {"code": code})
        assert page.context["adminform"].form.errors == {"code": [told]}
    assert row_counts() == before


def test_what_the_form_cannot_say_is_only_shown(everybody: Brand) -> None:
    with in_brand(everybody):
        Segment.objects.update(definition={"any": [{"fact": "member.region", "op": "in", "value": ["1"]}]})
        segment = Segment.objects.get()
    page = signed_in(everybody, "owner").get(f"campaigns/segment/{segment.pk}/change/").content.decode()
    assert "This segment was made with the API" in page
    assert "at least one of: region 1" in page
    assert "_save" not in page


def test_a_wake_up_from_draft_to_report(everybody: Brand, now: datetime) -> None:
    policy(everybody, wakeup_approval="console")
    anna, owner = signed_in(everybody, "marketing"), signed_in(everybody, "owner", "zh-hans")
    assert anna.post("campaigns/wakeup/add/", COME_BACK).status_code == 302
    with in_brand(everybody):
        wakeup = Wakeup.objects.get()
        assert (wakeup.status, wakeup.variants) == (
            "draft", [{"code": "a", "template": "hello", "share": 100}],
        )  # fmt: skip
    path = f"campaigns/wakeup/{wakeup.pk}"
    page = anna.get(f"{path}/change/").content.decode()
    assert "Come back, C-" in page or "回来吧，C-" in page  # what it says to a member
    assert anna.post(f"{path}/submit/", {"note": "for Friday"}).status_code == 302
    assert anna.post(f"{path}/approve/").status_code == 403
    assert owner.post(f"{path}/approve/").status_code == 302
    with in_brand(everybody):
        go(now)
        reached([ANNA, BORIS], now)
    page = owner.get(f"wakeups/{wakeup.pk}/report/")
    assert page.status_code == 200
    assert "没有对照组" in page.content.decode()
    assert signed_in(everybody, "care").get(f"wakeups/{wakeup.pk}/report/").status_code == 403
    for browser in (anna, owner):
        assert browser.get("campaigns/wakeup/").status_code == 200
        assert browser.get(f"{path}/change/").status_code == 200


def test_faults_of_a_wake_up_stand_at_their_field(everybody: Brand, row_counts: Counts) -> None:
    owner = signed_in(everybody, "owner")
    before = row_counts()
    for changes, told in (
        ({"every": "weekly", "time_of_day": "10:00"}, "This field is required."),
        ({"task_budget": "99"}, "Must be enough for at least one member."),
        ({"channel": "email"}, "The message template has no text for this channel."),
        ({"name_en": ""}, "At least one language is needed."),
    ):
        page = owner.post("campaigns/wakeup/add/", COME_BACK | changes)
        assert (page.status_code, told in page.content.decode()) == (200, True), told
    assert row_counts() == before


def test_an_audience_grant_in_four_eyes(everybody: Brand, now: datetime) -> None:
    form = {
        "code": "sorry", "name_en": "Sorry", "segment": "everybody", "points": "100", "budget": "300",
        "reason": "Late",
    }  # fmt: skip
    anna, owner = signed_in(everybody, "marketing"), signed_in(everybody, "owner")
    assert anna.post("campaigns/audiencegrant/add/", form).status_code == 302
    with in_brand(everybody):
        grant = AudienceGrant.objects.get()
    path = f"campaigns/audiencegrant/{grant.pk}"
    assert anna.post(f"{path}/submit/", {"note": ""}).status_code == 302
    assert owner.post(f"{path}/reject/", {"reason": "too much"}).status_code == 302
    assert anna.post(f"{path}/change/", {**form, "budget": "200"}).status_code == 302
    assert anna.post(f"{path}/submit/", {"note": ""}).status_code == 302
    assert owner.post(f"{path}/approve/").status_code == 302
    with in_brand(everybody):
        audiencegrants.give_due(now=now)
        assert AudienceGrant.objects.values_list("status", "given", "spent").get() == ("done", 2, 200)
    page = owner.get(f"{path}/change/").content.decode()
    assert "2 / 3 · budget used up" in page
    assert owner.post(f"{path}/cancel/").status_code == 302  # not possible any more, and said so
    with in_brand(everybody):
        assert AudienceGrant.objects.get().status == "done"


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_empty_pages_say_so(acme: Brand, language: str) -> None:
    owner: Browser = signed_in(acme, "owner", language)
    for path in ("segment", "wakeup", "audiencegrant"):
        assert owner.get(f"campaigns/{path}/").status_code == 200
        assert owner.get(f"campaigns/{path}/add/").status_code == 200


def test_a_report_of_what_never_went_out(everybody: Brand, now: datetime) -> None:
    with in_brand(everybody):
        values: dict[str, Any] = {
            "name": {"en": "x"}, "segment": "everybody", "channel": "sms",
            "variants": [{"code": "a", "template": "hello", "share": 100}],
        }  # fmt: skip
        made = wakeups.create(code="x", values=values, actor="test", now=now)
    page = signed_in(everybody, "owner").get(f"wakeups/{made.pk}/report/").content.decode()
    assert "there is nothing to report" in page


GRANT = {
    "code": "sorry", "name_en": "Sorry", "segment": "everybody", "points": "100", "budget": "200",
    "reason": "Late",
}  # fmt: skip


def test_a_wake_up_that_reaches_nobody_says_so_before_it_is_agreed_to(
    everybody: Brand, now: datetime
) -> None:
    policy(everybody, wakeup_approval="console")
    with in_brand(everybody):
        all_channels(now)
    anna, owner = signed_in(everybody, "marketing"), signed_in(everybody, "owner")
    anna.post("campaigns/wakeup/add/", COME_BACK)
    with in_brand(everybody):
        path = f"campaigns/wakeup/{Wakeup.objects.get().pk}"
    nobody = "None of the 3 members agrees to marketing by text message: nobody would get it."
    for page in (anna.get(f"{path}/change/"), anna.get(f"{path}/submit/")):
        assert nobody in page.content.decode()
    with in_brand(everybody):
        agrees(ANNA, now)
        known_by(ANNA, "phone", "13800000009", now)
    anna.post(f"{path}/submit/", {"note": "for Friday"})
    for page in (owner.get(f"{path}/change/"), owner.get(f"{path}/approve/")):
        text = page.content.decode()
        assert nobody not in text
        for label, value in (("Members in the segment", "3"), ("agree to marketing by text message", "1"),
                             ("can be reached", "1"), ("note", "for Friday")):  # fmt: skip
            assert f"<dt>{label}</dt><dd>{value}</dd>" in text


def test_a_grant_says_what_it_would_come_to(everybody: Brand) -> None:
    policy(everybody, point_cost="0.02")
    anna, owner = signed_in(everybody, "marketing"), signed_in(everybody, "owner")
    anna.post("campaigns/audiencegrant/add/", GRANT)
    with in_brand(everybody):
        path = f"campaigns/audiencegrant/{AudienceGrant.objects.get().pk}"
    pages = [anna.get(f"{path}/change/"), anna.get(f"{path}/submit/")]
    anna.post(f"{path}/submit/", {"note": ""})
    pages += [owner.get(f"{path}/change/"), owner.get(f"{path}/approve/")]
    for page in pages:
        text = page.content.decode()
        for label, value in (("Members in the segment", "3"), ("Points in all", "300"),
                             ("Budget, in points", "200"), ("Cost of the points", "4.00 CNY")):  # fmt: skip
            assert f"<dt>{label}</dt><dd>{value}</dd>" in text
        assert "The budget is enough for 2 of 3 members." in text


@pytest.mark.parametrize("kind", ["wakeup", "audiencegrant"])
def test_why_it_was_turned_down_is_read_by_who_changes_it(everybody: Brand, kind: str) -> None:
    policy(everybody, wakeup_approval="console")
    anna, owner = signed_in(everybody, "marketing"), signed_in(everybody, "owner")
    anna.post(f"campaigns/{kind}/add/", COME_BACK if kind == "wakeup" else GRANT)
    with in_brand(everybody):
        path = f"campaigns/{kind}/{(Wakeup if kind == 'wakeup' else AudienceGrant).objects.get().pk}"
    assert 'id="turned-down"' not in anna.get(f"{path}/change/").content.decode()
    anna.post(f"{path}/submit/", {"note": ""})
    assert owner.post(f"{path}/reject/", {"reason": "far too much"}).status_code == 302
    page = anna.get(f"{path}/change/").content.decode()
    assert 'id="turned-down"' in page
    assert "far too much" in page
    assert "Turn down: far too much" in anna.get(f"{path}/history/").content.decode()


def test_nobody_is_offered_to_decide_on_their_own(everybody: Brand) -> None:
    policy(everybody, wakeup_approval="console")
    owner, second = signed_in(everybody, "owner"), Browser("acme.localhost")
    with in_brand(everybody):
        create_operator(email="second@acme.example", role="owner", password=PASSWORD, name="Wu")
    second.sign_in("second@acme.example")
    owner.post("campaigns/wakeup/add/", COME_BACK)
    with in_brand(everybody):
        path = f"campaigns/wakeup/{Wakeup.objects.get().pk}"
    owner.post(f"{path}/submit/", {"note": ""})
    own, other = (each.get(f"{path}/change/").content.decode() for each in (owner, second))
    assert "You submitted it yourself: somebody else decides." in own
    assert "/approve/" not in own
    assert "/reject/" not in own
    assert "/approve/" in other
    assert "operator:owner@" not in other
    assert "owner@acme.example" in other


def test_a_time_that_is_past_is_refused_at_its_field_and_told_at_a_late_approval(
    everybody: Brand, now: datetime, row_counts: Counts
) -> None:
    policy(everybody, wakeup_approval="console")
    anna, owner = signed_in(everybody, "marketing"), signed_in(everybody, "owner")
    before = row_counts()
    for kind, form in (("wakeup", COME_BACK), ("audiencegrant", GRANT)):
        page = anna.post(f"campaigns/{kind}/add/", form | {"at": "2026-11-22 09:59"})
        assert "This time is past." in str(page.context["errors"])
        assert "at" in page.context["adminform"].form.errors
    assert row_counts() == before
    anna.post("campaigns/wakeup/add/", COME_BACK | {"at": "2026-11-22 10:01"})
    with in_brand(everybody):
        path = f"campaigns/wakeup/{Wakeup.objects.get().pk}"
    anna.post(f"{path}/submit/", {"note": ""})
    late = "is past: approved now, it begins at once."
    assert late not in owner.get(f"{path}/approve/").content.decode()
    with clock.frozen(now + timedelta(minutes=2)):
        assert late in owner.get(f"{path}/approve/").content.decode()


@pytest.mark.parametrize("kind", ["wakeup", "audiencegrant"])
def test_whom_and_how_is_chosen_not_found_chosen(everybody: Brand, kind: str) -> None:
    owner = signed_in(everybody, "owner")
    form = owner.get(f"campaigns/{kind}/add/").context["adminform"].form
    for name in ("segment", *(("channel", "template_a") if kind == "wakeup" else ())):
        assert form.fields[name].choices[0][0] == ""
    answer = owner.post(
        f"campaigns/{kind}/add/", (COME_BACK if kind == "wakeup" else GRANT) | {"segment": ""}
    )
    assert answer.context["adminform"].form.errors["segment"] == ["This field is required."]


def test_the_question_whether_to_cancel_has_two_different_answers(everybody: Brand) -> None:
    owner = signed_in(everybody, "owner", "zh-hans")
    owner.post("campaigns/wakeup/add/", COME_BACK)
    with in_brand(everybody):
        path = f"campaigns/wakeup/{Wakeup.objects.get().pk}"
    page = owner.get(f"{path}/cancel/").content.decode()
    assert re.findall(r">\s*(取消推送|返回|取消)\s*<", page).count("取消") == 0
    assert "取消推送" in page
    assert "返回" in page
    assert "运行记录" in owner.get(f"{path}/change/").content.decode()


def test_the_report_leads_to_its_messages_and_the_log_calls_things_by_name(
    everybody: Brand, now: datetime
) -> None:
    owner = signed_in(everybody, "owner")
    with in_brand(everybody):
        MessageTemplate.objects.update(name={"en": "Come back soon"})
        pushed = []
        for code in ("one", "two"):
            values = {
                "name": {"en": code}, "segment": "everybody", "channel": "sms", "holdout_percent": 0,
                "variants": [{"code": "a", "template": "hello", "share": 100}],
            }  # fmt: skip
            pushed.append(wakeups.create(code=code, values=values, actor="test", now=now))
            wakeups.submit(code=code, actor="test", now=now, by_api=True)
        go(now)
        assert Message.objects.count() == 6
    report = owner.get(f"wakeups/{pushed[0].pk}/report/").content.decode()
    path = f"campaigns/message/?wakeup={pushed[0].pk}"
    assert f"/console/{path}" in report
    assert "roomy" not in report
    log = owner.get(path)
    assert {each.occasion for each in log.context["cl"].result_list} == {
        f"wakeup:{run}" for run in _runs(everybody, "one")
    }
    assert "Come back soon" in log.content.decode()
    for asked, count in (("nonsense", 0), (ANNA, 0), ("", 6)):
        answer = owner.get(f"campaigns/message/?wakeup={asked}")
        assert (answer.status_code, len(answer.context["cl"].result_list)) == (200, count)


def _runs(brand: Brand, code: str) -> list[Any]:
    with in_brand(brand):
        return list(WakeupRun.objects.filter(wakeup__code=code).values_list("pk", flat=True))


def test_the_dashboard_lists_what_waits_for_those_who_decide(everybody: Brand) -> None:
    policy(everybody, wakeup_approval="console")
    anna, owner = signed_in(everybody, "marketing"), signed_in(everybody, "owner")
    anna.post("campaigns/wakeup/add/", COME_BACK)
    anna.post("campaigns/audiencegrant/add/", GRANT)
    assert 'id="audiences-to-approve"' not in owner.get("").content.decode()
    with in_brand(everybody):
        paths = [
            f"campaigns/wakeup/{Wakeup.objects.get().pk}",
            f"campaigns/audiencegrant/{AudienceGrant.objects.get().pk}",
        ]
    for path in paths:
        anna.post(f"{path}/submit/", {"note": ""})
    page = owner.get("").content.decode()
    assert 'id="audiences-to-approve"' in page
    for path in paths:
        assert f"/console/{path}/change/" in page
    shown = [(each["called"], each["segment"], each["asked_by"]) for each in _to_approve(owner)]
    who = "marketing@acme.example"
    assert shown == [("Come back", "Everybody", who), ("Sorry", "Everybody", who)]
    assert 'id="audiences-to-approve"' not in signed_in(everybody, "care").get("").content.decode()


def _to_approve(browser: Browser) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = browser.get("").context["audiences_to_approve"]
    return found
