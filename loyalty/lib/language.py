"""The language of a response: the operator's or cookie's in the console, Accept-Language in the API."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header


class LanguageMiddleware:
    """Activates zh-hans or en for the request. Any Chinese counts as zh-hans; nothing known counts as en."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The response in the language that was asked for, and says which one that is."""
        language = chosen(request)
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        response.setdefault("Content-Language", language)
        return response


def chosen(request: HttpRequest) -> str:
    """The language for this request: cookie first (console), then Accept-Language, then the default.

    The console speaks Chinese first: without a cookie or a header it is Chinese, the API English.
    """
    cookie = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
    if cookie in dict(settings.LANGUAGES):
        return cookie
    for code, _quality in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        if code.startswith("zh"):
            return "zh-hans"
        if code.startswith("en"):
            return "en"
    return "en" if request.path.startswith("/api/") else "zh-hans"
