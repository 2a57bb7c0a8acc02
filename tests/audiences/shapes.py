"""Short hands: filters, segments, and whom they mean; a brand's policies."""

from typing import Any
from uuid import UUID

from django.db import connection

from members.models import Member
from tenants import hosts
from tenants.models import Brand
from tests.support.client import Api


def where(fact: str, op: str, value: Any, **more: Any) -> dict[str, Any]:
    """One filter."""
    return {"fact": fact, "op": op, "value": value, **more}


def segment(api: Api, code: str, *filters: dict[str, Any], **groups: Any) -> None:
    """Save a segment of all these filters."""
    body = {
        "code": code,
        "name": {"en": code, "zh-hans": code},
        "definition": {"all": list(filters), **groups},
    }
    answer = api.post("/segments", body)
    assert answer.status_code == 201, answer.content


def meant(api: Api, *filters: dict[str, Any], **groups: Any) -> set[UUID]:
    """The members whom a definition means, which its count agrees with."""
    answer = api.post("/segments/preview", {"definition": {"all": list(filters), **groups}})
    assert answer.status_code == 200, answer.content
    told = answer.json()
    found = {UUID(each["member_id"]) for each in told["sample"]}
    assert (told["size"], told["estimated"]) == (len(found), False)
    return found


def change(member_id: UUID, **values: Any) -> None:
    """Give a member these values."""
    assert Member.objects.filter(pk=member_id).update(**values) == 1


def policy(brand: Brand, **settings: Any) -> None:
    """Give the brand at hand these policies."""
    brand.settings = settings
    before = connection.tenant
    connection.set_schema_to_public()
    Brand.objects.filter(pk=brand.pk).update(settings=settings)
    connection.set_tenant(before)
    hosts.forget()
