"""The product's URLs and the floor: one row by primary key in a DRF view, with brand and pool."""

from typing import Any

from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from loyalty.urls import urlpatterns as product
from members.models import Member


class TrivialRead(APIView):
    """GET one member by primary key: no key, no throttle, no idempotency."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    def get(self, request: Any, member_id: Any) -> Response:
        """The row."""
        member = Member.objects.get(pk=member_id)
        return Response({"member_id": str(member.id), "name": member.name, "status": member.status})


urlpatterns = [path("bench/members/<uuid:member_id>", TrivialRead.as_view()), *product]
