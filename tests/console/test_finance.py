"""Finance's pages: who sees and does what, in both languages, and what a change of the past looks like."""

from decimal import Decimal

import polib
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.analytics.models import MonthClose, UnitCost
from loyalty.analytics.services import unitcosts
from loyalty.dev import extraction
from points.models import ClosedMonth
from tenants.context import in_brand
from tenants.models import Brand
from tests.analytics.support import earn, local, read_csv, read_xlsx, story
from tests.analytics.test_closing import altered
from tests.console.pages import ROLES, Browser, signed_in
from tests.console.test_words import CHINESE, NAMES, Shown, english_in, latin_in
from tests.support.brands import ANNA

pytestmark = pytest.mark.django_db
PAGES = (
    "finance/liability/",
    "finance/liability/?on=2026-09-30",
    "finance/roll-forward/",
    "finance/roll-forward/?month=2026-09",
    "finance/roll-forward/?month=2026-10",
    "finance/breakage/",
    "finance/costs/",
)
# Data and names of formats on these pages.
SAME = {"CNY", "CSV", "Excel", "points", "stars", "marketing", "test"}


@pytest.fixture
def books(acme: Brand) -> None:
    with in_brand(acme):
        story()
        earn(ANNA, 40, "n-1", now=local(2026, 11, 5), expires_at=local(2027, 2, 1))


def close(browser: Browser, month: str = "2026-09"):
    return browser.post("finance/roll-forward/lock/", {"month": month})


@pytest.mark.parametrize("role", ROLES)
def test_only_the_owner_closes_a_month(acme: Brand, books: None, role: str) -> None:
    browser = signed_in(acme, role)
    page = browser.get("finance/roll-forward/?month=2026-09").content.decode()
    assert ('id="close"' in page) == (role == "owner")
    assert close(browser).status_code == (302 if role == "owner" else 403)
    with in_brand(acme):
        found = list(MonthClose.objects.values_list("actor", flat=True))
        assert found == (["operator:owner@acme.example"] if role == "owner" else [])
        assert ClosedMonth.objects.count() == len(found)


@pytest.mark.parametrize("role", ROLES)
def test_only_the_owner_sets_a_cost(acme: Brand, role: str) -> None:
    browser = signed_in(acme, role)
    answer = browser.post("finance/costs/", {"points_currency": "points", "cost": "0.02"})
    assert answer.status_code == (302 if role == "owner" else 403)
    with in_brand(acme):
        costs = list(UnitCost.objects.order_by("valid_from").values_list("cost", flat=True))
        assert costs == ([Decimal("0.01"), Decimal("0.02")] if role == "owner" else [])


def test_a_closed_month_says_so_and_offers_no_second_close(acme: Brand, books: None) -> None:
    owner = signed_in(acme, "owner")
    close(owner)
    page = owner.get("finance/roll-forward/?month=2026-09").content.decode()
    assert ("badge-closed" in page, 'id="close"' in page, 'role="alert"' in page) == (True, False, False)
    with in_brand(acme):
        altered("UPDATE acme.points_entry SET points = 210 WHERE reference = 'till-1'")
    assert 'role="alert"' in owner.get("finance/roll-forward/?month=2026-09").content.decode()


def test_a_running_month_is_not_closed(acme: Brand, books: None) -> None:
    owner = signed_in(acme, "owner")
    assert 'id="close"' not in owner.get("finance/roll-forward/").content.decode()
    assert close(owner, "2026-11").status_code == 302
    with in_brand(acme):
        assert not ClosedMonth.objects.exists()


def test_the_pages_show_the_figures(acme: Brand, books: None) -> None:
    owner = signed_in(acme, "owner")
    then = owner.get("finance/liability/?on=2026-09-30").content.decode()
    assert ("3.80 CNY" in then, "3.20 CNY" in then, "2026-10" in then) == (True, True, True)
    page = owner.get("finance/roll-forward/?month=2026-10").content.decode()
    assert ("+199" in page, "+70" in page, "6.59" in page) == (True, True, True)
    assert "780" in owner.get("finance/breakage/").content.decode()


def test_amounts_are_rounded_to_the_cent_and_not_cut_off(acme: Brand, books: None) -> None:
    with in_brand(acme):
        for currency in ("points", "stars"):
            unitcosts.set_unit_cost(
                points_currency=currency,
                cost=Decimal("0.01234"),
                actor="test",
                now=local(2026, 11, 6),
                valid_from=local(2026, 8, 1),
            )
    owner = signed_in(acme, "owner")
    then = owner.get("finance/liability/?on=2026-09-30").content.decode()
    assert "4.69 CNY" in then  # 380 × 0.01234 = 4.6892
    page = owner.get("finance/roll-forward/?month=2026-09").content.decode()
    assert "4.69" in page


@pytest.mark.parametrize("page", ["liability", "roll-forward", "breakage"])
def test_points_have_the_brands_own_name(acme: Brand, books: None, page: str) -> None:
    acme.points_name = {"zh-hans": "鲜豆", "en": "beans"}
    acme.save()
    shown = signed_in(acme, "owner", "zh-hans").get(f"finance/{page}/").content.decode()
    assert ("<h2>鲜豆" in shown or 'class="part">鲜豆' in shown, "stars" in shown) == (True, True)


def test_a_cost_of_a_currency_that_the_brand_has_not_is_refused_at_its_field(acme: Brand) -> None:
    acme.settings["points_currencies"] = ["stars"]
    acme.save()
    owner = signed_in(acme, "owner", "en")
    answer = owner.post("finance/costs/", {"points_currency": "point", "cost": "0.02"})
    assert (answer.status_code, "Unknown points currency “point”." in answer.content.decode()) == (200, True)
    assert owner.post("finance/costs/", {"points_currency": "stars", "cost": "0.02"}).status_code == 302
    with in_brand(acme):
        assert set(UnitCost.objects.values_list("points_currency", flat=True)) == {"stars"}


@pytest.mark.parametrize("page", ["liability", "roll-forward", "breakage"])
def test_files_speak_the_operators_language(acme: Brand, books: None, page: str) -> None:
    browser = signed_in(acme, "marketing", "zh-hans")
    rows = read_csv(browser.get(f"finance/{page}/?format=csv"))
    assert all(CHINESE.search(heading) for heading in rows[0])
    assert all(CHINESE.search(row["部分"]) for row in rows)
    assert all(CHINESE.search(name) for name in read_xlsx(browser.get(f"finance/{page}/?format=xlsx")))
    with CaptureQueriesContext(connection):  # as in development, where Django counts queries
        entries = read_csv(browser.get("finance/entries/?month=2026-10&format=csv"))
    assert [row["业务单号"] for row in entries] == ["undo-1", "c-2", "b-3", "a-2"]
    assert all(CHINESE.search(row["类型"] + row["积分币种"]) for row in entries if row["积分币种"] != "stars")


@pytest.mark.whole
def test_the_pages_are_wholly_chinese_or_wholly_english(acme: Brand, books: None) -> None:
    catalogue = polib.pofile(str(extraction.CATALOGUE))
    chinese = signed_in(acme, "owner", "zh-hans")
    for path in PAGES:
        page = chinese.get(path).content.decode()
        assert (path, english_in(page, catalogue) - SAME) == (path, set())
        assert (path, {t for t in latin_in(page) if t.split(" · ")[0] not in SAME}) == (path, set())
    english = Browser("acme.localhost")
    english.client.cookies["django_language"] = "en"
    english.sign_in("owner@acme.example")
    for path in PAGES:
        shown = Shown()
        shown.feed(english.get(path).content.decode())
        assert (path, {t for t in shown.texts if CHINESE.search(t)} - NAMES) == (path, set())


@pytest.mark.parametrize("path", ["finance/liability/?on=never", "finance/roll-forward/?month=1"])
def test_nonsense_shows_the_present(acme: Brand, books: None, path: str) -> None:
    assert signed_in(acme, "owner").get(path).status_code == 200
