from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OperatorsConfig(AppConfig):
    """Who works here: the operators of one brand, or of the platform in the shared schema."""

    name = "tenants.operators"
    label = "operators"
    verbose_name = _("Operators")
