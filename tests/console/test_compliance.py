"""The page of the compliance matrix: what is blocked, who asked, who agreed, and one person's day."""

from typing import Any

import pytest

from tenants import hosts
from tenants.context import in_brand
from tenants.models import Brand
from tenants.operators import compliancechanges
from tenants.operators.models import ComplianceChange
from tests.campaigns.test_activity_compliance import SHARE, given
from tests.console.pages import PASSWORD, Browser, signed_in
from tests.support.client import Api

pytestmark = pytest.mark.django_db
ASKED = {"cell": "wechat_share:bonus", "counsel": "Lawyer Li, 3 May", "reason": "campaign in May"}
CELL = {"tag": "wechat_share", "act": "bonus"}


def unlocked(brand: Brand) -> list[list[str]]:
    hosts.forget()
    found: list[list[str]] = Brand.objects.get(pk=brand.pk).setting("compliance_unlocked")
    return found


def rows(brand: Brand) -> list[ComplianceChange]:
    with in_brand(brand):
        return list(ComplianceChange.objects.order_by("number"))


def cell(page: str, tag: str, column: int) -> str:
    """The text of one cell of the matrix."""
    line = page.split('id="matrix"')[1].split(f"<code>{tag}</code></th>")[1].split("</tr>", maxsplit=1)[0]
    return line.split("<td")[column].split(">", 1)[1]


def test_two_unlock_what_orders_and_activities_go_by(acme: Brand, api: Api) -> None:
    api.post("/earning-rules", SHARE)
    api.post("/earning-rules/share/publish")
    owner, marketing = signed_in(acme, "owner"), signed_in(acme, "marketing")
    page = owner.get("compliance/").content.decode()
    assert "blocked by law" in cell(page, "wechat_share", 2)
    assert "never unlocked" in cell(page, "infant_0_6", 1)
    assert "adults only" in cell(page, "alcohol", 1)
    assert 'name="password"' not in page
    assert owner.post("compliance/", ASKED).status_code == 302
    assert "asked for" in cell(owner.get("compliance/").content.decode(), "wechat_share", 2)
    # Not by the one who asked; and not by marketing alone, which may agree but not ask.
    owner.post("compliance/approve/", {"number": "1"})
    assert unlocked(acme) == []
    assert marketing.post("compliance/", ASKED).status_code == 403
    opened = marketing.get("compliance/").content.decode().split('id="opened"')[1]
    assert "Lawyer Li, 3 May" in opened
    assert marketing.post("compliance/approve/", {"number": "1"}).status_code == 302
    assert unlocked(acme) == [["wechat_share", "bonus"]]
    assert given(api, "A-1", "share", {"channel": "wechat"}) == (10, [None])
    shown = cell(owner.get("compliance/").content.decode(), "wechat_share", 2)
    assert "owner@acme.example + marketing@acme.example" in shown
    assert "22 Nov 2026" in shown or "Nov. 22, 2026" in shown or "22 November 2026" in shown
    # Anybody of them locks it, alone and at once.
    assert marketing.post("compliance/lock/", CELL).status_code == 302
    assert unlocked(acme) == []
    assert given(api, "A-2", "share", {"channel": "wechat"}) == (0, ["compliance"])
    history = owner.get("compliance/").content.decode().split('id="history"')[1]
    assert history.count("<details") == 2
    assert [(r.status, r.opens) for r in rows(acme)] == [("published", True), ("published", False)]


def test_one_person_says_the_password_and_everybody_sees_the_banner(acme: Brand, now: Any) -> None:
    owner = signed_in(acme, "owner")
    page = owner.get("compliance/").content.decode()
    assert 'name="password"' in page
    for password in ("", "wrong"):
        assert owner.post("compliance/", {**ASKED, "password": password}).status_code == 200
    assert rows(acme) == []
    assert owner.post("compliance/", {**ASKED, "password": PASSWORD}).status_code == 302
    (row,) = rows(acme)
    assert (row.status, row.alone, row.stepped_up_at) == ("scheduled", True, now)
    assert "unlocked without a second operator" in owner.get("members/member/").content.decode()
    with in_brand(acme):
        compliancechanges.settle(now=now)
    assert "owners were told at" in owner.get("compliance/").content.decode()
    assert owner.post("compliance/lock/", CELL).status_code == 302
    assert [(r.status, r.ended_by) for r in rows(acme)] == [("withdrawn", "operator:owner@acme.example")]
    assert "unlocked without a second operator" not in owner.get("").content.decode()
    assert unlocked(acme) == []


@pytest.mark.parametrize(
    "wrong", [{"cell": "infant_0_6:earn"}, {"cell": ""}, {"counsel": " "}, {"reason": ""}]
)
def test_what_is_wrong_is_said_and_nothing_is_written(acme: Brand, wrong: dict[str, str]) -> None:
    answer = signed_in(acme, "owner").post("compliance/", {**ASKED, "password": PASSWORD, **wrong})
    assert (answer.status_code, rows(acme)) == (200, [])


def test_rejected_with_a_reason_and_never_by_others(acme: Brand, globex: Brand) -> None:
    owner, marketing = signed_in(acme, "owner"), signed_in(acme, "marketing")
    owner.post("compliance/", ASKED)
    marketing.post("compliance/reject/", {"number": "1", "reason": " "})
    assert rows(acme)[0].status == "pending_approval"
    for step, sent in (("approve", {"number": "1"}), ("lock", CELL)):
        assert (
            signed_in(globex, "owner" if step == "lock" else "marketing")
            .post(f"compliance/{step}/", sent)
            .status_code
            == 302
        )
        assert Browser("acme.localhost").post(f"compliance/{step}/", sent).status_code == 302
    care = signed_in(acme, "care")
    assert care.post("compliance/lock/", CELL).status_code == 403
    assert rows(acme)[0].status == "pending_approval"
    marketing.post("compliance/reject/", {"number": "1", "reason": "no"})
    assert (rows(acme)[0].status, rows(acme)[0].reason, unlocked(acme)) == ("rejected", "no", [])


@pytest.mark.parametrize(("language", "words"), [("en", "counting for the tier"), ("zh-hans", "计入等级")])
def test_both_languages(acme: Brand, language: str, words: str) -> None:
    assert words in signed_in(acme, "owner", language).get("compliance/").content.decode()
