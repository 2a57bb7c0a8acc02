from importlib import import_module

from django.apps import AppConfig

from loyalty.celery import app as celery_app


class LoyaltyConfig(AppConfig):
    """The project itself: commands and health checks that concern every room."""

    name = "loyalty"

    def ready(self) -> None:
        """Let the contract know how callers sign in."""
        import_module("loyalty.lib.openapi")

    # Whoever sends a task needs the app; what only imports a module of the project need not wait for it.
    celery = celery_app
