"""Names of database roles. They are shared by a whole cluster, so they contain the database's name."""

import hashlib

from django.conf import settings

MAX_NAME = 63  # NAMEDATALEN - 1


def brand_role(schema: str) -> str:
    """The role with rights on this brand's schema only."""
    return _fit(f"{settings.DB_ROLE_PREFIX}_b_{schema}")


def platform_role() -> str:
    """The role with rights on the shared schema only."""
    return _fit(f"{settings.DB_ROLE_PREFIX}_platform")


def _fit(name: str) -> str:
    if len(name) <= MAX_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name[: MAX_NAME - 13]}_{digest}"
