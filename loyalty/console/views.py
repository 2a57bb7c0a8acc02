"""Pages beside the admin site: the way in, the switch of language, the lock after failed sign-ins."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from django.views.i18n import set_language as django_set_language

from tenants.operators.models import Operator


def home(request: HttpRequest) -> HttpResponse:
    """`/`: people come for the console."""
    return redirect("admin:index")


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Switch the language of this browser, and of the account of whoever is signed in."""
    language = request.POST.get("language", "")
    if request.user.is_authenticated and language in dict(settings.LANGUAGES):
        Operator.objects.filter(pk=request.user.pk).update(language=language)
    return django_set_language(request)


def locked_out(
    request: HttpRequest, original: HttpResponse | None = None, credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """429: too many failed sign-ins for this name from this address. Says for how long, in words."""
    minutes = round(settings.AXES_COOLOFF_TIME * 60)
    lines = [
        ngettext(
            "Wait %(minutes)d minute, then try again.", "Wait %(minutes)d minutes, then try again.", minutes
        )
        % {"minutes": minutes},
        _("If you have forgotten your password, an owner of this console can set a new one."),
    ]
    return plain_page(request, 429, _("Too many failed sign-ins"), lines)


def plain_page(request: HttpRequest, status: int, heading: str, lines: list[str]) -> HttpResponse:
    """A short page for people that needs neither session nor database."""
    return render(request, "console/plain.html", {"heading": heading, "lines": lines}, status=status)
