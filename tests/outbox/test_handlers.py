"""Handlers: each event once, whatever fails; one that fails does not stop the others."""

from datetime import timedelta

import pytest
from django.db import transaction

from loyalty.lib import clock
from loyalty.outbox import handling, registry, relay, services
from loyalty.outbox.models import Cursor, OutboxEvent
from loyalty.outbox.registry import Handler, on_event
from members.models import Member
from tenants.context import in_brand
from tenants.models import Brand
from tests.conftest import NOW
from tests.support.brands import ANNA

pytestmark = pytest.mark.django_db


def happened(kind: str = "member.updated", note: str = "") -> None:
    with transaction.atomic():
        services.publish(
            type=kind,
            payload={"member_id": str(ANNA), "changed": [note]},
            member_id=ANNA,
            occurred_at=NOW,
        )


class Recorder:
    """A handler that writes a member's region and can be told to fail."""

    def __init__(self, name: str, *types: str) -> None:
        self.seen: list[int] = []
        self.failing = False
        self.handler = Handler(name, frozenset(types or ("member.updated",)), self.handle)

    def handle(self, event: OutboxEvent) -> None:
        self.seen.append(event.position or 0)
        Member.objects.filter(pk=ANNA).update(region=f"{event.position}")
        if self.failing:
            raise LookupError("the shelf is empty")

    def cursor(self) -> Cursor:
        return Cursor.objects.get(name=self.handler.name)


def region() -> str:
    return Member.objects.get(pk=ANNA).region


def test_each_event_is_handled_once_in_order(in_acme: Brand) -> None:
    one = Recorder("tests.one")
    for _number in range(3):
        happened()
    happened("member.enrolled")
    assert handling.run(only=[one.handler]) == 0  # nothing has a position yet
    relay.run()
    assert handling.run(only=[one.handler]) == 3
    assert one.seen == [1, 2, 3]
    assert one.cursor().position == 4
    assert handling.run(only=[one.handler]) == 0
    assert one.seen == [1, 2, 3]


def test_a_handler_that_fails_waits_and_the_others_go_on(in_acme: Brand) -> None:
    good, bad = Recorder("tests.good"), Recorder("tests.bad")
    happened()
    relay.run()
    assert handling.run(only=[bad.handler]) == 1
    happened()
    happened()
    relay.run()
    bad.failing = True
    before = region()
    assert handling.run(only=[bad.handler]) == 0
    assert region() == before  # what it wrote before it failed is undone
    cursor = bad.cursor()
    assert (cursor.position, cursor.failures) == (1, 1)
    assert "LookupError: the shelf is empty" in cursor.last_error
    assert handling.run(only=[bad.handler, good.handler]) == 3
    assert good.seen == [1, 2, 3]


def test_handlers_that_are_behind_share_the_time(in_acme: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two with a long way to go do not use up the turn of a third; what one does not need is the others'."""
    spent = [0.0]
    monkeypatch.setattr(handling, "monotonic", lambda: spent[0])

    class Slow(Recorder):
        def handle(self, event: OutboxEvent) -> None:
            super().handle(event)
            spent[0] += 1.0

    slow, slower, quick = Slow("tests.slow"), Slow("tests.slower"), Slow("tests.quick", "member.enrolled")
    for _number in range(5):
        happened()
    happened("member.enrolled")
    relay.run()
    wanted = [each.handler for each in (slow, slower, quick)]
    assert handling.run(only=wanted, within_s=4.5) == 5  # 1.5 s, then half of 2.5 s, then what is left
    assert (slow.seen, slower.seen, quick.seen) == ([1, 2], [1, 2], [6])
    assert handling.run(only=[quick.handler, slow.handler], within_s=2.5) == 3
    assert slow.seen == [1, 2, 3, 4, 5]


def test_it_tries_again_ever_more_rarely_and_then_goes_on(in_acme: Brand) -> None:
    bad = Recorder("tests.bad")
    bad.failing = True
    happened()
    happened()
    relay.run()
    at = NOW
    for number, wait in enumerate((0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300)):
        at += timedelta(seconds=wait)
        if wait:
            with clock.frozen(at - timedelta(milliseconds=1)):
                handling.run(only=[bad.handler])
        assert len(bad.seen) == number
        with clock.frozen(at):
            handling.run(only=[bad.handler])
        assert bad.seen == [1] * (number + 1)
    bad.failing = False
    with clock.frozen(at + timedelta(seconds=300)):
        assert handling.run(only=[bad.handler]) == 2
    cursor = bad.cursor()
    assert (cursor.position, cursor.failures, cursor.retry_at, cursor.last_error) == (2, 0, None, "")


def test_brands_have_cursors_of_their_own(acme: Brand, globex: Brand) -> None:
    one = Recorder("tests.one")
    for brand in (acme, globex):
        with in_brand(brand):
            happened()
            relay.run()
    with in_brand(acme):
        assert handling.run(only=[one.handler]) == 1
    with in_brand(globex):
        assert not Cursor.objects.filter(name="tests.one").exists()
        assert handling.run(only=[one.handler]) == 1


def test_two_handlers_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_handlers", {})
    on_event("member.updated", name="tests.twice")(lambda event: None)
    with pytest.raises(ValueError, match="registered twice"):
        on_event("member.enrolled", name="tests.twice")(lambda event: None)
    assert [(h.name, h.types) for h in registry.handlers()] == [
        ("tests.twice", frozenset({"member.updated"}))
    ]
