"""`manage.py seal_ledger`: put committed entries into the transparency log now, for one brand or for all."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from loyalty.lib import clock
from loyalty.lib.database import connection
from points import logstore
from points.services import sealing
from tenants.context import in_brand
from tenants.models import Brand


class Command(BaseCommand):
    help = "Seal new ledger entries and sign the log. The worker does the same every 15 seconds."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which brands, and how thoroughly."""
        parser.add_argument("--brand", help="Slug of the brand (default: all).")
        parser.add_argument(
            "--all",
            action="store_true",
            help="Look through all entries for those that were passed by, as verify_ledger's T1 tells.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Seal and print how many leaves were added. Raises CommandError for an unknown brand."""
        connection.set_schema_to_public()
        brands = Brand.objects.exclude(status=Brand.Status.PROVISIONING).order_by("slug")
        if options["brand"] is not None:
            brands = brands.filter(slug=options["brand"])
            if not brands:
                raise CommandError(f"there is no brand {options['brand']!r}")
        for brand in list(brands):
            with in_brand(brand):
                added = sealing.seal(now=clock.now())
                if options["all"]:
                    added += sealing.seal_missed(now=clock.now(), since=sealing.ALWAYS)
                signed = logstore.newest_checkpoint()
            self.stdout.write(f"{brand.slug}: {added} leaves added, {signed.size if signed else 0} signed")
