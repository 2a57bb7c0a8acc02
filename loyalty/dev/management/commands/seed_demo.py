"""`manage.py seed_demo`: the demo brand, a year of real purchases through the real services."""

import time
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from psycopg import sql

from loyalty.dev.demo import books, channels, shop, story
from loyalty.lib import clock
from loyalty.lib.database import connection
from points.services import sealing
from tenants import roles
from tenants.context import in_brand
from tenants.models import Brand


class Command(BaseCommand):
    help = "Create the demo brand and replay a year of real purchases in it. A half-made one is made anew."

    def add_arguments(self, parser: CommandParser) -> None:
        """What to do about one that is there."""
        parser.add_argument("--if-missing", action="store_true", help="Do nothing when it is complete")

    def handle(self, *args: Any, **options: Any) -> None:
        """Create, replay with progress, connect the partner, say where it is."""
        connection.set_schema_to_public()
        brand = Brand.objects.filter(slug=shop.SLUG).first()
        if brand is not None and brand.settings.get("demo_complete"):
            if options["if_missing"]:
                self.stdout.write("the demo brand is there")
                return
            raise CommandError("the demo brand is there already; `make clean` removes all development data")
        if brand is not None:
            _remove(brand)
        self._seed()

    def _seed(self) -> None:
        now = clock.now()
        began = time.monotonic()
        opened = shop.open_shop(opened_at=now - timedelta(days=370))
        with in_brand(opened.brand), roles.as_brand():
            play = story.Story(opened, now)
            told = play.play(story.baskets(opened, now=now, told=play.told), self._progress)
            # A year's entries carry the times of that year: none should look as if it had waited since.
            sealing.seal(now=now)
            books.close(now=now)
        card = shop.connect_partner(opened.brand, now=now)
        channels.connect(opened.brand, now=now)
        connection.set_schema_to_public()
        brand = Brand.objects.get(pk=opened.brand.pk)
        brand.settings |= {"demo_complete": True}
        brand.save(update_fields=["settings"])
        shop.write_card(brand, card["key"])
        self.stdout.write(
            f"demo: {told.orders} orders ({told.skipped_lines} lines without a quantity skipped), "
            f"{told.redemptions} redemptions, {told.returns} returns, refused: {told.refused or 'none'}, "
            f"{time.monotonic() - began:.0f} s"
        )

    def _progress(self, done: int, total: int) -> None:
        self.stdout.write(f"  {done}/{total} orders")
        self.stdout.flush()


def _remove(brand: Brand) -> None:
    # The run that made it was cut off; nothing in it is anybody's.
    with roles.as_owner(), connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(brand.schema_name)))
        brand.domains.all().delete()
        Brand.objects.filter(pk=brand.pk).delete()
