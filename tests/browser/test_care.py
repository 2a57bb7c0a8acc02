"""A care agent's day in a real browser: from a phone number to a frozen account."""

from datetime import datetime

import pytest

from members.models import Identity
from points import services as points
from points.models import Account, Entry
from tenants.context import in_brand
from tenants.models import Brand
from tests.browser.conftest import Visit, Visitor


@pytest.mark.whole
def test_from_a_phone_number_to_a_frozen_account(
    care_and_owner: tuple[str, str], visit: Visit, now: datetime
) -> None:
    care, owner = care_and_owner
    acme = Brand.objects.get(slug="acme")
    with in_brand(acme):
        lin = Identity.objects.get(provider="phone").member_id
        points.burn(member_id=lin, points=30, reference="till-1", reason="咖啡", actor="key:1", now=now)
        before = Account.objects.get(member_id=lin).available

    def agent(visitor: Visitor) -> dict[str, str]:
        page, told = visitor.page, {}
        visitor.sign_in(care)
        page.fill("#find input", "138 0000 0001")
        with page.expect_navigation():
            page.press("#find input", "Enter")
        told["member"] = page.url.split("/console/")[1]
        visitor.follow("#movements .panel-head a")
        told["chart"] = page.locator("#chart-balance canvas").count()
        visitor.follow("#entries td a")
        told["entry"] = page.inner_text("#why")
        visitor.follow("#took td.key a")
        told["lot"] = page.url.split("/console/")[1]
        page.go_back()
        page.go_back()
        visitor.follow("a[href$='/adjust/']")
        page.fill("#id_points", "500")
        told["preview"] = page.inner_text(".preview")
        page.select_option("#id_why", "goodwill")
        visitor.follow("form.operation button[type=submit]")
        told["asked"] = page.inner_text("#main")
        return told

    def second(visitor: Visitor) -> str:
        visitor.sign_in(owner)
        visitor.follow("#to-approve td a")
        visitor.follow("a[href$='/approve/']")
        shown = visitor.page.inner_text("form.operation")
        visitor.follow("form.operation button[type=submit]")
        return str(shown)

    def freezes(visitor: Visitor) -> str:
        visitor.sign_in(care)
        visitor.open(f"members/member/{lin}/change/")
        visitor.follow("a[href$='/freeze/']")
        visitor.page.select_option("#id_why", "lost")
        visitor.follow("form.operation button[type=submit]")
        return str(visitor.page.inner_text("#main"))

    told = visit(agent)
    assert told["member"] == f"members/member/{lin}/change/"
    assert told["chart"] == 1
    assert ("−30" in told["entry"], "咖啡" in told["entry"]) == (True, True)
    assert told["lot"].startswith("points/lot/")
    assert f"操作后可用 {before + 500:,}。 需要另一位操作员批准。" in told["preview"]
    assert "待审批" in told["asked"] or "等待" in told["asked"]
    assert f"{before + 500:,}" in visit(second)
    assert "手机或会员卡遗失" in visit(freezes)
    with in_brand(acme):
        account = Account.objects.get(member_id=lin)
        assert (account.available, account.burn_frozen) == (before + 500, True)
        entry = Entry.objects.get(points=500)
        assert entry.actor == f"operator:{care} + operator:{owner}"
        assert entry.reason == "投诉补偿"
