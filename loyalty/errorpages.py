"""Django's error views: problem details for the API, a short page for people."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html
from django.utils.translation import gettext as _

from loyalty.lib import problems


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: signed in, but the role does not allow this page."""
    return _console_page(request, 403, _("Your role does not allow this."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: nothing lives at this path."""
    if request.path.startswith("/api/"):
        return problems.not_found(request, exception)
    return _console_page(request, 404, _("This page does not exist."))


def server_error(request: HttpRequest) -> HttpResponse:
    """500: says nothing of the cause, which is in the log under the request id."""
    if request.path.startswith("/api/"):
        return problems.server_error(request)
    return _page(500, _("Something went wrong on our side. It has been logged."))


def _console_page(request: HttpRequest, status: int, text: str) -> HttpResponse:
    """In the looks and the language of the console."""
    return render(request, "console/plain.html", {"heading": text}, status=status)


def _page(status: int, text: str) -> HttpResponse:
    page = format_html(
        '<!doctype html><meta name="viewport" content="width=device-width"><title>{}</title>'
        '<body style="font-family:system-ui;margin:15vh auto;max-width:32rem;padding:0 1rem">'
        '<h1>{}</h1><p>{}</p><p><a href="/console/">{}</a></p></body>',
        status,
        status,
        text,
        _("Back to the console"),
    )
    return HttpResponse(page, status=status)
