"""What every host answers: probes, metrics, the switch of language."""

from django.urls import path
from django.views.i18n import set_language

from loyalty import health

shared_urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("i18n/setlang/", set_language, name="set_language"),
]
