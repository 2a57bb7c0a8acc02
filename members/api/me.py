"""`/me` of the member API: what a member sees and changes of themselves."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from loyalty.lib import clock, words
from loyalty.lib.instants import text as instant
from members import services
from members.api import shapes
from members.api.base import MemberApiView
from members.api.bodies import OwnProfileBody, profile_of
from members.api.shapes import Consent
from members.models import Member

EXAMPLE: dict[str, Any] = {
    "member_id": shapes.MEMBER_ID,
    "name": "陈静",
    "birthday": "1990-05-17",
    "region": "440100",
    "locale": "zh-hans",
    "consents": shapes.EXAMPLE["consents"],
    "identities": [{"provider": "phone", "subject": "+86•••••••••00"}],
    "referral_code": "8KQ4ZT2M",
    "enrolled_at": "2026-11-22T02:15:00Z",
    "actions": ["change"],
}


class OwnIdentity(serializers.Serializer[Any]):
    """One way the member is known; the value is masked, as a phone may be lost or lent."""

    provider = serializers.CharField()
    subject = serializers.CharField()


class Profile(serializers.Serializer[Any]):
    """The member who calls."""

    member_id = serializers.UUIDField()
    name = serializers.CharField(allow_blank=True)
    birthday = serializers.DateField(allow_null=True)
    region = serializers.CharField(allow_blank=True)
    locale = serializers.ChoiceField(choices=words.LANGUAGES, allow_blank=True)
    consents = Consent(many=True)
    identities = OwnIdentity(many=True)
    referral_code = serializers.CharField()
    enrolled_at = serializers.DateTimeField()
    actions = serializers.ListField(child=serializers.CharField())


CHANGE: dict[str, Any] = {
    "request": OwnProfileBody,
    "responses": Profile,
    "examples": [
        OpenApiExample("A name", {"name": "陈静", "locale": "zh-hans"}, request_only=True),
        OpenApiExample("The member", EXAMPLE, response_only=True),
    ],
}


class MeView(MemberApiView):
    """The member who calls."""

    @extend_schema(
        operation_id="me_get",
        responses=Profile,
        examples=[OpenApiExample("The member", EXAMPLE, response_only=True)],
    )
    def get(self, request: Any) -> Response:
        """The member's own profile."""
        return Response(profile(self.member))

    @extend_schema(operation_id="me_change", **CHANGE)
    def patch(self, request: Any) -> Response:
        """Change name, birthday, region or language, or give and withdraw consents."""
        return self._changed()

    @extend_schema(operation_id="me_change_by_put", **CHANGE)
    def put(self, request: Any) -> Response:
        """The same as PATCH, for clients that cannot send one, such as `wx.request`."""
        return self._changed()

    def _changed(self) -> Response:
        body = self.body(OwnProfileBody)
        changed = services.update(
            member_id=self.member.id, changes=profile_of(body), keys=[], now=clock.now()
        )
        return Response(profile(changed))


def profile(member: Member) -> dict[str, Any]:
    """What a member is shown of themselves."""
    rows = sorted(member.identities.all(), key=lambda i: (i.provider, i.app_id, i.subject))
    return {
        "member_id": str(member.id),
        "name": member.name,
        "birthday": member.birthday.isoformat() if member.birthday else None,
        "region": member.region,
        "locale": member.locale,
        "consents": member.consents,
        "identities": [{"provider": row.provider, "subject": _masked(row.subject)} for row in rows],
        "referral_code": member.referral_code,
        "enrolled_at": instant(member.enrolled_at),
        "actions": ["change"],
    }


def _masked(subject: str) -> str:
    if len(subject) <= 4:
        return "•" * len(subject)
    shown = 3 if len(subject) > 8 else 1
    return subject[:shown] + "•" * (len(subject) - shown - 2) + subject[-2:]
