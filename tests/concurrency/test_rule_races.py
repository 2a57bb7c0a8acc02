"""Two beats, two approvers, two who withdraw: a rule is published once, and each step is decided once."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from campaigns.models import RuleStep, RuleSubmission, RuleVersion
from campaigns.services import rules, submissions
from loyalty.outbox.models import OutboxEvent
from tenants.context import in_brand
from tenants.models import Brand
from tests.concurrency.test_ledger_races import at_once
from tests.orders.shapes import BASE

ANNA = "operator:anna@acme.example"


@pytest.fixture
def brand(committed_db: None) -> Iterator[Brand]:
    acme = Brand.objects.get(slug="acme")
    with in_brand(acme):
        yield acme


def test_two_beats_publish_each_due_rule_once(brand: Brand, now: datetime) -> None:
    codes = [f"rule-{number}" for number in range(6)]
    due = now + timedelta(hours=1)
    for code in codes:
        rules.create_draft(body={**BASE, "code": code}, actor=ANNA, now=now)
        rules.publish(code=code, actor=ANNA, now=now, at=due)
    settled = at_once(brand, [lambda: submissions.publish_due(now=due, limit=10)] * 4)
    assert sum(settled) == len(codes)
    assert sorted(RuleVersion.objects.values_list("rule__code", "version")) == [(code, 1) for code in codes]
    assert OutboxEvent.objects.filter(type="rule.published").count() == len(codes)


def test_of_two_approvers_and_one_who_withdraws_one_decides(brand: Brand, now: datetime) -> None:
    rules.create_draft(body=BASE, actor=ANNA, now=now)
    submissions.submit(code="base", actor=ANNA, now=now)

    approvals = [
        lambda who=who: submissions.approve(code="base", actor=who, now=now)
        for who in ("operator:boris", "operator:chen")
    ]
    withdrawal = lambda: submissions.withdraw(code="base", actor=ANNA, now=now)  # noqa: E731
    answers = at_once(brand, [*approvals, withdrawal])
    assert sorted(str(each) for each in answers if isinstance(each, str)) == ["nothing_submitted"] * 2
    ended = RuleSubmission.objects.get()
    assert RuleVersion.objects.count() == (1 if ended.status == "published" else 0)
    assert RuleStep.objects.filter(kind__in=["approved", "withdrawn"]).count() == 1
