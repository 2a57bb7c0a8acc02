"""`manage.py create_brand acme --name Acme`: a brand, live in seconds."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from loyalty.lib import clock
from loyalty.lib.errors import Invalid
from tenants.provisioning import TEMPLATES, create_brand


class Command(BaseCommand):
    help = "Create a brand: schema, database role, template, hosts, and its owner."

    def add_arguments(self, parser: CommandParser) -> None:
        """The brand's name in URLs, and its settings."""
        parser.add_argument("slug", help="Short name: the first part of the host, for example acme")
        parser.add_argument("--name", required=True)
        parser.add_argument("--timezone", default="Asia/Shanghai")
        parser.add_argument("--currency", default="CNY")
        parser.add_argument("--template", default="blank", help=f"One of {', '.join(TEMPLATES)}")
        parser.add_argument("--owner-email")
        parser.add_argument("--owner-password", help="Generated and shown once when left out")
        parser.add_argument("--allow-webhook-host", action="append", default=[], metavar="HOST:PORT")

    def handle(self, *args: Any, **options: Any) -> None:
        """Create it and print where it is."""
        try:
            made = create_brand(
                slug=options["slug"],
                name=options["name"],
                timezone=options["timezone"],
                currency=options["currency"],
                template=options["template"],
                owner_email=options["owner_email"],
                owner_password=options["owner_password"],
                webhook_hosts=options["allow_webhook_host"],
                now=clock.now(),
            )
        except Invalid as error:
            raise CommandError("; ".join(f"{e.pointer}: {e.detail}" for e in error.errors)) from None
        self.stdout.write(f"brand  {made.brand.slug}")
        self.stdout.write(f"host   {made.host}")
        if made.owner and made.password:
            self.stdout.write(f"owner  {made.owner}")
            self.stdout.write(f"password  {made.password}  (shown once)")
