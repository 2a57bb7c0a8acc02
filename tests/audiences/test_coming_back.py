"""Points for coming back, and the report: exact figures, and no conclusion that they do not carry."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from campaigns.models import Message, Wakeup, WakeupRecipient
from campaigns.services import wakeups
from campaigns.services.wakeups.report import Group, compare
from loyalty.lib import clock
from members.models import Purchase
from points import services as points
from points.models import Entry
from tenants.models import Brand
from tests.audiences.shapes import segment, where
from tests.audiences.wakeupshapes import COME_BACK, go, reached, scheduled, tasks, template
from tests.conftest import NOW
from tests.orders.shapes import priced
from tests.points.support import assert_sound, numbers
from tests.support.brands import ANNA, BORIS, CHEN
from tests.support.client import Api

pytestmark = pytest.mark.django_db
TASK = {"points": 100, "days": 7, "budget": 200}


@pytest.fixture
def sent(in_acme: Brand, api: Api, now: datetime) -> None:
    """A wake-up with a task went out to Anna, Boris and Chen; only Chen's message was suppressed."""
    segment(api, "everybody", where("member.enrolled_days", "gte", 0))
    template("hello", now)
    scheduled(api, task=TASK)
    go(now)
    assert tasks() == dict.fromkeys((ANNA, BORIS, CHEN), "open")
    reached([ANNA, BORIS], now)
    Message.objects.filter(member_id=CHEN).update(status="suppressed", due_at=None, reason="no_consent")


def buys(api: Api, who: str, order_id: str, at: str, price: str = "10.00") -> None:
    """An order, recorded at once, or now where it is of the past."""
    sent = priced(order_id, price, member={"external_id": f"C-{who}"}, ordered_at=f"{at}+08:00")
    with clock.frozen(max(NOW, datetime.fromisoformat(f"{at}+08:00"))):
        assert api.post("/orders", sent).status_code == 201


def test_the_first_order_in_time_is_paid_once(sent: None, api: Api, now: datetime) -> None:
    later = now + timedelta(days=1)
    buys(api, "anna", "A-0", "2026-11-22T09:59:59")  # before it was sent
    assert wakeups.look_at_orders(now=later, everything=True).paid == 0
    buys(api, "anna", "A-1", "2026-11-22T10:00:01")
    for _beat in range(2):
        wakeups.look_at_orders(now=now + timedelta(minutes=1))
    buys(api, "anna", "A-2", "2026-11-22T11:00:00")
    assert wakeups.look_at_orders(now=later, everything=True).paid == 0
    assert numbers(ANNA)[0] == 100
    entry = Entry.objects.get()
    assert (entry.source, entry.rule, entry.reason, entry.points) == ("wakeup", "come-back", "Come back", 100)
    assert tasks() == {ANNA: "paid", BORIS: "open", CHEN: "open"}
    assert Wakeup.objects.get().task_spent == 100
    assert_sound()


def test_it_is_taken_back_when_that_order_comes_back_whole(sent: None, api: Api, now: datetime) -> None:
    buys(api, "anna", "A-1", "2026-11-22T10:00:01")
    buys(api, "anna", "A-2", "2026-11-22T10:00:02")
    wakeups.look_at_orders(now=now)
    assert numbers(ANNA)[0] == 100
    assert api.post("/orders/A-2/cancel").status_code == 200  # another order
    assert wakeups.look_at_orders(now=now).taken_back == 0
    assert api.post("/orders/A-1/cancel").status_code == 200
    assert wakeups.look_at_orders(now=now).taken_back == 1
    assert wakeups.look_at_orders(now=now, everything=True).taken_back == 0
    assert (numbers(ANNA)[0], tasks()[ANNA]) == (0, "taken_back")
    # What was missed while everything was down is found within the hour.
    WakeupRecipient.objects.filter(member_id=ANNA).update(task="paid")
    later = now + timedelta(minutes=16)
    assert wakeups.look_at_orders(now=later).taken_back == 0
    assert wakeups.look_at_orders(now=later, everything=True).taken_back == 1
    # What was used of the budget stays used, and it is not paid again.
    buys(api, "anna", "A-3", "2026-11-22T10:00:03")
    assert wakeups.look_at_orders(now=now, everything=True).paid == 0
    assert Wakeup.objects.get().task_spent == 100
    assert_sound()


def _asks_for(amount: str) -> None:
    Wakeup.objects.update(task_min_spend=Decimal(amount))


def _bought(api: Api, order_id: str, *lines: dict[str, Any]) -> None:
    """An order of Anna's of these lines, a second after the message."""
    body = {
        "order_id": order_id,
        "member": {"external_id": "C-anna"},
        "ordered_at": "2026-11-22T10:00:01+08:00",
        "currency": "CNY",
        "lines": [{"line_id": str(number), **line} for number, line in enumerate(lines, 1)],
    }
    answer = api.post("/orders", body)
    assert answer.status_code == 201, answer.content


def _back(api: Api, order_id: str, line_id: str, quantity: str, number: int = 1) -> None:
    lines = [{"line_id": line_id, "quantity": quantity}]
    answer = api.post(f"/orders/{order_id}/returns", {"return_id": f"R-{order_id}-{number}", "lines": lines})
    assert answer.status_code == 201, answer.content


def _looked(now: datetime) -> tuple[int, int, int, str]:
    """What a look at everything paid and took back, what Anna holds, and how far she is."""
    looked = wakeups.look_at_orders(now=now, everything=True)
    return looked.paid, looked.taken_back, numbers(ANNA)[0], tasks()[ANNA]


MILK = {"sku": "milk", "quantity": "1", "unit_price": "40.00"}
# Three for 15.00 after the discount: 5.00 each.
BREAD = {"sku": "bread", "quantity": "3", "unit_price": "6.00", "discount": "3.00"}


def test_a_part_that_comes_back_takes_the_points_only_with_too_little_left(
    sent: None, api: Api, now: datetime
) -> None:
    _asks_for("50.00")
    _bought(api, "A-1", MILK, BREAD)
    assert _looked(now) == (1, 0, 100, "paid")
    _back(api, "A-1", "2", "1")  # 50.00 are left
    assert _looked(now) == (0, 0, 100, "paid")
    _back(api, "A-1", "2", "1", number=2)  # 45.00
    assert wakeups.look_at_orders(now=now).taken_back == 1  # without waiting for the hour
    assert _looked(now) == (0, 0, 0, "taken_back")
    entry = Entry.objects.get(source="wakeup.undone")
    assert (entry.points, entry.kind, entry.reverses_id) == (
        100, "clawback", Entry.objects.get(source="wakeup").pk
    )  # fmt: skip
    _bought(api, "A-2", {**MILK, "quantity": "2"})
    assert _looked(now) == (0, 0, 0, "taken_back")  # the task was done once
    assert_sound()


def test_where_no_money_is_asked_for_the_last_article_that_is_left_keeps_the_points(
    sent: None, api: Api, now: datetime
) -> None:
    _bought(api, "A-1", MILK, BREAD)
    assert _looked(now) == (1, 0, 100, "paid")
    _back(api, "A-1", "1", "1")
    _back(api, "A-1", "2", "2", number=2)
    assert _looked(now) == (0, 0, 100, "paid")
    _back(api, "A-1", "2", "1", number=3)
    assert _looked(now) == (0, 1, 0, "taken_back")


def test_the_first_order_that_is_large_enough_is_paid(sent: None, api: Api, now: datetime) -> None:
    _asks_for("50.00")
    _bought(api, "small", MILK)
    # What law keeps out of bonuses counts for none.
    _bought(api, "infant", MILK, {**MILK, "sku": "stage-1", "tags": ["infant_0_6"]})
    _bought(api, "shrunk", MILK, BREAD)
    _back(api, "shrunk", "2", "2")
    assert _looked(now) == (0, 0, 0, "open")
    _bought(api, "exact", {**MILK, "unit_price": "50.00"})
    assert _looked(now) == (1, 0, 100, "paid")
    recipient = WakeupRecipient.objects.get(member_id=ANNA)
    assert recipient.paid_for == Purchase.objects.get(order_id="exact").pk


def test_what_was_spent_meanwhile_is_owed(sent: None, api: Api, now: datetime) -> None:
    _asks_for("50.00")
    _bought(api, "A-1", MILK, BREAD)
    assert _looked(now) == (1, 0, 100, "paid")
    points.burn(member_id=ANNA, points=80, reference="b-1", now=now)
    _back(api, "A-1", "1", "1")
    assert _looked(now)[1] == 1
    assert numbers(ANNA) == (0, 0, 0, 80)
    assert_sound()


def test_the_least_amount_is_asked_for_with_the_task(in_acme: Brand, api: Api, now: datetime) -> None:
    segment(api, "everybody", where("member.enrolled_days", "gte", 0))
    template("hello", now)
    scheduled(api, task={**TASK, "min_spend": "50"})
    told = api.get("/wakeups/come-back").json()
    assert told["task"] == {**TASK, "min_spend": "50.00", "spent": 0}
    go(now)
    assert Message.objects.get(member_id=ANNA).facts["task_min_spend"] == "50.00"
    for amount, code in (("-1", "min_value"), ("0.001", "places"), ("x", "invalid")):
        body = COME_BACK | {"code": "other", "task": {**TASK, "min_spend": amount}}
        answer = api.post("/wakeups", body)
        assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/task/min_spend", code)]
    assert Wakeup.objects.count() == 1


def test_whom_the_message_never_reached_was_offered_nothing(sent: None, api: Api, now: datetime) -> None:
    buys(api, "chen", "C-1", "2026-11-22T10:00:01")
    assert wakeups.look_at_orders(now=now, everything=True).paid == 0


def test_the_last_day_is_the_whole_day_and_late_orders_count(sent: None, api: Api, now: datetime) -> None:
    with_late = now + timedelta(days=13)
    buys(api, "anna", "A-1", "2026-11-29T23:59:59")
    buys(api, "boris", "B-1", "2026-11-30T00:00:00")
    assert wakeups.look_at_orders(now=with_late, everything=True).paid == 1
    assert tasks() == {ANNA: "paid", BORIS: "open", CHEN: "open"}
    assert wakeups.look_at_orders(now=now + timedelta(days=15), everything=True).expired == 2
    assert tasks() == {ANNA: "paid", BORIS: "expired", CHEN: "expired"}


def test_the_budget_is_never_passed(in_acme: Brand, api: Api, now: datetime) -> None:
    segment(api, "everybody", where("member.enrolled_days", "gte", 0))
    template("hello", now)
    scheduled(api, task=TASK)
    go(now)
    reached([ANNA, BORIS, CHEN], now)
    for who in ("anna", "boris", "chen"):
        buys(api, who, f"{who}-1", "2026-11-22T10:00:01")
    assert wakeups.look_at_orders(now=now).paid == 2
    assert sorted(tasks().values()) == ["no_budget", "paid", "paid"]
    assert Wakeup.objects.get().task_spent == 200
    assert sum(numbers(who)[0] for who in (ANNA, BORIS)) == 200


def test_a_merged_members_task_goes_on_with_who_stays(sent: None, api: Api, now: datetime) -> None:
    WakeupRecipient.objects.filter(member_id=BORIS).delete()
    assert api.post(f"/members/{ANNA}/merge", {"into": str(BORIS)}).status_code == 200
    assert tasks() == {BORIS: "open", CHEN: "open"}
    # Boris's own message is not what was offered to Anna.
    Message.objects.filter(member_id=BORIS).delete()
    buys(api, "boris", "B-1", "2026-11-22T10:00:01")
    assert wakeups.look_at_orders(now=now).paid == 1
    assert (numbers(BORIS)[0], tasks()[BORIS]) == (100, "paid")


def test_the_report_tells_each_figure(sent: None, api: Api, now: datetime) -> None:
    WakeupRecipient.objects.filter(member_id=CHEN).update(
        held_out=True, variant="", task="none", task_until=None
    )
    Message.objects.filter(member_id=ANNA).update(status="delivered", clicked_at=now, delivered_at=now)
    buys(api, "anna", "A-1", "2026-11-23T10:00:00", "20.00")
    buys(api, "anna", "A-2", "2026-11-24T10:00:00", "5.50")
    buys(api, "chen", "C-1", "2026-11-23T10:00:00", "7.00")
    wakeups.look_at_orders(now=now + timedelta(days=1), everything=True)
    with clock.frozen(now + timedelta(days=1)):
        told = _report(api)
    figures = {
        "audience": 3,
        "held_out": 1,
        "messages": {"queued": 0, "sent": 2, "delivered": 1, "clicked": 1},
        "suppressed": {"no_consent": 1},
        "failed": {},
        "returned": {
            "not_held_out": {
                "members": 2, "returned": 1, "rate": "0.5000", "orders": 1, "amount": "20.00"
            },
            "held_out": {"members": 1, "returned": 1, "rate": "1.0000", "orders": 1, "amount": "7.00"},
        },
        "points_paid": 100,
        "points_taken_back": 0,
    }  # fmt: skip
    assert {name: told[name] for name in figures} == figures  # the order of the 24th is still to come
    assert told["incremental"]["verdict"] == "too_small"


def test_the_report_counts_the_days_after_each_message(sent: None, api: Api, now: datetime) -> None:
    buys(api, "anna", "A-1", "2026-11-23T10:00:00", "20.00")
    buys(api, "anna", "A-2", "2026-11-29T10:00:00", "5.50")  # to the second seven days after
    buys(api, "anna", "A-3", "2026-11-29T10:00:01", "99.00")
    buys(api, "boris", "B-1", "2026-11-22T09:00:00", "1.00")
    found = wakeups.report(wakeup=Wakeup.objects.get(), now=now + timedelta(days=8))
    assert (found.total.sent_to.members, found.total.sent_to.returned) == (3, 1)
    assert (found.total.sent_to.orders, found.total.sent_to.amount) == (2, Decimal("25.50"))
    assert [(run.number, figures.sent_to.returned) for run, figures in found.runs] == [(1, 1)]
    assert found.variants["a"].sent_to.returned == 1
    assert found.incremental.verdict == "no_holdout"
    assert found.complete_at == now + timedelta(days=7)


def _report(api: Api) -> dict[str, Any]:
    answer = api.get("/wakeups/come-back/report")
    assert answer.status_code == 200
    assert api.get("/wakeups/nothing/report").status_code == 404
    return dict(answer.json())


@pytest.mark.parametrize(
    ("sent_to", "held_out", "over", "verdict"),
    [
        (Group(11559, 925), Group(1281, 64), True, "more"),
        (Group(11559, 925), Group(1281, 64), False, "too_early"),
        (Group(11559, 578), Group(1281, 64), True, "no_difference_shown"),
        (Group(1000, 10), Group(1000, 60), True, "fewer"),
        (Group(900, 90), Group(99, 0), True, "too_small"),
        (Group(99, 99), Group(900, 0), True, "too_small"),
        (Group(900, 90), Group(), True, "no_holdout"),
        (Group(), Group(900, 90), True, "no_holdout"),
    ],
    ids=str,
)
def test_the_difference_is_told_as_far_as_the_numbers_carry(
    sent_to: Group, held_out: Group, over: bool, verdict: str
) -> None:
    assert compare(sent_to, held_out, over=over).verdict == verdict


def test_the_difference_in_numbers() -> None:
    found = compare(Group(1000, 100), Group(200, 10))
    assert found.difference == pytest.approx(0.05)
    assert found.members == pytest.approx(50)
    # Agresti and Caffo: 101/1002 − 11/202 ± 1.96 · 0.018536
    assert found.least == pytest.approx(0.0100, abs=2e-4)
    assert found.most == pytest.approx(0.0827, abs=2e-4)
