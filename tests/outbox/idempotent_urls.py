"""A URLconf with one call that moves something, for the tests of idempotency."""

from typing import Any, ClassVar
from uuid import UUID

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty.lib import fields, ids
from loyalty.lib.api import ApiView, StrictSerializer
from loyalty.lib.errors import Refusal
from loyalty.urls_shared import shared_urlpatterns
from members.models import Member


class Empty(Refusal):
    """A refusal by the service, after it wrote."""

    code = "jar_empty"
    title = "The jar is empty."


class JarBody(StrictSerializer):
    """How much, and how it ends."""

    points = fields.Points(max_value=1000)
    ending = fields.Choice(choices=["well", "refused", "crash"], default="well")


class Jar(ApiView):
    """Each call adds to a member's region, so that a second effect would show."""

    required_scopes: ClassVar = {"POST": "points:write"}
    calls: ClassVar[list[int]] = []

    def post(self, request: Request, member_id: UUID) -> Any:
        """Write, then end as told."""
        body = self.body(JarBody)

        def work() -> Response:
            Jar.calls.append(body["points"])
            member = Member.objects.get(pk=member_id)
            member.region += "x"
            member.save(update_fields=["region"])
            if body["ending"] == "refused":
                raise Empty(left=0)
            if body["ending"] == "crash":
                raise LookupError
            return Response({"entry": str(ids.new()), "points": body["points"], "名": "值"}, status=201)

        return self.once(work)


urlpatterns = [
    *shared_urlpatterns,
    path("api/v1/jars/<uuid:member_id>", Jar.as_view()),
    path("api/v1/pots/<uuid:member_id>", Jar.as_view()),
]
handler404 = "loyalty.errorpages.not_found"
handler500 = "loyalty.errorpages.server_error"
