"""What care reads off an account and an entry: the why in words, the trace both ways, what undoes what."""

import re
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from members.identities import Key
from members.services import enrol
from points import services as points
from points.models import Account, AdjustmentRequest, Entry, Lot
from tenants import hosts
from tenants.context import in_brand
from tenants.models import Brand
from tests.console.pages import Browser, signed_in
from tests.orders.shapes import BASE, multiplier, order
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api

pytestmark = pytest.mark.django_db


def read(browser: Browser, path: str) -> str:
    """A page as people read it: its words without markup, white space brought together."""
    answer = browser.get(path)
    assert answer.status_code == 200, path
    page = re.sub(r"<(script|style)\b.*?</\1>", " ", answer.content.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.fixture
def story(acme: Brand, api: Api, now: datetime) -> dict[str, Any]:
    """39 + 39 points for an order, 50 of them spent, then half of the order brought back: keys by name."""
    for body in (BASE, multiplier("double", "2")):
        api.post("/earning-rules", body)
        api.post(f"/earning-rules/{body['code']}/publish")
    earned = api.post("/orders", order("S-1")).json()
    with in_brand(acme):
        burned = points.burn(
            member_id=ANNA, points=50, reference="till-9", reason="coffee", actor="operator:x", now=now
        )
    lines = [{"line_id": "1", "quantity": "1"}]
    api.post("/orders/S-1/returns", {"return_id": "RET-1", "lines": lines})
    with in_brand(acme):
        account = Account.objects.get(member_id=ANNA)
        entries = {(e.kind, e.rule): e for e in Entry.objects.filter(account=account)}
        assert (account.available, account.debt) == (0, 12), earned
        return {"account": account, "burn": burned.entry.entry_id, "entries": entries}


def test_the_account_says_of_each_entry_why_it_is_what_it_is(acme: Brand, story: dict[str, Any]) -> None:
    page = read(signed_in(acme, "care"), f"points/account/{story['account'].pk}/change/")
    assert "Base rate: 39.80 × 1 point per CNY → 39" in page
    assert "double: 39 base points × (2 − 1) → 39" in page or "double: 39.8 base points" in page
    assert "Spent, till-9 coffee · x" in page
    assert "Takes back 20 of the 39 points that “Base rate” gave for S-1." in page
    assert 'id="chart-balance"' in signed_in_page(acme, story)


def signed_in_page(acme: Brand, story: dict[str, Any]) -> str:
    browser = Browser("acme.localhost")
    browser.sign_in("care@acme.example")
    return str(browser.get(f"points/account/{story['account'].pk}/change/").content.decode())


def test_the_same_in_chinese(acme: Brand, story: dict[str, Any]) -> None:
    page = read(signed_in(acme, "care", "zh-hans"), f"points/account/{story['account'].pk}/change/")
    assert "39.80 × 每元 1 积分 → 39" in page
    assert "收回“Base rate”因 S-1 所发 39 积分中的 20。" in page


def test_a_burn_leads_to_what_was_earned_and_a_lot_to_what_took_from_it(
    acme: Brand, story: dict[str, Any]
) -> None:
    care = signed_in(acme, "care")
    base, double = (story["entries"]["accrual", code] for code in ("base", "double"))
    burn = care.get(f"points/entry/{story['burn']}/change/").content.decode()
    for origin in (base, double):
        assert f"points/entry/{origin.pk}/change/" in burn
    with in_brand(acme):
        lot = Lot.objects.get(entry=base)
    page = care.get(f"points/lot/{lot.pk}/change/").content.decode()
    assert f"points/entry/{story['burn']}/change/" in page
    assert f"points/entry/{base.pk}/change/" in page
    earned = care.get(f"points/entry/{base.pk}/change/").content.decode()
    assert f"points/entry/{story['burn']}/change/" in earned
    assert f"points/entry/{story['entries']['clawback', 'base'].pk}/change/" in earned
    assert "members/purchase/" in earned
    assert "campaigns/rule/" in earned


def test_a_clawback_names_what_is_still_owed(acme: Brand, story: dict[str, Any]) -> None:
    care = signed_in(acme, "care")
    pages = [
        read(care, f"points/entry/{story['entries']['clawback', code].pk}/change/")
        for code in ("base", "double")
    ]
    owed = sum(int(n) for page in pages for n in re.findall(r"(\d+) of it are still owed", page))
    assert owed == 12


def test_entries_are_filtered_and_paged_by_their_number(acme: Brand, now: datetime) -> None:
    with in_brand(acme):
        for number in range(35):
            points.adjust(member_id=ANNA, points=1, reference=f"a-{number}", reason="x", actor="t", now=now)
        account = Account.objects.get(member_id=ANNA)
    care = signed_in(acme, "care")
    first = care.get(f"points/account/{account.pk}/change/").content.decode()
    assert len(re.findall(r"points/entry/[0-9a-f-]{36}/change", first.split('id="entries"')[1])) == 30
    assert "?before=6#entries" in first
    rest = care.get(f"points/account/{account.pk}/change/?before=6").content.decode()
    assert len(re.findall(r"points/entry/[0-9a-f-]{36}/change", rest.split('id="entries"')[1])) == 5
    assert "No entry of this kind." in read(care, f"points/account/{account.pk}/change/?kind=burn")
    assert care.get(f"points/account/{account.pk}/change/?before=x&kind=y").status_code == 200


def test_another_brands_account_entry_and_lot_do_not_exist(
    acme: Brand, globex: Brand, story: dict[str, Any]
) -> None:
    owner = signed_in(globex, "owner")
    with in_brand(acme):
        lot = Lot.objects.filter(account=story["account"]).first()
    for path in (
        f"points/account/{story['account'].pk}/change/",
        f"points/entry/{story['burn']}/change/",
        f"points/lot/{lot.pk}/change/",
    ):
        assert owner.get(path).status_code in (302, 404)
        assert "S-1" not in owner.get(path).content.decode()
    assert owner.get("find/", data={"q": "S-1"})["Location"] == "/console/"


def test_one_box_finds_a_member_by_whatever_they_can_name(
    acme: Brand, story: dict[str, Any], now: datetime
) -> None:
    with in_brand(acme):
        chen = enrol(keys=[Key("phone", "+8613800001234")], now=now, profile={"name": "陈晨"})[0]
    care = signed_in(acme, "care")

    def lands(term: str) -> str:
        return str(care.get("find/", data={"q": term})["Location"])

    member = "/console/members/member/{}/change/".format
    for term in ("+8613800001234", "13800001234", "138 0000 1234", "1234", "陈晨", "陈"):
        assert lands(term) == member(chen.pk), term
    for term in ("C-anna", " S-1 ", "RET-1", "till-9", str(story["burn"]), str(ANNA), "c-anna OF"):
        assert lands(term) == member(ANNA), term
    with in_brand(acme):
        enrol(keys=[Key("phone", "+8613900001234")], now=now)
    assert lands("1234") == "/console/members/member/?q=1234"
    assert read(care, "members/member/?q=1234").count("••••1234") == 2
    assert (lands("nobody"), lands("\x00")) == ("/console/", "/console/")
    assert signed_in(acme, "shop").get("find/", data={"q": "1234"}).status_code == 403


def test_a_phone_is_whole_only_for_those_who_may_call(acme: Brand, now: datetime) -> None:
    with in_brand(acme):
        chen = enrol(keys=[Key("phone", "+8613800001234")], now=now)[0]
    for role, whole in (("owner", True), ("care", True), ("marketing", False)):
        browser = signed_in(acme, role)
        page = browser.get(f"members/member/{chen.pk}/change/").content.decode()
        assert ("+8613800001234" in page, "+86138••••1234" in page) == (whole, not whole), role
        assert "+8613800001234" not in browser.get("members/member/").content.decode()


def form(browser: Browser, path: str, **data: str) -> Any:
    """Fill in an operation's form, with the reference that it carries."""
    reference = re.search(r'name="reference" value="([^"]+)"', browser.get(path).content.decode())
    return browser.post(path, {**data, **({"reference": reference[1]} if reference else {})})


def test_an_account_says_what_reserves_its_points_and_until_when(
    acme: Brand, api: Api, story: dict[str, Any], now: datetime
) -> None:
    with in_brand(acme):
        points.adjust(member_id=ANNA, points=100, reference="g", reason="gift", actor="test", now=now)
    asked = {"member": {"member_id": str(ANNA)}, "points": 30, "expires_in_s": 900}
    held = api.post("/holds", {**asked, "reference": "till-hold-1", "reason": "coffee machine"}).json()
    care = signed_in(acme, "care")
    path = f"points/account/{story['account'].pk}/change/"
    page = read(care, path)
    assert "What is reserved" in page
    assert "till-hold-1 coffee machine · partner (API)" in page
    for term in ("till-hold-1", held["hold_id"]):
        landed = care.get("find/", data={"q": term})["Location"]
        assert landed == f"/console/members/member/{ANNA}/change/", term
    api.post(f"/holds/{held['hold_id']}/void")
    assert "What is reserved" not in read(care, path)


def test_an_account_shows_what_a_second_operator_has_not_decided(
    acme: Brand, api: Api, story: dict[str, Any]
) -> None:
    Brand.objects.filter(pk=acme.pk).update(settings={"adjustment_approval_above": 100})
    hosts.forget()
    big = {"member": {"member_id": str(ANNA)}, "points": 500, "reference": "big-1", "reason": "sorry"}
    assert api.post("/adjustments", big).status_code == 202
    care, path = signed_in(acme, "care"), f"points/account/{story['account'].pk}/change/"
    assert "Waits for a second operator not booked yet" in read(care, path)
    with in_brand(acme):
        waiting = AdjustmentRequest.objects.get()
    assert f"points/adjustmentrequest/{waiting.pk}/change/" in care.get(path).content.decode()
    assert care.post(f"points/adjustmentrequest/{waiting.pk}/reject/").status_code == 302
    assert "Waits for a second operator" not in read(care, path)


def test_a_guests_order_is_found_by_its_number(acme: Brand, api: Api) -> None:
    api.post("/orders", {**order("GUEST-1"), "member": None})
    care = signed_in(acme, "care")
    landed = str(care.get("find/", data={"q": "GUEST-1"})["Location"])
    assert landed.startswith("/console/members/purchase/")
    assert "GUEST-1" in read(care, landed)


def test_a_transfer_names_the_other_side_in_chinese(acme: Brand, now: datetime) -> None:
    with in_brand(acme):
        points.adjust(member_id=ANNA, points=100, reference="g", reason="gift", actor="test", now=now)
        done = points.transfer(from_member_id=ANNA, to_member_id=BORIS, points=5, reference="t-1", now=now)
    care = signed_in(acme, "care", "zh-hans")
    assert "转入方" in read(care, f"points/entry/{done.sent.entry_id}/change/")
    assert "转出方" in read(care, f"points/entry/{done.received.entry_id}/change/")


def test_an_entry_is_reversed_with_a_reason_once(acme: Brand, story: dict[str, Any]) -> None:
    care = signed_in(acme, "care")
    path = f"points/entry/{story['burn']}/reverse/"
    page = care.get(path).content.decode()
    assert "can be given back" in page
    reference = re.search(r'name="reference" value="([^"]+)"', page)[1]
    assert "Choose a reason" in care.post(path, {"points": "20", "reference": reference}).content.decode()
    for _ in range(2):
        data = {"points": "20", "why": "fault", "reason": "till froze", "reference": reference}
        assert care.post(path, data).status_code == 302
    with in_brand(acme):
        undone = Entry.objects.get(kind="reversal")
        assert (undone.points, undone.reason) == (20, "Technical fault – till froze")
        assert undone.actor == "operator:care@acme.example"
        assert (undone.reverses_id, undone.reference) == (UUID(str(story["burn"])), reference)
    assert "Gives back 20 of the 50 points that till-9 took." in read(
        care, f"points/entry/{undone.pk}/change/"
    )
    assert "31" not in care.post(path, {"points": "31", "why": "fault", "reference": "console-b"}).headers
    with in_brand(acme):
        assert Entry.objects.filter(kind="reversal").count() == 1
    assert signed_in(acme, "marketing").get(path).status_code == 403


def test_a_reversal_above_the_threshold_waits(acme: Brand, story: dict[str, Any]) -> None:
    Brand.objects.filter(pk=acme.pk).update(settings={"adjustment_approval_above": 10})
    hosts.forget()
    path = f"points/entry/{story['burn']}/reverse/"
    assert form(signed_in(acme, "care"), path, points="", why="fault").status_code == 302
    with in_brand(acme):
        assert not Entry.objects.filter(kind="reversal").exists()
        waiting = AdjustmentRequest.objects.get()
    owner = signed_in(acme, "owner")
    page = owner.get(f"points/adjustmentrequest/{waiting.pk}/change/").content.decode()
    assert f"points/entry/{story['burn']}/change/" in page
    assert owner.post(f"points/adjustmentrequest/{waiting.pk}/approve/").status_code == 302
    with in_brand(acme):
        assert str(Entry.objects.get(kind="reversal").reverses_id) == str(story["burn"])


def test_what_waits_is_counted_shown_and_decided_by_another(acme: Brand, now: datetime) -> None:
    Brand.objects.filter(pk=acme.pk).update(settings={"adjustment_approval_above": 100})
    hosts.forget()
    with in_brand(acme):
        account = points.open_account(member_id=BORIS, now=now)
    care = signed_in(acme, "care")
    path = f"points/account/{account}/adjust/"
    assert "needs a second operator above" in care.get(path).content.decode()
    assert form(care, path, points="500", why="goodwill").status_code == 302
    owner = signed_in(acme, "owner")
    for browser, own in ((care, True), (owner, False)):
        home = read(browser, "")
        assert ("Adjustments to approve" in home, "Goodwill after a complaint" in home) == (True, True)
        assert ("your own request" in home) is own
    with in_brand(acme):
        waiting = AdjustmentRequest.objects.get()
    decide = f"points/adjustmentrequest/{waiting.pk}/approve/"
    assert "available afterwards 500" in read(owner, decide)
    assert "second operator" in care.post(decide).content.decode()
    assert owner.post(decide).status_code == 302
    with in_brand(acme):
        assert Account.objects.get(pk=account).available == 500
        assert Entry.objects.get().actor == "operator:care@acme.example + operator:owner@acme.example"
    assert "Goodwill" not in read(owner, "")


def test_a_freeze_wants_a_reason_and_something_to_freeze(acme: Brand, now: datetime) -> None:
    with in_brand(acme):
        account = points.open_account(member_id=BORIS, now=now)
    care = signed_in(acme, "care")
    path = f"points/account/{account}/freeze/"
    for data, told in (({"burn": "on"}, "Choose a reason"), ({"why": "lost"}, "Choose what is to be frozen")):
        assert told in care.post(path, data).content.decode()
        with in_brand(acme):
            assert Account.objects.get(pk=account).burn_frozen is False
    assert care.post(path, {"burn": "on", "earn": "on", "why": "lost"}).status_code == 302
    with in_brand(acme):
        frozen = Account.objects.get(pk=account)
        assert (frozen.burn_frozen, frozen.earn_frozen, frozen.freeze_reason) == (
            True,
            True,
            "Phone or card lost",
        )
    assert "Earning and spending are frozen. Phone or card lost" in read(
        care, f"members/member/{BORIS}/change/"
    )
