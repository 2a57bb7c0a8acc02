"""Segments: each fact of a definition against members who differ in it, and what is wrong with one."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from campaigns import audience
from campaigns.models import Segment, SegmentMember
from campaigns.services import segments
from loyalty.lib import ids
from mall import services as mall
from members.models import Member
from points.models import MemberTier
from tenants.models import Brand
from tests.audiences.shapes import change, meant, segment, where
from tests.orders.shapes import BASE, multiplier, order, priced
from tests.points.support import earn
from tests.support.brands import ANNA, BORIS, CHEN
from tests.support.client import Api
from tests.tiers.shapes import program

pytestmark = pytest.mark.django_db
Counts = Callable[[], dict[str, int]]
NOBODY: set[Any] = set()


def bought(api: Api, who: str, order_id: str, day: str, price: str) -> None:
    sent = priced(order_id, price, member={"external_id": f"C-{who}"}, ordered_at=f"{day}T10:00:00+08:00")
    assert api.post("/orders", sent).status_code == 201


@pytest.fixture
def people(in_acme: Brand, api: Api, now: datetime) -> None:
    """Anna bought twice lately, Boris once long ago, Chen never."""
    bought(api, "anna", "A-1", "2026-11-20", "100.00")
    bought(api, "anna", "A-2", "2026-11-21", "50.50")
    bought(api, "boris", "B-1", "2026-09-23", "30.00")
    change(ANNA, region="440100", tags=["new-parent"], enrolled_at=now - timedelta(days=100))
    change(BORIS, region="110000", tags=["staff"], enrolled_at=now - timedelta(days=90))
    change(CHEN, enrolled_at=now - timedelta(days=14))


@pytest.mark.parametrize(
    ("filters", "who"),
    [
        ([where("member.region", "in", ["440100", "310000"])], {ANNA}),
        ([where("member.region", "not_in", ["440100"])], {BORIS, CHEN}),
        ([where("member.tags", "has", "staff")], {BORIS}),
        ([where("member.tags", "has", ["staff", "new-parent"])], {ANNA, BORIS}),
        ([where("member.enrolled_days", "eq", 14)], {CHEN}),
        ([where("member.enrolled_days", "between", [90, 100])], {ANNA, BORIS}),
        ([where("member.days_since_last_order", "gte", 60)], {BORIS}),
        ([where("member.days_since_last_order", "eq", 60)], {BORIS}),
        ([where("member.days_since_last_order", "gte", 61)], NOBODY),
        ([where("member.days_since_last_order", "lte", 1)], {ANNA}),
        ([where("member.orders.count", "eq", 0, window="ever")], {CHEN}),
        ([where("member.orders.count", "gte", 2, window="days:3")], {ANNA}),
        ([where("member.orders.count", "gte", 2, window="days:2")], NOBODY),
        ([where("member.orders.amount", "gte", "150.50", window="days:30")], {ANNA}),
        ([where("member.orders.amount", "gte", "150.51", window="days:30")], NOBODY),
        ([where("member.orders.amount", "between", ["30", "30.00"], window="ever")], {BORIS}),
        # New and silent: enrolled two weeks ago and nothing bought.
        (
            [
                where("member.enrolled_days", "gte", 14),
                where("member.orders.count", "eq", 0, window="ever"),
            ],
            {CHEN},
        ),
    ],
    ids=str,
)
def test_what_members_are_and_did(
    people: None, api: Api, filters: list[dict[str, Any]], who: set[Any]
) -> None:
    assert meant(api, *filters) == who


def test_any_and_none(people: None, api: Api) -> None:
    either = [where("member.region", "in", ["440100"]), where("member.enrolled_days", "lte", 14)]
    assert meant(api, any=either) == {ANNA, CHEN}
    assert meant(api, any=either, none=[where("member.tags", "has", "new-parent")]) == {CHEN}
    # Who never bought is not among those who bought lately, and so remains.
    assert meant(api, none=[where("member.days_since_last_order", "lte", 30)]) == {BORIS, CHEN}


def test_an_order_that_came_back_whole_is_no_order(people: None, api: Api) -> None:
    assert api.post("/orders/B-1/cancel").status_code == 200
    assert meant(api, where("member.orders.count", "eq", 0, window="ever")) == {BORIS, CHEN}


def test_consent_is_the_latest_word(in_acme: Brand, api: Api) -> None:
    said = {"purpose": "marketing", "version": "1", "granted": True}
    for who in (ANNA, BORIS):
        assert api.patch(f"/members/{who}", {"consents": [said]}).status_code == 200
    assert meant(api, where("member.consent", "has", "marketing")) == {ANNA, BORIS}
    later = said | {"granted": False, "at": "2026-11-22T02:00:01Z"}
    assert api.patch(f"/members/{BORIS}", {"consents": [later]}).status_code == 200
    assert meant(api, where("member.consent", "has", "marketing")) == {ANNA}
    assert meant(api, where("member.consent", "has", ["marketing", "profiling"])) == NOBODY


def test_minors_and_who_left_are_in_no_audience(people: None, api: Api) -> None:
    everybody = where("member.enrolled_days", "gte", 0)
    change(ANNA, birthday=date(2008, 11, 22))  # eighteen today
    change(BORIS, birthday=date(2008, 11, 23))
    assert meant(api, everybody) == {ANNA, CHEN}
    change(CHEN, status="closed")
    assert meant(api, everybody) == {ANNA}


def test_points_held_and_about_to_end(in_acme: Brand, api: Api, now: datetime) -> None:
    # Brand time is UTC+8: seven days from the 22nd end with the 29th, that is at 16:00 UTC.
    earn(ANNA, 100, "a", now=now, expires_at=datetime(2026, 11, 29, 16, tzinfo=UTC))
    earn(ANNA, 500, "b", now=now)
    earn(BORIS, 100, "c", now=now, expires_at=datetime(2026, 11, 30, 16, tzinfo=UTC))
    assert meant(api, where("points.available", "gte", 600)) == {ANNA}
    assert meant(api, where("points.available", "lte", 100)) == {BORIS, CHEN}
    assert meant(api, where("points.expiring", "gte", 1, within_days=7)) == {ANNA}
    assert meant(api, where("points.expiring", "gte", 100, within_days=8)) == {ANNA, BORIS}
    assert meant(api, where("points.expiring", "gte", 101, within_days=8)) == NOBODY


def test_almost_enough_for_a_reward(in_acme: Brand, api: Api, now: datetime) -> None:
    reward = mall.create_reward(
        values={"name": {"en": "Mug"}, "kind": "physical", "points": 600, "sku": "M-1", "stock": 5},
        actor="test",
        now=now,
    )
    earn(ANNA, 600, "a", now=now)  # has enough
    earn(BORIS, 550, "b", now=now)
    short = lambda most: where("points.short_of", "lte", most, reward=str(reward.pk))  # noqa: E731
    assert meant(api, short(50)) == {BORIS}
    assert meant(api, short(49)) == NOBODY
    assert meant(api, short(600)) == {BORIS, CHEN}


def test_childrens_stage(in_acme: Brand, api: Api) -> None:
    change(ANNA, children=[{"birth_month": "2026-05", "guardian_consent": True}])
    change(BORIS, children=[{"birth_month": "2026-05", "guardian_consent": False}])
    change(CHEN, children=[{"birth_month": "2023-11", "guardian_consent": True}])
    assert meant(api, where("member.child_age_months", "between", [6, 12])) == {ANNA}
    assert meant(api, where("member.child_age_months", "gte", 36)) == {CHEN}


@pytest.mark.parametrize("qualify_by", ["points", "spend", "visits"])
def test_a_tier_about_to_fall(in_acme: Brand, api: Api, now: datetime, qualify_by: str) -> None:
    levels = [{"code": "silver", "threshold": 0}, {"code": "gold", "threshold": 2}]
    body = program(qualify_by=qualify_by, levels=[{"multiplier": "1", **each} for each in levels])
    assert api.put("/tiers", body).status_code == 200
    api.post("/earning-rules", BASE)
    api.post("/earning-rules/base/publish")
    for who, days in (("anna", ("20", "21")), ("boris", ("20",))):
        for day in days:
            bought(api, who, f"{who}-{day}", f"2026-11-{day}", "1.00")
    review = now + timedelta(days=10)
    for who in (ANNA, BORIS):
        MemberTier.objects.update_or_create(
            member_id=who,
            defaults={
                "code": "gold", "since": now, "until": review, "review_at": review, "program_version": 1,
                "updated_at": now,
            },
        )  # fmt: skip
    # Anna has reached what keeps the tier; Boris lacks one.
    assert meant(api, where("tier.falls_within_days", "lte", 10)) == {BORIS}
    assert meant(api, where("tier.falls_within_days", "lte", 9)) == NOBODY
    assert meant(api, where("member.tier", "in", ["gold"])) == {ANNA, BORIS}
    assert meant(api, where("member.tier", "in", ["silver"])) == {CHEN}


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("definition", "pointer", "code"),
    [
        ([], "/definition", "invalid"),
        ({}, "/definition", "required"),
        ({"all": {}}, "/definition/all", "type"),
        ({"some": [where("points.available", "gte", 1)]}, "/definition/some", "unknown_field"),
        ({"all": [1]}, "/definition/all/0", "type"),
        ({"all": [where("points.secret", "gte", 1)]}, "/definition/all/0/fact", "unknown_fact"),
        ({"all": [where("points.available", "has", 1)]}, "/definition/all/0/op", "invalid_choice"),
        ({"all": [where("points.available", "gte", "1; DROP")]}, "/definition/all/0/value", "type"),
        ({"all": [where("points.available", "gte", -1)]}, "/definition/all/0/value", "range"),
        ({"all": [where("points.available", "gte", True)]}, "/definition/all/0/value", "type"),
        ({"all": [where("points.available", "between", [5, 4])]}, "/definition/all/0/value", "never_matches"),
        ({"all": [where("points.available", "gte", 1, days=3)]}, "/definition/all/0/days", "unknown_field"),
        ({"all": [where("member.orders.count", "gte", 1)]}, "/definition/all/0/window", "invalid"),
        (
            {"all": [where("member.orders.count", "gte", 1, window="days:0")]},
            "/definition/all/0/window",
            "invalid",
        ),
        (
            {"all": [where("member.orders.amount", "gte", "1e3", window="ever")]},
            "/definition/all/0/value",
            "invalid",
        ),
        ({"none": [where("member.tier", "in", ["gold"])]}, "/definition/none/0/value", "unknown_tier"),
        ({"all": [where("member.region", "in", [])]}, "/definition/all/0/value", "type"),
        ({"all": [where("points.short_of", "lte", 5)]}, "/definition/all/0/reward", "unknown_reward"),
        (
            {"all": [where("points.short_of", "lte", 5, reward="x' OR true")]},
            "/definition/all/0/reward",
            "unknown_reward",
        ),
        ({"all": [where("points.available", "gte", 1)] * 31}, "/definition/all", "max_length"),
    ],
    ids=str,
)
def test_a_fault_is_told_at_its_place_and_nothing_is_written(
    acme: Brand, api: Api, row_counts: Counts, definition: Any, pointer: str, code: str
) -> None:
    before = row_counts()
    for path, body in (
        ("/segments", {"code": "x", "name": {"en": "x"}, "definition": definition}),
        ("/segments/preview", {"definition": definition}),
    ):
        answer = api.post(path, body)
        assert answer.status_code == 422, answer.content
        assert (pointer, code) in {(e["pointer"], e["code"]) for e in answer.json()["errors"]}
    assert row_counts() == before


def test_what_takes_too_long_is_an_estimate_and_an_empty_sample(
    in_acme: Brand, api: Api, now: datetime
) -> None:
    here, everybody = segments.around(now), {"all": [where("member.enrolled_days", "gte", 0)]}
    definition = segments.check(everybody)
    assert set(audience.sample(definition, here)) == {ANNA, BORIS, CHEN}
    Member.objects.bulk_create(
        Member(id=ids.new(), enrolled_at=now, referral_code=f"S{number}", name=f"S{number}")
        for number in range(5_000)
    )
    slow = segments.check(
        {"none": [where("member.orders.count", "gte", number, window="ever") for number in range(1, 31)]}
    )
    assert len(audience.sample(slow, here)) == 20
    assert audience.sample(slow, here, within_ms=1) == []
    assert audience.count(slow, here, within_ms=1).estimated is True
    # Not for what comes after.
    assert audience.count(slow, here).members == 5_003


def test_a_segment_is_saved_changed_said_in_words_and_archived(in_acme: Brand, api: Api) -> None:
    segment(api, "sleeping", where("member.days_since_last_order", "gte", 60))
    told = api.get("/segments/sleeping").json()
    assert told["text"] == "days since the last order ≥ 60"
    assert Api("acme.localhost", api.token, language="zh-hans").get("/segments/sleeping").json()["text"] == (
        "距上次下单天数 ≥ 60"
    )
    assert api.post("/segments", {k: told[k] for k in ("code", "name", "definition")}).json()["code"] == (
        "segment_code_taken"
    )
    changed = {"definition": {"all": [where("member.days_since_last_order", "gte", 90)]}}
    assert api.patch("/segments/sleeping", changed).json()["text"] == "days since the last order ≥ 90"
    assert api.patch("/segments/sleeping", {"archived": True}).json()["archived"] is True
    assert [each["code"] for each in api.get("/segments?archived=true").json()["items"]] == ["sleeping"]
    assert api.get("/segments?archived=false").json()["items"] == []
    assert api.get("/segments/other").status_code == 404
    for code in ("all", "preview", "Über"):
        assert api.post("/segments", {**told, "code": code} | {}).status_code == 422


def test_a_rule_for_a_segment_gives_to_its_members_and_to_nobody_else(
    in_acme: Brand, api: Api, now: datetime
) -> None:
    change(ANNA, tags=["vip"])
    segment(api, "vips", where("member.tags", "has", "vip"))
    for rule in (BASE, multiplier("vip-double", "2", audience={"segment": "vips"})):
        assert api.post("/earning-rules", rule).json().get("warnings") in (None, [])
        assert api.post(f"/earning-rules/{rule['code']}/publish").status_code == 200
    # Read with the publication: the rule runs for the very next order.
    assert api.post("/orders", priced("O-1", "10.00")).json()["points"]["accrued"] == 20
    assert segments.refresh_due(now=now) == 0
    assert list(SegmentMember.objects.values_list("member_id", "code")) == [(ANNA, "vips")]
    assert api.post("/orders", priced("O-2", "10.00")).json()["points"]["accrued"] == 20
    other = priced("O-3", "10.00", member={"external_id": "C-boris"})
    assert api.post("/orders", other).json()["points"]["accrued"] == 10
    # A return is judged by the segments recorded with the order, whatever became of them since.
    change(ANNA, tags=[])
    change(BORIS, tags=["vip"])
    later = now + timedelta(minutes=15)
    assert (segments.refresh_due(now=now), segments.refresh_due(now=later)) == (0, 1)
    assert list(SegmentMember.objects.values_list("member_id", flat=True)) == [BORIS]
    half = {"return_id": "R-1", "lines": [{"line_id": "1", "quantity": "1"}]}
    assert api.post("/orders", order("O-4", member={"external_id": "C-boris"})).json()["points"] == {
        "accrued": 78, "pending": 0, "debt_repaid": 0,
    }  # fmt: skip
    assert api.post("/orders/O-4/returns", half).json()["points"]["taken_back"] == 40
    assert Segment.objects.get().size == 1


def test_a_segment_that_no_rule_names_is_not_kept(in_acme: Brand, api: Api, now: datetime) -> None:
    segment(api, "vips", where("member.enrolled_days", "gte", 0))
    assert segments.refresh_due(now=now) == 0
    api.post("/earning-rules", multiplier("double", "2", audience={"segment": "vips"}))
    assert segments.refresh_due(now=now) == 1  # a draft is enough
    assert SegmentMember.objects.count() == 3
    assert api.patch("/segments/vips", {"archived": True}).json()["code"] == "segment_in_use"
    api.patch("/earning-rules/double", {"audience": None})
    assert segments.refresh_due(now=now + timedelta(hours=1)) == 0
    assert SegmentMember.objects.count() == 0
    assert api.patch("/segments/vips", {"archived": True}).status_code == 200


def test_a_rule_that_names_an_unknown_segment_is_warned_about(acme: Brand, api: Api) -> None:
    rule = multiplier(
        "double", "2", when={"all": [{"fact": "member.segments", "op": "has", "value": "nobody"}]}
    )
    told = api.post("/earning-rules", rule | {"audience": {"segment": "gone"}}).json()["warnings"]
    assert {(each["pointer"], each["code"]) for each in told} == {
        ("/audience/segment", "segment_unknown"),
        ("/when/all/0/value", "segment_unknown"),
    }


def test_a_definition_that_no_longer_holds_means_nobody(in_acme: Brand, api: Api, now: datetime) -> None:
    segment(api, "all-of-us", where("member.enrolled_days", "gte", 0))
    api.post("/earning-rules", multiplier("double", "2", audience={"segment": "all-of-us"}))
    assert segments.refresh_due(now=now) == 1
    Segment.objects.update(definition={"all": [where("member.tier", "in", ["gone"])]})
    assert segments.refresh_due(now=now + timedelta(minutes=15)) == 1
    assert (SegmentMember.objects.count(), Segment.objects.get().size) == (0, 0)
