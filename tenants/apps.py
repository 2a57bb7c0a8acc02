from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TenantsConfig(AppConfig):
    """Whose it is: brands, their hosts and settings."""

    name = "tenants"
    verbose_name = _("Brands")
