"""`manage.py verify_ledger`: every invariant of the books, for one brand or for all."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from loyalty.lib import checks, verification
from loyalty.lib.database import connection
from loyalty.management.progress import Progress
from tenants.context import in_brand
from tenants.models import Brand


class Command(BaseCommand):
    help = "Check every invariant of the ledger; exits with 1 at the first violation."

    def add_arguments(self, parser: Any) -> None:
        """`--brand` names one brand; without it all active and suspended brands are checked."""
        parser.add_argument("--brand", help="Slug of the brand (default: all).")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print each invariant with the rows it covers. Raises CommandError at the first violation."""
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
        progress = Progress(self.stdout)

        def watch(check: checks.Check, done: int, of: int) -> None:
            if done:
                progress.tell(done, of)
            else:
                progress.begin(check.code)

        with in_brand(brand):
            for ran in verification.run_all(watch):
                progress.clear()
                self._told(brand, ran)

    def _told(self, brand: Brand, ran: verification.Ran) -> None:
        check, outcome = ran.check, ran.outcome
        state = "VIOLATED" if outcome.violations else "ok"
        line = f"  {check.code:<6} {state:<8} {outcome.rows:>12,} rows {ran.took_s:>7.2f} s"
        self.stdout.write(f"{line}  {check.title}")
        if outcome.violations:
            for violation in outcome.violations:
                self.stderr.write(f"       {violation}")
            raise CommandError(f"{brand.slug}: {check.code} is violated: {check.title}")
