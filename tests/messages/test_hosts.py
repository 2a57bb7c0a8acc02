"""Where a template's link may lead is looked up before a transaction begins, never in it."""

from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import MessageTemplate
from campaigns.services.messages import templating
from loyalty.lib.errors import Invalid
from tenants import hosts
from tenants.context import in_brand
from tenants.models import Brand
from tests.console.pages import signed_in

TEXT: dict[str, Any] = {"zh-hans": "来看看"}


def saved(now: datetime, link: str, *, new: bool = True) -> MessageTemplate:
    body = {"channels": {"email": {"fields": {"subject": TEXT, "text": TEXT}}}, "link": link, "tags": []}
    return templating.save(
        code="hello",
        name=TEXT,
        purpose="marketing",
        event="",
        enabled=True,
        channels=["email"],
        body=body,
        actor="t",
        now=now,
        new=new,
    )


def _looked_up(statements: list[str]) -> list[int]:
    return [place for place, each in enumerate(statements) if '"tenants_domain"' in each]


@pytest.mark.parametrize("step", ["save", "publish"])
def test_saving_and_publishing_look_before_they_begin(in_acme: Brand, now: datetime, step: str) -> None:
    saved(now, "https://acme.localhost/offers")
    hosts.forget()
    with CaptureQueriesContext(connection) as seen:
        if step == "save":
            saved(now, "https://acme.localhost/new", new=False)
        else:
            templating.publish(code="hello", actor="t", now=now)
    statements = [each["sql"] for each in seen]
    begins = next(place for place, each in enumerate(statements) if each.startswith("SAVEPOINT"))
    assert _looked_up(statements)
    assert all(place < begins for place in _looked_up(statements))


def test_a_page_knows_the_brands_hosts_since_it_knows_the_brand(acme: Brand, now: datetime) -> None:
    marketing = signed_in(acme, "marketing")
    with in_brand(acme):
        template = saved(now, "https://acme.localhost/offers")
    hosts.forget()
    with CaptureQueriesContext(connection) as seen:
        answer = marketing.post(f"campaigns/messagetemplate/{template.pk}/publish/")
    assert answer.status_code == 302
    assert len(_looked_up([each["sql"] for each in seen])) == 1
    with in_brand(acme):
        assert MessageTemplate.objects.get().current_version == 1


def test_a_host_of_another_brand_is_still_refused(in_acme: Brand, now: datetime) -> None:
    with pytest.raises(Invalid) as refused:
        saved(now, "https://globex.localhost/offers")
    assert [(e.pointer, e.code) for e in refused.value.errors] == [("/body/link", "link_not_allowed")]
    assert not MessageTemplate.objects.exists()
