"""Routes of this room."""

from django.urls import URLPattern

partner_urlpatterns: list[URLPattern] = []
member_urlpatterns: list[URLPattern] = []
