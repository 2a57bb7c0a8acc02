"""unfold, with the brand's console in the place of Django's own admin site."""

from django.apps import AppConfig


class UnfoldConfig(AppConfig):
    """Installs the brand's console as the default admin site, where every app's `admin.py` registers."""

    name = "unfold"

    def ready(self) -> None:
        """Replace the default site before the admin looks for `admin.py` files."""
        from django.contrib import admin  # noqa: PLC0415  models must be loaded first
        from django.contrib.admin import sites  # noqa: PLC0415

        from loyalty.console.sites import BrandSite  # noqa: PLC0415

        admin.site = sites.site = BrandSite()
