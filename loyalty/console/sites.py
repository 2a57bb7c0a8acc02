"""Two consoles: one on each brand's host, one on the platform's. Neither knows the other's tables."""

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext_noop
from unfold.sites import UnfoldAdminSite

from loyalty.console.menus import brand_of

# Words that our catalogue says anew: the Chinese of Django has a Latin full stop and mixes 你 with 您.
ANEW = (
    gettext_noop("You may edit it again below."),
    gettext_noop("The {name} “{obj}” was changed successfully. You may edit it again below."),
)


class ConsoleSite(UnfoldAdminSite):
    """What both consoles share: sign-in in both languages, and no page that does not belong to the host."""

    login_template = "console/login.html"

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Sign in; who has chosen no language in this browser gets the one of their account."""
        response: HttpResponse = super().login(request, extra_context)
        if request.user.is_authenticated and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
            remember_language(response, request.user.language)
        return response


class BrandSite(ConsoleSite):
    """The console of one brand: where every app's `admin.py` registers."""

    index_template = "console/dashboard.html"

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """With what nobody may overlook: books that were found wrong, and cells of the matrix that will
        be unlocked without a second operator; each for those who may look at it."""
        # The banner needs the models, which are not loaded yet when this module is.
        from loyalty.console.compliancepages import banner as compliancebanner  # noqa: PLC0415

        context: dict[str, Any] = super().each_context(request)
        brand = brand_of(request)
        red = brand is not None and brand.books_sound is False
        if brand is not None and red and request.user.has_perm("analytics.view_verification"):
            context["books_violated"] = brand.books_verified_at
        if brand is not None and request.user.has_perm(compliancebanner.READ):
            context["unlocking"] = compliancebanner.unlocking()
        return context

    def get_urls(self) -> list[Any]:
        """The admin's routes, and those of pages that show no table's rows."""
        # The pages need the models, which are not loaded yet when this module is.
        from loyalty.console import campaignpages, finance, simulations  # noqa: PLC0415
        from loyalty.console.audiences import reportpage  # noqa: PLC0415
        from loyalty.console.compliancepages import page as compliancepage  # noqa: PLC0415
        from loyalty.console.find import find  # noqa: PLC0415
        from loyalty.console.policypages import page as policypage  # noqa: PLC0415
        from loyalty.console.tierpages import page as tierpage  # noqa: PLC0415

        box = path("find/", self.admin_view(find), name="find")
        pages = (finance, simulations, tierpage, campaignpages, reportpage, policypage, compliancepage)
        return [box, *(each for page in pages for each in page.urls(self)), *super().get_urls()]


class PlatformSite(ConsoleSite):
    """The console of the platform: which brands there are, on which hosts, and who watches over them."""

    index_template = "console/platform.html"


@cache
def platform_site() -> PlatformSite:
    """The platform's console of this process."""
    return PlatformSite()


def remember_language(response: HttpResponse, language: str) -> None:
    """Let the browser ask for this language from now on."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=365 * 86_400,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )
