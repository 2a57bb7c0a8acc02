"""The platform's own host: its console, where brands are watched over."""

from django.contrib import admin
from django.urls import include, path

from loyalty.urls_shared import shared_urlpatterns

urlpatterns = [
    *shared_urlpatterns,
    path("", include("loyalty.console.urls")),
    path("console/", admin.site.urls),
]
handler404 = "loyalty.errorpages.not_found"
handler500 = "loyalty.errorpages.server_error"
