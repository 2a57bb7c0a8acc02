"""A brand's host: console, partner API, member API."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView

from campaigns.api import messagelinks, unsubscribe
from loyalty.lib import problems
from loyalty.urls_shared import shared_urlpatterns

# Routes are tried in this order, so those that are called most come first.
APPS_WITH_API = (
    "partners",
    "points",
    "mall",
    "members",
    "campaigns",
    "loyalty.analytics",
    "tenants.operators",
)
partner_api = [p for app in APPS_WITH_API for p in import_string(f"{app}.api.urls.partner_urlpatterns")]
member_api = [p for app in APPS_WITH_API for p in import_string(f"{app}.api.urls.member_urlpatterns")]


@csrf_exempt
def unknown_path(request: HttpRequest) -> HttpResponse:
    """A problem, also where DEBUG would show Django's own page."""
    return problems.plain(404, "not_found", _("Not found."))


urlpatterns = [
    *shared_urlpatterns,
    path("api/v1/", include(partner_api)),
    path("api/member/v1/", include(member_api)),
    re_path(r"^api/(?:member/)?v1/", unknown_path),
    path("m/<str:token>", messagelinks.follow, name="message-link"),
    path("unsubscribe/<str:token>", unsubscribe.unsubscribe, name="unsubscribe"),
    path("callbacks/sms/<str:secret>/replies", messagelinks.sms_replies, name="sms-replies"),
    path("callbacks/sms/<str:secret>/reports", messagelinks.sms_reports, name="sms-reports"),
    path("api/schema/", SpectacularJSONAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="api-docs"),
    path("", include("loyalty.console.urls")),
    path("console/", admin.site.urls),
]
handler403 = "loyalty.errorpages.forbidden"
handler404 = "loyalty.errorpages.not_found"
handler500 = "loyalty.errorpages.server_error"
