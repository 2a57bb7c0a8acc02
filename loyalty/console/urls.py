"""Routes of the console beside the admin site."""

from django.urls import path

from loyalty.console import views

urlpatterns = [
    path("", views.home, name="home"),
    path("i18n/setlang/", views.set_language, name="set_language"),
]
