"""Content types are numbered by each schema for itself, so what is remembered of them is kept by schema."""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connections


class BySchema(dict[str, Any]):
    """The cache of Django's manager, with the schema as part of its key.

    Threads of one process serve different brands at the same time; Django keys its cache by database alone.
    """

    def __getitem__(self, using: str) -> Any:
        return super().__getitem__(_key(using))

    def setdefault(self, using: str, default: Any = None) -> Any:
        """The current schema's part of the cache, made when it is missing."""
        return super().setdefault(_key(using), default)


def install() -> None:
    """Give the manager its cache by schema."""
    ContentType.objects._cache = BySchema()  # type: ignore[attr-defined]


def _key(using: str) -> str:
    return f"{using}:{connections[using].schema_name}"  # type: ignore[attr-defined]
