"""Every request belongs to a brand's host or to the platform's; anything else is refused first."""

from collections.abc import Callable

import structlog
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import set_urlconf
from django.utils.translation import gettext as _

from loyalty.lib import problems
from loyalty.lib.database import connection
from tenants import hosts
from tenants.models import Brand

log = structlog.get_logger(__name__)


class BrandMiddleware:
    """Resolves the host, sets role and schema for the request, and clears both after it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The response of the brand's or the platform's site; 404 for an unknown host, 403 if suspended."""
        connection.set_schema_to_public()
        try:
            host = request.get_host().rsplit(":", 1)[0].lower().rstrip(".")
        except DisallowedHost:
            return problems.plain(400, "bad_host", _("The host of the request is not valid."))
        if request.path in settings.HOSTLESS_PATHS or host in settings.PLATFORM_HOSTS:
            return self._answer(request, None, settings.PUBLIC_SCHEMA_URLCONF)
        try:
            brand = hosts.find(host)
        except (OperationalError, InterfaceError) as error:
            log.error("database_unavailable", error=str(error))  # noqa: TRY400 - no traceback for a restart
            return problems.plain(503, "unavailable", str(problems.UNAVAILABLE))
        if brand is None or brand.status == Brand.Status.PROVISIONING:
            return problems.plain(404, "unknown_host", _("No brand answers on this host."))
        if brand.status != Brand.Status.ACTIVE:
            return problems.plain(403, "brand_suspended", _("This brand is suspended."))
        return self._answer(request, brand, settings.ROOT_URLCONF)

    def _answer(self, request: HttpRequest, brand: Brand | None, urlconf: str) -> HttpResponse:
        request.tenant = brand  # type: ignore[attr-defined]
        request.urlconf = urlconf  # type: ignore[attr-defined]
        set_urlconf(urlconf)
        if brand is not None:
            connection.set_tenant(brand)
        try:
            with structlog.contextvars.bound_contextvars(brand=brand.slug if brand else "-"):
                return self.get_response(request)
        finally:
            connection.set_schema_to_public()
            set_urlconf(None)
