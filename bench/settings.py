"""The product's settings, with one more URL: the trivial read that answers are measured against."""

from loyalty.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"

# As in production: a line of JSON for each request, and metrics.
LOGGING = {"json": True, "level": "INFO", "quiet": False}
