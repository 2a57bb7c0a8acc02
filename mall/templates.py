"""What a new brand begins with in this room."""

from datetime import datetime


def install(template: str, *, now: datetime) -> None:
    """Set up the brand's beginnings for `template`. Safe to repeat."""
