"""Django's connection with what the brand-aware backend adds to it, for the type checker's sake."""

from typing import TYPE_CHECKING, Any, cast

from django.db import connection as _connection

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

    class BrandConnection(BaseDatabaseWrapper):
        """What `tenants.backend` and django-tenants add."""

        tenant: Any
        schema_name: str
        as_owner: bool
        search_path_set_schemas: list[str] | None

        def set_tenant(self, tenant: Any) -> None: ...
        def set_schema_to_public(self) -> None: ...


connection: "BrandConnection" = cast("BrandConnection", _connection)
