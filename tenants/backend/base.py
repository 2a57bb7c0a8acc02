"""django-tenants' backend, with a database role beside the search path.

Switching to a brand sets its role and its search path in one statement, at session level. A wrong path is
then *permission denied* instead of another brand's data (scale.md, "Roles").
"""

from typing import Any

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.utils import DatabaseError
from django_tenants.postgresql_backend.base import DatabaseWrapper as TenantsWrapper
from django_tenants.utils import get_public_schema_name

from tenants.rolenames import brand_role, platform_role

_SWITCH = "SELECT set_config('role', %s, false), set_config('search_path', %s, false)"


class DatabaseWrapper(TenantsWrapper):  # type: ignore[misc]
    """Sets role and search path together; see `tenants.roles` for who may do what."""

    _setting_search_path: bool
    search_path_set_schemas: list[str] | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Migrations and provisioning run as the owner, who has no role to switch to.
        self.as_owner = bool(getattr(settings, "DB_OWNER_MODE", False))
        super().__init__(*args, **kwargs)

    def role(self) -> str:
        """The role of the statements to come: the brand's, the platform's, or `none` for the owner."""
        if self.as_owner:
            return "none"
        if self.schema_name == get_public_schema_name():
            return platform_role()
        return brand_role(str(self.schema_name))

    def set_autocommit(
        self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False
    ) -> None:
        """Switch before a transaction begins: a switch inside one would be undone by its rollback."""
        if not autocommit:
            self.ensure_connection()
            with self.wrap_database_errors:
                self._handle_search_path()
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)

    def _handle_search_path(self, cursor: Any = None) -> None:
        if self._setting_search_path or self.search_path_set_schemas:
            return
        if not self.schema_name:
            raise ImproperlyConfigured("No brand chosen: no tenant, no query.")
        paths = self._get_cursor_search_paths()
        quoted = ",".join('"' + path.replace('"', '""') + '"' for path in paths)
        self._setting_search_path = True
        own = self.connection.cursor() if cursor is None else cursor
        try:
            own.execute(_SWITCH, [self.role(), quoted])
        except (DatabaseError, psycopg.InternalError):
            self.search_path_set_schemas = None
            # In a transaction that already failed only a rollback can follow, and it must get through.
            if self.connection.info.transaction_status != psycopg.pq.TransactionStatus.INERROR:
                raise
        else:
            self.search_path_set_schemas = paths
        finally:
            self._setting_search_path = False
            if cursor is None:
                own.close()
