"""What the views of the member API share."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.permissions import BasePermission

from loyalty.lib.api import ApiView
from members.auth import MemberPrincipal, MemberTokenAuthentication
from members.models import Member
from members.throttle import MemberThrottle, SignInThrottle

MAX_DEVICE_ID = 80


class IsMember(BasePermission):
    """A member who is signed in."""

    def has_permission(self, request: Any, view: Any) -> bool:
        return isinstance(request.user, MemberPrincipal)


class MemberApiView(ApiView):
    """A view for members who are signed in. What it shows and changes is theirs alone."""

    authentication_classes = (MemberTokenAuthentication,)
    permission_classes = (IsMember,)
    throttle_classes = (MemberThrottle,)

    @property
    def member(self) -> Member:
        """The member who calls, as read when the token was checked."""
        principal: MemberPrincipal = self.request.user  # type: ignore[assignment]
        return principal.member


class SignInView(ApiView):
    """A view that gives out or takes back tokens: the body carries what proves the caller."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = (SignInThrottle,)


def device_id(request: Any) -> str:
    """What the client calls its device, cut to what is kept; '' where it says nothing."""
    text = str(request.headers.get("X-Device-Id", ""))
    return "".join(char for char in text if char.isprintable())[:MAX_DEVICE_ID]


class MemberTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The member's token in the OpenAPI document."""

    target_class = MemberTokenAuthentication
    name = "memberToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """An HTTP bearer scheme."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
