from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TenantsConfig(AppConfig):
    """Whose it is: brands, their hosts and settings."""

    name = "tenants"
    verbose_name = _("Brands")

    def ready(self) -> None:
        """Keep what is remembered of one brand's content types from another."""
        from tenants import contenttypes  # noqa: PLC0415  models must be loaded first

        contenttypes.install()
