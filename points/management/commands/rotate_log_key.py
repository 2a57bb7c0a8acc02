"""`manage.py rotate_log_key`: a new key signs the brand's transparency log from now on."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from loyalty.lib import clock
from loyalty.lib.database import connection
from points import signednote
from points.services import logkeys
from tenants.context import in_brand
from tenants.models import Brand


class Command(BaseCommand):
    help = "Sign the transparency log of a brand with a new key. The old key vouches for it and stays valid."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which brand."""
        parser.add_argument("--brand", required=True, help="Slug of the brand.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the new verifier key alone. Raises CommandError for an unknown brand."""
        connection.set_schema_to_public()
        brand = Brand.objects.exclude(status=Brand.Status.PROVISIONING).filter(slug=options["brand"]).first()
        if brand is None:
            raise CommandError(f"there is no brand {options['brand']!r}")
        with in_brand(brand):
            key = logkeys.rotate(now=clock.now())
        self.stdout.write(signednote.verifier_key(key.origin, bytes(key.public)))
