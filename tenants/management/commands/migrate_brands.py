"""`manage.py migrate_brands`: the shared schema, then every brand that is behind."""

import time
from typing import Any

from django.core.management.base import BaseCommand

from loyalty.lib.database import connection
from tenants import migrationstates, schemas
from tenants.provisioning import migrate_shared


class Command(BaseCommand):
    help = "Migrate the shared schema and every brand's schema. With nothing to do it costs one query."

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate and print progress; a run that was cut off is taken up by the next."""
        connection.as_owner = True
        started = time.monotonic()
        connection.set_schema_to_public()
        with migrationstates.remembered():
            migrate_shared()
            self.stdout.write(f"shared schema up to date ({time.monotonic() - started:.1f} s)")
            brands = schemas.behind()
            for number, brand in enumerate(brands, 1):
                began = time.monotonic()
                schemas.migrate(brand)
                self.stdout.write(f"[{number}/{len(brands)}] {brand.slug} ({time.monotonic() - began:.1f} s)")
        self.stdout.write(f"done in {time.monotonic() - started:.1f} s, {len(brands)} brands migrated")
