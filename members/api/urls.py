"""Routes of this room. Enrolling stands in campaigns, where it earns points."""

from django.urls import URLPattern, path

from members.api import consents, me, members, sessions

partner_urlpatterns: list[URLPattern] = [
    path("members/<uuid:member_id>", members.MemberView.as_view(), name="member"),
    path("members/<uuid:member_id>/consents", consents.MemberConsentsView.as_view(), name="member-consents"),
]
member_urlpatterns: list[URLPattern] = [
    path("auth/refresh", sessions.RefreshView.as_view(), name="auth-refresh"),
    path("auth/logout", sessions.LogoutView.as_view(), name="auth-logout"),
    path("me", me.MeView.as_view(), name="me"),
    path("me/consents", consents.OwnConsentsView.as_view(), name="me-consents"),
]
