from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AnalyticsConfig(AppConfig):
    """What the brand learns."""

    name = "loyalty.analytics"
    label = "analytics"
    verbose_name = _("Analytics")
