"""Positions are gapless and in the order of each member's facts, also while others commit."""

import threading
from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import connection, transaction

from loyalty.outbox import relay, services
from loyalty.outbox.models import Cursor, OutboxEvent
from tenants.context import in_brand
from tenants.models import Brand
from tests.support.brands import ANNA, BORIS

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


def happened(member_id: UUID | None = None, note: str = "") -> UUID:
    with transaction.atomic():
        return services.publish(
            type="member.updated",
            payload={"member_id": str(member_id), "changed": [note]},
            member_id=member_id,
            occurred_at=NOW,
        )


def numbers() -> list[tuple[int | None, int | None]]:
    return list(OutboxEvent.objects.order_by("position").values_list("position", "member_seq"))


def test_publishing_outside_a_transaction_is_refused(committed_db: None) -> None:
    with in_brand(Brand.objects.get(slug="acme")):
        with pytest.raises(RuntimeError, match="in the transaction of the fact"):
            services.publish(type="member.updated", payload={}, occurred_at=NOW)
        assert OutboxEvent.objects.count() == 0


@pytest.mark.django_db
def test_an_undeclared_type_is_refused(in_acme: Brand) -> None:
    with pytest.raises(ValueError, match="unknown event type"):
        services.publish(type="member.vanished", payload={}, occurred_at=NOW)
    assert OutboxEvent.objects.count() == 0


@pytest.mark.django_db
def test_events_get_positions_and_numbers_per_member(in_acme: Brand) -> None:
    for member in (ANNA, BORIS, None, ANNA):
        happened(member)
    assert relay.run() == 4
    assert numbers() == [(1, 1), (2, 1), (3, None), (4, 2)]
    assert relay.head() == 4
    happened(BORIS)
    happened(ANNA)
    assert relay.run() == 2
    assert numbers()[4:] == [(5, 2), (6, 3)]
    assert relay.run() == 0
    assert relay.head() == 6


@pytest.mark.django_db
def test_small_batches_give_the_same_numbers(in_acme: Brand) -> None:
    for _number in range(7):
        happened(ANNA)
    assert relay.run(batch=3) == 7
    assert numbers() == [(n, n) for n in range(1, 8)]


@pytest.mark.django_db
def test_brands_count_for_themselves(acme: Brand, globex: Brand) -> None:
    for brand, events in ((acme, 2), (globex, 3)):
        with in_brand(brand):
            for _number in range(events):
                happened(ANNA)
            assert relay.run() == events
    with in_brand(acme):
        assert numbers() == [(1, 1), (2, 2)]
    with in_brand(globex):
        assert numbers() == [(1, 1), (2, 2), (3, 3)]


def test_no_gap_and_no_repetition_while_others_commit(committed_db: None) -> None:
    """Four writers commit in an order of their own; two relays run against each other all the while."""
    acme = Brand.objects.get(slug="acme")
    each, writers = 25, 4
    stop = threading.Event()
    failures: list[Exception] = []

    def guarded(work: object) -> None:
        try:
            with in_brand(acme):
                work()  # type: ignore[operator]
        except Exception as error:  # noqa: BLE001 - told by the main thread
            failures.append(error)
        finally:
            connection.close()

    def write() -> None:
        for number in range(each):
            with transaction.atomic():
                services.publish(
                    type="member.updated",
                    payload={"member_id": str(ANNA), "changed": [str(number)]},
                    member_id=ANNA if number % 2 else None,
                    occurred_at=NOW,
                )
                if number % 5 == 0:
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT pg_sleep(0.003)")

    def carry() -> None:
        seen = 0
        while True:
            ending = stop.is_set()
            relay.run(batch=7)
            positions = list(
                OutboxEvent.objects.filter(position__gt=seen)
                .order_by("position")
                .values_list("position", flat=True)
            )
            # A reader by position never meets a gap.
            assert positions == list(range(seen + 1, seen + 1 + len(positions)))
            seen += len(positions)
            if ending:
                return

    relays = [threading.Thread(target=guarded, args=(carry,)) for _number in range(2)]
    threads = [threading.Thread(target=guarded, args=(write,)) for _number in range(writers)]
    for thread in (*relays, *threads):
        thread.start()
    for thread in threads:
        thread.join(30)
    stop.set()
    for thread in relays:
        thread.join(30)
    assert failures == []
    with in_brand(acme):
        relay.run()
        total = each * writers
        found = OutboxEvent.objects.order_by("position")
        assert [e.position for e in found] == list(range(1, total + 1))
        assert [e.member_seq for e in found if e.member_id] == list(range(1, writers * (each // 2) + 1))
        assert Cursor.objects.get(name="relay").position == total
    connection.set_schema_to_public()
