"""The state of brands' schemas: which migrations they have, told by one column, not by 300 look-ups."""

import hashlib
from importlib import import_module

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

from loyalty.lib.database import connection
from tenants import roles
from tenants.context import in_brand
from tenants.models import Brand


def fingerprint() -> str:
    """A digest of the migrations and grants that a brand's schema should have, and of its steps."""
    labels = {apps.get_app_config(name.rsplit(".", 1)[-1]).label for name in settings.TENANT_APPS}
    loader = MigrationLoader(None, ignore_no_migrations=True)
    names = sorted(f"{app}.{name}" for app, name in loader.disk_migrations if app in labels)
    steps = [import_module(name).revision() for name in settings.BRAND_MIGRATION_STEPS]
    text = "\n".join([*names, *settings.INSERT_ONLY_TABLES, *steps])
    return hashlib.sha256(text.encode()).hexdigest()


def migrate(brand: Brand) -> bool:
    """Bring one brand's schema up to date; False when it was. Must run as the database's owner."""
    wanted = fingerprint()
    if brand.schema_state == wanted:
        return False
    with roles.as_owner():
        call_command("migrate_schemas", schema_name=brand.schema_name, interactive=False, verbosity=0)
        connection.set_schema_to_public()
        roles.grant_brand(brand.schema_name)
        with in_brand(brand):
            for name in settings.BRAND_MIGRATION_STEPS:
                import_module(name).after_migration()
        Brand.objects.filter(pk=brand.pk).update(schema_state=wanted)
    brand.schema_state = wanted
    return True


def behind() -> list[Brand]:
    """Brands whose schema is not up to date: one query, whatever their number."""
    return list(Brand.objects.exclude(schema_state=fingerprint()).order_by("pk"))
