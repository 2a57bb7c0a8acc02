"""Consents by purpose: what holds now, what was said before, and saying it anew."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from loyalty.lib import clock
from loyalty.lib.api import ApiView
from loyalty.lib.instants import text as instant
from members import selectors, services
from members.api.base import MemberApiView
from members.api.bodies import ConsentBody, profile_of
from members.errors import MemberNotFound
from members.models import Consent, Member

_SAID: dict[str, Any] = {
    "purpose": "marketing",
    "version": "2026-01",
    "granted": True,
    "at": "2026-11-22T02:15:00Z",
    "source": "mini-program",
}
EXAMPLE: dict[str, Any] = {"current": [_SAID], "history": [_SAID]}
BODY: dict[str, Any] = {"purpose": "marketing", "version": "2026-01", "granted": False}


class ConsentEntry(serializers.Serializer[Any]):
    """One word of the member on one purpose."""

    purpose = serializers.CharField()
    version = serializers.CharField()
    granted = serializers.BooleanField()
    at = serializers.DateTimeField()
    source = serializers.CharField(allow_blank=True)  # type: ignore[assignment]


class Consents(serializers.Serializer[Any]):
    """What holds now, by purpose, and all that was said, the newest first."""

    current = ConsentEntry(many=True)
    history = ConsentEntry(many=True)


EXAMPLES = [
    OpenApiExample("Withdrawn", BODY, request_only=True),
    OpenApiExample("Consents", EXAMPLE, response_only=True),
]


def shown(member_id: UUID) -> dict[str, Any]:
    """A member's consents as the API shows them."""
    history = [_entry(each) for each in selectors.consents_of(member_id)]
    current: dict[str, dict[str, Any]] = {}
    for each in history:
        current.setdefault(each["purpose"], each)
    return {"current": [current[name] for name in sorted(current)], "history": history}


def _entry(consent: Consent) -> dict[str, Any]:
    return {
        "purpose": consent.purpose,
        "version": consent.version,
        "granted": consent.granted,
        "at": instant(consent.at),
        "source": consent.source,
    }


class MemberConsentsView(ApiView):
    """The consents of one member."""

    required_scopes: ClassVar = {"GET": "members:read", "POST": "members:write"}

    @extend_schema(operation_id="member_consents", responses=Consents, examples=EXAMPLES[1:])
    def get(self, request: Any, member_id: UUID) -> Response:
        """What the member agreed to and withdrew, by purpose."""
        if not Member.objects.filter(pk=member_id).exists():
            raise MemberNotFound
        return Response(shown(member_id))

    @extend_schema(
        operation_id="member_consents_say", request=ConsentBody, responses={201: Consents}, examples=EXAMPLES
    )
    def post(self, request: Any, member_id: UUID) -> Any:
        """Record a consent given or withdrawn. It is added; nothing that was said before is changed."""
        body = self.body(ConsentBody)
        return self.once(lambda: _say(member_id, body))


class OwnConsentsView(MemberApiView):
    """The consents of the member who calls."""

    @extend_schema(operation_id="me_consents", responses=Consents, examples=EXAMPLES[1:])
    def get(self, request: Any) -> Response:
        """What I agreed to and withdrew, by purpose."""
        return Response(shown(self.member.pk))

    @extend_schema(
        operation_id="me_consents_say", request=ConsentBody, responses={201: Consents}, examples=EXAMPLES
    )
    def post(self, request: Any) -> Any:
        """Give or withdraw a consent; withdrawing is the same call as giving."""
        body = self.body(ConsentBody)
        return self.once(lambda: _say(self.member.pk, body))


def _say(member_id: UUID, body: dict[str, Any]) -> Response:
    services.update(member_id=member_id, changes=profile_of({"consents": [body]}), keys=[], now=clock.now())
    return Response(shown(member_id), status=201)
