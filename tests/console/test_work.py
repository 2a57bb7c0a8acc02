"""What operators do in the console: each button calls its service, and a refusal is told in words."""

import re
from datetime import datetime

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection

from campaigns.models import Rule
from loyalty.outbox import jobs
from partners.models import ApiKey, WebhookDelivery, WebhookEndpoint
from tenants.context import in_brand
from tenants.models import Brand, Domain
from tenants.operators.models import Operator
from tests.console.pages import PASSWORD, Browser, no_rows, operator_of, platform_operator, signed_in, told
from tests.support.client import Api

pytestmark = pytest.mark.django_db

SECRET = re.compile(r'<span class="secret">([^<]+)</span>')
RULE = """{"code": "base", "name": {"zh-hans": "基础积分", "en": "Base"}, "trigger": "order.paid",
           "effect": {"type": "per_amount", "points": "1", "per": "1"}}"""


def test_a_key_is_shown_once_and_works(acme: Brand) -> None:
    owner = signed_in(acme, "owner")
    form = {"name": "till", "scopes": ["members:read"], "expires_in_days": "30"}
    assert owner.post("partners/apikey/add/", form).status_code == 302
    [secret] = SECRET.findall(told(owner))
    assert SECRET.findall(told(owner)) == []
    assert Api("acme.localhost", secret).get("/members").status_code != 401
    with in_brand(acme):
        key = ApiKey.objects.get(name="till")
        assert (key.scopes, secret in key.digest) == (["members:read"], False)
    assert owner.post(f"partners/apikey/{key.pk}/revoke/").status_code == 302
    assert Api("acme.localhost", secret).get("/members").status_code == 401


def test_an_owner_cancels_a_job_and_another_role_does_not(acme: Brand, now: datetime) -> None:
    with in_brand(acme):
        job = jobs.ask(kind="orders.batch", total=3, params={}, asked_by="key:till", now=now)
    here = f"outbox/job/{job.pk}/"
    owner = signed_in(acme, "owner")
    running = f'<span id="job-{job.pk}" data-running="queued">0 / 3</span>'
    pages = ("outbox/job/", f"{here}change/")
    assert all(running in owner.get(page).content.decode() for page in pages)
    assert "batch of orders · queued" in told(owner, f"{here}cancel/")
    assert signed_in(acme, "marketing").post(f"{here}cancel/").status_code == 403
    with in_brand(acme):
        assert jobs.find(job.pk).status == "queued"
    assert owner.post(f"{here}cancel/").status_code == 302
    with in_brand(acme):
        assert jobs.find(job.pk).status == "cancelled"
    assert not any("data-running" in owner.get(page).content.decode() for page in pages)
    assert "not possible in the present state" in told(owner, owner.get(f"{here}cancel/").headers["Location"])


def test_a_key_without_a_scope_is_refused(acme: Brand) -> None:
    owner = signed_in(acme, "owner")
    with in_brand(acme):
        before = ApiKey.objects.count()
    assert owner.post("partners/apikey/add/", {"name": "till"}).status_code == 200
    with in_brand(acme):
        assert ApiKey.objects.count() == before


def test_an_operator_is_added_with_a_role_and_a_password_shown_once(acme: Brand) -> None:
    owner = signed_in(acme, "owner")
    form = {"email": "Lin@acme.example", "name": "Lin", "role": "shop", "language": "en", "password": ""}
    assert owner.post("operators/operator/add/", form).status_code == 302
    [password] = SECRET.findall(told(owner))
    newcomer = Browser("acme.localhost")
    assert newcomer.sign_in("lin@acme.example", password).status_code == 302
    assert newcomer.get("mall/redemption/").status_code == 200
    assert newcomer.get("operators/operator/").status_code == 403
    with in_brand(acme):
        operator = Operator.objects.get(username="lin@acme.example")
        assert (operator.role, operator.language, operator.is_superuser) == ("shop", "en", False)
        assert [group.name for group in operator.groups.all()] == ["shop"]


def test_an_address_that_is_taken_is_refused(acme: Brand) -> None:
    owner = signed_in(acme, "owner")
    form = {"email": "owner@acme.example", "name": "", "role": "shop", "language": "en", "password": ""}
    answer = owner.post("operators/operator/add/", form)
    assert (answer.status_code, "exists already" in answer.content.decode()) == (200, True)


def test_another_role_is_another_group_and_the_last_owner_stays(acme: Brand) -> None:
    owner = signed_in(acme, "owner")
    name = operator_of(acme, "care")
    with in_brand(acme):
        care, me = Operator.objects.get(username=name), Operator.objects.get(role="owner")
    form = {"name": "Kim", "role": "marketing", "language": "en", "active": "on"}
    assert owner.post(f"operators/operator/{care.pk}/change/", form).status_code == 302
    with in_brand(acme):
        care.refresh_from_db()
        assert (care.role, [g.name for g in care.groups.all()]) == ("marketing", ["marketing"])
    refused = owner.post(f"operators/operator/{me.pk}/change/", {**form, "role": "care"})
    assert "At least one active owner must remain." in refused.content.decode()
    with in_brand(acme):
        me.refresh_from_db()
        assert (me.role, me.is_active) == ("owner", True)


def test_a_new_password_replaces_the_old_one(acme: Brand) -> None:
    owner = signed_in(acme, "owner")
    name = operator_of(acme, "care")
    with in_brand(acme):
        care = Operator.objects.get(username=name)
    assert owner.post(f"operators/operator/{care.pk}/reset-password/").status_code == 302
    [password] = SECRET.findall(told(owner))
    assert "sessionid" not in Browser("acme.localhost").sign_in(name).cookies
    assert Browser("acme.localhost").sign_in(name, password).status_code == 302


def test_the_platform_adds_a_colleague_who_may_do_everything_there(acme: Brand) -> None:
    platform = platform_operator()
    form = {"email": "kim@platform.example", "name": "Kim", "language": "en", "password": PASSWORD}
    assert platform.post("operators/operator/add/", form).status_code == 302
    kim = Browser("localhost")
    assert kim.sign_in("kim@platform.example").status_code == 302
    assert kim.get("tenants/brand/").status_code == 200
    assert "sessionid" not in Browser("acme.localhost").sign_in("kim@platform.example").cookies


def test_the_life_of_a_rule(acme: Brand) -> None:
    marketing = signed_in(acme, "marketing")
    answer = marketing.post("campaigns/rule/add/", {"body": RULE})
    assert answer.status_code == 302, answer.content.decode()
    with in_brand(acme):
        rule = Rule.objects.get(code="base")
        assert (rule.status, rule.created_by) == ("draft", "operator:marketing@acme.example")
    page = told(marketing, f"campaigns/rule/{rule.pk}/change/")
    assert "When an order is paid" in page
    assert marketing.post(f"campaigns/rule/{rule.pk}/publish/").status_code == 302
    changed = RULE.replace('"points": "1"', '"points": "2"')
    assert (
        marketing.post(
            f"campaigns/rule/{rule.pk}/change/", {"body": changed, **no_rows("versions")}
        ).status_code
        == 302
    )
    with in_brand(acme):
        rule.refresh_from_db()
        assert (rule.status, rule.current_version, rule.draft["effect"]["points"]) == ("published", 1, "2")
    assert marketing.post(f"campaigns/rule/{rule.pk}/publish/").status_code == 302
    assert marketing.post(f"campaigns/rule/{rule.pk}/retire/").status_code == 302
    with in_brand(acme):
        rule.refresh_from_db()
        assert (rule.status, rule.current_version) == ("retired", 2)
        assert LogEntry.objects.filter(object_id=str(rule.pk)).count() == 5
    assert "_save" not in told(marketing, f"campaigns/rule/{rule.pk}/change/")


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "Not JSON"),
        ("[]", "Must be an object."),
        (RULE.replace("per_amount", "magic"), "/effect/type"),
        (RULE.replace('"trigger"', '"trigge"'), "/trigge"),
    ],
)
def test_a_rule_that_does_not_hold_is_refused_with_the_place(acme: Brand, body: str, words: str) -> None:
    marketing = signed_in(acme, "marketing")
    answer = marketing.post("campaigns/rule/add/", {"body": body})
    assert (answer.status_code, words in answer.content.decode()) == (200, True)
    with in_brand(acme):
        assert Rule.objects.count() == 0


def test_an_endpoint_shows_its_secret_once_and_rotates_it(acme: Brand) -> None:
    owner = signed_in(acme, "owner")
    refused = owner.post("partners/webhookendpoint/add/", {"url": "https://10.0.0.1/hook", "description": ""})
    assert (refused.status_code, "not public" in refused.content.decode()) == (200, True)
    form = {
        "url": "https://partner.example.com/hook",
        "description": "shop",
        "event_types": ["points.accrued"],
    }
    answer = owner.post("partners/webhookendpoint/add/", form)
    assert answer.status_code == 302, answer.content.decode()
    [secret] = SECRET.findall(told(owner))
    assert secret.startswith("whsec_")
    with in_brand(acme):
        endpoint = WebhookEndpoint.objects.get()
        assert (endpoint.event_types, secret in endpoint.secret) == (["points.accrued"], False)
    assert owner.post(f"partners/webhookendpoint/{endpoint.pk}/rotate-secret/").status_code == 302
    [second] = SECRET.findall(told(owner))
    assert second not in ("", secret)
    for action, state in (("pause", "paused"), ("activate", "active")):
        owner.post(f"partners/webhookendpoint/{endpoint.pk}/{action}/")
        with in_brand(acme):
            endpoint.refresh_from_db()
            assert endpoint.status == state
            assert WebhookDelivery.objects.count() == 0


def test_the_platform_suspends_a_brand_and_lets_it_go_on(acme: Brand) -> None:
    platform = platform_operator()
    connection.set_schema_to_public()
    owner = signed_in(acme, "owner")
    assert platform.post(f"tenants/brand/{acme.pk}/suspend/").status_code == 302
    assert owner.get("").status_code == 403
    assert platform.post(f"tenants/brand/{acme.pk}/resume/").status_code == 302
    assert owner.get("").status_code == 200


def test_a_brand_gets_another_host(acme: Brand) -> None:
    platform = platform_operator()
    connection.set_schema_to_public()
    domain = Domain.objects.get(tenant=acme)
    form = {
        "name": "Acme",
        "timezone": "Asia/Tokyo",
        "domains-TOTAL_FORMS": "2",
        "domains-INITIAL_FORMS": "1",
        "domains-MIN_NUM_FORMS": "1",
        "domains-0-id": str(domain.pk),
        "domains-0-tenant": str(acme.pk),
        "domains-0-domain": domain.domain,
        "domains-0-is_primary": "on",
        "domains-1-tenant": str(acme.pk),
        "domains-1-domain": "Club.Acme.example",
    }
    assert (
        platform.post(f"tenants/brand/{acme.pk}/change/", {**form, "timezone": "Mars/Olympus"}).status_code
        == 200
    )
    answer = platform.post(f"tenants/brand/{acme.pk}/change/", form)
    assert answer.status_code == 302, answer.content.decode()
    assert Browser("club.acme.example").get("login/").status_code == 200
    assert Brand.objects.get(pk=acme.pk).timezone == "Asia/Tokyo"
