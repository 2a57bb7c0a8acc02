"""Routes of the console beside the admin site."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
