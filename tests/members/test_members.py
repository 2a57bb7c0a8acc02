"""`/members` of the partner API: enrolling, finding and changing members."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from loyalty.lib import clock
from loyalty.outbox.models import OutboxEvent
from members.models import Member
from tenants.context import in_brand
from tenants.models import Brand
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api

pytestmark = pytest.mark.django_db
Counts = Callable[[], dict[str, int]]
NOWHERE = "01900000-0000-7000-8000-00000000dead"
EVERYTHING = {
    "external_id": "C123",
    "phone": "138 0000 0000",
    "email": "Jing.Chen@Example.com",
    "card_no": "6200 0001",
    "unionid": "u-jing",
    "openid": "o-jing",
    "app_id": "wx-1",
    "alipay_open_id": "a-jing",
    "name": "陈静",
    "birthday": "1990-05-17",
    "region": "440100",
    "tags": ["vip", "vip", "fresh"],
    "children": [{"birth_month": "2024-03", "guardian_consent": True}],
    "consents": [
        {"purpose": "marketing", "version": "2026-01", "granted": True, "at": "2026-11-20T10:00:00+08:00"}
    ],
    "locale": "zh-hans",
    "source": "store",
    "referrer_code": "anna",
}


def test_a_new_member_with_everything(api: Api, acme: Brand) -> None:
    answer = api.post("/members", EVERYTHING)
    assert answer.status_code == 201
    body = answer.json()
    identities = body.pop("identities")
    assert body == {
        "member_id": body["member_id"],
        "status": "active",
        "name": "陈静",
        "birthday": "1990-05-17",
        "region": "440100",
        "tags": ["vip", "fresh"],
        "children": [{"birth_month": "2024-03", "guardian_consent": True}],
        "consents": [
            {
                "purpose": "marketing",
                "version": "2026-01",
                "granted": True,
                "at": "2026-11-20T02:00:00Z",
                "source": "",
            }
        ],
        "locale": "zh-hans",
        "source": "store",
        "referral_code": body["referral_code"],
        "referrer_id": str(ANNA),
        "merged_into": None,
        "enrolled_at": "2026-11-22T02:00:00Z",
    }
    assert [(i["provider"], i["app_id"], i["subject"]) for i in identities] == [
        ("alipay_open_id", "", "a-jing"),
        ("card_no", "", "6200 0001"),
        ("email", "", "jing.chen@example.com"),
        ("external_id", "", "C123"),
        ("openid", "wx-1", "o-jing"),
        ("phone", "", "+8613800000000"),
        ("unionid", "", "u-jing"),
    ]
    assert api.get(f"/members/{body['member_id']}").json() == {**body, "identities": identities}
    with in_brand(acme):
        (event,) = OutboxEvent.objects.filter(type="member.enrolled")
    assert (str(event.member_id), event.payload["source"]) == (body["member_id"], "store")
    assert "陈静" not in str(event.payload)


def test_a_known_member_is_returned_and_gains_identities(api: Api, acme: Brand) -> None:
    first = api.post("/members", {"external_id": "C123", "name": "Jing"}).json()
    answer = api.post("/members", {"phone": "+8613800000000", "external_id": "C123", "name": "Other"})
    assert (answer.status_code, answer.json()["member_id"]) == (200, first["member_id"])
    assert answer.json()["name"] == "Jing"
    by_phone = api.post("/members", {"phone": "13800000000"})
    assert (by_phone.status_code, by_phone.json()["member_id"]) == (200, first["member_id"])
    with in_brand(acme):
        assert OutboxEvent.objects.filter(type="member.enrolled").count() == 1


def test_any_provider(api: Api) -> None:
    first = api.post("/members", {"provider": "tmall", "subject": "TM-1"}).json()
    again = api.post("/members", {"provider": "tmall", "subject": "TM-1"})
    assert (again.status_code, again.json()["member_id"]) == (200, first["member_id"])


def test_identities_of_two_members_are_a_conflict(api: Api, row_counts: Counts) -> None:
    before = row_counts()
    api_answer = api.post(
        "/members", {"external_id": "C-anna", "provider": "external_id", "subject": "C-boris"}
    )
    assert (api_answer.status_code, api_answer.json()["code"]) == (409, "identity_conflict")
    assert api_answer.json()["member_ids"] == [str(ANNA), str(BORIS)]
    assert row_counts() == before


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, [""]),
        ({"name": "nobody"}, [""]),
        ({"phone": "12"}, ["/phone"]),
        ({"phone": 13800000000}, ["/phone"]),
        ({"email": "jing"}, ["/email"]),
        ({"openid": "o-1"}, ["/app_id"]),
        ({"provider": "tmall"}, ["/subject"]),
        ({"subject": "TM-1"}, ["/provider"]),
        ({"external_id": ""}, ["/external_id"]),
        ({"external_id": "x" * 129}, ["/external_id"]),
        ({"external_id": "C1", "birthday": "17.5.1990"}, ["/birthday"]),
        ({"external_id": "C1", "birthday": "2027-01-01"}, ["/birthday"]),
        ({"external_id": "C1", "name": "x" * 121}, ["/name"]),
        ({"external_id": "C1", "tags": [1]}, ["/tags/0"]),
        ({"external_id": "C1", "tags": [f"t{n}" for n in range(51)]}, ["/tags"]),
        (
            {"external_id": "C1", "children": [{"birth_month": "2024-13"}]},
            ["/children/0/birth_month", "/children/0/guardian_consent"],
        ),
        (
            {"external_id": "C1", "children": [{"birth_month": "2024-03", "guardian_consent": False}]},
            ["/children/0/guardian_consent"],
        ),
        ({"external_id": "C1", "consents": [{"purpose": "x", "version": "1"}]}, ["/consents/0/granted"]),
        (
            {
                "external_id": "C1",
                "consents": [{"purpose": "x", "version": "1", "granted": True, "at": "2026-12-24T00:00:00Z"}],
            },
            ["/consents/0/at"],
        ),
        ({"external_id": "C1", "locale": "fr"}, ["/locale"]),
        ({"external_id": "C1", "referrer_code": "NOBODY"}, ["/referrer_code"]),
        ({"external_id": "C1", "nickname": "J"}, ["/nickname"]),
    ],
    ids=str,
)
def test_bad_input_is_named(body: dict, pointers: list[str], api: Api, row_counts: Counts) -> None:
    before = row_counts()
    answer = api.post("/members", body)
    assert answer.status_code == 422
    assert sorted(e["pointer"] for e in answer.json()["errors"]) == pointers
    assert row_counts() == before


def test_problems_come_in_the_callers_language(api: Api) -> None:
    answer = api.post("/members", {}, headers={"Accept-Language": "zh-CN"})
    assert answer["Content-Language"] == "zh-hans"


def test_a_replayed_key_gives_the_first_answer(api: Api) -> None:
    first = api.post("/members", {"external_id": "C123"}, key="enrol-key-0000001")
    again = api.post("/members", {"external_id": "C123"}, key="enrol-key-0000001")
    assert (again.status_code, again.content) == (201, first.content)
    assert again["Idempotent-Replayed"] == "true"


def test_looking_for_one(api: Api, foreign: Api) -> None:
    jing = api.post("/members", EVERYTHING).json()["member_id"]

    def found(query: str) -> list[str]:
        return [m["member_id"] for m in api.get(f"/members?{query}").json()["items"]]

    for query in (
        "external_id=C123",
        "phone=%2B8613800000000",
        "phone=+8613800000000",
        "phone=13800000000",
        "email=JING.CHEN@example.com",
        "card_no=6200+0001",
        "unionid=u-jing",
        "openid=o-jing&app_id=wx-1",
        "alipay_open_id=a-jing",
        "provider=external_id&subject=C123",
    ):
        assert found(query) == [jing], query
    assert found("external_id=nobody") == []
    assert found("openid=o-jing&app_id=wx-2") == []
    assert foreign.get("/members?external_id=C123").json()["items"] == []
    two = api.get("/members?external_id=C123&phone=13800000000")
    assert (two.status_code, two.json()["errors"][0]["code"]) == (422, "ambiguous")
    assert api.get("/members?nickname=J").json()["errors"][0]["pointer"] == "/nickname"


def test_the_list_is_paged_newest_first(api: Api) -> None:
    with clock.frozen(clock.now() + timedelta(days=1)):
        newest = api.post("/members", {"external_id": "C123"}).json()["member_id"]
    page = api.get("/members?limit=3").json()
    assert page["items"][0]["member_id"] == newest
    rest = api.get(f"/members?limit=3&cursor={page['next_cursor']}").json()
    assert len(page["items"]) == 3
    assert len(rest["items"]) == 1
    assert rest["next_cursor"] is None
    assert api.get("/members?cursor=nonsense").json()["errors"][0]["pointer"] == "/cursor"


def test_a_profile_is_changed(api: Api, acme: Brand) -> None:
    body = api.patch(
        f"/members/{ANNA}", {"name": "Anna", "birthday": "1990-02-28", "tags": ["a"], "card_no": "77"}
    ).json()
    assert (body["name"], body["birthday"], body["tags"]) == ("Anna", "1990-02-28", ["a"])
    assert ("card_no", "77") in [(i["provider"], i["subject"]) for i in body["identities"]]
    assert api.patch(f"/members/{ANNA}", {"birthday": None}).json()["birthday"] is None
    with in_brand(acme):
        events = OutboxEvent.objects.filter(type="member.updated").order_by("id")
        assert [e.payload["changed"] for e in events] == [
            ["birthday", "card_no", "name", "tags"],
            ["birthday"],
        ]


def test_consents_are_added_never_replaced(api: Api) -> None:
    for granted in (True, False):
        consent = {"purpose": "marketing", "version": "1", "granted": granted}
        body = api.patch(f"/members/{ANNA}", {"consents": [consent]}).json()
    assert [c["granted"] for c in body["consents"]] == [True, False]


def test_changing_nothing_writes_nothing(api: Api, row_counts: Counts) -> None:
    before = row_counts()
    assert api.patch(f"/members/{ANNA}", {}).status_code == 200
    assert api.patch(f"/members/{ANNA}", {"external_id": "C-anna"}).status_code == 200
    assert row_counts() == before


def test_an_identity_of_another_member_is_not_taken(api: Api, row_counts: Counts) -> None:
    before = row_counts()
    answer = api.patch(f"/members/{ANNA}", {"external_id": "C-boris", "name": "Thief"})
    assert (answer.status_code, answer.json()["code"]) == (409, "identity_conflict")
    assert api.get(f"/members/{ANNA}").json()["name"] == "C-anna of acme"
    assert row_counts() == before


def test_a_closed_member_is_not_changed(api: Api, acme: Brand, row_counts: Counts) -> None:
    with in_brand(acme):
        Member.objects.filter(pk=ANNA).update(status="closed")
    before = row_counts()
    for answer in (
        api.patch(f"/members/{ANNA}", {"name": "Anna"}),
        api.post("/members", {"external_id": "C-anna"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "member_not_active")
    assert api.get(f"/members/{ANNA}").json()["status"] == "closed"
    assert row_counts() == before


def test_another_brand_sees_and_changes_nothing(
    api: Api, foreign: Api, intruder: Api, reader: Api, row_counts: Counts
) -> None:
    jing = api.post("/members", EVERYTHING).json()["member_id"]
    before = row_counts()
    assert foreign.get(f"/members/{jing}").json()["code"] == "member_not_found"
    assert foreign.patch(f"/members/{jing}", {"name": "x"}).status_code == 404
    assert intruder.get(f"/members/{jing}").status_code == 401
    assert reader.get(f"/members/{jing}").status_code == 200
    assert reader.patch(f"/members/{jing}", {"name": "x"}).json()["code"] == "scope_missing"
    assert reader.post("/members", {"external_id": "new"}).json()["code"] == "scope_missing"
    assert api.get(f"/members/{NOWHERE}").status_code == 404
    assert foreign.get(f"/members/{ANNA}").json()["name"] == "C-anna of globex"
    assert row_counts() == before
