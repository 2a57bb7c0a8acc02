"""What every host answers: probes and metrics."""

from django.urls import path

from loyalty import health

shared_urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
]
