"""Tiers in four eyes: where the brand asks, no ladder and no multiplier runs that one person alone wanted."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from campaigns.models import Rule, TierSubmission
from campaigns.services import tiersubmissions
from campaigns.tasks import publish_rules
from loyalty.lib import clock
from loyalty.outbox.models import OutboxEvent
from partners.auth import digest
from partners.models import ApiKey
from points.models import TierProgram
from points.services import tierconfig
from tenants import hosts
from tenants.context import in_brand
from tenants.models import Brand
from tests.support.client import Api
from tests.support.databases import FOUNDED
from tests.tiers.shapes import SILVER, level, program

pytestmark = pytest.mark.django_db
Counts = Callable[[], dict[str, int]]
MIDNIGHT = "2026-11-28T00:00:00+08:00"
STEEP = program(levels=[SILVER, level("gold", 1000, "3")])


@pytest.fixture
def colleague(acme: Brand) -> Api:
    """Another partner of acme, whose key may do everything, too."""
    token = "lk_acmemate_" + "k" * 32
    with in_brand(acme):
        ApiKey.objects.create(
            name="mate", scopes=["*"], prefix=token[:11], digest=digest(token), created_at=FOUNDED
        )
    return Api("acme.localhost", token)


@pytest.fixture
def careful(acme: Brand, api: Api) -> Brand:
    """Acme with its tiers in force, where everything needs a second operator from now on."""
    assert api.put("/tiers", program()).status_code == 200
    Brand.objects.filter(pk=acme.pk).update(settings={"rule_approval": "all"})
    hosts.forget()
    return acme


def in_force(brand: Brand) -> tuple[int, list[tuple[str, str]], list[str]]:
    """The version, the levels with their multipliers, and the rules that run."""
    with in_brand(brand):
        row = TierProgram.objects.get()
        levels = [(each["code"], each["multiplier"]) for each in row.config["levels"]]
        running = Rule.objects.filter(status="published").order_by("code").values_list("code", flat=True)
        return row.version, levels, list(running)


BEFORE = (1, [("silver", "1"), ("gold", "1.2"), ("diamond", "1.5")], ["tier-diamond", "tier-gold"])
AFTER = (2, [("silver", "1"), ("gold", "3")], ["tier-gold"])


def test_what_one_person_puts_waits_and_changes_nothing_until_another_agrees(
    careful: Brand, api: Api, colleague: Api
) -> None:
    answer = api.put("/tiers", STEEP)
    assert (answer.status_code, answer.json()["status"]) == (202, "pending_approval")
    waiting = answer.json()
    assert (waiting["number"], waiting["instead_of"], waiting["version"]) == (1, 1, None)
    assert waiting["tiers"]["levels"][1]["multiplier"] == "3"
    assert in_force(careful) == BEFORE
    assert api.get("/tiers").json()["levels"][1]["multiplier"] == "1.2"
    assert api.get("/tiers/submit").json() == waiting
    answer = colleague.post("/tiers/approve", {"number": 1, "note": "fine"})
    assert (answer.status_code, answer.json()["status"], answer.json()["version"]) == (200, "published", 2)
    assert answer.json()["approved_by"] != answer.json()["submitted_by"] == waiting["submitted_by"]
    assert in_force(careful) == AFTER
    with in_brand(careful):
        told = OutboxEvent.objects.filter(type__startswith="tiers.").order_by("id")
        assert [event.type for event in told] == [
            "tiers.changed", "tiers.submitted", "tiers.approved", "tiers.changed",
        ]  # fmt: skip
        row = TierSubmission.objects.get()
        assert (row.ended_by, TierProgram.objects.get().updated_by) == (row.approved_by, row.approved_by)


def test_who_submitted_cannot_decide(careful: Brand, api: Api, row_counts: Counts) -> None:
    api.put("/tiers", STEEP)
    before = row_counts()
    for call, body in (("approve", {}), ("reject", {"reason": "no"})):
        answer = api.post(f"/tiers/{call}", body)
        assert (answer.status_code, answer.json()["code"]) == (403, "same_operator")
    assert row_counts() == before
    assert in_force(careful) == BEFORE
    with in_brand(careful):
        mine = TierSubmission.objects.get().submitted_by
        with pytest.raises(IntegrityError), transaction.atomic():
            TierSubmission.objects.update(approved_by=mine)


def test_what_is_in_force_already_needs_nobody(careful: Brand, api: Api, row_counts: Counts) -> None:
    before = row_counts()
    assert api.put("/tiers", program()).status_code == 200
    assert row_counts() == before


def test_the_same_again_is_the_same_submission_and_another_replaces_it(
    careful: Brand, api: Api, colleague: Api
) -> None:
    first = api.put("/tiers", STEEP).json()
    assert api.put("/tiers", STEEP).json() == first
    second = api.post("/tiers/submit", {"tiers": program(grace_days=9), "note": "milder"}).json()
    assert (second["number"], second["note"]) == (2, "milder")
    answer = colleague.post("/tiers/approve", {"number": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "submission_changed")
    assert colleague.post("/tiers/approve", {"number": 2}).status_code == 200
    with in_brand(careful):
        assert TierProgram.objects.get().config["grace_days"] == 9
        ends = list(TierSubmission.objects.order_by("number").values_list("status", "version"))
    assert ends == [("replaced", None), ("published", 2)]


def test_at_its_time_and_not_before(careful: Brand, api: Api, colleague: Api) -> None:
    api.post("/tiers/submit", {"tiers": STEEP, "at": MIDNIGHT})
    answer = colleague.post("/tiers/approve")
    assert (answer.status_code, answer.json()["status"]) == (202, "scheduled")
    answer = api.put("/tiers", program(grace_days=9))
    assert (answer.status_code, answer.json()["code"]) == (409, "submission_open")
    with in_brand(careful):
        due = TierSubmission.objects.get().publish_at
        assert due is not None
        assert tiersubmissions.publish_due(now=due - timedelta(seconds=1)) == 0
    assert in_force(careful) == BEFORE
    with in_brand(careful):
        assert tiersubmissions.publish_due(now=due) == 1
        assert tiersubmissions.publish_due(now=due) == 0
    assert in_force(careful) == AFTER


def test_the_tick_of_the_rules_looks_after_tiers(careful: Brand, api: Api, colleague: Api) -> None:
    api.post("/tiers/submit", {"tiers": STEEP, "at": MIDNIGHT})
    colleague.post("/tiers/approve")
    with in_brand(careful):
        due = TierSubmission.objects.get().publish_at
        assert due is not None
        with clock.frozen(due):
            assert publish_rules() == 1
    assert in_force(careful) == AFTER


def test_tiers_that_were_changed_meanwhile_are_not_overwritten(
    careful: Brand, api: Api, colleague: Api
) -> None:
    api.post("/tiers/submit", {"tiers": STEEP, "at": MIDNIGHT})
    colleague.post("/tiers/approve")
    with in_brand(careful):
        row = TierProgram.objects.get()
        TierProgram.objects.update(version=2)
        scheduled = TierSubmission.objects.get()
        assert tiersubmissions.publish_due(now=scheduled.publish_at) == 1
        scheduled.refresh_from_db()
        assert (scheduled.status, scheduled.reason, scheduled.version) == ("failed", "tiers_changed", None)
        assert TierProgram.objects.get().config == row.config
        assert OutboxEvent.objects.filter(type="tiers.publication_failed").count() == 1


def test_turned_down_with_a_reason_and_taken_back(careful: Brand, api: Api, colleague: Api) -> None:
    api.put("/tiers", STEEP)
    answer = colleague.post("/tiers/reject", {"reason": " "})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/reason")
    answer = colleague.post("/tiers/reject", {"reason": "too dear"})
    assert (answer.json()["status"], answer.json()["reason"]) == ("rejected", "too dear")
    api.put("/tiers", STEEP)
    assert api.post("/tiers/withdraw", {"reason": "later"}).json()["status"] == "withdrawn"
    assert api.post("/tiers/withdraw").json()["code"] == "nothing_submitted"
    assert colleague.post("/tiers/approve").json()["code"] == "nothing_submitted"
    assert in_force(careful) == BEFORE


def test_what_was_submitted_is_frozen_in_the_database(careful: Brand, api: Api) -> None:
    api.put("/tiers", STEEP)
    other: dict[str, Any] = tierconfig.checked(program(grace_days=1))
    with in_brand(careful):
        for change in ({"body": other}, {"submitted_by": "somebody"}, {"instead_of": 7}):
            with pytest.raises(DatabaseError), transaction.atomic():
                TierSubmission.objects.update(**change)
        with pytest.raises(DatabaseError), transaction.atomic():
            TierSubmission.objects.all().delete()
        with pytest.raises(DatabaseError), transaction.atomic():
            # In force by its own word, without being so.
            TierSubmission.objects.update(status="published", version=1, ended_at=FOUNDED, approved_by="x")


def test_a_faulty_programme_is_refused_below_its_place(careful: Brand, api: Api, row_counts: Counts) -> None:
    before = row_counts()
    answer = api.post("/tiers/submit", {"tiers": program(qualify_by="luck")})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/tiers/qualify_by")
    assert row_counts() == before


def test_console_means_operators_only(acme: Brand, api: Api) -> None:
    Brand.objects.filter(pk=acme.pk).update(settings={"rule_approval": "console"})
    hosts.forget()
    assert api.put("/tiers", program()).status_code == 200
