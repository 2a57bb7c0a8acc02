from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class OutboxConfig(AppConfig):
    """What happened, written with the fact, and the answers already given."""

    name = "loyalty.outbox"
    label = "outbox"
    verbose_name = _("Events")

    def ready(self) -> None:
        """Let every app register its event types and its handlers."""
        autodiscover_modules("events")
        autodiscover_modules("handlers")
