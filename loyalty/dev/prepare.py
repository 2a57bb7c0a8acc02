"""`python -m loyalty.dev.prepare`: schema and demo brand in one process: Django takes its time to load."""

import os
import sys

import django
from django.core.management import call_command


def main(arguments: list[str]) -> None:
    """Migrate; with `--demo` also seed the demo brand unless it is there. Runs as the database's owner."""
    os.environ["DB_LOGIN"] = "owner"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
    django.setup()
    call_command("migrate_brands")
    if "--demo" in arguments:
        call_command("seed_demo", "--if-missing")


if __name__ == "__main__":
    main(sys.argv[1:])
