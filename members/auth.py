"""`Authorization: Bearer <access token>` of the member API."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed

from loyalty.lib import clock
from members import tokens
from members.models import Member


@dataclass(frozen=True, slots=True)
class MemberPrincipal:
    """The member behind a call."""

    member: Member
    is_authenticated: bool = True

    @property
    def member_id(self) -> UUID:
        """The member's id."""
        return self.member.id

    @property
    def caller(self) -> str:
        """Who asks: the scope of idempotency keys and the actor of what is written."""
        return f"member:{self.member.id}"


@dataclass(frozen=True, slots=True)
class Session:
    """What a member's token allows: their own things, and no scope of the partner API."""

    session_id: UUID
    scopes: frozenset[str] = field(default=frozenset())


class MemberTokenAuthentication(BaseAuthentication):
    """Tells which member calls. Answers 401 for a token of another brand, an expired or a forged one."""

    def authenticate(self, request: Any) -> tuple[MemberPrincipal, Session] | None:
        header = request.headers.get("Authorization", "")
        if not header:
            return None
        scheme, _space, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.isascii():
            raise AuthenticationFailed(_("Send the access token as: Authorization: Bearer <token>."))
        try:
            claims = tokens.read(token, clock.now())
        except tokens.TokenRefused:
            raise AuthenticationFailed(_("This access token is not valid here, or has expired.")) from None
        member = Member.objects.filter(pk=claims.member_id).first()
        if member is None or member.status != Member.Status.ACTIVE:
            raise AuthenticationFailed(_("This member is no longer active."))
        return MemberPrincipal(member), Session(claims.session_id)

    def authenticate_header(self, request: Any) -> str:
        return 'Bearer realm="member API"'
