"""Routes of this room."""

from django.urls import URLPattern, path

from members.api import members

partner_urlpatterns: list[URLPattern] = [
    path("members", members.MembersView.as_view(), name="members"),
    path("members/<uuid:member_id>", members.MemberView.as_view(), name="member"),
]
member_urlpatterns: list[URLPattern] = []
