"""Chinese and English, complete: the catalogue, and what the pages show."""

import re
from html.parser import HTMLParser

import polib
import pytest
from django.contrib import admin
from django.utils import translation

from campaigns.services import rules, submissions
from loyalty.console.sites import platform_site
from loyalty.dev import extraction
from mall import services as mall
from members.models import Purchase
from points import services as points
from tenants.context import in_brand
from tenants.models import Brand
from tests.console.pages import Browser, platform_operator, signed_in
from tests.support.brands import ANNA

CHINESE = re.compile(r"[\u4e00-\u9fff]")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")
# Words that are the same in Chinese.
SAME = {"SKU", "%(what)s (%(language)s)"}
# What is data on the pages of these tests: names, ids, codes, addresses, amounts, kinds of events.
DATA = re.compile(
    r"SKU|English|zh-hans|esc|https://|blank|Lin|redemption|[\d.,]+ CNY|CNY"
    r"|(acme|globex)(\.localhost)?|C-\w+( of acme)?( · points)?|CHEN|(everything|reading)( \(\w+…\))?|lk_\w+…"
    r"|[a-z]+:[a-z]+(, [a-z]+:[a-z]+)*|[a-z_]+\.[a-z_]+|\w+@\w+\.example|Asia/Shanghai",
    re.IGNORECASE,
)
# What the languages call themselves, and data that happens to be a word of ours.
NAMES = {"English", "简体中文", "everything", "redemption"}


@pytest.fixture(scope="module")
def catalogue() -> polib.POFile:
    return polib.pofile(str(extraction.CATALOGUE))


@pytest.mark.whole
def test_the_catalogue_has_every_text_of_the_project(catalogue: polib.POFile) -> None:
    wanted = {(text.context, text.msgid) for text in extraction.texts()}
    found = {(entry.msgctxt, entry.msgid) for entry in catalogue}
    assert wanted - found == set(), "run: python -m loyalty.dev.extraction"
    assert found - wanted == set(), "run: python -m loyalty.dev.extraction"


def test_every_text_is_translated(catalogue: polib.POFile) -> None:
    assert [entry.msgid for entry in catalogue if not entry.translated() or entry.fuzzy] == []
    plain = {entry.msgid for entry in catalogue if not CHINESE.search(entry.msgstr or entry.msgstr_plural[0])}
    assert plain == SAME
    narrow = re.compile("[\u4e00-\u9fff][,;:!?(]|[,;:!?)][\u4e00-\u9fff]")
    texts = [text for entry in catalogue for text in (entry.msgstr, *entry.msgstr_plural.values())]
    assert [text for text in texts if narrow.search(text)] == []


def test_translations_keep_their_placeholders(catalogue: polib.POFile) -> None:
    broken = [
        entry.msgid
        for entry in catalogue
        if set(PLACEHOLDER.findall(entry.msgid))
        != set(PLACEHOLDER.findall(entry.msgstr or entry.msgstr_plural[0]))
    ]
    assert broken == []


def test_the_words_of_models_and_choices_are_translated() -> None:
    from django.apps import apps  # noqa: PLC0415

    english: list[str] = []
    with translation.override("zh-hans"):
        for model in apps.get_models():
            if model.__module__.split(".")[0] not in extraction.ROOMS:
                continue
            for site in (admin.site, platform_site()):
                if model in site._registry:
                    english += [
                        str(w) for w in (model._meta.verbose_name, model._meta.app_config.verbose_name)
                    ]
                    for field in model._meta.fields:
                        english += [str(label) for _value, label in field.flatchoices or ()]
    assert [word for word in english if not CHINESE.search(word)] == []


class Shown(HTMLParser):
    """The texts of a page that a person reads: between the tags, and in titles, labels and placeholders."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("script", "style", "pre", "code", "textarea") or "material-symbols-outlined" in (
            values.get("class") or ""
        ):
            self.silent += 1
        for name in ("title", "placeholder", "aria-label", "alt", "data-label"):
            if values.get(name):
                self.texts.append(values[name] or "")

    def handle_endtag(self, tag: str) -> None:
        if self.silent and tag in ("script", "style", "pre", "code", "textarea", "span", "i"):
            self.silent -= 1

    def handle_data(self, data: str) -> None:
        if not self.silent and data.strip():
            self.texts.append(data.strip())


def english_in(page: str, catalogue: polib.POFile) -> set[str]:
    """Texts of a page that are an entry of the catalogue, or begin with a long one, in English."""
    shown = Shown()
    shown.feed(page)
    words = {entry.msgid.strip().casefold() for entry in catalogue} - {word.casefold() for word in SAME}
    return {text for text in shown.texts if " ".join(text.split()).strip(" :*").casefold() in words} - NAMES


def latin_in(page: str) -> set[str]:
    """Texts of a page without a single Chinese character that are neither data nor names."""
    shown = Shown()
    shown.feed(page)
    return {
        " ".join(text.split())
        for text in shown.texts
        if re.search(r"[A-Za-z]{3}", text)
        and not CHINESE.search(text)
        and not DATA.fullmatch(" ".join(text.split()))
    }


def fill(brand: Brand, now) -> None:
    """Something on every page."""
    with in_brand(brand):
        points.adjust(member_id=ANNA, points=900, reference="gift-1", reason="礼物", actor="测试", now=now)
        Purchase.objects.create(
            order_id="S-1",
            member_id=ANNA,
            ordered_at=now,
            recorded_at=now,
            currency="CNY",
            amount=5,
            content_hash="x",
        )
        reward = mall.create_reward(
            values={
                "name": {"zh-hans": "杯子"},
                "points": 100,
                "status": "published",
                "stock": 3,
                "sku": "6901234567892",
                "kind": "physical",
            },
            actor="测试",
            now=now,
        )
        mall.place(member_id=ANNA, reward_id=reward.pk, quantity=1, reference="R-1", actor="测试", now=now)
        effect = {"type": "fixed", "points": 5}
        body = {"code": "r-9", "name": "礼", "trigger": "order.paid", "effect": effect}
        rules.install(bodies=[body], actor="operator:lin@acme.example", now=now)
        rules.update_draft(code="r-9", changes={"effect": {"type": "fixed", "points": 6}}, now=now)
        submissions.submit(code="r-9", actor="operator:lin@acme.example", now=now)


def walk(browser: Browser, site: admin.AdminSite) -> dict[str, str]:
    """Every page of a console that its owner can reach: lists, forms, and one object of each."""
    pages = {"": browser.get("").content.decode(), "password_change/": ""}
    for model in site._registry:
        path = f"{model._meta.app_label}/{model._meta.model_name}/"
        pages[path] = browser.get(path).content.decode()
        for target in (
            f"{path}add/",
            f"{path}templates/",
            *re.findall(rf'href="/console/({path}[^"?]+/change/)', pages[path])[:1],
        ):
            answer = browser.get(target)
            if answer.status_code == 200:
                pages[target] = answer.content.decode()
                own = re.findall(rf'href="/console/({target[:-7]}[a-z-]+/)"', pages[target])
                for operation in [each for each in own if target.endswith("change/")]:
                    pages[operation] = browser.get(operation).content.decode()
    pages["password_change/"] = browser.get("password_change/").content.decode()
    return pages


@pytest.mark.whole
@pytest.mark.django_db
def test_no_page_of_a_brand_shows_english_to_chinese_operators(
    acme: Brand, now, catalogue: polib.POFile
) -> None:
    fill(acme, now)
    pages = walk(signed_in(acme, "owner", "zh-hans"), admin.site)
    assert len(pages) > 35
    assert {path: found for path, page in pages.items() if (found := english_in(page, catalogue))} == {}
    assert {path: found for path, page in pages.items() if (found := latin_in(page))} == {}


@pytest.mark.whole
@pytest.mark.django_db
def test_no_page_of_the_platform_shows_english_to_chinese_operators(
    acme: Brand, catalogue: polib.POFile
) -> None:
    pages = walk(platform_operator("zh-hans"), platform_site())
    assert len(pages) > 8
    assert {path: found for path, page in pages.items() if (found := english_in(page, catalogue))} == {}
    assert {path: found for path, page in pages.items() if (found := latin_in(page))} == {}


@pytest.mark.whole
@pytest.mark.django_db
def test_no_page_of_a_brand_shows_chinese_to_english_operators(acme: Brand, now) -> None:
    pages = walk(signed_in(acme, "owner", "en"), admin.site)
    shown = {}
    for path, page in pages.items():
        texts = Shown()
        texts.feed(page)
        found = {text for text in texts.texts if CHINESE.search(text)} - NAMES
        if found:
            shown[path] = found
    assert shown == {}


@pytest.mark.django_db
def test_the_sign_in_page_speaks_both_languages_and_remembers_the_choice(acme: Brand) -> None:
    browser = Browser("acme.localhost", "")
    assert "登录" in browser.get("login/").content.decode()
    wrong = {"username": "nobody@acme.example", "password": "wrong"}
    assert "电子邮箱或密码不正确。" in browser.post("login/", wrong).content.decode()
    answer = browser.post("/i18n/setlang/", {"language": "en", "next": "/console/login/"})
    assert answer.headers["Location"] == "/console/login/"
    page = browser.get("login/").content.decode()
    assert ("Log in" in page, CHINESE.search(page.replace("简体中文", "")) is None) == (True, True)


@pytest.mark.django_db
def test_switching_the_language_is_kept_with_the_account(acme: Brand) -> None:
    browser = signed_in(acme, "owner", "en")
    browser.post("/i18n/setlang/", {"language": "en", "next": "/console/"})
    elsewhere = Browser("acme.localhost", "zh-hans")
    elsewhere.sign_in("owner@acme.example")
    assert "Dashboard" in elsewhere.get("").content.decode()
