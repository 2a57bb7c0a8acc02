"""`manage.py verify_ledger`: every invariant of the books, for one brand or for all."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.module_loading import autodiscover_modules

from loyalty.lib import checks
from loyalty.lib.database import connection
from tenants.context import in_brand
from tenants.models import Brand


class Command(BaseCommand):
    help = "Check every invariant of the ledger; exits with 1 at the first violation."

    def add_arguments(self, parser: Any) -> None:
        """`--brand` names one brand; without it all active and suspended brands are checked."""
        parser.add_argument("--brand", help="Slug of the brand (default: all).")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print each invariant with the rows it covers. Raises CommandError at the first violation."""
        autodiscover_modules("invariants")
        for brand in self._brands(options["brand"]):
            self._verify(brand)

    def _brands(self, slug: str | None) -> list[Brand]:
        connection.set_schema_to_public()
        brands = Brand.objects.exclude(status=Brand.Status.PROVISIONING).order_by("slug")
        if slug is None:
            return list(brands)
        found = list(brands.filter(slug=slug))
        if not found:
            raise CommandError(f"there is no brand {slug!r}")
        return found

    def _verify(self, brand: Brand) -> None:
        self.stdout.write(f"{brand.slug}")
        # One snapshot for all checks: work that goes on meanwhile is either wholly in it or not at all.
        with in_brand(brand), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            for check in checks.registered():
                began = time.monotonic()
                outcome = check.run()
                took = time.monotonic() - began
                state = "VIOLATED" if outcome.violations else "ok"
                self.stdout.write(
                    f"  {check.code:<4} {state:<8} {outcome.rows:>12,} rows {took:>7.2f} s  {check.title}"
                )
                if outcome.violations:
                    for violation in outcome.violations:
                        self.stderr.write(f"       {violation}")
                    raise CommandError(f"{brand.slug}: {check.code} is violated: {check.title}")
