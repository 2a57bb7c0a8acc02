"""Cells of the compliance matrix, unlocked by two, or by one who waits a day; locked again by anybody."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import DatabaseError, IntegrityError, connection, transaction

from loyalty.lib import clock, compliance, foureyes
from loyalty.lib.errors import Invalid
from mall import selectors as mall_selectors
from tenants import hosts
from tenants.context import in_brand
from tenants.models import Brand
from tenants.operators import compliancechanges as changes
from tenants.operators.models import ComplianceChange, Operator
from tenants.provisioning import create_operator
from tenants.tasks import settle_compliance
from tests.orders.shapes import set_policy

pytestmark = pytest.mark.django_db
ANNA, BORIS = "operator:anna@acme.example", "operator:boris@acme.example"
SHARE = {"tag": "wechat_share", "act": "bonus"}
WORDS = {"counsel": "Lawyer Li, 3 May", "reason": "campaign in May"}
DAY = timedelta(hours=24)


def staff(*roles: str) -> None:
    """Anna, an owner, and who else works here."""
    create_operator(email="anna@acme.example", role="owner")
    for name, role in zip(("boris", "carl"), roles, strict=False):
        create_operator(email=f"{name}@acme.example", role=role)


def row_of(brand: Brand) -> Brand:
    """The brand as the shared table has it, whoever is current."""
    hosts.forget()
    before = connection.tenant
    connection.set_schema_to_public()
    try:
        return Brand.objects.get(pk=brand.pk)
    finally:
        connection.set_tenant(before)


def shared(brand: Brand) -> list[list[str]]:
    """The unlocked cells where everybody reads them."""
    found: list[list[str]] = row_of(brand).setting("compliance_unlocked")
    return found


def asked(now: datetime, **more: Any) -> ComplianceChange:
    return changes.ask(**{**SHARE, **WORDS, "actor": ANNA, "now": now, **more})


def test_two_unlock_and_one_locks(acme: Brand, now: datetime) -> None:
    with in_brand(acme):
        staff("marketing")
        made = asked(now)
        assert (made.status, made.needs_approval, made.alone) == ("pending_approval", True, False)
        assert asked(now + DAY).pk == made.pk
        assert changes.carry_over(acme) == 0
        assert shared(acme) == []
        with pytest.raises(foureyes.SameOperator):
            changes.approve(number=1, actor=ANNA, now=now)
        with pytest.raises(foureyes.NothingSubmitted):
            changes.approve(number=2, actor=BORIS, now=now)
        assert changes.unlocked() == set()
        approved = changes.approve(number=1, actor=BORIS, now=now)
        assert (approved.status, approved.approved_by, approved.version) == ("published", BORIS, 1)
        assert changes.unlocked() == {("wechat_share", "bonus")}
        assert changes.carry_over(acme) == 1
    assert shared(acme) == [["wechat_share", "bonus"]]
    with in_brand(row_of(acme)) as brand:
        assert mall_selectors.matrix().blocked(["wechat_share"], "bonus") is None
        with pytest.raises(Invalid) as refused:
            asked(now)
        assert [(e.pointer, e.code) for e in refused.value.errors] == [("/cell", "unlocked")]
        locked = changes.lock(**SHARE, actor=BORIS, now=now, reason="May is over")
        assert (locked.opens, locked.status, locked.version, locked.number) == (False, "published", 2, 2)
        assert changes.unlocked() == set()
        assert changes.carry_over(brand) == 1
        assert changes.carry_over(brand) == 0
        with pytest.raises(foureyes.NothingSubmitted):
            changes.lock(**SHARE, actor=BORIS, now=now)
    assert shared(acme) == []
    with in_brand(row_of(acme)):
        assert mall_selectors.matrix().blocked(["wechat_share"], "bonus") == "wechat_share"
        assert [(c.submitted_by, c.opens) for c in ComplianceChange.objects.order_by("number")] == [
            (ANNA, True),
            (BORIS, False),
        ]


@pytest.mark.parametrize(
    ("asks", "faults"),
    [
        ({"tag": "infant_0_6", "act": "earn"}, [("/cell", "infant")]),
        ({"tag": "infant_6_12", "act": "push"}, [("/cell", "infant")]),
        ({"tag": "toddler_12_36", "act": "push"}, [("/cell", "unknown")]),
        ({"tag": "alcohol", "act": "earn"}, [("/cell", "unknown")]),
        ({"tag": "nothing", "act": "earn"}, [("/cell", "unknown")]),
        ({"counsel": " ", "reason": ""}, [("/counsel", "required"), ("/reason", "required")]),
        ({"reason": "x" * 501}, [("/reason", "max_length")]),
    ],
)
def test_what_cannot_be_asked_for(in_acme: Brand, now: datetime, asks: Any, faults: Any) -> None:
    staff("owner")
    with pytest.raises(Invalid) as refused:
        asked(now, **asks)
    assert [(e.pointer, e.code) for e in refused.value.errors] == faults
    assert not ComplianceChange.objects.exists()


def test_rejected_and_asked_for_in_other_words(in_acme: Brand, now: datetime) -> None:
    staff("owner")
    asked(now)
    asked(now, reason="another")
    with pytest.raises(Invalid):
        changes.reject(number=2, actor=BORIS, now=now, reason=" ")
    changes.reject(number=2, actor=BORIS, now=now, reason="no")
    assert list(ComplianceChange.objects.order_by("number").values_list("status", "reason")) == [
        ("replaced", ""),
        ("rejected", "no"),
    ]
    assert changes.unlocked() == set()


def test_one_person_waits_a_day_from_the_notice_on(acme: Brand, now: datetime) -> None:
    with in_brand(acme) as brand:
        staff("care")
        Operator.objects.update(language="en")
        with pytest.raises(changes.StepUpNeeded):
            asked(now)
        assert not ComplianceChange.objects.exists()
        made = asked(now, stepped_up=True)
        assert (made.status, made.alone, made.publish_at) == ("scheduled", True, now + DAY)
        with pytest.raises(foureyes.NothingSubmitted):
            changes.approve(number=1, actor=BORIS, now=now)
        told = now + timedelta(hours=3)
        assert changes.settle(now=told) == 0
        (sent,) = mail.outbox
        assert sent.to == ["anna@acme.example"]
        assert sent.subject == "Acme: a rule of law will be unlocked"
        for part in ("wechat_share, bonus", "Lawyer Li, 3 May", "campaign in May", "/console/compliance/"):
            assert part in sent.body
        assert changes.settle(now=told + DAY - timedelta(seconds=1)) == 0
        assert (changes.unlocked(), len(mail.outbox)) == (set(), 1)
        with clock.frozen(told + DAY):
            assert settle_compliance() == 1
        made.refresh_from_db()
        assert (made.status, made.publish_at, made.ended_at) == ("published", told + DAY, told + DAY)
    assert shared(brand) == [["wechat_share", "bonus"]]


def test_a_notice_that_was_not_sent_begins_no_day(in_acme: Brand, now: datetime, settings: Any) -> None:
    staff()
    asked(now, stepped_up=True)
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = (
        "django.core.mail.backends.smtp.EmailBackend",
        "127.0.0.1",
        1,
    )
    assert changes.settle(now=now) == 0
    assert changes.settle(now=now + DAY) == 0
    assert ComplianceChange.objects.get().told_at is None
    # Where the platform sends none at all, the banner is the notice.
    settings.MAIL_IS_SENT = False
    assert changes.settle(now=now + DAY) == 0
    assert changes.settle(now=now + 2 * DAY) == 1


def test_one_who_waits_is_stopped_by_anybody(in_acme: Brand, now: datetime) -> None:
    staff()
    asked(now, stepped_up=True)
    changes.settle(now=now)
    with pytest.raises(foureyes.SubmissionOpen):
        asked(now, stepped_up=True, reason="another")
    changes.lock(**SHARE, actor=BORIS, now=now + timedelta(hours=23), reason="not agreed")
    assert changes.settle(now=now + DAY) == 0
    (row,) = ComplianceChange.objects.all()
    assert (row.status, row.ended_by, row.reason) == ("withdrawn", BORIS, "not agreed")
    assert changes.unlocked() == set()


def test_what_was_cut_off_is_carried_once_and_in_order(acme: Brand, now: datetime) -> None:
    set_policy(acme, compliance_unlocked=[["fsmp", "earn"], ["wechat_share", "bonus"]])
    with in_brand(acme) as brand:
        staff("owner")
        # What the platform unlocked stays, and is locked by one like any other.
        changes.lock(**SHARE, actor=ANNA, now=now)
        stale = changes._behind(brand)
        asked(now)
        changes.approve(number=2, actor=BORIS, now=now)
        assert [version for version, _change in stale] == [1]
        assert changes.unlocked() == {("fsmp", "earn"), ("wechat_share", "bonus")}
        assert changes.carry_over(brand) == 2
        assert changes.carry_over(brand) == 0  # a process with an old list brings nothing back
    assert shared(acme) == [["fsmp", "earn"], ["wechat_share", "bonus"]]


def row(now: datetime, **fields: Any) -> ComplianceChange:
    """A row as no service writes it."""
    base = {
        "number": 9, "version": 9, "body": {}, **SHARE, "opens": True, "counsel": "c", "note": "n",
        "status": "published", "needs_approval": True, "approved_by": BORIS, "submitted_by": ANNA,
        "submitted_at": now, "ended_at": now,
    }  # fmt: skip
    return ComplianceChange(**{**base, **fields})


ALONE = {"alone": True, "needs_approval": False, "approved_by": "", "publish_at": None}


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"tag": "infant_0_6"}, "no_infants"),
        ({"tag": "infant_6_12", "act": "earn"}, "no_infants"),
        ({"act": "eat"}, "act"),
        ({"counsel": ""}, "says_why_open"),
        ({"note": ""}, "says_why_open"),
        ({"approved_by": ANNA}, "four_eyes"),
        ({"approved_by": ""}, "approved"),
        ({"needs_approval": False}, "two_or_alone"),
        ({**ALONE, "told_at": DAY}, "stepped_up"),
        ({**ALONE, "stepped_up_at": "now"}, "a_day_after_notice"),
        ({**ALONE, "stepped_up_at": "now", "told_at": DAY - timedelta(seconds=1)}, "a_day_after_notice"),
    ],
)
def test_the_database_refuses(in_acme: Brand, now: datetime, fields: Any, constraint: str) -> None:
    given = {
        key: now if value == "now" else now - value if isinstance(value, timedelta) else value
        for key, value in fields.items()
    }
    with pytest.raises(IntegrityError, match=f"compliancechange_{constraint}"), transaction.atomic():
        row(now, **given).save(force_insert=True)
    assert not ComplianceChange.objects.exists()


def test_the_history_is_never_rewritten(in_acme: Brand, now: datetime) -> None:
    row(now).save(force_insert=True)
    staff("owner")
    asked(now, act="earn")
    works: tuple[Callable[[], Any], ...] = (
        lambda: ComplianceChange.objects.filter(number=9).update(reason="x"),
        lambda: ComplianceChange.objects.filter(number=9).delete(),
        lambda: ComplianceChange.objects.filter(number=10).update(counsel="x"),
        lambda: ComplianceChange.objects.filter(number=10).update(tag="fsmp"),
        lambda: ComplianceChange.objects.filter(number=10).delete(),
    )
    for work in works:
        with pytest.raises(DatabaseError), transaction.atomic():
            work()


def test_no_policy_lets_an_infant_row_be_unlocked() -> None:
    for policy in compliance.POLICIES:
        cells = compliance.unlockable(policy)
        assert ("wechat_share", "bonus") in cells
        assert {tag for tag, _act in cells} & compliance.INFANT_TAGS == set()
