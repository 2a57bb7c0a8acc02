"""The platform's own host: its console, where brands are watched over."""

from django.urls import include, path

from loyalty.console.sites import platform_site
from loyalty.urls_shared import shared_urlpatterns

urlpatterns = [
    *shared_urlpatterns,
    path("", include("loyalty.console.urls")),
    path("console/", platform_site().urls),
]
handler403 = "loyalty.errorpages.forbidden"
handler404 = "loyalty.errorpages.not_found"
handler500 = "loyalty.errorpages.server_error"
