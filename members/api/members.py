"""`/members`: enrolling, looking up and changing members."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.response import Response

from loyalty.lib import clock, pagination
from loyalty.lib.api import ApiView
from members import selectors, services
from members.api import shapes
from members.api.bodies import ChangeBody, EnrolBody, MembersQuery
from members.errors import MemberNotFound
from members.identities import SIMPLE

_ONE = OpenApiExample("A member", shapes.EXAMPLE, response_only=True)
_IDENTITIES = [
    OpenApiParameter(name, str, description="Only the member who has this identity.")
    for name in (*SIMPLE, "openid", "app_id", "provider", "subject")
]


class MembersView(ApiView):
    """All members of the brand. `enrol` is what makes a member of somebody new."""

    enrol = staticmethod(services.enrol)
    required_scopes: ClassVar = {"GET": "members:read", "POST": "members:write"}

    @extend_schema(
        operation_id="members_list",
        parameters=[*_IDENTITIES, OpenApiParameter("cursor", str), OpenApiParameter("limit", int)],
        responses=shapes.MemberPage,
        examples=[
            OpenApiExample("A page", {"items": [shapes.EXAMPLE], "next_cursor": None}, response_only=True)
        ],
    )
    def get(self, request: Any) -> Response:
        """Members, the newest first; with an identity, the one who has it, or none."""
        query = self.query(MembersQuery)
        rows = selectors.members_for_list(query["key"])
        return Response(pagination.page(rows, request, shapes.member, order=("-enrolled_at", "-id")))

    @extend_schema(
        operation_id="members_enrol",
        request=EnrolBody,
        responses={201: shapes.MemberShape, 200: shapes.MemberShape},
        examples=[OpenApiExample("At the till", shapes.ENROL_EXAMPLE, request_only=True), _ONE],
    )
    def post(self, request: Any) -> Any:
        """Enrol (201), or find the one who has these identities (200) and add those that are new to them.

        Identities of different members: 409 `identity_conflict`. The profile of a known member is left as
        it is; `PATCH` changes it.
        """
        body = self.body(EnrolBody)

        def work() -> Response:
            member, created = self.enrol(**body, now=clock.now())
            return Response(shapes.member(member), status=201 if created else 200)

        return self.once(work)


class MemberView(ApiView):
    """One member."""

    required_scopes: ClassVar = {"GET": "members:read", "PATCH": "members:write"}

    @extend_schema(operation_id="members_get", responses=shapes.MemberShape, examples=[_ONE])
    def get(self, request: Any, member_id: UUID) -> Response:
        """The member. Who was merged into another says so in `merged_into`."""
        member = selectors.members_for_list().filter(pk=member_id).first()
        if member is None:
            raise MemberNotFound
        return Response(shapes.member(member))

    @extend_schema(
        operation_id="members_change",
        request=ChangeBody,
        responses=shapes.MemberShape,
        examples=[
            OpenApiExample("Moved", {"region": "310000", "card_no": "6200 0001"}, request_only=True),
            _ONE,
        ],
    )
    def patch(self, request: Any, member_id: UUID) -> Response:
        """Change what is named. Identities and consents are added; `tags` and `children` are replaced."""
        body = self.body(ChangeBody)
        return Response(shapes.member(services.update(member_id=member_id, **body, now=clock.now())))
