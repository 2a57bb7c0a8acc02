"""`manage.py create_api_key acme --name till --scopes orders:write,points:read`: a partner's credential."""

import re
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from loyalty.lib import clock
from loyalty.lib.database import connection
from loyalty.lib.errors import Invalid
from loyalty.lib.scopes import SCOPES
from partners.services import create_key
from tenants.context import in_brand
from tenants.models import Brand


class Command(BaseCommand):
    help = "Create an API key of a brand. Prints the key alone on stdout; it is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which brand, and what the key may do."""
        parser.add_argument("slug", help="The brand's short name")
        parser.add_argument("--name", required=True, help="Who will use it")
        parser.add_argument(
            "--scopes", required=True, nargs="+", help=f"By commas or spaces, some of: {', '.join(SCOPES)}"
        )
        parser.add_argument("--expires-in-days", type=int)
        parser.add_argument("--rate-per-s", type=int, default=5000, help="Requests per second (default 5000)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Create it; the rest of what there is to say goes to stderr."""
        connection.set_schema_to_public()
        brand = Brand.objects.filter(slug=options["slug"]).first()
        if brand is None:
            raise CommandError(f"no brand {options['slug']}")
        try:
            with in_brand(brand):
                key, secret = create_key(
                    name=options["name"],
                    scopes=re.split(r"[,\s]+", " ".join(options["scopes"]).strip()),
                    expires_in_days=options["expires_in_days"],
                    rate_per_s=options["rate_per_s"],
                    now=clock.now(),
                )
        except Invalid as error:
            raise CommandError("; ".join(f"{e.pointer}: {e.detail}" for e in error.errors)) from None
        self.stderr.write(f"{key.name}: {', '.join(key.scopes)} (shown once)")
        self.stdout.write(secret)
