"""The console speaks the operator's language and shows the brand's local time."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from tenants.models import Brand

CONSOLE = "/console/"


class ConsoleMiddleware:
    """Activates the brand's time zone, and the operator's language where the browser has chosen none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The response; requests outside the console pass untouched."""
        if not request.path.startswith(CONSOLE):
            return self.get_response(request)
        language = translation.get_language() or settings.LANGUAGE_CODE
        if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES and request.user.is_authenticated:
            language = request.user.language
        brand = getattr(request, "tenant", None)
        zone = brand.tz if isinstance(brand, Brand) else None
        with translation.override(language), timezone.override(zone):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        response["Content-Language"] = language
        return response
