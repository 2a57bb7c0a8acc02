"""`manage.py create_operator acme --email …`: someone who works in a brand's console."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from loyalty.lib.database import connection
from loyalty.lib.errors import Invalid
from tenants.context import in_brand
from tenants.models import Brand
from tenants.operators.models import Role
from tenants.provisioning import create_operator


class Command(BaseCommand):
    help = "Create an operator of a brand, or with --platform one of the platform's own console."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which brand, who, and what they may do."""
        parser.add_argument("slug", nargs="?")
        parser.add_argument("--platform", action="store_true")
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", default="")
        parser.add_argument("--role", default=Role.OWNER, help=f"One of {', '.join(Role.values)}")
        parser.add_argument("--password", help="Generated and shown once when left out")

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the operator and print how they sign in."""
        if bool(options["slug"]) == options["platform"]:
            raise CommandError("name a brand, or say --platform")
        make = {k: options[k] for k in ("email", "name", "role", "password")}
        connection.set_schema_to_public()
        try:
            if options["platform"]:
                operator, password = create_operator(**make)
                operator.is_superuser = True
                operator.save(update_fields=["is_superuser"])
            else:
                brand = Brand.objects.filter(slug=options["slug"]).first()
                if brand is None:
                    raise CommandError(f"no brand {options['slug']}")
                with in_brand(brand):
                    operator, password = create_operator(**make)
        except Invalid as error:
            raise CommandError("; ".join(f"{e.pointer}: {e.detail}" for e in error.errors)) from None
        self.stdout.write(f"operator  {operator.username}\npassword  {password}  (shown once)")
