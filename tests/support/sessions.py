"""A member of one brand who is signed in and calls the member API."""

from uuid import UUID

from loyalty.lib import clock
from members import tokens
from members.models import Member
from tenants.context import in_brand
from tenants.models import Brand
from tests.support.client import Api

PREFIX = "/api/member/v1"


def access_token(slug: str, member_id: UUID) -> str:
    """An access token of a new session of this member."""
    now = clock.now()
    with in_brand(Brand.objects.get(slug=slug)):
        key = tokens.signing_key(now)
        member = Member.objects.get(pk=member_id)
        return tokens.start(member=member, key=key, device_id="", now=now).access_token


def signed_in(slug: str, member_id: UUID, language: str = "en") -> Api:
    """The member API of a brand, as this member."""
    return Api(f"{slug}.localhost", access_token(slug, member_id), prefix=PREFIX, language=language)
