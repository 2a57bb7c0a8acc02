"""Runs of wake-ups: everybody once, nobody twice, wherever a run is cut off; held out by a stable hash."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from campaigns import occasions
from campaigns.models import (
    Message,
    MessageTemplate,
    MessageTemplateVersion,
    Wakeup,
    WakeupRecipient,
    WakeupRun,
)
from campaigns.services import messages, wakeups
from campaigns.services.wakeups import Reached, nearness, running, times
from loyalty.lib import clock
from members.models import Identity, Member
from tenants.models import Brand
from tests.audiences.shapes import change, policy, segment, where
from tests.audiences.wakeupshapes import COME_BACK, TEXT, crowd, go, queued, scheduled, template
from tests.messages.support import MINI, WX_TEMPLATE, agrees, all_channels, known_by, subscribed
from tests.support.brands import ANNA, BORIS, CHEN
from tests.support.client import Api

pytestmark = pytest.mark.django_db
Counts = Callable[[], dict[str, int]]
HALF_PAST_TWO = time(2, 30)
EVERYBODY = [ANNA, BORIS, CHEN]


@pytest.fixture
def ready(in_acme: Brand, api: Api, now: datetime) -> None:
    segment(api, "everybody", where("member.enrolled_days", "gte", 0))
    template("hello", now)


def state() -> tuple[str, list[tuple[str, int, int]]]:
    runs = WakeupRun.objects.order_by("number").values_list("status", "audience", "held_out")
    return Wakeup.objects.get(code="come-back").status, list(runs)


def test_once_at_its_time_a_message_for_everybody(ready: None, api: Api, now: datetime) -> None:
    wakeup = scheduled(api, schedule={"every": "once", "at": "2026-11-22T10:00:01+08:00"})
    go(now)
    assert (state(), queued()) == (("scheduled", []), [])
    go(now + timedelta(seconds=1))
    assert (state(), queued()) == (("done", [("done", 3, 0)]), EVERYBODY)
    run = WakeupRun.objects.get()
    assert set(Message.objects.values_list("occasion", "channel", "wakeup_id", "variant", "status")) == {
        (f"wakeup:{run.pk}", "sms", run.pk, "a", "queued")
    }
    told = Message.objects.get(member_id=ANNA).facts
    assert (told["name"], told["points"], told["brand"]) == ("C-anna of acme", 0, "Acme")
    assert not {"missing", "reward", "tags"} & set(told)
    # Another beat, and another look at the run: nothing more.
    go(now + timedelta(hours=1))
    assert wakeups.run_batch(run_id=run.pk, now=now) is False
    assert (state(), queued()) == (("done", [("done", 3, 0)]), EVERYBODY)
    assert wakeup.pk == run.wakeup_id


def test_who_is_almost_there_is_told_for_what_and_how_much_is_missing(
    in_acme: Brand, api: Api, now: datetime
) -> None:
    mug = {
        "name": {"en": "Mug"},
        "kind": "physical",
        "sku": "MUG",
        "stock": 9,
        "points": 150,
        "tags": ["mugs"],
    }
    reward = api.post("/rewards", mug | {"status": "published"}).json()["reward_id"]
    for member, points in ((ANNA, 120), (BORIS, 99), (CHEN, 150)):
        given = {
            "member": {"member_id": str(member)},
            "points": points,
            "reason": "-",
            "reference": str(member),
        }
        assert api.post("/adjustments", given).status_code == 201
    segment(api, "everybody", where("points.short_of", "lte", 50, reward=reward))
    template("hello", now)
    scheduled(api)
    go(now)
    told = Message.objects.get()
    assert told.member_id == ANNA
    assert {name: told.facts[name] for name in ("points", "missing", "reward", "tags")} == {
        "points": 120,
        "missing": 30,
        "reward": {"en": "Mug"},
        # By its tags compliance keeps back what may not be advertised to this member.
        "tags": ["mugs"],
    }


def test_a_run_that_is_cut_off_goes_on_where_it_stood(ready: None, api: Api, now: datetime) -> None:
    members = sorted([*EVERYBODY, *crowd(7, now)])
    scheduled(api)
    wakeups.start_due(now=now)
    run = WakeupRun.objects.get()
    assert wakeups.run_batch(run_id=run.pk, now=now, batch=4) is True
    assert queued() == members[:4]
    # Killed before the commit: neither messages nor cursor.
    with transaction.atomic():
        wakeups.run_batch(run_id=run.pk, now=now, batch=4)
        assert len(queued()) == 8
        transaction.set_rollback(True)
    assert (queued(), state()) == (members[:4], ("running", [("running", 4, 0)]))
    while wakeups.run_batch(run_id=run.pk, now=now, batch=4):
        pass
    assert (queued(), state()) == (members, ("done", [("done", 10, 0)]))


def test_even_a_lost_cursor_queues_nothing_twice(ready: None, api: Api, now: datetime) -> None:
    scheduled(api)
    wakeups.start_due(now=now)
    run = WakeupRun.objects.get()
    wakeups.run_batch(run_id=run.pk, now=now, batch=2)
    WakeupRun.objects.update(cursor=None)
    go(now)
    assert queued() == EVERYBODY
    # And if it forgot all the rest, the occasion is known to the messages.
    WakeupRecipient.objects.all().delete()
    WakeupRun.objects.update(cursor=None, status="running", due_at=now, finished_at=None)
    Wakeup.objects.update(status="running", ended_at=None)
    go(now)
    assert queued() == EVERYBODY


def test_a_slot_has_one_run(ready: None, api: Api, now: datetime) -> None:
    wakeup = scheduled(api)
    assert (wakeups.start_due(now=now), wakeups.start_due(now=now)) == (1, 0)
    run = WakeupRun.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        WakeupRun.objects.create(wakeup=wakeup, number=2, slot=run.slot, started_at=now, due_at=now)


def test_who_is_held_out_is_recorded_and_never_queued(ready: None, api: Api, now: datetime) -> None:
    crowd(997, now)
    wakeup = scheduled(api, holdout_percent=20)
    go(now)
    held = set(WakeupRecipient.objects.filter(held_out=True).values_list("member_id", flat=True))
    assert held == {each for each in _all_members() if running.variant_of(wakeup, each) == ""}
    assert 150 <= len(held) <= 250
    assert state() == ("done", [("done", 1000, len(held))])
    assert set(queued()) == _all_members() - held
    assert set(WakeupRecipient.objects.filter(held_out=True).values_list("variant", "task")) == {("", "none")}


def _all_members() -> set[Any]:
    return set(WakeupRecipient.objects.values_list("member_id", flat=True))


def test_variants_share_the_others_by_a_hash_of_their_own(ready: None, api: Api, now: datetime) -> None:
    crowd(997, now)
    template("other", now)
    variants = [
        {"code": "a", "template": "hello", "share": 30},
        {"code": "b", "template": "other", "share": 70},
    ]
    scheduled(api, variants=variants)
    go(now)
    first, second = queued("a"), queued("b")
    assert 250 <= len(first) <= 350
    assert len(first) + len(second) == 1000
    assert set(Message.objects.filter(variant="b").values_list("template__code", flat=True)) == {"other"}


def test_a_later_run_reaches_who_is_new_and_after_its_days_everybody(
    ready: None, api: Api, now: datetime
) -> None:
    scheduled(api, schedule={"every": "daily", "time": "10:00"}, repeat_days=2)
    go(now)
    assert state() == ("scheduled", [("done", 3, 0)])
    crowd(1, now + timedelta(hours=1))
    tomorrow = now + timedelta(days=1)
    go(tomorrow)
    assert state() == ("scheduled", [("done", 3, 0), ("done", 1, 0)])
    # Two days after the first: by the day, not to the second.
    go(now + timedelta(days=2))
    assert state()[1][2] == ("done", 3, 0)
    assert len(queued()) == 7


def test_once_for_ever_without_repeat_days(ready: None, api: Api, now: datetime) -> None:
    scheduled(api, schedule={"every": "weekly", "weekdays": ["SU"], "time": "10:00"})
    go(now)
    go(now + timedelta(days=7))
    assert (state()[1], queued()) == ([("done", 3, 0), ("done", 0, 0)], EVERYBODY)


def test_it_ends_with_its_last_time(ready: None, api: Api, now: datetime) -> None:
    schedule = {"every": "daily", "time": "10:00", "until": "2026-11-23T10:00:01+08:00"}
    scheduled(api, schedule=schedule, repeat_days=1)
    for day in range(3):
        go(now + timedelta(days=day))
    assert state() == ("done", [("done", 3, 0), ("done", 3, 0)])


def test_who_leaves_the_audience_before_their_turn_is_left_out(ready: None, api: Api, now: datetime) -> None:
    scheduled(api)
    wakeups.start_due(now=now)
    run = WakeupRun.objects.get()
    wakeups.run_batch(run_id=run.pk, now=now, batch=1)
    change(CHEN, status="closed")
    # Who comes after the start is not in this run.
    crowd(1, now + timedelta(seconds=1))
    go(now)
    assert (queued(), state()) == ([ANNA, BORIS], ("done", [("done", 2, 0)]))


def test_cancelled_in_the_middle_no_more_is_queued(ready: None, api: Api, now: datetime) -> None:
    scheduled(api, schedule={"every": "daily", "time": "10:00"})
    wakeups.start_due(now=now)
    run = WakeupRun.objects.get()
    wakeups.run_batch(run_id=run.pk, now=now, batch=1)
    for _again in range(2):
        assert api.post("/wakeups/come-back/cancel").json()["status"] == "cancelled"
    go(now + timedelta(days=1))
    assert (queued(), state()) == ([ANNA], ("cancelled", [("cancelled", 1, 0)]))


def test_the_text_that_was_put_forward_is_sent_and_no_later_one(ready: None, api: Api, now: datetime) -> None:
    scheduled(api, schedule={"every": "once", "at": "2026-11-22T10:00:01+08:00"})
    hello = MessageTemplate.objects.get(code="hello")
    MessageTemplateVersion.objects.create(template=hello, version=2, body=TEXT, published_at=now)
    MessageTemplate.objects.update(current_version=2)
    go(now + timedelta(seconds=1))
    assert queued() == EVERYBODY
    assert set(Message.objects.values_list("version", flat=True)) == {1}
    assert MessageTemplate.objects.get().current_version == 2


def test_a_message_that_is_gone_ends_the_run_and_says_so(ready: None, api: Api, now: datetime) -> None:
    scheduled(api)
    wakeups.start_due(now=now)
    MessageTemplate.objects.update(current_version=None)
    go(now)
    assert (queued(), state()) == ([], ("done", [("cancelled", 0, 0)]))
    assert WakeupRecipient.objects.count() == 0


def test_a_failure_of_ours_waits_and_loses_nobody(
    ready: None, api: Api, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduled(api)
    real = messages.queue_many

    def broken(**_values: Any) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(messages, "queue_many", broken)
    go(now)
    assert (queued(), state()) == ([], ("running", [("running", 0, 0)]))
    monkeypatch.setattr(messages, "queue_many", real)
    go(now + timedelta(seconds=9))
    assert queued() == []
    go(now + timedelta(seconds=10))
    assert (queued(), state()) == (EVERYBODY, ("done", [("done", 3, 0)]))


def test_where_the_brand_asks_a_second_operator_decides(
    ready: None, in_acme: Brand, api: Api, colleague: Api, now: datetime, row_counts: Counts
) -> None:
    policy(in_acme, wakeup_approval="all")
    api.post("/wakeups", COME_BACK)
    assert api.post("/wakeups/come-back/submit", {"note": "please"}).json()["status"] == "submitted"
    go(now)
    assert queued() == []
    before = row_counts()
    assert api.post("/wakeups/come-back/approve").json()["code"] == "same_operator"
    assert row_counts() == before
    told = colleague.post("/wakeups/come-back/reject", {"reason": "too soon"}).json()
    assert (told["status"], told["note"]) == ("draft", "too soon")
    api.post("/wakeups/come-back/submit")
    assert colleague.post("/wakeups/come-back/approve").json()["status"] == "scheduled"
    go(now)
    assert queued() == EVERYBODY
    with pytest.raises(IntegrityError), transaction.atomic():
        Wakeup.objects.update(approved_by="")


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"segment": "nobody"}, "/segment", "unknown_segment"),
        ({"channel": "pigeon"}, "/channel", "invalid_choice"),
        ({"channel": "email"}, "/variants/0/template", "no_text"),
        ({"variants": []}, "/variants", "length"),
        ({"variants": [{"code": "a", "template": "gone", "share": 100}]}, "/variants/0/template",
         "unknown_template"),
        ({"variants": [{"code": "a", "template": "draft", "share": 100}]}, "/variants/0/template",
         "not_published"),
        ({"variants": [{"code": "a", "template": "service", "share": 100}]}, "/variants/0/template",
         "not_marketing"),
        ({"variants": [{"code": "a", "template": "hello", "share": 99}]}, "/variants", "share"),
        ({"variants": [{"code": "a", "template": "hello", "share": 50}] * 2}, "/variants", "repeated"),
        ({"variants": [{"code": "a", "template": "hello", "share": 50},
                       {"code": "b", "template": "hello", "share": 50}]},
         "/variants/1/template", "same_template"),
        ({"schedule": {"every": "once", "at": "2026-11-22T09:59:59+08:00"}}, "/schedule/at", "past"),
        ({"schedule": {"every": "daily", "time": "09:59", "until": "2026-11-23T09:59:00+08:00"}},
         "/schedule/until", "never_runs"),
        ({"schedule": {"every": "weekly", "time": "10:00", "weekdays": ["FR"],
                       "until": "2026-11-21T10:00:00+08:00"}}, "/schedule/until", "never_runs"),
        ({"schedule": {"every": "daily"}}, "/schedule/time", "required"),
        ({"schedule": {"every": "weekly", "time": "10:00"}}, "/schedule/weekdays", "required"),
        ({"schedule": {"every": "daily", "time": "24:00"}}, "/schedule/time", "invalid"),
        ({"schedule": {"every": "daily", "time": "1٣:00"}}, "/schedule/time", "invalid"),
        ({"schedule": {"every": "daily", "time": "1３:00"}}, "/schedule/time", "invalid"),
        ({"holdout_percent": 91}, "/holdout_percent", "max_value"),
        ({"task": {"points": 100, "days": 7, "budget": 99}}, "/task/budget", "min_value"),
        ({"repeat_days": 0}, "/repeat_days", "min_value"),
        ({"colour": "red"}, "/colour", "unknown_field"),
    ],
    ids=str,
)  # fmt: skip
def test_bad_input_is_told_at_its_field(
    ready: None, api: Api, now: datetime, row_counts: Counts, changes: dict[str, Any], pointer: str, code: str
) -> None:
    template("draft", now, published=False)
    template("service", now, purpose="transactional")
    before = row_counts()
    answer = api.post("/wakeups", COME_BACK | changes)
    assert answer.status_code == 422, answer.content
    assert (pointer, code) in {(e["pointer"], e["code"]) for e in answer.json()["errors"]}
    assert row_counts() == before


def test_one_that_ends_before_its_first_time_is_refused(ready: None, api: Api) -> None:
    schedule = {"every": "daily", "time": "09:59", "until": "2026-11-23T09:59:01+08:00"}
    assert api.post("/wakeups", COME_BACK | {"schedule": schedule}).status_code == 201
    Wakeup.objects.update(ends_at="2026-11-23T09:59:00+08:00")
    answer = api.post("/wakeups/come-back/submit")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "never_runs")
    assert state()[0] == "draft"


def test_a_draft_is_changed_and_nothing_else_is(ready: None, api: Api) -> None:
    api.post("/wakeups", COME_BACK)
    told = api.patch("/wakeups/come-back", {"schedule": {"every": "daily", "time": "08:30"}}).json()
    assert told["schedule"] | {"next_run_at": None} == {
        "every": "daily", "at": None, "time": "08:30", "weekdays": [], "until": None, "next_run_at": None,
    }  # fmt: skip
    assert api.post("/wakeups/come-back/submit").json()["schedule"]["next_run_at"] == "2026-11-23T00:30:00Z"
    assert api.patch("/wakeups/come-back", {"holdout_percent": 5}).json()["code"] == "wrong_state"
    assert api.post("/wakeups", COME_BACK).json()["code"] == "code_taken"
    assert [each["code"] for each in api.get("/wakeups?status=scheduled").json()["items"]] == ["come-back"]
    assert api.patch("/segments/everybody", {"archived": True}).json()["code"] == "segment_in_use"
    other = {"definition": {"all": [where("member.enrolled_days", "gte", 1)]}}
    told = api.patch("/segments/everybody", other)
    assert (told.status_code, told.json()["code"], told.json()["wakeup"]) == (
        409, "segment_in_use", "come-back"
    )  # fmt: skip
    assert told.json()["detail"] == "The wake-up come-back is for this segment."
    assert api.post("/wakeups/come-back/cancel").status_code == 200
    assert api.patch("/segments/everybody", other).status_code == 200


def test_times_of_day_when_the_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    at = datetime(2026, 3, 28, 12, tzinfo=UTC)
    skipped = times.next_after(
        time_of_day=HALF_PAST_TWO,
        weekdays=(),
        after=at,
        tz=berlin,
    )
    assert skipped == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    twice = times.next_after(
        time_of_day=HALF_PAST_TWO,
        weekdays=["SU"],
        after=datetime(2026, 10, 24, 12, tzinfo=UTC),
        tz=berlin,
    )
    assert twice == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


TASKED = {"en": "{task_points} until {task_until_at}", "zh-hans": "{task_points}，{task_until_at} 前有效"}
SHORT = {"en": "{missing} more for {reward}", "zh-hans": "还差 {missing} 即可换 {reward}"}


@pytest.mark.parametrize(
    ("text", "task", "told"),
    [
        (TASKED, None, "{task_points}, {task_until_at}, which only a wake-up with points for coming back"),
        (SHORT, None, "{missing}, {reward}, which this wake-up does not know"),
        (TASKED, {"points": 100, "days": 7, "budget": 1000}, ""),
    ],
    ids=["task", "near", "known"],
)
def test_a_text_that_names_what_the_wake_up_does_not_know_is_refused(
    ready: None,
    api: Api,
    now: datetime,
    row_counts: Counts,
    text: dict[str, str],
    task: dict[str, Any] | None,
    told: str,
) -> None:
    body = {"channels": {"sms": {"template_id": "SMS_1", "fields": {"text": text}}}}
    template("named", now, body=body)
    before = row_counts()
    variants = [{"code": "a", "template": "named", "share": 100}]
    answer = api.post("/wakeups", COME_BACK | {"task": task, "variants": variants})
    if not told:
        assert answer.status_code == 201, answer.content
        return
    (fault,) = answer.json()["errors"]
    assert (fault["pointer"], fault["code"]) == ("/variants/0/template", "unknown_fact")
    assert told in fault["detail"]
    assert row_counts() == before


def test_the_facts_that_texts_may_name_are_those_that_are_sent(
    ready: None, api: Api, in_acme: Brand, now: datetime
) -> None:
    wakeup = scheduled(api, task={"points": 100, "days": 7, "budget": 1000})
    sent = wakeups.facts_of(wakeup, Member.objects.get(pk=ANNA), 5, now)
    assert set(sent) | set(occasions.ALWAYS) == nearness.facts_known(wakeup)


def test_a_time_that_passed_before_it_was_put_forward_is_refused_and_a_late_approval_is_not(
    ready: None, in_acme: Brand, api: Api, colleague: Api, now: datetime
) -> None:
    policy(in_acme, wakeup_approval="all")
    api.post("/wakeups", COME_BACK | {"schedule": {"every": "once", "at": "2026-11-22T10:00:01+08:00"}})
    with clock.frozen(now + timedelta(seconds=2)):
        answer = api.post("/wakeups/come-back/submit")
        assert answer.json()["errors"][0]["pointer"] == "/schedule/at"
        assert state()[0] == "draft"
    assert api.post("/wakeups/come-back/submit").json()["status"] == "submitted"
    later = now + timedelta(hours=1)
    with clock.frozen(later):
        assert colleague.post("/wakeups/come-back/approve").json()["status"] == "scheduled"
    assert Wakeup.objects.get().next_run_at == later


def test_whom_it_would_reach_is_counted_as_it_is_judged(
    ready: None, api: Api, in_acme: Brand, now: datetime
) -> None:
    api.post("/wakeups", COME_BACK)
    wakeup = Wakeup.objects.get()
    Identity.objects.filter(provider="phone").delete()
    assert wakeups.reached(wakeup=wakeup, now=now) == Reached(3, 0, 0, channel_off=True)
    all_channels(now)
    agrees(ANNA, now)
    agrees(BORIS, now)
    agrees(CHEN, now)
    assert wakeups.reached(wakeup=wakeup, now=now) == Reached(3, 3, 0)
    for number, member_id in enumerate((ANNA, BORIS, CHEN)):
        known_by(member_id, "phone", f"1380000000{number}", now)
    assert wakeups.reached(wakeup=wakeup, now=now) == Reached(3, 3, 3)
    agrees(BORIS, now, purpose="marketing.sms", granted=False)
    agrees(ANNA, now + timedelta(seconds=1), granted=False)
    with CaptureQueriesContext(connection) as asked:
        assert wakeups.reached(wakeup=wakeup, now=now) == Reached(3, 1, 1)
    assert sum("members_consent" in each["sql"] for each in asked.captured_queries) == 1
    Wakeup.objects.update(channel="wechat_subscribe")
    part = {"template_id": {"zh-hans": WX_TEMPLATE}, "fields": {}}
    template("wx", now, body={"channels": {"wechat_subscribe": part}})
    Wakeup.objects.update(variants=[{"code": "a", "template": "wx", "share": 100}])
    for member_id in (BORIS, CHEN):
        known_by(member_id, "openid", f"o-{member_id}", now, app_id=MINI)
    subscribed(CHEN, 0, now)
    subscribed(BORIS, 1, now)
    assert wakeups.reached(wakeup=Wakeup.objects.get(), now=now) == Reached(3, 2, 1)
