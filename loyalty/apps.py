from django.apps import AppConfig


class LoyaltyConfig(AppConfig):
    """The project itself: commands and health checks that concern every room."""

    name = "loyalty"
