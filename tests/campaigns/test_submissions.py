"""Rules in four eyes: submitted, decided by somebody else, published now or at their time."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from campaigns.models import Rule, RulesInForce, RuleStep, RuleSubmission, RuleVersion
from campaigns.services import rules, submissions, tierrules
from campaigns.tasks import publish_rules
from loyalty.lib import clock
from loyalty.lib.foureyes import SameOperator
from loyalty.outbox.models import OutboxEvent
from partners.auth import digest
from partners.models import ApiKey
from tenants import hosts
from tenants.context import in_brand
from tenants.models import Brand
from tests.support.client import Api
from tests.support.databases import FOUNDED
from tests.tiers.shapes import GOLD, program

pytestmark = pytest.mark.django_db
BASE: dict[str, Any] = {
    "code": "base",
    "name": {"en": "Base rate"},
    "trigger": "order.paid",
    "effect": {"type": "per_amount", "points": "1", "per": "1"},
}
DOUBLE = {"effect": {"type": "per_amount", "points": "2", "per": "1"}}
ANNA, BORIS = "operator:anna@acme.example", "operator:boris@acme.example"
MIDNIGHT = "2026-11-28T00:00:00+08:00"
Counts = Callable[[], dict[str, int]]


def ask(brand: Brand, whose: str) -> None:
    """Let the brand ask for a second operator."""
    Brand.objects.filter(pk=brand.pk).update(settings={"rule_approval": whose})
    hosts.forget()


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
def careful(acme: Brand) -> Brand:
    """Acme, where everything needs a second operator."""
    ask(acme, "all")
    return acme


def steps() -> list[tuple[str, str, str]]:
    return list(RuleStep.objects.order_by("at", "id").values_list("kind", "actor", "note"))


def test_where_the_brand_asks_publishing_alone_is_refused_and_writes_nothing(
    careful: Brand, api: Api, row_counts: Counts
) -> None:
    api.post("/earning-rules", BASE)
    before = row_counts()
    for body in ({}, {"at": MIDNIGHT}):
        answer = api.post("/earning-rules/base/publish", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "approval_required")
    assert row_counts() == before


def test_console_means_operators_only(acme: Brand, api: Api) -> None:
    ask(acme, "console")
    api.post("/earning-rules", BASE)
    assert api.post("/earning-rules/base/publish").status_code == 200


def test_submitted_approved_published(careful: Brand, api: Api, colleague: Api) -> None:
    api.post("/earning-rules", BASE)
    answer = api.post("/earning-rules/base/submit", {"note": "as agreed"})
    assert answer.status_code == 202
    waiting = answer.json()["submission"]
    assert {key: waiting[key] for key in ("number", "status", "rule", "note", "publish_at", "version")} == {
        "number": 1,
        "status": "pending_approval",
        "rule": BASE,
        "note": "as agreed",
        "publish_at": None,
        "version": None,
    }
    assert (answer.json()["status"], answer.json()["version"]) == ("draft", None)
    answer = colleague.post("/earning-rules/base/approve", {"number": 1, "note": "fine"})
    assert (answer.status_code, answer.json()["status"], answer.json()["version"]) == (200, "published", 1)
    decided = answer.json()["submission"]
    assert (decided["status"], decided["version"]) == ("published", 1)
    assert decided["approved_by"] != decided["submitted_by"] == waiting["submitted_by"]
    with in_brand(careful):
        me, them = waiting["submitted_by"], decided["approved_by"]
        assert steps() == [
            ("drafted", me, ""),
            ("submitted", me, "as agreed"),
            ("approved", them, "fine"),
            ("published", them, ""),
        ]
        told = OutboxEvent.objects.filter(type__startswith="rule.").order_by("id")
        assert [event.type for event in told] == ["rule.submitted", "rule.approved", "rule.published"]
        assert RuleVersion.objects.get().body == BASE


def test_who_submitted_cannot_decide(careful: Brand, api: Api, row_counts: Counts) -> None:
    api.post("/earning-rules", BASE)
    api.post("/earning-rules/base/submit")
    before = row_counts()
    for call, body in (("approve", {}), ("reject", {"reason": "no"})):
        answer = api.post(f"/earning-rules/base/{call}", body)
        assert (answer.status_code, answer.json()["code"]) == (403, "same_operator")
    assert row_counts() == before


def test_what_is_approved_is_what_was_submitted(careful: Brand, api: Api, colleague: Api) -> None:
    api.post("/earning-rules", BASE)
    api.post("/earning-rules/base/submit")
    api.patch("/earning-rules/base", DOUBLE)
    body = colleague.post("/earning-rules/base/approve").json()
    assert body["effect"] == BASE["effect"]
    assert body["draft"] == {**BASE, **DOUBLE}
    assert colleague.post("/earning-rules/base/approve").json()["code"] == "nothing_submitted"


def test_a_changed_draft_is_a_new_submission_and_the_old_one_cannot_be_approved(
    careful: Brand, api: Api, colleague: Api
) -> None:
    api.post("/earning-rules", BASE)
    first = api.post("/earning-rules/base/submit").json()["submission"]
    assert api.post("/earning-rules/base/submit").json()["submission"] == first
    api.patch("/earning-rules/base", DOUBLE)
    assert api.post("/earning-rules/base/submit").json()["submission"]["number"] == 2
    answer = colleague.post("/earning-rules/base/approve", {"number": 1})
    assert (answer.status_code, answer.json()["code"], answer.json()["number"]) == (
        409,
        "submission_changed",
        2,
    )
    assert colleague.post("/earning-rules/base/approve", {"number": 2}).json()["effect"] == DOUBLE["effect"]
    with in_brand(careful):
        ends = RuleSubmission.objects.order_by("number").values_list("status", "version")
        assert list(ends) == [("replaced", None), ("published", 1)]


def test_a_rejection_says_why_and_leaves_the_draft(careful: Brand, api: Api, colleague: Api) -> None:
    api.post("/earning-rules", BASE)
    api.post("/earning-rules/base/submit")
    for reason in ({}, {"reason": " "}):
        answer = colleague.post("/earning-rules/base/reject", reason)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/reason")
    body = colleague.post("/earning-rules/base/reject", {"reason": "too dear"}).json()
    assert (body["submission"]["status"], body["submission"]["reason"]) == ("rejected", "too dear")
    assert body["status"] == "draft"
    assert api.post("/earning-rules/base/submit").json()["submission"]["number"] == 2


def test_withdrawn_is_open_to_nobody(careful: Brand, api: Api, colleague: Api) -> None:
    api.post("/earning-rules", BASE)
    assert api.post("/earning-rules/base/withdraw").json()["code"] == "nothing_submitted"
    api.post("/earning-rules/base/submit")
    body = api.post("/earning-rules/base/withdraw", {"reason": "wrong month"}).json()
    assert body["submission"]["status"] == "withdrawn"
    assert colleague.post("/earning-rules/base/approve").json()["code"] == "nothing_submitted"


def test_scheduled_it_runs_from_its_time_on_and_once_with_two_beats(
    api: Api, in_acme: Brand, now: datetime
) -> None:
    api.post("/earning-rules", BASE)
    answer = api.post("/earning-rules/base/publish", {"at": MIDNIGHT})
    assert (answer.status_code, answer.json()["status"]) == (202, "draft")
    assert answer.json()["submission"]["publish_at"] == "2026-11-27T16:00:00Z"
    again = api.post("/earning-rules/base/publish", {"at": MIDNIGHT})
    assert (again.status_code, again.json()["submission"]) == (202, answer.json()["submission"])
    assert api.post("/earning-rules/base/publish").json()["code"] == "submission_open"
    assert api.post("/earning-rules/base/submit").json()["code"] == "submission_open"
    with clock.frozen(datetime.fromisoformat(MIDNIGHT) - timedelta(seconds=1)):
        assert publish_rules() == 0
    assert RulesInForce.objects.count() == 0
    with clock.frozen(datetime.fromisoformat(MIDNIGHT)):
        assert [publish_rules(), publish_rules()] == [1, 0]
    rule = Rule.objects.get()
    assert (rule.status, rule.current_version, rule.draft) == ("published", 1, None)
    assert RuleVersion.objects.get().published_at == datetime.fromisoformat(MIDNIGHT)


def test_approved_for_a_time_it_waits_for_it(careful: Brand, api: Api, colleague: Api) -> None:
    api.post("/earning-rules", BASE)
    api.post("/earning-rules/base/submit", {"at": MIDNIGHT})
    answer = colleague.post("/earning-rules/base/approve")
    assert (answer.status_code, answer.json()["submission"]["status"]) == (202, "scheduled")
    api.patch("/earning-rules/base", DOUBLE)
    with in_brand(careful), clock.frozen(datetime.fromisoformat(MIDNIGHT) + timedelta(minutes=3)):
        assert publish_rules() == 1
        rule = Rule.objects.get()
        assert (RuleVersion.objects.get().body, rule.draft) == (BASE, {**BASE, **DOUBLE})


def test_what_no_longer_holds_at_its_time_ends_as_failed_and_the_others_run(
    api: Api, in_acme: Brand, now: datetime
) -> None:
    assert api.put("/tiers", program()).status_code == 200
    gold = {"all": [{"fact": "member.tier", "op": "eq", "value": "gold"}]}
    for body in ({**BASE, "code": "gold-only", "when": gold}, BASE):
        api.post("/earning-rules", body)
        assert api.post(f"/earning-rules/{body['code']}/publish", {"at": MIDNIGHT}).status_code == 202
    others = [level for level in program()["levels"] if level != GOLD]
    assert api.put("/tiers", program(levels=others)).status_code == 200
    with clock.frozen(datetime.fromisoformat(MIDNIGHT)):
        assert publish_rules() == 2
    failed = RuleSubmission.objects.get(rule__code="gold-only")
    assert (failed.status, failed.reason) == ("failed", "/when/all/0/value unknown_tier")
    assert OutboxEvent.objects.get(type="rule.publication_failed").payload["rule"] == "gold-only"
    assert Rule.objects.get(code="base").status == "published"


def test_a_retired_rule_takes_its_submission_with_it(api: Api, in_acme: Brand) -> None:
    api.post("/earning-rules", BASE)
    api.post("/earning-rules/base/publish")
    api.patch("/earning-rules/base", DOUBLE)
    api.post("/earning-rules/base/publish", {"at": MIDNIGHT})
    api.post("/earning-rules/base/retire")
    assert RuleSubmission.objects.get().status == "withdrawn"
    with clock.frozen(datetime.fromisoformat(MIDNIGHT)):
        assert publish_rules() == 0
    assert Rule.objects.get().status == "retired"


def test_a_time_that_is_past_means_now(api: Api) -> None:
    api.post("/earning-rules", BASE)
    answer = api.post("/earning-rules/base/publish", {"at": "2026-11-21T00:00:00Z"})
    assert (answer.status_code, answer.json()["version"]) == (200, 1)


@pytest.mark.parametrize("at", ["tomorrow", "2026-11-28T00:00:00", 5])
def test_a_time_must_be_an_instant(api: Api, at: Any) -> None:
    api.post("/earning-rules", BASE)
    answer = api.post("/earning-rules/base/publish", {"at": at})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/at")


def test_the_tier_page_and_the_templates_need_nobody_else(careful: Brand, now: datetime) -> None:
    hosts.forget()
    with in_brand(Brand.objects.get(pk=careful.pk)):
        assert submissions.approval_needed(by_api=True)
        [rule] = rules.install(bodies=[BASE], actor="template", now=now)
        assert rule.status == "published"
        assert tierrules.sync(levels=[], actor="template", now=now) == []


@pytest.fixture
def submitted(in_acme: Brand, now: datetime) -> RuleSubmission:
    rules.create_draft(body=BASE, actor=ANNA, now=now)
    made = submissions.submit(code="base", actor=ANNA, now=now).submission
    assert made is not None
    return made


def test_the_database_refuses_what_the_services_never_do(submitted: RuleSubmission, now: datetime) -> None:
    found = RuleSubmission.objects.filter(pk=submitted.pk)
    refused: list[Callable[[], Any]] = [
        lambda: found.update(body={}),
        lambda: found.update(submitted_by=BORIS),
        lambda: found.update(note="other"),
        lambda: found.update(approved_by=ANNA),
        lambda: found.update(status="scheduled", publish_at=now),
        lambda: found.update(status="published", version=1, ended_at=now, approved_by=BORIS),
        lambda: found.update(status="rejected", ended_at=now),
        lambda: found.update(status="withdrawn"),
        found.delete,
        lambda: RuleStep.objects.update(actor=BORIS),
        RuleStep.objects.all().delete,
        lambda: RuleSubmission.objects.create(
            rule=submitted.rule, number=2, body={}, status="scheduled", publish_at=now,
            needs_approval=False, submitted_at=now, submitted_by=ANNA,
        ),
    ]  # fmt: skip
    for statement in refused:
        with pytest.raises((DatabaseError, IntegrityError)), transaction.atomic():
            statement()
    assert found.get().status == "pending_approval"
    submissions.approve(code="base", actor=BORIS, now=now)
    with pytest.raises(DatabaseError), transaction.atomic():
        found.update(reason="rewritten")


def test_the_approver_may_name_another_time(submitted: RuleSubmission, now: datetime) -> None:
    with pytest.raises(SameOperator):
        submissions.approve(code="base", actor=ANNA, now=now)
    at = now + timedelta(days=1)
    made = submissions.approve(code="base", actor=BORIS, now=now, at=at).submission
    assert made is not None
    assert (made.status, made.publish_at) == ("scheduled", at)
    with pytest.raises(DatabaseError), transaction.atomic():
        RuleSubmission.objects.filter(pk=made.pk).update(publish_at=now)


def test_where_the_brand_asks_nobody_alone_ends_a_rule(
    acme: Brand, api: Api, colleague: Api, row_counts: Counts
) -> None:
    api.post("/earning-rules", BASE)
    api.post("/earning-rules/base/publish")
    ask(acme, "all")
    before = row_counts()
    answer = api.post("/earning-rules/base/retire")
    assert (answer.status_code, answer.json()["code"]) == (409, "approval_required")
    assert row_counts() == before
    answer = api.post("/earning-rules/base/submit", {"retire": True, "note": "too dear"})
    assert (answer.status_code, answer.json()["status"]) == (202, "published")
    assert (answer.json()["submission"]["retires"], answer.json()["submission"]["rule"]) == (True, BASE)
    assert api.post("/earning-rules/base/approve").json()["code"] == "same_operator"
    answer = colleague.post("/earning-rules/base/approve", {"number": 1})
    assert (answer.status_code, answer.json()["status"]) == (200, "retired")
    assert answer.json()["submission"]["status"] == "published"
    with in_brand(acme):
        assert [kind for kind, _actor, _note in steps()][-3:] == ["submitted", "approved", "retired"]
        assert Rule.objects.get(code="base").retired_by == answer.json()["submission"]["approved_by"]
        assert OutboxEvent.objects.filter(type="rule.retired").count() == 1


def test_the_end_of_a_rule_can_wait_for_its_time(acme: Brand, api: Api, colleague: Api) -> None:
    api.post("/earning-rules", BASE)
    api.post("/earning-rules/base/publish")
    ask(acme, "all")
    api.post("/earning-rules/base/submit", {"retire": True, "at": MIDNIGHT})
    assert colleague.post("/earning-rules/base/approve").status_code == 202
    with in_brand(acme):
        due = RuleSubmission.objects.get().publish_at
        assert due is not None
        submissions.publish_due(now=due - timedelta(seconds=1), limit=9)
        assert Rule.objects.get(code="base").status == "published"
        assert submissions.publish_due(now=due, limit=9) == 1
        assert Rule.objects.get(code="base").status == "retired"


def test_only_what_runs_can_be_put_forward_to_end(careful: Brand, api: Api, row_counts: Counts) -> None:
    api.post("/earning-rules", BASE)
    before = row_counts()
    answer = api.post("/earning-rules/base/submit", {"retire": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "rule_not_published")
    assert row_counts() == before
