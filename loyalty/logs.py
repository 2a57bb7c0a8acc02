"""Structured logs."""

import logging
from typing import Any


def configure(options: dict[str, Any]) -> None:
    """Configure logging from settings.LOGGING."""
    logging.basicConfig(level=options["level"])
